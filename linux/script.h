/* SPDX-License-Identifier: BSD-2-Clause */
/* script.h: the first line of a script. */
#ifndef LINUX_SCRIPT_H
#define LINUX_SCRIPT_H

#include "lib/types.h"

#define SCRIPT_HEAD 256 /* bytes of the file that count (Linux's BINPRM_BUF_SIZE) */

/* Splits the line that begins head with "#!" into the interpreter and its one argument (NULL when there is none),
 * terminating both in place; len of at most SCRIPT_HEAD bytes are there, and room for one more. 0 or -ENOEXEC. */
int script_parse_line(char *head, size_t len, char **interp, char **arg);

#endif
