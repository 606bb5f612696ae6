/* SPDX-License-Identifier: BSD-2-Clause */
/* serial.h: the guest kernel's log, as its serial line brings it. */
#ifndef HOST_SERIAL_H
#define HOST_SERIAL_H

#include "host/mem.h"

#define SERIAL_TAIL 60 /* lines kept for when the machine ends badly */

struct serial {
    struct buf line;         /* an unfinished one */
    char *tail[SERIAL_TAIL]; /* a ring */
    size_t nr_lines;
};

/* Takes what the line brought: shows whole lines unless -q, and keeps the last ones. */
void serial_feed(struct serial *s, const char *data, size_t len);
/* The end of the log: an unfinished line counts too. */
void serial_finish(struct serial *s);
/* Shows the kept lines, if they were not shown already. */
void serial_show_tail(struct serial *s);
void serial_free(struct serial *s);

#endif
