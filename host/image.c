/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout is that of Linux's Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h. */
#include "host/image.h"
#include "abi/image.h"
#include "host/msg.h"
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define BLOCK     4096u
#define MAX_DEPTH 128
#define MAX_FILES 10000000u

struct super {
    uint32_t magic, checksum, feature_compat;
    uint8_t blkszbits, sb_extslots;
    uint16_t root_nid;
    uint64_t inos, build_time;
    uint32_t build_time_nsec, blocks, meta_blkaddr, xattr_blkaddr;
    uint8_t uuid[16], volume_name[16];
    uint32_t feature_incompat;
    uint8_t rest[44];
};
static_assert(sizeof(struct super) == 128, "EROFS super block");

struct inode_compact {
    uint16_t format, xattr_icount, mode, nlink;
    uint32_t size, reserved, blkaddr, ino;
    uint16_t uid, gid;
    uint32_t reserved2;
};
static_assert(sizeof(struct inode_compact) == 32, "EROFS compact inode");

struct inode_extended {
    uint16_t format, xattr_icount, mode, reserved;
    uint64_t size;
    uint32_t blkaddr, ino, uid, gid;
    uint64_t mtime;
    uint32_t mtime_nsec, nlink;
    uint8_t reserved2[16];
};
static_assert(sizeof(struct inode_extended) == 64, "EROFS extended inode");

struct dirent_disk {
    uint64_t nid;
    uint16_t nameoff;
    uint8_t file_type, reserved;
} __attribute__((packed));
static_assert(sizeof(struct dirent_disk) == 12, "EROFS directory entry");

enum layout { FLAT_PLAIN, COMPRESSED_FULL, FLAT_INLINE, COMPRESSED_COMPACT, CHUNK_BASED };

struct image {
    char *path;
    int fd;
    uint64_t size;
    struct super sb;
    uint32_t seen; /* files of this walk */
};

struct inode {
    uint64_t size, inline_at; /* inline_at: where a tail stored beside the inode stands */
    int64_t mtime;
    uint32_t blkaddr, uid, gid;
    mode_t mode;
    enum layout layout;
};

static int damaged(const struct image *im, const char *what)
{
    return msg_error("%s: the image is damaged: %s", im->path, what);
}

static int read_at(struct image *im, void *buf, size_t len, uint64_t off)
{
    if (off > im->size || len > im->size - off)
        return damaged(im, "it points beyond its end");
    ssize_t n = pread(im->fd, buf, len, off);

    if (n < 0)
        return msg_error("%s: %s", im->path, strerror(errno));
    return (size_t)n == len ? 0 : damaged(im, "it was cut short");
}

bool image_probe(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint32_t magic;

    return fd >= 0 && pread(fd, &magic, sizeof(magic), IMAGE_MAGIC_OFFSET) == sizeof(magic) &&
           le32toh(magic) == IMAGE_MAGIC;
}

struct image *image_open(const char *path)
{
    struct image *im = xcalloc(1, sizeof(*im));
    struct stat st;

    im->path = xstrdup(path);
    im->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (im->fd < 0 || fstat(im->fd, &st) < 0) {
        msg_error("%s: %s", path, strerror(errno));
        goto fail;
    }
    im->size = st.st_size;
    if (read_at(im, &im->sb, sizeof(im->sb), IMAGE_MAGIC_OFFSET))
        goto fail;
    if (le32toh(im->sb.magic) != IMAGE_MAGIC) {
        msg_error("%s: not a Proa image (no EROFS file system)", path);
        goto fail;
    }
    if (im->sb.blkszbits != 12) {
        msg_error("%s: its block size is not 4096 bytes", path);
        goto fail;
    }
    if ((uint64_t)le32toh(im->sb.blocks) * BLOCK > im->size) {
        damaged(im, "it is shorter than its file system");
        goto fail;
    }
    return im;
fail:
    image_close(im);
    return NULL;
}

void image_close(struct image *im)
{
    if (!im)
        return;
    if (im->fd >= 0)
        close(im->fd);
    free(im->path);
    free(im);
}

uint64_t image_bytes(const struct image *im)
{
    return im->size;
}

static int read_inode(struct image *im, uint64_t nid, struct inode *ino)
{
    uint64_t at = (uint64_t)le32toh(im->sb.meta_blkaddr) * BLOCK + nid * 32;
    union {
        struct inode_compact c;
        struct inode_extended e;
    } d;

    if (nid > im->size / 32 || read_at(im, &d.c, sizeof(d.c), at))
        return nid > im->size / 32 ? damaged(im, "an inode lies beyond its end") : -1;
    bool extended = le16toh(d.c.format) & 1;
    unsigned icount = le16toh(d.c.xattr_icount);

    if (extended && read_at(im, &d.e, sizeof(d.e), at))
        return -1;
    *ino = (struct inode){
        .size = extended ? le64toh(d.e.size) : le32toh(d.c.size),
        .mtime = (int64_t)(extended ? le64toh(d.e.mtime) : le64toh(im->sb.build_time)),
        .blkaddr = le32toh(extended ? d.e.blkaddr : d.c.blkaddr),
        .uid = extended ? le32toh(d.e.uid) : le16toh(d.c.uid),
        .gid = extended ? le32toh(d.e.gid) : le16toh(d.c.gid),
        .mode = le16toh(d.c.mode),
        .layout = le16toh(d.c.format) >> 1 & 7,
        .inline_at = at + (extended ? 64 : 32) + (icount ? 12 + (icount - 1) * 4 : 0),
    };
    return 0;
}

