/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock.h: --vsock CID[,socket=PATH]: the guest's address for AF_VSOCK, and who carries it to the host. */
#ifndef HOST_VSOCK_H
#define HOST_VSOCK_H

#include <stdbool.h>
#include <stdint.h>

struct vsock {
    uint32_t cid;       /* 0: no device */
    const char *socket; /* of a vhost-user backend; NULL: the kernel's /dev/vhost-vsock */
};

/* 0, or -1 after a message. The socket's path becomes absolute. */
int vsock_parse(const char *option, struct vsock *v);

/* Is there what it takes? 0, or -1 after a message. Just before the VMM starts. */
int vsock_check(const struct vsock *v);

#endif
