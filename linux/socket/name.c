/* SPDX-License-Identifier: BSD-2-Clause */
/* name.c: addresses between the program and the kernel. */
#include "kernel/uaccess.h"
#include "linux/socket/socket.h"

int sockaddr_read(struct sockaddr_any *a, const void __user *u, int len)
{
    if (len < 0 || len > SOCKADDR_MAX)
        return -EINVAL;
    a->len = len;
    a->family = 0; /* families look at it before they know that it is there */
    return copy_from_user(a->bytes, u, len) ? -EFAULT : 0;
}

int sockaddr_write(const struct sockaddr_any *a, void __user *u, int __user *ulen)
{
    int len;

    if (get_user(len, ulen))
        return -EFAULT;
    len = MIN(len, (int)a->len);
    if (len < 0)
        return -EINVAL;
    return copy_to_user(u, a->bytes, len) || put_user((int)a->len, ulen) ? -EFAULT : 0;
}
