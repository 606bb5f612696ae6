/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h: byte-stream channels to the host, by name (virtio-console ports, serial lines): standard input, output,
 * error, and the control channel. The contract between console drivers and linux/'s stdio, tty and control code.
 */
#ifndef KERNEL_PORT_H
#define KERNEL_PORT_H

#include "kernel/thread.h"

struct port;
struct port_ops {
    /* Both never sleep. write: bytes taken, 0 when the device is full (wait on port.writable), -EPIPE when the
     * host takes no more, -EIO.
     * read: bytes, 0 when none yet (wait on port.readable), -EPIPE at the end of input. */
    ssize_t (*write)(struct port *p, const void *buf, size_t len);
    ssize_t (*read)(struct port *p, void *buf, size_t len);
    bool (*can_write)(struct port *p);
    bool (*can_read)(struct port *p); /* or at end of input */
    void (*listen)(struct port *p);   /* takes input from now on: the next wakes port.readable */
    void (*drain)(struct port *p);    /* waits until the host has taken all (polled: for power-off) */
};

struct port {
    const struct port_ops *ops;
    void *driver;
    char name[32]; /* org.proa.stdin, org.proa.stdout, org.proa.stderr, org.proa.control, ttyS0, ... */
    struct waitq readable, writable; /* woken by the driver */
    bool eof;
    struct port *next;
};

void port_add(struct port *p);
/* NULL when there is none. Sleeps while a device is still announcing its ports and this one is not among them yet. */
struct port *port_find(const char *name);
/* A driver begins (true) or ends to announce ports. */
void port_announcing(bool more);

#endif
