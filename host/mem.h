/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.h: memory and clean-up for the tool.
 *
 * The x* functions never return NULL: a command-line tool that is out of memory says so and ends (status 125).
 * _cleanup_X_ on a local frees or closes it on every way out of its scope.
 */
#ifndef HOST_MEM_H
#define HOST_MEM_H

#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *xmalloc(size_t len);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t len);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
    if (*d)
        closedir(*d);
}

#define _cleanup_(f)       __attribute__((cleanup(f)))
#define _cleanup_free_     _cleanup_(cleanup_free)
#define _cleanup_close_    _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* A growing array of owned strings; v is NULL-terminated once it is not empty. */
struct strv {
    char **v;
    size_t n;
};

void strv_add(struct strv *s, const char *str);
/* Takes ownership of str. */
void strv_take(struct strv *s, char *str);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds the pieces of str between any of the characters of seps; empty pieces only if keep_empty. */
void strv_split(struct strv *s, const char *str, const char *seps, int keep_empty);
/* Is there a string equal to the first len bytes of str? */
bool strv_has(const struct strv *s, const char *str, size_t len);
void strv_free(struct strv *s);
#define _cleanup_strv_ _cleanup_(strv_free)

/* A growing byte buffer; always NUL-terminated after its len bytes once it is not empty. */
struct buf {
    char *p;
    size_t len, cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first len bytes. */
void buf_consume(struct buf *b, size_t len);
void buf_free(struct buf *b);
#define _cleanup_buf_ _cleanup_(buf_free)

#endif
