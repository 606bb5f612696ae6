/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name.c: the names of local sockets: in the file system, where a name stands for a node that the layers above give, or
 * abstract, which are bytes of any value; and the list of all local sockets.
 */
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/unix/list.h"
#include "net/unix/unix.h"

#define BUCKETS 64

static struct spinlock names_lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct list buckets[BUCKETS]; /* [names_lock] of unix_sock.hash_link; next NULL: never used */
static struct list all = LIST_INIT(all);
static unsigned next_auto = 0x12345; /* [a] */

static bool is_abstract(const struct unix_name *n)
{
    return !n->addr.sun_path[0];
}

static struct list *bucket_of(const void *key, size_t len)
{
    uint32_t h = 2166136261u;
    struct list *b;

    for (size_t n = 0; n < len; n++)
        h = (h ^ ((const uint8_t *)key)[n]) * 16777619u;
    b = &buckets[(h ^ h >> 16) % BUCKETS];
    if (!b->next)
        list_init(b);
    return b;
}

/* Abstract names by their bytes, others by their node. */
static struct list *bucket_for(const struct unix_name *n, void *node)
{
    return node ? bucket_of(&node, sizeof(node)) : bucket_of(&n->addr, n->len);
}

int unix_check_addr(const struct sockaddr_any *a)
{
    return a->len <= UNIX_NAME_HEAD || a->len > UNIX_NAME_MAX || a->family != AF_UNIX ? -EINVAL : 0;
}

/* Its name, terminated and without what comes behind the terminator when it is a path. */
static struct unix_name *name_new(const struct sockaddr_any *a)
{
    struct unix_name *n = kzalloc(sizeof(*n) + 1);

    if (!n)
        return NULL;
    ref_init(&n->refs);
    memcpy(&n->addr, a->bytes, a->len);
    n->len = a->len;
    if (!is_abstract(n))
        n->len = UNIX_NAME_HEAD + strlen(n->addr.sun_path) + 1;
    return n;
}

void unix_name_put(struct unix_name *n)
{
    if (ref_put(&n->refs))
        kfree(n);
}

/* ---- looking up; names_lock held ---- */

static struct unix_sock *find_abstract(const struct unix_name *n, int type)
{
    struct list *b = bucket_for(n, NULL);
    struct unix_sock *s;

    list_for_each (s, b, hash_link)
        if (!s->node && s->s.type == type && s->name->len == n->len &&
            !memcmp(&s->name->addr, &n->addr, n->len))
            return s;
    return NULL;
}

static struct unix_sock *find_node(void *node)
{
    struct list *b = bucket_of(&node, sizeof(node));
    struct unix_sock *s;

    list_for_each (s, b, hash_link)
        if (s->node == node)
            return s;
    return NULL;
}

int unix_find(const struct sockaddr_any *a, int type, struct unix_sock **found)
{
    struct unix_name *n = name_new(a);
    struct unix_sock *s = NULL;
    void *node = NULL;
    int err = 0;

    if (!n)
        return -ENOMEM;
    if (!is_abstract(n))
        err = socket_host->name_find(n->addr.sun_path, &node);
    if (!err) {
        spin_lock(&names_lock);
        s = node ? find_node(node) : find_abstract(n, type);
        if (!s || !ref_get_unless_zero(&s->refs))
            err = -ECONNREFUSED;
        spin_unlock(&names_lock);
        if (node)
            socket_host->name_put(node);
    }
    unix_name_put(n);
    if (!err && s->s.type != type) {
        unix_put(s);
        err = -EPROTOTYPE;
    }
    *found = s;
    return err;
}

/* ---- binding ---- */

/* The name is s's, unless it has one, or another has this one. */
static int attach(struct unix_sock *s, struct unix_name *n, void *node)
{
    int err = 0;

    spin_lock(&names_lock);
    if (s->name) {
        err = -EINVAL;
    } else if (!node && find_abstract(n, s->s.type)) {
        err = -EADDRINUSE;
    } else {
        s->node = node;
        atomic_store_release(&s->name, n);
        list_append(bucket_for(n, node), &s->hash_link);
    }
    spin_unlock(&names_lock);
    return err;
}

static int bind_path(struct unix_sock *s, struct unix_name *n)
{
    void *node;
    int err = socket_host->name_bind(n->addr.sun_path, &node);

    if (err)
        return err;
    err = attach(s, n, node);
    if (err)
        socket_host->name_put(node);
    return err;
}

int unix_bind(struct socket *sk, const struct sockaddr_any *a)
{
    struct unix_sock *s = unix_sk(sk);
    struct unix_name *n;
    int err;

    if (a->len == UNIX_NAME_HEAD && a->family == AF_UNIX)
        return unix_autobind(s);
    err = unix_check_addr(a);
    if (err)
        return err;
    n = name_new(a);
    if (!n)
        return -ENOMEM;
    mutex_lock(&sk->writer); /* one name; the file system is asked meanwhile */
    if (s->name)
        err = is_abstract(n) ? -EINVAL : bind_path(s, n); /* as Linux: the file is there then */
    else
        err = is_abstract(n) ? attach(s, n, NULL) : bind_path(s, n);
    mutex_unlock(&sk->writer);
    if (err)
        unix_name_put(n);
    return err;
}

