/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock.h: AF_VSOCK as Linux has it, vsock(7). Linux's own <linux/vm_sockets.h> takes sizes from the C library's
 * struct sockaddr, which is not there in a kernel.
 */
#ifndef ABI_VSOCK_H
#define ABI_VSOCK_H

#include <stdint.h>

#define VMADDR_CID_ANY   0xffffffffu
#define VMADDR_PORT_ANY  0xffffffffu
#define VMADDR_CID_LOCAL 1
#define VMADDR_CID_HOST  2

#define VMADDR_FLAG_TO_HOST 1

#define VSOCK_PORT_PRIVILEGED 1023 /* up to here: CAP_NET_BIND_SERVICE */

struct sockaddr_vsock { /* struct sockaddr_vm */
    uint16_t family;
    uint16_t reserved;
    uint32_t port;
    uint32_t cid;
    uint8_t flags;
    uint8_t zero[3];
};
_Static_assert(sizeof(struct sockaddr_vsock) == 16, "Linux's layout");

/* options of level AF_VSOCK; sizes are 64 bits, times a timeval */
#define SO_VM_SOCKETS_BUFFER_SIZE         0
#define SO_VM_SOCKETS_BUFFER_MIN_SIZE     1
#define SO_VM_SOCKETS_BUFFER_MAX_SIZE     2
#define SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD 6
#define SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW 8

#define IOCTL_VM_SOCKETS_GET_LOCAL_CID 0x7b9 /* of /dev/vsock */

#endif
