/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio.h: what virtio 1.2 shares with devices: status and feature bits, split rings, device types. Little endian.
 */
#ifndef ABI_VIRTIO_H
#define ABI_VIRTIO_H

#include <stddef.h>
#include <stdint.h>

/* device types, §5 */
#define VIRTIO_ID_NET     1
#define VIRTIO_ID_BLOCK   2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_RNG     4
#define VIRTIO_ID_VSOCK   19

/* device status, §2.1 */
#define VIRTIO_S_ACKNOWLEDGE 1
#define VIRTIO_S_DRIVER      2
#define VIRTIO_S_DRIVER_OK   4
#define VIRTIO_S_FEATURES_OK 8
#define VIRTIO_S_NEEDS_RESET 64
#define VIRTIO_S_FAILED      128

/* features of any device, §6 */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)

/* split rings, §2.7 */
#define VRING_DESC_F_NEXT          1
#define VRING_DESC_F_WRITE         2
#define VRING_DESC_F_INDIRECT      4
#define VRING_AVAIL_F_NO_INTERRUPT 1
#define VRING_USED_F_NO_NOTIFY     1

struct vring_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

struct vring_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[]; /* then used_event */
};

struct vring_used_elem {
    uint32_t id;
    uint32_t len;
};

struct vring_used {
    uint16_t flags;
    uint16_t idx;
    struct vring_used_elem ring[]; /* then avail_event */
};

_Static_assert(sizeof(struct vring_desc) == 16, "§2.7.5");
_Static_assert(offsetof(struct vring_used, ring) == 4, "§2.7.8");

/* block device, §5.2 */
#define VIRTIO_BLK_F_SIZE_MAX (1ull << 1)
#define VIRTIO_BLK_F_SEG_MAX  (1ull << 2)
#define VIRTIO_BLK_F_RO       (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE (1ull << 6)
#define VIRTIO_BLK_F_FLUSH    (1ull << 9)
#define VIRTIO_BLK_F_DISCARD  (1ull << 13)

#define VIRTIO_BLK_T_IN      0
#define VIRTIO_BLK_T_OUT     1
#define VIRTIO_BLK_T_FLUSH   4
#define VIRTIO_BLK_T_DISCARD 11

#define VIRTIO_BLK_S_OK     0
#define VIRTIO_BLK_S_IOERR  1
#define VIRTIO_BLK_S_UNSUPP 2

/* offsets in the configuration space, §5.2.4 */
#define VIRTIO_BLK_CFG_CAPACITY            0  /* u64, sectors */
#define VIRTIO_BLK_CFG_SIZE_MAX            8  /* u32, bytes of one segment */
#define VIRTIO_BLK_CFG_SEG_MAX             12 /* u32 */
#define VIRTIO_BLK_CFG_BLK_SIZE            20 /* u32 */
#define VIRTIO_BLK_CFG_MAX_DISCARD_SECTORS 36 /* u32 */

