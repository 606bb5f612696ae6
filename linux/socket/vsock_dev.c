/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock_dev.c: /dev/vsock, which knows this machine's address; there when there is a device. */
#include "abi/vsock.h"
#include "fs/chrdev.h"
#include "kernel/uaccess.h"
#include "kernel/vsockdev.h"
#include "linux/socket/socket.h"

#define MISC_MAJOR 10
#define MINOR      121 /* below those that Linux hands out by chance */

static long vsock_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    uint32_t cid = READ_ONCE(vsockdev->cid);

    if (cmd != IOCTL_VM_SOCKETS_GET_LOCAL_CID)
        return -ENOTTY;
    return put_user(cid, (uint32_t __user *)arg) ? -EFAULT : 0;
}

static const struct file_ops vsock_ops = { .ioctl = vsock_ioctl };

void vsock_dev_init(void)
{
    static struct chrdev dev = {
        .name = "vsock", .major = MISC_MAJOR, .minor = MINOR, .mode = 0666, .ops = &vsock_ops
    };

    if (vsockdev)
        chrdev_add(&dev);
}
