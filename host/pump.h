/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pump.h: bytes from one descriptor to another, in a poll(2) loop.
 *
 * Never reads more than it can still hand on, so that a slow reader slows the writer down. The descriptors may be
 * blocking ones shared with other processes: their flags are not touched, and no call here waits.
 */
#ifndef HOST_PUMP_H
#define HOST_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct pump {
    int from, to; /* -1: closed. A `to` of -1 throws the bytes away */
    char *buf;
    size_t off, len; /* buf[off .. len) is still to be written */
    bool
        shut_at_end; /* shutdown(to, SHUT_WR) after the last byte: the socket's other end sees the end in order */
    bool close_on_error; /* `from` is a socket: shut it when `to` fails, so that the writer learns of it */
    bool whole;          /* write all at once rather than PIPE_BUF */
    bool failed;
};

void pump_init(struct pump *p, int from, int to);
void pump_free(struct pump *p);

/* True when `from` has ended and all is written. */
bool pump_done(const struct pump *p);

void pump_wants(const struct pump *p, struct pollfd *from, struct pollfd *to);

/* Acts on the events. Returns how many bytes were read now and where they are. */
size_t pump_step(struct pump *p, const struct pollfd *from, const struct pollfd *to, const char **data);

#endif
