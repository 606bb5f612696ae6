/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * erofs.h: read-only EROFS images on a block device.
 *
 * Metadata (inodes, directories, index tables, inline data) is read through one mapping of the device; file data
 * goes straight into the file's own page-cache pages. Nothing read from the image is trusted: each address and
 * length is checked against its container before use. Corruption gives -EUCLEAN and one line in the log.
 */
#ifndef FS_EROFS_H
#define FS_EROFS_H

#include "fs/erofs/format.h"
#include "fs/super.h"
#include "fs/vfs.h"
#include "kernel/blkdev.h"

struct erofs_super {
    struct blkdev *dev;
    struct mapping meta; /* the whole device, by page */
    uint64_t size;       /* bytes of the image that exist */
    uint64_t meta_pos, xattr_pos, root_nid;
    uint32_t incompat;
    struct timespec64 build_time;
    uint64_t blocks, inos;
    bool complained;
};

/* What a compressed file's header says, read when its data is first. */
struct erofs_z {
    bool ready;
    uint8_t lcluster_bits, algorithm[2];
    uint16_t advise;
    uint16_t idata_size;
    uint64_t idata_pos, tail_lcn;
};

struct erofs_inode {
    struct inode i; /* first */
    uint64_t pos;   /* of the inode on disk */
    uint8_t layout, isize;
    uint16_t chunk_format;
    uint32_t xattr_bytes;
    uint32_t blkaddr; /* of flat data; or the number of compressed blocks */
    struct mapping mapping;
    struct erofs_z z;
};

static inline struct erofs_inode *erofs_i(struct inode *i)
{
    return (struct erofs_inode *)i;
}
static inline struct erofs_super *erofs_sb(const struct super *sb)
{
    return sb->private;
}

/* Says once per image what is wrong with it; returns -EUCLEAN. */
int erofs_corrupt(struct super *sb, uint64_t nid, const char *what);
/* Copies bytes of the image at pos: 0, -EUCLEAN beyond its end, -EIO, -ENOMEM. */
int erofs_meta_read(struct super *sb, uint64_t pos, void *buf, size_t len);
/* The page at pos, which must be inside the image; page_put() it. */
int erofs_meta_page(struct super *sb, uint64_t pos, struct page **out);
int erofs_iget(struct super *sb, uint64_t nid, struct inode **out);
/* Where logical block lies: *pos of its bytes (0: a hole), *inlined: in metadata, at any alignment. Not for
 * compressed files. */
int erofs_map_block(struct inode *i, uint64_t block, uint64_t *pos, bool *inlined);
/* Fills nr pages of a compressed file. */
int erofs_z_read(struct inode *i, uint64_t index, unsigned nr, struct page **pages);

extern const struct inode_ops erofs_dir_inode_ops;
extern const struct file_ops erofs_dir_ops;
extern const struct mapping_ops erofs_mapping_ops;
ssize_t erofs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
ssize_t erofs_listxattr(struct inode *i, char *buf, size_t size);

/* One extent of a compressed file. */
struct erofs_extent {
    uint64_t la, llen; /* bytes of the file */
    uint64_t pa, plen; /* bytes of the image */
    uint8_t type;      /* Z_PLAIN, Z_HEAD1, Z_HEAD2 */
    bool inlined;      /* pa is in metadata */
};
/* The extent that contains byte la (below the size). */
int erofs_z_map(struct inode *i, uint64_t la, struct erofs_extent *e);

#endif
