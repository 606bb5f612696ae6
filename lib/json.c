/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/json.h"
#include "lib/string.h"

void json_init(struct json *j, const char *buf, size_t len)
{
    memset(j, 0, sizeof(*j));
    j->start = j->p = buf;
    j->end = buf + len;
}

bool json_fail(struct json *j, const char *error)
{
    if (!j->error) {
        j->error = error;
        j->at = j->p - j->start;
    }
    return false;
}

/* The next byte that is not white space, not consumed; -1 at the end or after an error. */
static int next_byte(struct json *j)
{
    if (j->error)
        return -1;
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
        j->p++;
    return j->p < j->end ? (unsigned char)*j->p : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

enum json_type json_peek(struct json *j)
{
    int c = next_byte(j);

    switch (c) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    }
    return c == '-' || is_digit(c) ? JSON_NUMBER : JSON_NONE;
}

static bool enter(struct json *j, char c, bool object)
{
    if (next_byte(j) != c)
        return json_fail(j, object ? "an object was expected" : "an array was expected");
    if (j->depth == JSON_MAX_DEPTH)
        return json_fail(j, "nested too deeply");
    uint64_t bit = 1ull << j->depth++;

    j->p++;
    j->more &= ~bit;
    j->is_object = object ? j->is_object | bit : j->is_object & ~bit;
    return true;
}

bool json_array(struct json *j)
{
    return enter(j, '[', false);
}

bool json_object(struct json *j)
{
    return enter(j, '{', true);
}

/* Past the comma to the next member, or out of the container at its end. */
static bool advance(struct json *j, bool object)
{
    char close = object ? '}' : ']';
    int c = next_byte(j);

    if (j->error)
        return false;
    if (!j->depth || !!(j->is_object >> (j->depth - 1) & 1) != object)
        return json_fail(j, "not inside such a container");
    uint64_t bit = 1ull << (j->depth - 1);

    if (c == close) {
        j->p++;
        j->depth--;
        return false;
    }
    if (j->more & bit) {
        if (c != ',')
            return json_fail(j, "a comma or the end of the list was expected");
        j->p++;
        c = next_byte(j);
        if (c == close)
            return json_fail(j, "a value was expected after the comma");
    }
    j->more |= bit;
    return c >= 0 || json_fail(j, "the text ends too early");
}

bool json_item(struct json *j)
{
    return advance(j, false);
}

