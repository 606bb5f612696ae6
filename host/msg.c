/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/msg.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum msg_level msg_level = MSG_NORMAL;
bool msg_raw_terminal;

static struct {
    const char *what;
    uint64_t start_ms, shown_ms;
    bool on_terminal, visible;
} progress;

/* One write(2) a line, so that lines of several writers do not mix. */
static void put_line(const char *prefix, const char *text, size_t len)
{
    char line[4200];
    int n = snprintf(line, sizeof(line) - 2, "%s%.*s", prefix, (int)(len > 4096 ? 4096 : len), text);

    progress_end();
    if (n > (int)sizeof(line) - 3)
        n = sizeof(line) - 3;
    if (msg_raw_terminal)
        line[n++] = '\r';
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nobody to tell */
}

static void vline(const char *prefix, const char *fmt, va_list ap)
{
    char text[4096];
    int n = vsnprintf(text, sizeof(text), fmt, ap);

    if (n < 0)
        return;
    put_line(prefix, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int msg_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vline("proa: ", fmt, ap);
    va_end(ap);
    return -1;
}

void msg_warn(const char *fmt, ...)
{
    va_list ap;

    if (msg_level < MSG_NORMAL)
        return;
    va_start(ap, fmt);
    vline("proa: warning: ", fmt, ap);
    va_end(ap);
}

void msg_note(const char *fmt, ...)
{
    va_list ap;

    if (msg_level < MSG_NORMAL)
        return;
    va_start(ap, fmt);
    vline("proa: ", fmt, ap);
    va_end(ap);
}

void msg_verbose(const char *fmt, ...)
{
    va_list ap;

    if (msg_level < MSG_VERBOSE)
        return;
    va_start(ap, fmt);
    vline("proa: ", fmt, ap);
    va_end(ap);
}

void msg_kernel(const char *line, size_t len)
{
    put_line("proa: kernel: ", line, len);
}

void msg_text(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vline("", fmt, ap);
    va_end(ap);
}

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void progress_begin(const char *what)
{
    progress.what = what;
    progress.start_ms = now_ms();
    progress.shown_ms = 0;
    progress.visible = false;
    progress.on_terminal = msg_level > MSG_QUIET && isatty(STDERR_FILENO);
}

void progress_step(size_t done, size_t total, const char *unit)
{
    if (!progress.what || !progress.on_terminal)
        return;
    uint64_t now = now_ms();

    if (now - progress.start_ms < 1000 || now - progress.shown_ms < 100)
        return;
    progress.shown_ms = now;
    progress.visible = true;
    if (total)
        fprintf(stderr, "\rproa: %s: %zu of %zu %s\033[K", progress.what, done, total, unit);
    else
        fprintf(stderr, "\rproa: %s: %zu %s\033[K", progress.what, done, unit);
    fflush(stderr);
}

void progress_end(void)
{
    if (progress.visible)
        fprintf(stderr, "\r\033[K");
    progress.visible = false;
}
