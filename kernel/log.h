/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h: the kernel's log, assertions and panic.
 *
 * Lines go into a ring in memory (read by syslog(2) and /dev/kmsg) and, when at least as severe as the console
 * level, to the console. Callable from any context, interrupts included.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "lib/types.h"

enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

#define LOG_SIZE 8192 /* a power of two */

/* One line, without its newline; the line is stamped with the level and the time. */
void log_line(enum log_level level, const char *fmt, ...) __printf(2, 3);
#define log_err(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Console output: drivers register a sink that writes bytes polled, from any context. Earlier lines are replayed. */
struct log_sink {
    void (*write)(const char *buf, size_t len);
    struct log_sink *next;
};
void log_add_sink(struct log_sink *s);
/* true the first time for this nr: for messages that would repeat. seen: (greatest nr + 64) / 64 zeroed words. */
bool log_first(uint64_t *seen, unsigned nr);
void log_panic_begin(void); /* everything reaches the sinks from now on, whoever holds the log's lock */
void log_set_level(enum log_level console_level); /* lines of this level and more severe reach the sinks */
/* Copies the newest len_bytes of the log to buf (kernel memory); returns the length. */
size_t log_read(char *buf, size_t len_bytes);

/* Our own bug: prints the message, registers and a symbolised backtrace, then ends the VM with a non-zero status. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
/* The same with the backtraces of all CPUs and, in DEBUG builds, of all threads. */
void panic_all(const char *fmt, ...) __printf(1, 2) __noreturn __cold;

#define BUG_ON(c)                                       \
    do {                                                \
        if (unlikely(c))                                \
            panic("%s:%d: %s", __FILE__, __LINE__, #c); \
    } while (0)
#if DEBUG
#define ASSERT(c) BUG_ON(!(c))
#else
#define ASSERT(c) ((void)sizeof(!(c)))
#endif

#endif
