/* SPDX-License-Identifier: BSD-2-Clause */
/* request.h: from what the user named (a program, folders, packages) to an image. */
#ifndef HOST_REQUEST_H
#define HOST_REQUEST_H

#include "host/config.h"
#include <stdbool.h>

struct request {
    const char *program;  /* absolute path: of the host, or inside root if in_root */
    bool in_root;         /* the program is one of --root's */
    const char *root;     /* --root, or NULL */
    struct strv adds;     /* --add PATH[:GUEST] */
    struct strv volumes;  /* -v HOST:GUEST[:ro] */
    struct strv packages; /* --package */
    bool no_packages;
    bool compress;
};

/*
 * Finds the program: in --root when that has it, on the host otherwise. Sets program (allocated) and in_root. A name
 * of NULL checks --root alone.
 * 0, or an exit status after a message.
 */
int request_find_program(struct request *r, const char *name);

/*
 * The image for the request, from the cache or packed now; its configuration is the default one for the program.
 * 0, or an exit status after a message.
 */
int request_cached_image(const struct request *r, char **image);

/* Packs the request with this configuration as file `out`. 0, or an exit status after a message. */
int request_build(const struct request *r, const struct config *config, const char *out);

/* The configuration a program gets when nothing else is said. name is argv[0] as the user typed it; without a
 * program there are no arguments. */
void request_config(const struct request *r, const char *name, struct config *config);

#endif
