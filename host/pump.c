/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/pump.h"
#include "host/mem.h"
#include "host/msg.h"
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#define PUMP_BUF 65536

void pump_init(struct pump *p, int from, int to)
{
    *p = (struct pump){ .from = from, .to = to, .buf = xmalloc(PUMP_BUF) };
}

void pump_free(struct pump *p)
{
    free(p->buf);
}

bool pump_done(const struct pump *p)
{
    return p->from < 0 && p->off == p->len;
}

void pump_wants(const struct pump *p, struct pollfd *from, struct pollfd *to)
{
    bool full = p->off < p->len;

    *from = (struct pollfd){ full ? -1 : p->from, POLLIN, 0 };
    *to = (struct pollfd){ full ? p->to : -1, POLLOUT, 0 };
}

static void end_of_input(struct pump *p)
{
    p->from = -1;
    if (p->shut_at_end && p->to >= 0)
        shutdown(p->to, SHUT_WR);
}

static void write_failed(struct pump *p)
{
    if (p->close_on_error && errno != EPIPE && !p->failed)
        msg_error("writing the program's output: %s", strerror(errno));
    p->failed = true;
    p->to = -1;
    p->off = p->len = 0;
    if (p->close_on_error && p->from >= 0)
        shutdown(p->from, SHUT_RDWR);
    if (!p->close_on_error)
        p->from = -1;
}

static void put(struct pump *p)
{
    size_t len = p->len - p->off;

    if (!p->whole && len > PIPE_BUF)
        len = PIPE_BUF;
    ssize_t n = write(p->to, p->buf + p->off, len);

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        write_failed(p);
    else if (n > 0)
        p->off += n;
}

size_t pump_step(struct pump *p, const struct pollfd *from, const struct pollfd *to, const char **data)
{
    size_t got = 0;

    if (from->fd >= 0 && from->revents) {
        ssize_t n = read(p->from, p->buf, PUMP_BUF);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            end_of_input(p);
        got = n > 0 ? n : 0;
        p->off = 0;
        p->len = p->to >= 0 ? got : 0;
        *data = p->buf;
        /* Most often there is room: no need to ask poll(2) first for a short piece. */
        if (p->len && p->whole)
            put(p);
    } else if (to->fd >= 0 && to->revents) {
        put(p);
    }
    return got;
}
