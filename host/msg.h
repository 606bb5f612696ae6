/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msg.h: what the tool says to its user, all of it on standard error.
 *
 * While the terminal is raw (host/term.h) lines end in CR LF. Nothing here allocates.
 */
#ifndef HOST_MSG_H
#define HOST_MSG_H

#include <stdbool.h>
#include <stddef.h>

enum msg_level { MSG_QUIET, MSG_NORMAL, MSG_VERBOSE };

extern enum msg_level msg_level;
extern bool msg_raw_terminal;

/* "proa: ...". Always shown. Returns -1, so that `return msg_error(...)` reads well. */
int msg_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "proa: warning: ...". Not with -q. */
void msg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "proa: ...". Not with -q. */
void msg_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "proa: ...". Only with --verbose. */
void msg_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One line of the guest's kernel log, without its newline. */
void msg_kernel(const char *line, size_t len);
/* Plain text, no prefix. */
void msg_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Progress: shown only on a terminal, only once the work has taken a second, and wiped at the end.
 * total may be 0 (unknown).
 */
void progress_begin(const char *what);
void progress_step(size_t done, size_t total, const char *unit);
void progress_end(void);

#endif
