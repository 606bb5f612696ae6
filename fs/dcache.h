/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dcache.h: names in memory. A dentry ties (parent, name) to an inode, or to the knowledge that there is none.
 *
 * All cached dentries hang in one hash table, read without locks: a reader that misses (or runs into a rename)
 * asks again under dcache_lock. The table holds one reference on what it contains, so a cached name that nobody
 * uses has exactly one; memory pressure drops those. A dentry keeps its parent and its inode.
 */
#ifndef FS_DCACHE_H
#define FS_DCACHE_H

#include "fs/vfs.h"

#define DENTRY_HASHED     1
#define DENTRY_MOUNTED    2 /* something is mounted here */
#define DENTRY_DELETED    4 /* the name is gone: unlinked or replaced */
#define DENTRY_REVALIDATE 8 /* ask the parent's ops before trusting it */

struct dentry {
    struct dentry *hash_next;
    struct dentry *parent; /* itself for a root [dcache_lock, RCU to read] */
    struct inode *inode;   /* NULL: no such name. Set once, [parent's rwsem] */
    const char *name;      /* inline_name or its own allocation */
    uint32_t hash;
    refcount_t refs;
    uint16_t name_len;
    uint8_t flags; /* [dcache_lock] */
    uint8_t used;  /* since the shrinker last came by */
    struct rcu_head rcu;
    char inline_name[];
};

extern uint32_t dcache_seq; /* odd while a rename is under way; readers without locks check it */
extern struct spinlock dcache_lock;

static inline uint32_t name_hash_step(uint32_t h, unsigned char c)
{
    return (h ^ c) * 0x01000193u; /* FNV-1a */
}
#define NAME_HASH_START 0x811c9dc5u
uint32_t name_hash(const char *name, unsigned len);

struct dentry *dcache_find(const struct dentry *parent, const char *name, unsigned len, uint32_t hash);
/* Inside rcu_read_lock, without a reference; may miss a name that is there. */
struct dentry *dcache_peek(const struct dentry *parent, const char *name, unsigned len, uint32_t hash);
/* A new cached name (the inode's reference moves in, even on failure); the caller's reference comes with it.
 * Parent's rwsem held. */
struct dentry *dcache_add(struct dentry *parent, const char *name, unsigned len, uint32_t hash,
                          struct inode *i);
struct dentry *dentry_new_root(struct inode *i); /* not cached */
/* A name that was never in a directory (O_TMPFILE): path_name() shows it as deleted. */
struct dentry *dentry_new_nameless(struct dentry *dir, struct inode *i);
void dentry_instantiate(struct dentry *d,
                        struct inode *i); /* negative becomes positive; reference moves in */
void dcache_remove(struct dentry *d);     /* the name is gone */
void dcache_forget(struct dentry *d);     /* the cache does not know any more */
/* Rename: d takes target's place (parent and name), and target's name is gone; or, exchange, they swap. Names come
 * from dentry_name_copy() of the other, so that moving cannot fail; they move in. */
void dcache_move(struct dentry *d, struct dentry *target, char *target_name);
void dcache_exchange(struct dentry *a, struct dentry *b, char *b_name, char *a_name);
char *dentry_name_copy(const struct dentry *d);
void dentry_name_free(char *name);

static inline void dentry_get(struct dentry *d)
{
    ref_get(&d->refs);
}
void dentry_free(struct dentry *d);
static inline void dentry_put(struct dentry *d)
{
    if (unlikely(ref_put(&d->refs)))
        dentry_free(d);
}
/* Drops every unused name of the file system. */
void dcache_purge(struct super *sb);

/* ---- mounts ---- */
struct mount {
    struct mount *next;   /* [mount_lock, RCU to read] */
    struct mount *parent; /* NULL: the first */
    struct dentry *at;    /* in parent; referenced */
    struct dentry *root;
    struct super *sb;
    refcount_t refs; /* one is the tree's */
    uint32_t flags;  /* MS_* */
    int id;
    char *source;
    struct rcu_head rcu;
};
/* What is mounted on (m, d), without a reference, inside rcu_read_lock; NULL: nothing. */
struct mount *mount_at(const struct mount *m, const struct dentry *d);
void mount_free(struct mount *m);
static inline void mount_get(struct mount *m)
{
    ref_get(&m->refs);
}
static inline void mount_put(struct mount *m)
{
    if (unlikely(ref_put(&m->refs)))
        mount_free(m);
}
static inline bool path_readonly(const struct path *p)
{
    return (p->mnt->flags | p->mnt->sb->flags) & 1 /* MS_RDONLY */;
}

#endif
