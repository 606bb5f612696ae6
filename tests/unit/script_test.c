/* SPDX-License-Identifier: BSD-2-Clause */
/* script_test.c: how the first line of a script becomes an interpreter and its argument. */
#include "test.h"

#include "linux/script_line.c"

/* "interpreter|argument" for this text, or the error as a number. */
static const char *parse(const char *text, size_t len)
{
    static char out[600];
    char head[SCRIPT_HEAD + 1] = { 0 }, *interp, *arg;
    int err;

    len = MIN(len, (size_t)SCRIPT_HEAD);
    memcpy(head, text, len);
    err = script_parse_line(head, len, &interp, &arg);
    if (err)
        sprintf(out, "%d", err);
    else
        sprintf(out, "%s|%s", interp, arg ? arg : "-");
    return out;
}

#define IS(text, want) CHECK(!strcmp(parse(text, sizeof(text) - 1), want))

TEST(script_lines)
{
    IS("#!/bin/sh\n", "/bin/sh|-");
    IS("#! \t/bin/sh -e  x \t\nrest", "/bin/sh|-e  x");
    IS("#!/bin/sh", "/bin/sh|-");
    IS("#!/bin/sh \n", "/bin/sh|-");
    IS("#!/bin/sh\0junk\n", "/bin/sh|-");
    IS("#!", "-8");
    IS("#!\n", "-8");
    IS("#!   \t \n", "-8");
}

TEST(script_lines_that_the_buffer_cuts_off)
{
    char text[SCRIPT_HEAD * 2];

    memset(text, 'a', sizeof(text));
    memcpy(text, "#!", 2);
    CHECK(!strcmp(parse(text, sizeof(text)), "-8")); /* the name goes on beyond */
    text[10] = ' ';
    CHECK(strlen(parse(text, sizeof(text))) == SCRIPT_HEAD - 1 - 2); /* the argument does: it is cut */
    memset(text + 2, ' ', sizeof(text) - 2);
    CHECK(!strcmp(parse(text, sizeof(text)), "-8"));
}

TEST(script_lines_of_any_bytes)
{
    char text[SCRIPT_HEAD];

    for (unsigned n = 0; n < 20000; n++) {
        size_t len = 2 + rand() % (sizeof(text) - 1);

        for (size_t i = 2; i < len; i++)
            text[i] = " \t\n\0ab/"[rand() % 7];
        memcpy(text, "#!", 2);
        parse(text, len);
    }
}
