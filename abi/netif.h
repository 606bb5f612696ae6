/* SPDX-License-Identifier: BSD-2-Clause */
/* netif.h: what the C library's <net/if.h> and <linux/if.h> have: the latter cannot be included without a C library. */
#ifndef ABI_NETIF_H
#define ABI_NETIF_H

#include <stdint.h>

#define IFNAMSIZ 16

#define IFF_UP        (1u << 0)
#define IFF_BROADCAST (1u << 1)
#define IFF_DEBUG     (1u << 2)
#define IFF_LOOPBACK  (1u << 3)
#define IFF_RUNNING   (1u << 6)
#define IFF_NOARP     (1u << 7)
#define IFF_PROMISC   (1u << 8)
#define IFF_ALLMULTI  (1u << 9)
#define IFF_MULTICAST (1u << 12)
#define IFF_LOWER_UP  (1u << 16)

struct sockaddr16 { /* struct sockaddr */
    uint16_t family;
    uint8_t data[14]; /* sockaddr_in: port, address */
};

struct ifreq {
    char name[IFNAMSIZ];
    union {
        struct sockaddr16 addr;
        int32_t value; /* index, metric, MTU, queue length */
        int16_t flags;
        char newname[IFNAMSIZ];
        uint64_t pad[3]; /* struct ifmap is the largest */
    };
};
_Static_assert(sizeof(struct ifreq) == 40, "ABI");

struct ifconf {
    int32_t len;
    uint64_t req; /* struct ifreq * */
};

struct rtentry {
    uint64_t pad1;
    struct sockaddr16 dst, gateway, genmask;
    uint16_t flags; /* RTF_* */
    int16_t pad2;
    uint64_t pad3, pad4;
    int16_t metric;
    uint64_t dev; /* char * */
    uint64_t mtu, window;
    uint16_t irtt;
};
_Static_assert(sizeof(struct rtentry) == 120, "ABI");

#define RTF_UP       0x0001
#define RTF_GATEWAY  0x0002
#define RTF_HOST     0x0004
#define RTF_MTU      0x0040
#define RTF_REJECT   0x0200
#define RTF_ADDRCONF 0x40000
#define RTF_EXPIRES  0x400000

struct in6_rtmsg {
    uint8_t dst[16], src[16], gateway[16];
    uint32_t type;
    uint16_t dst_len, src_len;
    uint32_t metric;
    uint64_t info;
    uint32_t flags;
    int32_t ifindex;
};
_Static_assert(sizeof(struct in6_rtmsg) == 80, "ABI");

struct in6_ifreq {
    uint8_t addr[16];
    uint32_t prefixlen;
    int32_t ifindex;
};

struct arpreq {
    struct sockaddr16 pa, ha;
    int32_t flags; /* ATF_* */
    struct sockaddr16 netmask;
    char dev[IFNAMSIZ];
};
_Static_assert(sizeof(struct arpreq) == 68, "ABI");

#define ATF_COM     0x02
#define ATF_PERM    0x04
#define ATF_PUBL    0x08
#define ATF_NETMASK 0x20
#define ATF_DONTPUB 0x40

#define ARPHRD_ETHER    1 /* <linux/if_arp.h> */
#define ARPHRD_LOOPBACK 772
#define ARPOP_REQUEST   1
#define ARPOP_REPLY     2

struct pktinfo6 { /* struct in6_pktinfo */
    uint8_t addr[16];
    int32_t ifindex;
};

struct sock_extended_err { /* <linux/errqueue.h>, which wants struct timespec */
    uint32_t ee_errno;
    uint8_t ee_origin, ee_type, ee_code, ee_pad;
    uint32_t ee_info, ee_data;
};
#define SO_EE_ORIGIN_LOCAL 1
#define SO_EE_ORIGIN_ICMP  2
#define SO_EE_ORIGIN_ICMP6 3

#define SO_EE_ORIGIN_ZEROCOPY      5
#define SO_EE_CODE_ZEROCOPY_COPIED 1

#endif
