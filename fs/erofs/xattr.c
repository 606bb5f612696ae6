/* SPDX-License-Identifier: BSD-2-Clause */
/* xattr.c: EROFS extended attributes: behind the inode, or shared ones in an area of their own. */
#include "abi/fs.h"
#include "fs/erofs/erofs.h"
#include "lib/string.h"

/* In the order of e_name_index. */
static const char *const prefixes[] = {
    NULL, "user.", "system.posix_acl_access", "system.posix_acl_default", "trusted.", "lustre.", "security.",
};

struct xattr_walk {
    struct super *sb;
    struct inode *inode;
    uint64_t at, end; /* inline entries */
    uint64_t shared_at;
    unsigned shared_left;
    /* the current entry */
    const char *prefix;
    char name[256];
    unsigned name_len, value_size;
    uint64_t value_pos;
};

static int walk_begin(struct xattr_walk *w, struct inode *i)
{
    struct erofs_inode *e = erofs_i(i);
    struct erofs_xattr_header h;
    int err;

    w->sb = i->sb;
    w->inode = i;
    if (!e->xattr_bytes)
        return -ENODATA;
    w->at = e->pos + e->isize;
    w->end = w->at + e->xattr_bytes;
    err = erofs_meta_read(i->sb, w->at, &h, sizeof(h));
    if (err)
        return err == -EUCLEAN ? erofs_corrupt(i->sb, i->ino, "attributes outside the image") : err;
    w->at += sizeof(h);
    w->shared_at = w->at;
    w->shared_left = h.shared_count;
    w->at += 4ull * h.shared_count;
    if (w->at > w->end)
        return erofs_corrupt(i->sb, i->ino, "too many shared attributes");
    return 0;
}

static int read_entry(struct xattr_walk *w, uint64_t pos, uint64_t end)
{
    struct erofs_xattr_entry x;
    int err;

    if (pos + sizeof(x) > end)
        goto corrupt;
    err = erofs_meta_read(w->sb, pos, &x, sizeof(x));
    if (err)
        goto bad;
    if (pos + sizeof(x) + x.name_len + x.value_size > end)
        goto corrupt;
    err = erofs_meta_read(w->sb, pos + sizeof(x), w->name, x.name_len);
    if (err)
        goto bad;
    w->prefix = x.name_index < ARRAY_SIZE(prefixes) ? prefixes[x.name_index] : NULL;
    w->name_len = x.name_len;
    w->value_size = x.value_size;
    w->value_pos = pos + sizeof(x) + x.name_len;
    return 0;
bad:
    if (err != -EUCLEAN)
        return err;
corrupt:
    return erofs_corrupt(w->sb, w->inode->ino, "attribute outside its place");
}

/* 0: an entry is there; -ENODATA: no more. */
static int walk_next(struct xattr_walk *w)
{
    uint32_t id;
    int err;

    if (w->at + sizeof(struct erofs_xattr_entry) <= w->end) {
        err = read_entry(w, w->at, w->end);
        w->at = ALIGN_UP(w->value_pos + w->value_size, 4);
        return err;
    }
    if (!w->shared_left)
        return -ENODATA;
    err = erofs_meta_read(w->sb, w->shared_at, &id, sizeof(id));
    if (err)
        return err;
    w->shared_at += 4;
    w->shared_left--;
    return read_entry(w, erofs_sb(w->sb)->xattr_pos + 4ull * id, erofs_sb(w->sb)->size);
}

static bool name_is(const struct xattr_walk *w, const char *name)
{
    size_t n;

    if (!w->prefix)
        return false;
    n = strlen(w->prefix);
    return !strncmp(name, w->prefix, n) && strlen(name) == n + w->name_len &&
           !memcmp(name + n, w->name, w->name_len);
}

ssize_t erofs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
    struct xattr_walk w;
    int err = walk_begin(&w, i);

    while (!err && !(err = walk_next(&w))) {
        if (!name_is(&w, name))
            continue;
        if (!size)
            return w.value_size;
        if (size < w.value_size)
            return -ERANGE;
        err = erofs_meta_read(i->sb, w.value_pos, buf, w.value_size);
        return err ? err : (ssize_t)w.value_size;
    }
    return err;
}

ssize_t erofs_listxattr(struct inode *i, char *buf, size_t size)
{
    struct xattr_walk w;
    int err = walk_begin(&w, i);
    size_t n = 0;

    while (!err && !(err = walk_next(&w))) {
        size_t plen = w.prefix ? strlen(w.prefix) : 0, len = plen + w.name_len + 1;

        if (!w.prefix || (!strcmp(w.prefix, "trusted.") && !fs_capable(CAP_SYS_ADMIN)))
            continue;
        if (size) {
            if (n + len > size)
                return -ERANGE;
            memcpy(buf + n, w.prefix, plen);
            memcpy(buf + n + plen, w.name, w.name_len);
            buf[n + len - 1] = 0;
        }
        n += len;
    }
    return err == -ENODATA ? (ssize_t)n : err;
}
