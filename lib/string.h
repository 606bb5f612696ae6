/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * string.h: memory and string functions, and formatting. On the build host the C library's own are used where
 * the names meet.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "lib/types.h"

#ifdef PROA_HOST
#include <stdio.h>
#include <string.h>
#else
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *needle);
/* C99 semantics: returns the length the whole would have, always terminates. %d %i %u %x %X %o %c %s %p %% with
 * flags "-0+# ", width, precision, h hh l ll z t j. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
#endif

/* Copies at most size-1 bytes and terminates; returns the length of src. */
size_t str_copy(char *dst, const char *src, size_t size);
/* Parses an unsigned number (base 0: 0x, 0 prefixes) and advances *s; false when there is none or it overflows. */
bool str_u64(const char **s, int base, uint64_t *out);
/* As str_u64, then an optional K, M, G or T (powers of 1024). */
bool str_size(const char **s, uint64_t *out);

#endif
