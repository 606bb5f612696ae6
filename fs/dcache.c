/* SPDX-License-Identifier: BSD-2-Clause */
/* dcache.c: the table of cached names (see dcache.h). */
#include "fs/dcache.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define FIRST_BUCKETS 128

/* Growing moves chains under the lock. A reader meanwhile may end in another chain and miss: it asks again. */
struct table {
    uint32_t mask;
    struct rcu_head rcu;
    struct dentry *buckets[];
};

static struct {
    uint32_t mask;
    struct rcu_head rcu;
    struct dentry *buckets[FIRST_BUCKETS];
} first_table = { .mask = FIRST_BUCKETS - 1 };
static_assert(offsetof(struct table, buckets) == offsetof(__typeof__(first_table), buckets), "same layout");

static struct table *table = (struct table *)&first_table;
static unsigned nr_dentries; /* in the table [dcache_lock] */
uint32_t dcache_seq;
struct spinlock dcache_lock = SPINLOCK_INIT(RANK_DCACHE);

uint32_t name_hash(const char *name, unsigned len)
{
    uint32_t h = NAME_HASH_START;

    while (len--)
        h = name_hash_step(h, *name++);
    return h;
}

static inline struct dentry **bucket(struct table *t, const struct dentry *parent, uint32_t hash)
{
    return &t->buckets[(hash ^ hash >> 15 ^ (uint32_t)((uintptr_t)parent >> 5)) & t->mask];
}

static inline uint64_t load8(const char *s)
{
    uint64_t v;

    __builtin_memcpy(&v, s, 8);
    return v;
}

static inline uint32_t load4(const char *s)
{
    uint32_t v;

    __builtin_memcpy(&v, s, 4);
    return v;
}

/* Words that may overlap, rather than byte by byte. */
static inline bool name_eq(const char *a, const char *b, unsigned len)
{
    if (len >= 8) {
        for (unsigned i = 0; i < len - 8; i += 8)
            if (load8(a + i) != load8(b + i))
                return false;
        return load8(a + len - 8) == load8(b + len - 8);
    }
    if (len >= 4)
        return load4(a) == load4(b) && load4(a + len - 4) == load4(b + len - 4);
    return a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1];
}

static inline bool dentry_is(const struct dentry *d, const struct dentry *parent, const char *name,
                             unsigned len, uint32_t hash)
{
    return d->hash == hash && d->parent == parent && d->name_len == len && name_eq(d->name, name, len);
}

struct dentry *dcache_peek(const struct dentry *parent, const char *name, unsigned len, uint32_t hash)
{
    struct table *t = atomic_load_acquire(&table);
    struct dentry *d = atomic_load_acquire(bucket(t, parent, hash));

    while (d && !dentry_is(d, parent, name, len, hash))
        d = atomic_load_acquire(&d->hash_next);
    if (d && !d->used)
        d->used = 1;
    return d;
}

struct dentry *dcache_find(const struct dentry *parent, const char *name, unsigned len, uint32_t hash)
{
    struct dentry *d;

    spin_lock(&dcache_lock);
    d = dcache_peek(parent, name, len, hash);
    if (d)
        dentry_get(d); /* in the table: the count is not zero */
    spin_unlock(&dcache_lock);
    return d;
}

static void table_free(struct rcu_head *h)
{
    kfree(container_of(h, struct table, rcu));
}

static void grow_locked(void)
{
    struct table *old = table, *t;
    uint32_t n = (old->mask + 1) * 4;

    t = kzalloc(sizeof(*t) + n * sizeof(t->buckets[0]));
    if (!t)
        return; /* chains get longer */
    t->mask = n - 1;
    for (uint32_t i = 0; i <= old->mask; i++) {
        struct dentry *d, *next;

        for (d = old->buckets[i]; d; d = next) {
            struct dentry **b = bucket(t, d->parent, d->hash);

            next = d->hash_next;
            atomic_store_release(&d->hash_next, *b);
            *b = d;
        }
    }
    atomic_store_release(&table, t);
    if (old != (struct table *)&first_table)
        rcu_defer(&old->rcu, table_free);
}

static void hash_locked(struct dentry *d)
{
    struct dentry **b;

    if (++nr_dentries > table->mask + 1)
        grow_locked();
    b = bucket(table, d->parent, d->hash);
    d->hash_next = *b;
    atomic_store_release(b, d);
    d->flags |= DENTRY_HASHED;
}