/* Five hexadecimal digits that nobody has. */
int unix_autobind(struct unix_sock *s)
{
    struct sockaddr_any a = { .len = UNIX_NAME_HEAD + 6, .family = AF_UNIX };
    struct unix_name *n;
    char digits[8];
    int err;

    if (s->name)
        return 0;
    a.bytes[UNIX_NAME_HEAD] = 0;
    for (unsigned tries = 0; tries < 1u << 20; tries++) {
        snprintf(digits, sizeof(digits), "%05x",
                 __atomic_fetch_add(&next_auto, 1, __ATOMIC_RELAXED) & 0xfffff);
        memcpy(a.bytes + UNIX_NAME_HEAD + 1, digits, 5);
        n = name_new(&a);
        if (!n)
            return -ENOMEM;
        err = attach(s, n, NULL);
        if (err)
            unix_name_put(n);
        if (err != -EADDRINUSE)
            return err == -EINVAL ? 0 : err; /* -EINVAL: another thread was faster */
    }
    return -ENOSPC;
}

/* ---- names handed out ---- */

void unix_put_name(struct unix_sock *from, struct sockaddr_any *a)
{
    struct unix_name *n = atomic_load_acquire(&from->name);

    a->len = 0;
    if (!n)
        return;
    a->len = n->len;
    memcpy(a->bytes, &n->addr, n->len);
}

int unix_getname(struct socket *sk, struct sockaddr_any *a, bool peer)
{
    struct unix_sock *s = unix_sk(sk), *of = s;

    if (peer) {
        spin_lock(&s->lock);
        of = s->peer;
        if (of)
            unix_get(of);
        spin_unlock(&s->lock);
        if (!of)
            return -ENOTCONN;
    }
    unix_put_name(of, a);
    if (!a->len) {
        a->len = UNIX_NAME_HEAD;
        a->family = AF_UNIX;
    }
    if (peer)
        unix_put(of);
    return 0;
}

/* ---- all sockets ---- */

void unix_names_add(struct unix_sock *s)
{
    list_init(&s->hash_link);
    spin_lock(&names_lock);
    list_append(&all, &s->all_link);
    spin_unlock(&names_lock);
}

void unix_names_remove(struct unix_sock *s)
{
    void *node;

    spin_lock(&names_lock);
    list_remove(&s->hash_link);
    list_remove(&s->all_link);
    node = s->node;
    s->node = NULL;
    spin_unlock(&names_lock);
    if (node)
        socket_host->name_put(node);
}

/* [l] held, names_lock not */
static void describe_locked(struct unix_sock *s, struct unix_info *i)
{
    struct unix_sock *peer = s->dead ? NULL : s->peer;

    i->listening = s->state == UNIX_LISTENING;
    i->connected = s->state == UNIX_CONNECTED;
    i->shutdown = s->shutdown;
    i->has_peer = peer;
    i->peer_ino = peer ? peer->s.ino : 0;
    i->rqueue = s->rx_nr;
    i->wqueue = s->backlog;
}

static void describe(struct unix_sock *s, struct unix_info *i)
{
    i->refs = s->refs.n - 1; /* one is the caller's */
    i->type = s->s.type;
    i->ino = s->s.ino;
    i->uid = s->s.uid;
    i->rcvbuf = s->s.rcvbuf;
    i->sndbuf = s->s.sndbuf;
    i->has_file = s->s.file;
    spin_lock(&s->lock);
    describe_locked(s, i);
    spin_unlock(&s->lock);
    if (!i->listening) {
        i->rqueue = unix_bytes_in(s);
        i->wqueue = READ_ONCE(s->wmem);
    }
    i->name_len = 0;
    spin_lock(&names_lock);
    if (s->name) {
        i->name_len = s->name->len - UNIX_NAME_HEAD;
        memcpy(i->name, s->name->addr.sun_path, i->name_len);
    }
    spin_unlock(&names_lock);
}

/* The n-th of them that has the inode number (0: any), with a reference; NULL: there is none. */
static struct unix_sock *get_nth(unsigned n, uint64_t ino)
{
    struct unix_sock *s, *found = NULL;

    spin_lock(&names_lock);
    list_for_each (s, &all, all_link) {
        if ((ino && s->s.ino != ino) || n--)
            continue;
        found = s;
        unix_get(s);
        break;
    }
    spin_unlock(&names_lock);
    return found;
}

bool unix_info_at(unsigned n, struct unix_info *i)
{
    struct unix_sock *s = get_nth(n, 0);

    if (!s)
        return false;
    describe(s, i);
    unix_put(s);
    return true;
}

unsigned unix_icons(uint64_t ino, uint32_t *icons, unsigned max)
{
    struct unix_sock *s = get_nth(0, ino), *e;
    unsigned n = 0;

    if (!s)
        return 0;
    spin_lock(&s->lock);
    list_for_each (e, &s->embryos, link)
        if (n < max)
            icons[n++] = e->peer ? e->peer->s.ino : 0;
    spin_unlock(&s->lock);
    unix_put(s);
    return n;
}
