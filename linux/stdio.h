/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stdio.h: descriptors 0, 1 and 2 of the first program, over the host's ports or a terminal.
 */
#ifndef LINUX_STDIO_H
#define LINUX_STDIO_H

#include "lib/types.h"

#define STDIO_TTY_IN  1
#define STDIO_TTY_OUT 2
#define STDIO_TTY_ERR 4

/* Opens the three for the current process; tty: which of them are the terminal, with its size. 0 or -errno. */
int stdio_open(unsigned tty, unsigned rows, unsigned cols);
void stdio_set_winsize(unsigned rows, unsigned cols);
/* Waits until the host has taken all output. Polled: for power-off. */
void stdio_drain(void);

#endif