static int hex4(struct json *j)
{
    int v = 0;

    if (j->end - j->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = *j->p++;

        if (is_digit(c))
            v = v << 4 | (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v << 4 | ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* The code point of \uXXXX, with its second half when it is a surrogate; -1 when malformed. */
static int unicode_escape(struct json *j)
{
    int hi = hex4(j), lo;

    if (hi < 0xd800 || hi > 0xdfff)
        return hi;
    if (hi > 0xdbff || j->end - j->p < 6 || j->p[0] != '\\' || j->p[1] != 'u')
        return -1;
    j->p += 2;
    lo = hex4(j);
    if (lo < 0xdc00 || lo > 0xdfff)
        return -1;
    return 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
}

static unsigned utf8(int c, char *out)
{
    if (c < 0x80) {
        out[0] = c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = 0xc0 | c >> 6;
        out[1] = 0x80 | (c & 0x3f);
        return 2;
    }
    if (c < 0x10000) {
        out[0] = 0xe0 | c >> 12;
        out[1] = 0x80 | (c >> 6 & 0x3f);
        out[2] = 0x80 | (c & 0x3f);
        return 3;
    }
    out[0] = 0xf0 | c >> 18;
    out[1] = 0x80 | (c >> 12 & 0x3f);
    out[2] = 0x80 | (c >> 6 & 0x3f);
    out[3] = 0x80 | (c & 0x3f);
    return 4;
}

/* Decodes the escape after a backslash to 1..4 bytes; 0 when malformed. */
static unsigned escape(struct json *j, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c;

    if (j->p == j->end)
        return 0;
    if (*j->p == 'u') {
        j->p++;
        c = unicode_escape(j);
        return c > 0 ? utf8(c, out) : 0;
    }
    for (unsigned i = 0; from[i]; i++)
        if (*j->p == from[i]) {
            j->p++;
            out[0] = to[i];
            return 1;
        }
    return 0;
}

/* Decodes into buf as much as fits with a terminator; returns the full length or -1. buf may be NULL, size 0. */
static ssize_t scan_string(struct json *j, char *buf, size_t size)
{
    size_t len = 0, stored = 0;

    if (next_byte(j) != '"') {
        json_fail(j, "a string was expected");
        return -1;
    }
    j->p++;
    for (;;) {
        char tmp[4];
        unsigned n = 1;

        if (j->p == j->end) {
            json_fail(j, "the text ends within a string");
            return -1;
        }
        tmp[0] = *j->p++;
        if (tmp[0] == '"')
            break;
        if ((unsigned char)tmp[0] < 0x20 || (tmp[0] == '\\' && !(n = escape(j, tmp)))) {
            j->p--;
            json_fail(j, "a malformed character in a string");
            return -1;
        }
        len += n;
        if (len < size) {
            memcpy(buf + stored, tmp, n);
            stored = len;
        } else {
            size = 0; /* full: store nothing more */
        }
    }
    if (buf)
        buf[stored] = 0;
    return len;
}

bool json_key(struct json *j, char *key, size_t size)
{
    if (!advance(j, true) || scan_string(j, key, size) < 0)
        return false;
    if (next_byte(j) != ':')
        return json_fail(j, "a colon was expected");
    j->p++;
    return next_byte(j) >= 0 || json_fail(j, "the text ends too early");
}

ssize_t json_string(struct json *j, char *buf, size_t size)
{
    ssize_t n = scan_string(j, buf, size);

    if (n >= 0 && (size_t)n >= size) {
        json_fail(j, "a string is too long");
        return -1;
    }
    return n;
}

/* Passes over a number by the grammar; *integer: it has neither fraction nor exponent. */
static bool scan_number(struct json *j, bool *integer)
{
    const char *p = j->p, *end = j->end, *digits;

    *integer = true;
    if (p < end && *p == '-')
        p++;
    digits = p;
    while (p < end && is_digit(*p))
        p++;
    if (p == digits || (*digits == '0' && p - digits > 1))
        return json_fail(j, "a malformed number");
    if (p < end && *p == '.') {
        digits = ++p;
        *integer = false;
        while (p < end && is_digit(*p))
            p++;
        if (p == digits)
            return json_fail(j, "a malformed number");
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        *integer = false;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        while (p < end && is_digit(*p))
            p++;
        if (p == digits)
            return json_fail(j, "a malformed number");
    }
    j->p = p;
    return true;
}

/* An integer's sign and magnitude. */
static bool get_integer(struct json *j, bool *negative, uint64_t *v)
{
    int c = next_byte(j);
    const char *p = j->p, *digits;
    bool unused;

    if (c != '-' && !is_digit(c))
        return json_fail(j, "a number was expected");
    *negative = c == '-';
    p += *negative;
    digits = p;
    for (*v = 0; p < j->end && is_digit(*p); p++)
        if (__builtin_mul_overflow(*v, 10ull, v) || __builtin_add_overflow(*v, (uint64_t)(*p - '0'), v))
            return scan_number(j, &unused) && json_fail(j, "a number is too large");
    if (p == digits || (*digits == '0' && p - digits > 1))
        return json_fail(j, "a malformed number");
    if (p < j->end && (*p == '.' || (*p | 0x20) == 'e'))
        return scan_number(j, &unused) && json_fail(j, "an integer was expected");
    j->p = p;
    return true;
}

bool json_u64(struct json *j, uint64_t *v)
{
    bool negative;

    if (!get_integer(j, &negative, v))
        return false;
    return !(negative && *v) || json_fail(j, "a number is negative");
}

bool json_i64(struct json *j, int64_t *v)
{
    bool negative;
    uint64_t u;

    if (!get_integer(j, &negative, &u))
        return false;
    if (u > (uint64_t)INT64_MAX + negative)
        return json_fail(j, "a number is too large");
    *v = negative ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

static bool word(struct json *j, const char *w)
{
    size_t n = strlen(w);

    if ((size_t)(j->end - j->p) < n || memcmp(j->p, w, n))
        return json_fail(j, "a value was expected");
    j->p += n;
    return true;
}

bool json_bool(struct json *j, bool *v)
{
    if (json_peek(j) != JSON_BOOL)
        return json_fail(j, "true or false was expected");
    *v = *j->p == 't';
    return word(j, *v ? "true" : "false");
}

static bool skip_scalar(struct json *j, enum json_type type)
{
    bool unused;

    switch (type) {
    case JSON_NULL:
        return word(j, "null");
    case JSON_BOOL:
        return json_bool(j, &unused);
    case JSON_NUMBER:
        return scan_number(j, &unused);
    case JSON_STRING:
        return scan_string(j, NULL, 0) >= 0;
    default:
        return json_fail(j, "a value was expected");
    }
}

bool json_skip(struct json *j)
{
    unsigned outside = j->depth;

    do {
        enum json_type type = json_peek(j);

        if (type == JSON_ARRAY || type == JSON_OBJECT)
            enter(j, *j->p, type == JSON_OBJECT);
        else
            skip_scalar(j, type);
        /* Leave each container that ends here, and stop at the next member of one that goes on. */
        while (!j->error && j->depth > outside) {
            bool object = j->is_object >> (j->depth - 1) & 1;

            if (object ? json_key(j, NULL, 0) : json_item(j))
                break;
        }
    } while (!j->error && j->depth > outside);
    return !j->error;
}

bool json_done(struct json *j)
{
    if (!j->error && (j->depth || next_byte(j) >= 0))
        json_fail(j, "more text than one value");
    return !j->error;
}
