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

struct ifreq {
    char name[IFNAMSIZ];
    union {
        struct {
            uint16_t family;
            uint8_t data[14]; /* struct sockaddr; sockaddr_in: port, address */
        } addr;
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

#endif
