/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmlog.h: the log of a detached VM: what its program and the tool wrote.
 *
 * A line is "TIME STREAM TAG TEXT", as Kubernetes' runtimes write it: TIME by RFC 3339 with nanoseconds, STREAM stdout or
 * stderr, TAG F, or P when the line goes on in the next one. A full log becomes log.1, whose place it takes; together they
 * hold at most 2 * VMLOG_MAX. What cannot be written is dropped, counted, and said when there is room again.
 */
#ifndef HOST_VMLOG_H
#define HOST_VMLOG_H

#include "host/mem.h"
#include <stdbool.h>
#include <sys/types.h>

#define VMLOG_MAX      (32 << 20)
#define VMLOG_TEXT_MAX 16384

/*
 * A process that writes to DIR/log what comes by *out and *err, until both have ended. It holds none of the caller's other
 * descriptors. Its process number, or -1 with errno.
 */
pid_t vmlog_start(const char *dir, int *out, int *err);

struct vmlog_line {
    const char *time, *stream, *text;
    size_t time_len, len;
    bool partial, is_err;
};

/* Takes apart a line without its newline. False: it is none of the log's. */
bool vmlog_parse(const char *line, size_t len, struct vmlog_line *out);

#endif