struct virtio_blk_hdr {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

struct virtio_blk_discard {
    uint64_t sector;
    uint32_t nr_sectors;
    uint32_t flags;
};

/* console device, §5.3 */
#define VIRTIO_CONSOLE_F_SIZE      (1ull << 0)
#define VIRTIO_CONSOLE_F_MULTIPORT (1ull << 1)

#define VIRTIO_CONSOLE_CFG_MAX_PORTS 4 /* u32 */

struct virtio_console_control {
    uint32_t id;
    uint16_t event;
    uint16_t value;
};

enum virtio_console_event {
    VIRTIO_CONSOLE_DEVICE_READY,
    VIRTIO_CONSOLE_PORT_ADD,
    VIRTIO_CONSOLE_PORT_REMOVE,
    VIRTIO_CONSOLE_PORT_READY,
    VIRTIO_CONSOLE_CONSOLE_PORT,
    VIRTIO_CONSOLE_RESIZE,
    VIRTIO_CONSOLE_PORT_OPEN,
    VIRTIO_CONSOLE_PORT_NAME,
};

/* network device, §5.1 */
#define VIRTIO_NET_F_CSUM       (1ull << 0)
#define VIRTIO_NET_F_GUEST_CSUM (1ull << 1)
#define VIRTIO_NET_F_MTU        (1ull << 3)
#define VIRTIO_NET_F_MAC        (1ull << 5)
#define VIRTIO_NET_F_GUEST_TSO4 (1ull << 7)
#define VIRTIO_NET_F_GUEST_TSO6 (1ull << 8)
#define VIRTIO_NET_F_GUEST_ECN  (1ull << 9)
#define VIRTIO_NET_F_HOST_TSO4  (1ull << 11)
#define VIRTIO_NET_F_HOST_TSO6  (1ull << 12)
#define VIRTIO_NET_F_HOST_ECN   (1ull << 13)
#define VIRTIO_NET_F_MRG_RXBUF  (1ull << 15)
#define VIRTIO_NET_F_STATUS     (1ull << 16)
#define VIRTIO_NET_F_CTRL_VQ    (1ull << 17)
#define VIRTIO_NET_F_MQ         (1ull << 22)
#define VIRTIO_F_ANY_LAYOUT     (1ull << 27)
#define VIRTIO_NET_F_GUEST_USO4 (1ull << 54)
#define VIRTIO_NET_F_GUEST_USO6 (1ull << 55)
#define VIRTIO_NET_F_HOST_USO   (1ull << 56)

/* offsets in the configuration space, §5.1.4 */
#define VIRTIO_NET_CFG_MAC       0  /* u8[6] */
#define VIRTIO_NET_CFG_STATUS    6  /* u16 */
#define VIRTIO_NET_CFG_MAX_PAIRS 8  /* u16 */
#define VIRTIO_NET_CFG_MTU       10 /* u16 */

#define VIRTIO_NET_S_LINK_UP 1

struct virtio_net_hdr { /* §5.1.6 */
    uint8_t flags;
    uint8_t gso_type;
    uint16_t hdr_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
    uint16_t num_buffers; /* not in legacy devices without MRG_RXBUF */
};
_Static_assert(sizeof(struct virtio_net_hdr) == 12, "§5.1.6");

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2

#define VIRTIO_NET_HDR_GSO_NONE   0
#define VIRTIO_NET_HDR_GSO_TCPV4  1
#define VIRTIO_NET_HDR_GSO_TCPV6  4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#define VIRTIO_NET_HDR_GSO_ECN    0x80

#define VIRTIO_NET_CTRL_MQ              4
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0
#define VIRTIO_NET_OK                   0

/* socket device, §5.10 */
#define VIRTIO_VSOCK_F_STREAM    (1ull << 0)
#define VIRTIO_VSOCK_F_SEQPACKET (1ull << 1)

#define VIRTIO_VSOCK_CFG_GUEST_CID 0 /* u64, of which the upper half is 0 */

struct virtio_vsock_hdr { /* §5.10.6 */
    uint64_t src_cid, dst_cid;
    uint32_t src_port, dst_port;
    uint32_t len;
    uint16_t type;
    uint16_t op;
    uint32_t flags;
    uint32_t buf_alloc; /* the sender's buffer, ... */
    uint32_t fwd_cnt;   /* ... and how much has ever left it */
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct virtio_vsock_hdr) == 44, "§5.10.6");

#define VIRTIO_VSOCK_TYPE_STREAM    1
#define VIRTIO_VSOCK_TYPE_SEQPACKET 2

enum virtio_vsock_op {
    VIRTIO_VSOCK_OP_INVALID,
    VIRTIO_VSOCK_OP_REQUEST,
    VIRTIO_VSOCK_OP_RESPONSE,
    VIRTIO_VSOCK_OP_RST,
    VIRTIO_VSOCK_OP_SHUTDOWN,
    VIRTIO_VSOCK_OP_RW,
    VIRTIO_VSOCK_OP_CREDIT_UPDATE,
    VIRTIO_VSOCK_OP_CREDIT_REQUEST,
};

/* flags of OP_SHUTDOWN: what the sender will not do any more; of OP_RW: the end of a message, of a record */
#define VIRTIO_VSOCK_SHUTDOWN_RCV  1
#define VIRTIO_VSOCK_SHUTDOWN_SEND 2
#define VIRTIO_VSOCK_SEQ_EOM       1
#define VIRTIO_VSOCK_SEQ_EOR       2

struct virtio_vsock_event { /* §5.10.6.7 */
    uint32_t id;
};
#define VIRTIO_VSOCK_EVENT_TRANSPORT_RESET 0

#endif
