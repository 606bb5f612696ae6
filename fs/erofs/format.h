/* SPDX-License-Identifier: BSD-2-Clause */
/* format.h: the EROFS on-disk format (Linux Documentation/filesystems/erofs.rst). Little endian; blocks of 4 KiB. */
#ifndef FS_EROFS_FORMAT_H
#define FS_EROFS_FORMAT_H

#include "lib/types.h"

#define EROFS_MAGIC        0xe0f5e1e2u
#define EROFS_SUPER_OFFSET 1024
#define EROFS_BLOCK_BITS   12
#define EROFS_BLOCK        4096u
#define EROFS_SLOT_BITS    5 /* inode numbers count slots of 32 bytes */
#define EROFS_NULL_ADDR    0xffffffffu

/* feature_incompat */
#define EROFS_LZ4_0PADDING 0x01
#define EROFS_BIG_PCLUSTER 0x02 /* also: compression configurations follow the superblock */
#define EROFS_CHUNKED_FILE 0x04
#define EROFS_HEAD2        0x08 /* also: device table */
#define EROFS_ZTAILPACKING 0x10
#define EROFS_INCOMPAT_KNOWN \
    (EROFS_LZ4_0PADDING | EROFS_BIG_PCLUSTER | EROFS_CHUNKED_FILE | EROFS_HEAD2 | EROFS_ZTAILPACKING)

struct erofs_super_disk {
    uint32_t magic, checksum, feature_compat;
    uint8_t blkszbits, sb_extslots;
    uint16_t root_nid;
    uint64_t inos, build_time;
    uint32_t build_time_nsec, blocks, meta_blkaddr, xattr_blkaddr;
    uint8_t uuid[16], volume_name[16];
    uint32_t feature_incompat;
    uint16_t available_compr_algs, extra_devices, devt_slotoff;
    uint8_t reserved[38];
} __packed;
static_assert(sizeof(struct erofs_super_disk) == 128, "on disk");

enum {
    EROFS_FLAT_PLAIN,
    EROFS_FULL_INDEX,
    EROFS_FLAT_INLINE,
    EROFS_COMPACT_INDEX,
    EROFS_CHUNK_BASED,
    EROFS_LAYOUTS
};

struct erofs_inode_compact {
    uint16_t format; /* bit 0: extended; 1-3: layout */
    uint16_t xattr_icount, mode, nlink;
    uint32_t size, reserved, u, ino;
    uint16_t uid, gid;
    uint32_t reserved2;
} __packed;
static_assert(sizeof(struct erofs_inode_compact) == 32, "on disk");

struct erofs_inode_extended {
    uint16_t format, xattr_icount, mode, reserved;
    uint64_t size;
    uint32_t u, ino, uid, gid;
    uint64_t mtime;
    uint32_t mtime_nsec, nlink;
    uint8_t reserved2[16];
} __packed;
static_assert(sizeof(struct erofs_inode_extended) == 64, "on disk");

struct erofs_dirent {
    uint64_t nid;
    uint16_t nameoff;
    uint8_t file_type, reserved;
} __packed;
static_assert(sizeof(struct erofs_dirent) == 12, "on disk");

/* chunk-based files: u holds the format */
#define EROFS_CHUNK_BITS_MASK 0x1f /* of a chunk, above the block's */
#define EROFS_CHUNK_INDEXES   0x20 /* struct erofs_chunk_index rather than 32-bit block addresses */
struct erofs_chunk_index {
    uint16_t advise, device;
    uint32_t blkaddr;
};

struct erofs_xattr_header {
    uint32_t reserved;
    uint8_t shared_count, reserved2[7];
} __packed;
static_assert(sizeof(struct erofs_xattr_header) == 12, "on disk");
struct erofs_xattr_entry {
    uint8_t name_len, name_index;
    uint16_t value_size;
} __packed;

/* compressed files */
struct erofs_map_header {
    uint16_t reserved, idata_size;
    uint16_t advise;
    uint8_t algorithms;  /* of HEAD1 (low 4 bits) and HEAD2 clusters */
    uint8_t clusterbits; /* low 3 bits: of a logical cluster, above the block's */
} __packed;
static_assert(sizeof(struct erofs_map_header) == 8, "on disk");
#define Z_COMPACTED_2B    0x01
#define Z_BIG_PCLUSTER_1  0x02
#define Z_BIG_PCLUSTER_2  0x04
#define Z_INLINE_PCLUSTER 0x08
#define Z_INTERLACED      0x10
#define Z_ADVISE_KNOWN    0x1f

enum { Z_PLAIN, Z_HEAD1, Z_NONHEAD, Z_HEAD2 };
#define Z_CBLKCNT 0x800 /* in a distance: it is the number of compressed blocks */
struct erofs_full_index {
    uint16_t advise, clusterofs; /* advise: type in bits 0-1 */
    union {
        uint32_t blkaddr;
        uint16_t delta[2];
    };
};
static_assert(sizeof(struct erofs_full_index) == 8, "on disk");

#endif
