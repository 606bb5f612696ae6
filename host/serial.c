/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/serial.h"
#include "host/msg.h"

static void take_line(struct serial *s, const char *text, size_t len)
{
    char **slot = &s->tail[s->nr_lines++ % SERIAL_TAIL];

    while (len && (text[len - 1] == '\r' || text[len - 1] == '\n'))
        len--;
    free(*slot);
    *slot = xstrndup(text, len);
    /* What the guest says must not drive the user's terminal. */
    for (char *p = *slot; *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\t')
            *p = '?';
    if (msg_level > MSG_QUIET)
        msg_kernel(*slot, strlen(*slot));
}

void serial_feed(struct serial *s, const char *data, size_t len)
{
    char *end;

    buf_add(&s->line, data, len);
    while ((end = memchr(s->line.p, '\n', s->line.len))) {
        take_line(s, s->line.p, end - s->line.p);
        buf_consume(&s->line, end + 1 - s->line.p);
    }
    if (s->line.len > 4096)
        serial_finish(s);
}

void serial_finish(struct serial *s)
{
    if (s->line.len)
        take_line(s, s->line.p, s->line.len);
    s->line.len = 0;
}

void serial_show_tail(struct serial *s)
{
    size_t first = s->nr_lines > SERIAL_TAIL ? s->nr_lines - SERIAL_TAIL : 0;

    for (size_t i = first; msg_level == MSG_QUIET && i < s->nr_lines; i++)
        msg_kernel(s->tail[i % SERIAL_TAIL], strlen(s->tail[i % SERIAL_TAIL]));
}

void serial_free(struct serial *s)
{
    for (size_t i = 0; i < SERIAL_TAIL; i++)
        free(s->tail[i]);
    buf_free(&s->line);
}
