/* SPDX-License-Identifier: BSD-2-Clause */
/* script_line.c: takes a "#!" line apart. Pure. */
#include "abi/errno.h"
#include "lib/string.h"
#include "linux/script.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A line that the buffer cuts off is good only if the interpreter's name is whole. */
static bool name_is_whole(const char *p, const char *last)
{
    while (p <= last && is_blank(*p))
        p++;
    while (p <= last && *p && !is_blank(*p))
        p++;
    return p <= last;
}

int script_parse_line(char *head, size_t len, char **interp, char **arg)
{
    char *line = head + 2, *end = memchr(line, '\n', len - 2), *p;

    if (!end) {
        if (len == SCRIPT_HEAD && !name_is_whole(line, head + SCRIPT_HEAD - 1))
            return -ENOEXEC;
        end = head + MIN(len, (size_t)SCRIPT_HEAD - 1);
    }
    while (end > line && is_blank(end[-1]))
        end--;
    *end = '\0';
    while (is_blank(*line))
        line++;
    if (!*line)
        return -ENOEXEC;
    for (p = line; *p && !is_blank(*p);)
        p++;
    *interp = line;
    *arg = NULL;
    if (*p) {
        *p++ = '\0';
        while (is_blank(*p))
            p++;
        *arg = *p ? p : NULL;
    }
    return 0;
}
