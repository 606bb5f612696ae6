/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers.h: the drivers there are and the buses that find devices, for the list in init/drivers.c. */
#ifndef DRIVERS_DRIVERS_H
#define DRIVERS_DRIVERS_H

#include "kernel/driver.h"

extern const struct driver virtio_pci_driver; /* a bus behind a bus */
extern const struct driver virtio_blk_driver, virtio_console_driver, virtio_net_driver, virtio_rng_driver,
    virtio_vsock_driver;

/* The 8250 at its fixed port, if it is there. */
bool uart8250_present(void);
void uart8250_console_init(void); /* the log's sink, polled */
void uart8250_port_init(void);    /* the port ttyS0, with interrupts */

#endif
