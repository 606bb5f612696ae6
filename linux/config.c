/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.c: reads the OCI runtime configuration (runtime-spec config.md), the fields abi/image.h lists.
 */
#include "linux/config.h"
#include "abi/errno.h"
#include "abi/image.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "lib/json.h"
#include "lib/string.h"
#include "linux/stdio.h"
#include <asm/resource.h>

static const char *const rlimit_names[] = {
    [RLIMIT_CPU] = "CPU",           [RLIMIT_FSIZE] = "FSIZE",
    [RLIMIT_DATA] = "DATA",         [RLIMIT_STACK] = "STACK",
    [RLIMIT_CORE] = "CORE",         [RLIMIT_RSS] = "RSS",
    [RLIMIT_NPROC] = "NPROC",       [RLIMIT_NOFILE] = "NOFILE",
    [RLIMIT_MEMLOCK] = "MEMLOCK",   [RLIMIT_AS] = "AS",
    [RLIMIT_LOCKS] = "LOCKS",       [RLIMIT_SIGPENDING] = "SIGPENDING",
    [RLIMIT_MSGQUEUE] = "MSGQUEUE", [RLIMIT_NICE] = "NICE",
    [RLIMIT_RTPRIO] = "RTPRIO",     [RLIMIT_RTTIME] = "RTTIME",
};

/* One more string, decoded in place at the end of s. No string is longer than the text it comes from. */
static void read_string(struct json *j, struct strings *s, size_t text_len)
{
    ssize_t n;

    if (!s->buf) {
        s->size = text_len + 1;
        s->buf = kmalloc(s->size);
        if (!s->buf) {
            json_fail(j, "out of memory");
            return;
        }
    }
    n = json_string(j, s->buf + s->len, s->size - s->len);
    if (n < 0)
        return;
    s->len += n + 1;
    s->count++;
}

static void read_strings(struct json *j, struct strings *s, size_t text_len)
{
    for (json_array(j); json_item(j);)
        read_string(j, s, text_len);
}

static void read_dup(struct json *j, char **out, size_t max)
{
    char *buf = kmalloc(max);

    if (!buf) {
        json_fail(j, "out of memory");
        return;
    }
    if (json_string(j, buf, max) >= 0) {
        kfree(*out);
        *out = kstrdup(buf);
        if (!*out)
            json_fail(j, "out of memory");
    }
    kfree(buf);
}

static void read_u32(struct json *j, uint32_t *out)
{
    uint64_t v;

    if (!json_u64(j, &v))
        return;
    if (v > UINT32_MAX)
        json_fail(j, "number too large");
    *out = v;
}

/* ---- objects, as tables of what the guest reads in them ---- */

struct field {
    const char *name;
    uint8_t type;
    uint16_t at;  /* in struct config */
    uint16_t max; /* bytes of a STRING */
    const struct field *fields;
};

enum { OBJECT, STRINGS, STRING, U32, BOOL, GROUPS, RLIMITS, TTY };

static void read_groups(struct json *j, struct config *c)
{
    for (json_array(j); json_item(j);) {
        if (c->nr_groups == CONFIG_MAX_GROUPS)
            json_fail(j, "too many groups");
        else
            read_u32(j, &c->groups[c->nr_groups++]);
    }
}

static void read_rlimit(struct json *j, struct config *c)
{
    unsigned i = c->nr_rlimits, which = ARRAY_SIZE(rlimit_names);
    char key[8], type[24];

    if (i == CONFIG_MAX_RLIMITS) {
        json_fail(j, "too many rlimits");
        return;
    }
    for (json_object(j); json_key(j, key, sizeof(key));) {
        if (!strcmp(key, "soft")) {
            json_u64(j, &c->rlimits[i].soft);
        } else if (!strcmp(key, "hard")) {
            json_u64(j, &c->rlimits[i].hard);
        } else if (!strcmp(key, "type")) {
            if (json_string(j, type, sizeof(type)) < 0)
                return;
            for (which = 0; which < ARRAY_SIZE(rlimit_names); which++)
                if (!strncmp(type, "RLIMIT_", 7) && !strcmp(type + 7, rlimit_names[which]))
                    break;
        } else {
            json_skip(j);
        }
    }
    if (which == ARRAY_SIZE(rlimit_names)) {
        json_fail(j, "unknown rlimit");
        return;
    }
    c->rlimits[i].which = which;
    c->nr_rlimits++;
}