static void unhash_locked(struct dentry *d)
{
    struct dentry **b = bucket(table, d->parent, d->hash);

    while (*b != d)
        b = &(*b)->hash_next;
    atomic_store_release(b, d->hash_next); /* d->hash_next stays: readers may stand on d */
    d->flags &= ~DENTRY_HASHED;
    nr_dentries--;
}

static struct dentry *dentry_new(struct dentry *parent, const char *name, unsigned len, uint32_t hash,
                                 struct inode *i)
{
    struct dentry *d = kmalloc(sizeof(*d) + len + 1);

    if (!d) {
        if (i)
            inode_put(i);
        return NULL;
    }
    *d = (struct dentry){
        .parent = parent ? parent : d, .inode = i, .hash = hash, .name_len = len, .used = 1
    };
    memcpy(d->inline_name, name, len);
    d->inline_name[len] = 0;
    d->name = d->inline_name;
    ref_init(&d->refs);
    if (parent) {
        dentry_get(parent);
        if (parent->inode->ops->revalidate)
            d->flags = DENTRY_REVALIDATE;
    }
    return d;
}

struct dentry *dentry_new_root(struct inode *i)
{
    return dentry_new(NULL, "/", 1, 0, i);
}

struct dentry *dentry_new_nameless(struct dentry *dir, struct inode *i)
{
    char name[24];
    unsigned len = snprintf(name, sizeof(name), "#%llu", (unsigned long long)i->ino);
    struct dentry *d = dentry_new(dir, name, len, 0, i);

    if (d)
        d->flags |= DENTRY_DELETED;
    return d;
}

struct dentry *dcache_add(struct dentry *parent, const char *name, unsigned len, uint32_t hash,
                          struct inode *i)
{
    struct dentry *d = dentry_new(parent, name, len, hash, i);

    if (!d)
        return NULL;
    dentry_get(d); /* the table's */
    spin_lock(&dcache_lock);
    hash_locked(d);
    spin_unlock(&dcache_lock);
    return d;
}

void dentry_instantiate(struct dentry *d, struct inode *i)
{
    atomic_store_release(&d->inode, i);
}

/* ---- going ---- */

struct long_name { /* a name that did not come with its dentry */
    struct rcu_head rcu;
    char text[];
};

static void name_rcu(struct rcu_head *h)
{
    kfree(container_of(h, struct long_name, rcu));
}

static void name_drop(struct dentry *d)
{
    if (d->name != d->inline_name)
        rcu_defer(&container_of((char(*)[])d->name, struct long_name, text)->rcu, name_rcu);
}

static void dentry_rcu(struct rcu_head *h)
{
    kfree(container_of(h, struct dentry, rcu));
}

/* Frees d, whose count is zero, and each parent that goes with it. */
void dentry_free(struct dentry *d)
{
    for (;;) {
        struct dentry *parent = d->parent;
        struct inode *i = d->inode;
        bool root = parent == d;

        name_drop(d);
        if (i)
            inode_put(i);
        rcu_defer(&d->rcu, dentry_rcu);
        if (root || !ref_put(&parent->refs))
            return;
        d = parent;
    }
}

static void unhash_with(struct dentry *d, uint8_t flags)
{
    bool hashed;

    spin_lock(&dcache_lock);
    d->flags |= flags;
    hashed = d->flags & DENTRY_HASHED;
    if (hashed)
        unhash_locked(d);
    spin_unlock(&dcache_lock);
    if (hashed)
        dentry_put(d);
}

void dcache_remove(struct dentry *d)
{
    unhash_with(d, DENTRY_DELETED);
}

void dcache_forget(struct dentry *d)
{
    unhash_with(d, 0);
}

/* ---- renaming ---- */

char *dentry_name_copy(const struct dentry *d)
{
    struct long_name *n = kmalloc(sizeof(*n) + d->name_len + 1);

    if (!n)
        return NULL;
    memcpy(n->text, d->name, d->name_len + 1);
    return n->text;
}

void dentry_name_free(char *name)
{
    if (name)
        kfree(container_of((char(*)[])name, struct long_name, text));
}

