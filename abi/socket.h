/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.h: what the C library's <sys/socket.h> has and the kernel's exported headers have not. Names that both have
 * are those of <asm/socket.h>.
 */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

#include <stdint.h>

#define AF_UNSPEC  0
#define AF_UNIX    1 /* struct sockaddr_un is in <linux/un.h> */
#define AF_INET    2
#define AF_INET6   10
#define AF_NETLINK 16
#define AF_PACKET  17
#define AF_VSOCK   40
#define AF_MAX     46

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_RDM       4
#define SOCK_SEQPACKET 5
#define SOCK_DCCP      6
#define SOCK_PACKET    10
#define SOCK_TYPE_MASK 15
#define SOCK_CLOEXEC   02000000
#define SOCK_NONBLOCK  04000

#define SHUT_RD   0
#define SHUT_WR   1
#define SHUT_RDWR 2

#define MSG_OOB          0x1
#define MSG_PEEK         0x2
#define MSG_DONTROUTE    0x4
#define MSG_CTRUNC       0x8
#define MSG_PROBE        0x10
#define MSG_TRUNC        0x20
#define MSG_DONTWAIT     0x40
#define MSG_EOR          0x80
#define MSG_WAITALL      0x100
#define MSG_FIN          0x200
#define MSG_SYN          0x400
#define MSG_CONFIRM      0x800
#define MSG_RST          0x1000
#define MSG_ERRQUEUE     0x2000
#define MSG_NOSIGNAL     0x4000
#define MSG_MORE         0x8000
#define MSG_WAITFORONE   0x10000
#define MSG_BATCH        0x40000
#define MSG_ZEROCOPY     0x4000000
#define MSG_FASTOPEN     0x20000000
#define MSG_CMSG_CLOEXEC 0x40000000

#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD      253 /* descriptors in one message */

struct cmsghdr {
    uint64_t len; /* with this head */
    int32_t level, type;
};
#define CMSG_ALIGNED(n) (((n) + 7ul) & ~7ul)
#define CMSG_LENGTH(n)  (sizeof(struct cmsghdr) + (n))
#define CMSG_SPACE_(n)  CMSG_ALIGNED(CMSG_LENGTH(n))

struct ucred {
    uint32_t pid, uid, gid;
};

#endif
