/* SPDX-License-Identifier: BSD-2-Clause */
/* term.h: the user's terminal while a program runs. */
#ifndef HOST_TERM_H
#define HOST_TERM_H

#include <stdbool.h>

/* The terminal among standard input, output and error, or -1. */
int term_fd(void);

/*
 * Raw mode for the terminal on standard input, if we are in its foreground: the guest's terminal does the echo,
 * the line editing and Ctrl-C. It is restored on every way out of the process that lets us run: exit(), return
 * from main, the signals a tool dies of.
 */
void term_raw(void);
void term_restore(void);

/* False when there is no terminal or it does not know. */
bool term_size(unsigned *rows, unsigned *cols);

#endif
