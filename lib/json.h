/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h: a strict pull parser (RFC 8259) over a buffer. Never allocates, never recurses, never reads past the end.
 *
 * The caller asks for what it expects; the first error sticks (json.error, json.at) and every later call fails, so
 * that one check at the end serves:
 *     json_init(&j, buf, len);
 *     for (json_object(&j); json_key(&j, key, sizeof(key));)
 *         if (!strcmp(key, "cwd")) json_string(&j, cwd, sizeof(cwd));
 *         else json_skip(&j);
 *     if (!json_done(&j)) log_err("config: %s at byte %zu", j.error, j.at);
 * Bytes above 0x7f in strings pass as they are. A string with U+0000 is refused: it would not be a C string.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include "lib/types.h"

#define JSON_MAX_DEPTH 32

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    const char *start, *p, *end;
    const char *error; /* static text, NULL while all is well */
    size_t at;         /* byte offset of the error */
    unsigned depth;
    uint64_t is_object, more; /* one bit a level: its kind; a member was seen */
};

void json_init(struct json *j, const char *buf, size_t len_bytes);
/* What the next value is; JSON_NONE at an error or the end. Consumes only white space. */
enum json_type json_peek(struct json *j);
/* Enter an array or object; false (an error) when the next value is none. */
bool json_array(struct json *j);
bool json_object(struct json *j);
/* Moves to the next element: false at the end of the array (which is left) or at an error. */
bool json_item(struct json *j);
/* Moves to the next member's value and decodes its name, cut to size; false at the end or at an error. */
bool json_key(struct json *j, char *key, size_t size);
/* Decodes a string, terminated; returns its length, or -1: an error, also when it does not fit in size. */
ssize_t json_string(struct json *j, char *buf, size_t size);
bool json_i64(struct json *j, int64_t *v); /* an integer without fraction or exponent */
bool json_u64(struct json *j, uint64_t *v);
bool json_bool(struct json *j, bool *v);
bool json_skip(struct json *j); /* any value */
/* true when the whole text was consumed without error. */
bool json_done(struct json *j);
/* Marks the caller's own complaint at the current place. Returns false. */
bool json_fail(struct json *j, const char *error);

#endif
