/* SPDX-License-Identifier: BSD-2-Clause */
/* control.h: the messages on the control port (abi/control.h), without the transport. */
#ifndef HOST_CONTROL_H
#define HOST_CONTROL_H

#include "host/mem.h"

struct control {
    struct buf in, out; /* bytes that came, unparsed; bytes still to be sent */
    int exit_status;    /* -1 until the guest said it */
    char *boot, *memory;
};

void control_init(struct control *c);
void control_free(struct control *c);

/* Takes what the guest sent. What is malformed or unknown is ignored (with a line under --verbose). */
void control_feed(struct control *c, const char *data, size_t len);

void control_send_signal(struct control *c, int sig);
void control_send_winsize(struct control *c, unsigned rows, unsigned cols);

#endif
