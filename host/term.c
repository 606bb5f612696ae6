/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/term.h"
#include "host/msg.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t is_raw;

int term_fd(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (isatty(fd))
            return fd;
    return -1;
}

void term_restore(void)
{
    if (!is_raw)
        return;
    is_raw = 0;
    msg_raw_terminal = false;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

/* Only async-signal-safe calls: tcsetattr is one. The default action follows (SA_RESETHAND). */
static void on_fatal(int sig)
{
    term_restore();
    raise(sig);
}

void term_raw(void)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
    struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER };
    static bool prepared;
    struct termios t;

    if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp())
        return;
    if (!is_raw && tcgetattr(STDIN_FILENO, &saved) < 0)
        return;
    for (size_t i = 0; !prepared && i < sizeof(fatal) / sizeof(fatal[0]); i++)
        sigaction(fatal[i], &sa, NULL);
    if (!prepared)
        atexit(term_restore);
    prepared = true;
    t = saved;
    cfmakeraw(&t);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &t) < 0)
        return;
    is_raw = 1;
    msg_raw_terminal = true;
}

bool term_size(unsigned *rows, unsigned *cols)
{
    struct winsize ws;
    int fd = term_fd();

    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_row || !ws.ws_col)
        return false;
    *rows = ws.ws_row;
    *cols = ws.ws_col;
    return true;
}