/* The content of a file that is stored plain. */
static int read_content(struct image *im, const struct inode *ino, uint64_t max, struct buf *out)
{
    uint64_t whole = ino->layout == FLAT_INLINE ? ino->size / BLOCK * BLOCK : ino->size;

    if (ino->layout != FLAT_PLAIN && ino->layout != FLAT_INLINE)
        return msg_error("%s: a file that must be stored plain is compressed", im->path);
    if (ino->size > max || ino->size > im->size)
        return damaged(im, "a file is longer than it can be");
    _cleanup_free_ char *data = xmalloc(ino->size + 1);

    if (whole && read_at(im, data, whole, (uint64_t)ino->blkaddr * BLOCK))
        return -1;
    if (ino->size > whole && read_at(im, data + whole, ino->size - whole, ino->inline_at))
        return -1;
    buf_add(out, data, ino->size);
    return 0;
}

struct name {
    char *name;
    uint64_t nid;
};

struct names {
    struct name *v;
    size_t n;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->v[i].name);
    free(names->v);
}

/* One block of a folder: entries, then their names; the first name's offset gives the number of entries. */
static int parse_block(struct image *im, const char *block, size_t len, struct names *names)
{
    struct dirent_disk de;
    size_t n;

    if (len < sizeof(de))
        return damaged(im, "a folder is cut short");
    memcpy(&de, block, sizeof(de));
    n = le16toh(de.nameoff) / sizeof(de);
    if (!n || n * sizeof(de) > len || le16toh(de.nameoff) % sizeof(de))
        return damaged(im, "a folder's entries are damaged");
    names->v = xrealloc(names->v, (names->n + n) * sizeof(*names->v));
    for (size_t i = 0; i < n; i++) {
        size_t start, end = len;

        memcpy(&de, block + i * sizeof(de), sizeof(de));
        start = le16toh(de.nameoff);
        if (i + 1 < n) {
            struct dirent_disk next;

            memcpy(&next, block + (i + 1) * sizeof(de), sizeof(next));
            end = le16toh(next.nameoff);
        }
        if (start >= end || end > len)
            return damaged(im, "a folder's names are damaged");
        names->v[names->n++] = (struct name){ xstrndup(block + start, end - start), le64toh(de.nid) };
        if (strchr(names->v[names->n - 1].name, '/') || !*names->v[names->n - 1].name)
            return damaged(im, "a name has a slash or is empty");
    }
    return 0;
}

static int read_folder(struct image *im, const struct inode *ino, struct names *names)
{
    _cleanup_buf_ struct buf data = { 0 };

    if (read_content(im, ino, im->size, &data))
        return -1;
    for (size_t off = 0; off < data.len; off += BLOCK)
        if (parse_block(im, data.p + off, data.len - off < BLOCK ? data.len - off : BLOCK, names))
            return -1;
    return 0;
}

struct walker {
    struct image *im;
    void (*fn)(const struct image_file *, void *);
    void *arg;
};

static int walk(struct walker *w, uint64_t nid, const char *path, int depth)
{
    _cleanup_(names_free) struct names names = { 0 };
    _cleanup_buf_ struct buf target = { 0 };
    struct inode ino;

    if (depth > MAX_DEPTH || ++w->im->seen > MAX_FILES)
        return damaged(w->im, "its folders have no end");
    if (read_inode(w->im, nid, &ino))
        return -1;
    if (S_ISLNK(ino.mode) && read_content(w->im, &ino, PATH_MAX, &target))
        return -1;
    struct image_file f = { path,
                            ino.mode,
                            ino.uid,
                            ino.gid,
                            ino.size,
                            ino.mtime,
                            ino.layout == COMPRESSED_FULL || ino.layout == COMPRESSED_COMPACT,
                            target.p };

    w->fn(&f, w->arg);
    if (!S_ISDIR(ino.mode))
        return 0;
    if (read_folder(w->im, &ino, &names))
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        if (!strcmp(names.v[i].name, ".") || !strcmp(names.v[i].name, ".."))
            continue;
        _cleanup_free_ char *child = xasprintf("%s/%s", strcmp(path, "/") ? path : "", names.v[i].name);

        if (walk(w, names.v[i].nid, child, depth + 1))
            return -1;
    }
    return 0;
}

int image_walk(struct image *im, void (*fn)(const struct image_file *, void *), void *arg)
{
    struct walker w = { im, fn, arg };

    im->seen = 0;
    return walk(&w, le16toh(im->sb.root_nid), "/", 0);
}

static int find_child(struct image *im, const struct inode *dir, const char *name, uint64_t *nid)
{
    _cleanup_(names_free) struct names names = { 0 };

    if (read_folder(im, dir, &names))
        return -1;
    for (size_t i = 0; i < names.n; i++) {
        if (!strcmp(names.v[i].name, name)) {
            *nid = names.v[i].nid;
            return 0;
        }
    }
    return 1;
}

int image_read(struct image *im, const char *path, size_t max, struct buf *out)
{
    _cleanup_strv_ struct strv parts = { 0 };
    uint64_t nid = le16toh(im->sb.root_nid);
    struct inode ino;

    strv_split(&parts, path, "/", 0);
    if (read_inode(im, nid, &ino))
        return -1;
    for (size_t i = 0; i < parts.n; i++) {
        int r = S_ISDIR(ino.mode) ? find_child(im, &ino, parts.v[i], &nid) : 1;

        if (r > 0)
            msg_error("%s: the image has no %s", im->path, path);
        if (r || read_inode(im, nid, &ino))
            return -1;
    }
    if (!S_ISREG(ino.mode))
        return msg_error("%s: %s is no file", im->path, path);
    return read_content(im, &ino, max, out);
}
