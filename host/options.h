/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h: command-line options from a table, which also makes the help text.
 *
 * As docker's: options come before the first argument that is none, "--" ends them; --name=VALUE, --name VALUE,
 * -nVALUE, -n VALUE; single letters may stand together.
 */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include "host/mem.h"
#include <stdbool.h>

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_STRING, /* const char *: the last one counts */
    OPTION_LIST,   /* struct strv: all of them */
    OPTION_IGNORE, /* accepted as docker's, without effect */
};

struct option_row {
    char letter;      /* 0: none */
    const char *name; /* without dashes */
    const char *arg;  /* how the help calls the value; NULL for flags */
    enum option_kind kind;
    size_t offset;    /* of the field in the struct of values */
    const char *help; /* NULL: not listed */
};

/*
 * Fills `values`. Returns the index of the first argument that is no option, or -1 after a message.
 * The table ends with a row without a name.
 */
int options_parse(const struct option_row *rows, int argc, char **argv, void *values);

/* The table as help text, on standard output. */
void options_help(const struct option_row *rows);

#endif