static void seq_begin_locked(void)
{
    atomic_store(&dcache_seq, dcache_seq + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void seq_end_locked(void)
{
    atomic_store_release(&dcache_seq, dcache_seq + 1);
}

struct place {
    struct dentry *parent;
    uint32_t hash;
    uint16_t len;
};

static struct place place_of(const struct dentry *d)
{
    return (struct place){ d->parent, d->hash, d->name_len };
}

/* Readers in between see a mixture; the sequence number tells them. */
static void put_at(struct dentry *d, struct place p, char *name)
{
    name_drop(d);
    d->name_len = MIN(d->name_len, p.len); /* never longer than either name */
    atomic_store_release(&d->name, (const char *)name);
    d->name_len = p.len;
    d->hash = p.hash;
    d->parent = p.parent;
}

void dcache_move(struct dentry *d, struct dentry *target, char *target_name)
{
    struct dentry *old_parent = d->parent;
    struct place to = place_of(target);
    bool had_target;

    dentry_get(to.parent);
    spin_lock(&dcache_lock);
    seq_begin_locked();
    had_target = target->flags & DENTRY_HASHED;
    if (had_target)
        unhash_locked(target);
    target->flags |= DENTRY_DELETED;
    if (d->flags & DENTRY_HASHED)
        unhash_locked(d);
    else
        dentry_get(d); /* the table's */
    put_at(d, to, target_name);
    hash_locked(d);
    seq_end_locked();
    spin_unlock(&dcache_lock);
    if (had_target)
        dentry_put(target);
    dentry_put(old_parent);
}

void dcache_exchange(struct dentry *a, struct dentry *b, char *b_name, char *a_name)
{
    struct place pa = place_of(a), pb = place_of(b);

    spin_lock(&dcache_lock);
    seq_begin_locked();
    if (a->flags & DENTRY_HASHED)
        unhash_locked(a);
    else
        dentry_get(a);
    if (b->flags & DENTRY_HASHED)
        unhash_locked(b);
    else
        dentry_get(b);
    put_at(a, pb, b_name); /* the parents' references swap with them */
    put_at(b, pa, a_name);
    hash_locked(a);
    hash_locked(b);
    seq_end_locked();
    spin_unlock(&dcache_lock);
}

/* ---- shrinking ---- */

#define SHRINK_BATCH 16
static uint32_t shrink_hand; /* the bucket to look at next [dcache_lock] */

/* Only the table holds d: takes that reference, so that nobody gets another. */
static bool freeze_unused_locked(struct dentry *d)
{
    if (!atomic_cmpxchg(&d->refs.n, 1, 0))
        return false;
    unhash_locked(d);
    return true;
}

static unsigned collect(struct dentry **batch, bool (*wanted)(struct dentry *, void *), void *arg,
                        uint32_t *hand, uint32_t *left)
{
    unsigned n = 0;

    spin_lock(&dcache_lock);
    for (; *left && n < SHRINK_BATCH; (*left)--, (*hand)++) {
        struct dentry *d, *next;

        for (d = table->buckets[*hand & table->mask]; d && n < SHRINK_BATCH; d = next) {
            next = d->hash_next;
            if (wanted(d, arg) && freeze_unused_locked(d))
                batch[n++] = d;
        }
        if (n == SHRINK_BATCH)
            break;
    }
    spin_unlock(&dcache_lock);
    return n;
}

static bool not_used_lately(struct dentry *d, void *arg)
{
    if (!d->used)
        return true;
    d->used = 0;
    return false;
}

size_t vfs_shrink(size_t nr)
{
    struct dentry *batch[SHRINK_BATCH];
    uint32_t left = 2 * (table->mask + 1);
    size_t done = 0;
    unsigned n;

    while (done < nr && (n = collect(batch, not_used_lately, NULL, &shrink_hand, &left))) {
        for (unsigned i = 0; i < n; i++)
            dentry_free(batch[i]);
        done += n;
    }
    return done;
}

static bool of_super(struct dentry *d, void *sb)
{
    return d->parent->inode->sb == sb;
}

void dcache_purge(struct super *sb)
{
    struct dentry *batch[SHRINK_BATCH];
    bool again;
    unsigned n;

    do { /* children first: a parent becomes unused with its last child */
        uint32_t left = table->mask + 1, hand = 0;

        again = false;
        while ((n = collect(batch, of_super, sb, &hand, &left))) {
            for (unsigned i = 0; i < n; i++)
                dentry_free(batch[i]);
            again = true;
        }
    } while (again);
}
