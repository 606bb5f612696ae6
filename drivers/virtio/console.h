/* SPDX-License-Identifier: BSD-2-Clause */
/* console.h: what the two halves of the virtio console driver share: console.c (device, control messages) and
 * console_port.c (the data of one port). */
#ifndef DRIVERS_VIRTIO_CONSOLE_H
#define DRIVERS_VIRTIO_CONSOLE_H

#include "drivers/virtio/virtio.h"
#include "kernel/lock.h"
#include "kernel/port.h"

#define CON_MAX_PORTS 8
#define CON_CTL_QUEUE \
    32                  /* control messages in flight each way: up to 3 for each port while it is announced */
#define CON_CTL_SIZE 64 /* bytes of one: header and a port's name */
#define CON_RX_QUEUE 4
#define CON_TX_QUEUE 16

struct con_rx; /* a receive buffer */

struct con_port { /* [I] immutable  [l] lock  [a] atomic, set by control messages */
    struct port port;
    struct con *con; /* [I] */
    uint32_t id;     /* [I] */
    struct spinlock lock;
    struct virtq *rx, *tx; /* [l] */
    struct con_rx *filled; /* [l] received, partly read */
    bool listening;        /* [l] receive buffers are posted */
    bool named;            /* [a] in the list of ports */
    bool console;          /* [a] */
    bool host_open;        /* [a] somebody is at the other end */
    bool was_open;         /* [a] ... or has been */
};

struct con {
    struct virtio_device *vd;
    struct spinlock lock;
    struct virtq *ctl_rx, *ctl_tx; /* [lock] */
    bool announcing, failed;
    unsigned nr_ports;                                    /* that have queues */
    struct virtq *rx[CON_MAX_PORTS], *tx[CON_MAX_PORTS];  /* [I] */
    struct con_port *ports[CON_MAX_PORTS];                /* NULL until the device adds it */
    struct virtio_console_control ctl_out[CON_CTL_QUEUE]; /* [lock] by head descriptor */
    uint8_t (*ctl_in)[CON_CTL_SIZE];                      /* [lock] by head descriptor */
};

struct con_port *con_port_new(struct con *c, unsigned id); /* NULL: no memory */
void con_port_rx_done(struct virtq *vq);
void con_port_tx_done(struct virtq *vq);
/* The device lied: resets it and wakes whoever waits for it. */
void con_fail(struct con *c);

#endif
