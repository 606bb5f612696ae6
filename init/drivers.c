/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers.c: the kernel's contents on one page: the devices it drives and where it looks for them. */
#include "drivers/drivers.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"

const struct driver *const drivers[] = {
    &virtio_blk_driver,
    &virtio_console_driver,
    &virtio_net_driver,
    &virtio_rng_driver,
    &virtio_vsock_driver,
    &virtio_pci_driver,
    NULL,
};

void drivers_init(void)
{
    virtio_mmio_init();
    pci_init();
    uart8250_port_init();
}