/* "stdin,stdout": which streams are the terminal. */
static void read_tty(struct json *j, struct config *c)
{
    char list[32];

    if (json_string(j, list, sizeof(list)) >= 0)
        c->tty = (strstr(list, "stdin") ? STDIO_TTY_IN : 0) | (strstr(list, "stdout") ? STDIO_TTY_OUT : 0) |
                 (strstr(list, "stderr") ? STDIO_TTY_ERR : 0);
}

#define PATH_BYTES 4096
#define FIELD(n, t, member)                                         \
    {                                                               \
        .name = n, .type = t, .at = offsetof(struct config, member) \
    }
#define TEXT(n, member, m)                                                         \
    {                                                                              \
        .name = n, .type = STRING, .at = offsetof(struct config, member), .max = m \
    }
#define NESTED(n, f)                           \
    {                                          \
        .name = n, .type = OBJECT, .fields = f \
    }
#define SPECIAL(n, t)        \
    {                        \
        .name = n, .type = t \
    }
#define END          \
    {                \
        .name = NULL \
    }

static const struct field user_fields[] = { FIELD("uid", U32, uid), FIELD("gid", U32, gid),
                                            SPECIAL("additionalGids", GROUPS), END };
static const struct field console_fields[] = { FIELD("height", U32, rows), FIELD("width", U32, cols), END };
static const struct field process_fields[] = {
    FIELD("args", STRINGS, args),
    FIELD("env", STRINGS, env),
    TEXT("cwd", cwd, PATH_BYTES),
    NESTED("user", user_fields),
    NESTED("consoleSize", console_fields),
    SPECIAL("rlimits", RLIMITS),
    END,
};
static const struct field root_fields[] = { FIELD("readonly", BOOL, readonly_root), END };
static const struct field annotation_fields[] = {
    SPECIAL(ANNOTATION_TTY, TTY),
    TEXT(ANNOTATION_EXEC, exec, PATH_BYTES),
    TEXT(ANNOTATION_HOSTS, hosts, ANNOTATION_HOSTS_MAX),
    END,
};
static const struct field top_fields[] = {
    NESTED("process", process_fields),
    NESTED("root", root_fields),
    TEXT("hostname", hostname, 65),
    NESTED("annotations", annotation_fields),
    END,
};

static void read_value(struct json *j, struct config *c, const struct field *f, size_t len)
{
    void *at = (char *)c + f->at;

    switch (f->type) {
    case STRINGS:
        read_strings(j, at, len);
        break;
    case STRING:
        read_dup(j, at, f->max);
        break;
    case U32:
        read_u32(j, at);
        break;
    case BOOL:
        json_bool(j, at);
        break;
    case GROUPS:
        read_groups(j, c);
        break;
    case RLIMITS:
        for (json_array(j); json_item(j);)
            read_rlimit(j, c);
        break;
    case TTY:
        read_tty(j, c);
        break;
    }
}

/* The fields of the innermost object are f's; what has no field is passed over. */
static void read_object(struct json *j, struct config *c, const struct field *f, size_t len)
{
    const struct field *outer[4], *level = f; /* OBJECTs within each other */
    unsigned depth = 0;
    char key[64];

    json_object(j);
    for (;;) {
        if (!json_key(j, key, sizeof(key))) {
            if (!depth || j->error)
                return;
            level = outer[--depth];
            continue;
        }
        for (f = level; f->name && strcmp(f->name, key); f++)
            ;
        if (!f->name) {
            json_skip(j);
        } else if (f->type == OBJECT) {
            outer[depth++] = level;
            level = f->fields;
            json_object(j);
        } else {
            read_value(j, c, f, len);
        }
    }
}

int config_parse(struct config *c, const char *text, size_t len)
{
    struct json j;

    memset(c, 0, sizeof(*c));
    json_init(&j, text, len);
    read_object(&j, c, top_fields, len);
    if (json_done(&j) && !c->args.count)
        json_fail(&j, "process.args is missing");
    if (j.error) {
        log_err("configuration: %s (at byte %zu)", j.error, j.at);
        return -EINVAL;
    }
    return 0;
}

void config_free(struct config *c)
{
    kfree(c->args.buf);
    kfree(c->env.buf);
    kfree(c->cwd);
    kfree(c->exec);
    kfree(c->hostname);
    kfree(c->hosts);
}
