/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/control.h"
#include "abi/control.h"
#include "host/msg.h"
#include <json-c/json.h>

/* Boot charts are longer than other messages; beyond this a line is garbage. */
#define MAX_LINE (16 * CONTROL_LINE_MAX)

void control_init(struct control *c)
{
    *c = (struct control){ .exit_status = -1 };
}

void control_free(struct control *c)
{
    buf_free(&c->in);
    buf_free(&c->out);
    free(c->boot);
    free(c->memory);
}

static void keep(char **where, json_object *v)
{
    free(*where);
    *where = xstrdup(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
}

static void take_line(struct control *c, const char *line)
{
    json_object *o = json_tokener_parse(line), *v;

    if (!json_object_is_type(o, json_type_object))
        msg_verbose("control port: ignored: %s", line);
    else if (json_object_object_get_ex(o, "exit", &v) && json_object_is_type(v, json_type_int))
        c->exit_status = json_object_get_int(v) & 255;
    else if (json_object_object_get_ex(o, "boot", &v))
        keep(&c->boot, v);
    else if (json_object_object_get_ex(o, "memory", &v))
        keep(&c->memory, v);
    json_object_put(o);
}

void control_feed(struct control *c, const char *data, size_t len)
{
    char *end;

    buf_add(&c->in, data, len);
    while ((end = memchr(c->in.p, '\n', c->in.len))) {
        *end = 0;
        take_line(c, c->in.p);
        buf_consume(&c->in, end + 1 - c->in.p);
    }
    if (c->in.len > MAX_LINE)
        c->in.len = 0;
}

void control_send_signal(struct control *c, int sig)
{
    buf_addf(&c->out, "{\"signal\":%d}\n", sig);
}

void control_send_winsize(struct control *c, unsigned rows, unsigned cols)
{
    buf_addf(&c->out, "{\"winsize\":[%u,%u]}\n", rows, cols);
}
