/* SPDX-License-Identifier: BSD-2-Clause */
/* zerocopy.c: MSG_ZEROCOPY: sends whose pages are the program's, and telling it of their end (see zerocopy.h). */
#include "net/zerocopy.h"
#include "abi/errno.h"
#include "abi/netif.h"
#include "kernel/mm.h"
#include "kernel/netdev.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include <linux/in.h>
#include <linux/in6.h>

#define SOL_IP   0
#define SOL_IPV6 41
#define CHARGE   832 /* of SOCKET_OPTMEM_MAX, for each that was not yet told of: about Linux's */

struct zerocopy_queue {
    refcount_t refs;               /* the socket's, and one for each send under way */
    struct spinlock lock;          /* RANK_ZEROCOPY */
    struct socket *sock;           /* whom to wake; NULL: it is gone [lock] */
    struct zerocopy *first, *last; /* to be told of [lock; first: a] */
    uint32_t next;                 /* the number of the next send [lock] */
    uint32_t charged;              /* [a] */
};

static uint64_t pinned; /* pages of all who have a limit of them [a] */

static void queue_put(struct zerocopy_queue *q)
{
    if (ref_put(&q->refs))
        kfree(q);
}

static void discard(struct zerocopy *z)
{
    struct zerocopy_queue *q = z->queue;

    atomic_sub(&q->charged, CHARGE);
    kfree(z);
    queue_put(q);
}

/* Numbers that follow on those at the end become one notice with them, as on Linux whether copied or not. */
static bool extend(struct zerocopy *last, const struct zerocopy *z)
{
    if (!last || z->lo != last->hi + 1 || (uint64_t)(last->hi - last->lo) + z->hi - z->lo + 2 > UINT32_MAX)
        return false;
    last->hi = z->hi;
    return true;
}

static void done(struct pktbuf_owner *o)
{
    struct zerocopy *z = container_of(o, struct zerocopy, owner);
    struct zerocopy_queue *q = z->queue;
    bool kept = false;

    if (z->nr_pages)
        atomic_sub(&pinned, z->nr_pages);
    spin_lock(&q->lock);
    if (q->sock) {
        if (!extend(q->last, z)) {
            z->next = NULL;
            if (q->last)
                q->last->next = z;
            else
                WRITE_ONCE(q->first, z);
            q->last = z;
            kept = true;
        }
        socket_wake(q->sock, EPOLLERR); /* under the lock: the socket is still there */
    }
    spin_unlock(&q->lock);
    if (!kept)
        discard(z);
}

/* ---- sending ---- */

static struct zerocopy_queue *queue_of(struct socket *s)
{
    struct zerocopy_queue *q = s->zc;

    if (likely(q))
        return q;
    q = kzalloc(sizeof(*q));
    if (!q)
        return NULL;
    ref_init(&q->refs);
    spin_init(&q->lock, RANK_ZEROCOPY);
    q->sock = s;
    mutex_lock(&s->writer);
    if (s->zc)
        kfree(q);
    else
        atomic_store_release(&s->zc, q);
    mutex_unlock(&s->writer);
    return s->zc;
}

/* RLIMIT_MEMLOCK counts what is pinned, as generously as Linux: 0 or the pages counted; -ENOBUFS: too many. */
static int64_t account(size_t len)
{
    uint64_t limit = socket_host->limit_memlock(), n = (len >> PAGE_SHIFT) + 2;

    if (limit == UINT64_MAX)
        return 0;
    atomic_add(&pinned, n);
    if (READ_ONCE(pinned) > limit >> PAGE_SHIFT) {
        atomic_sub(&pinned, n);
        return -ENOBUFS;
    }
    return n;
}

struct zerocopy *zerocopy_begin(struct socket *s, size_t len)
{
    struct zerocopy_queue *q = queue_of(s);
    struct zerocopy *z;
    int64_t pages;

    if (!q || READ_ONCE(q->charged) + CHARGE > SOCKET_OPTMEM_MAX)
        return ERR_PTR(-ENOBUFS);
    z = kzalloc(sizeof(*z));
    if (!z)
        return ERR_PTR(-ENOBUFS);
    pages = account(len);
    if (pages < 0) {
        kfree(z);
        return ERR_PTR(-ENOBUFS);
    }
    atomic_add(&q->charged, CHARGE);
    ref_get(&q->refs);
    ref_init(&z->owner.refs);
    z->owner.done = done;
    z->queue = q;
    z->nr_pages = pages;
    spin_lock(&q->lock);
    z->lo = z->hi = q->next++;
    spin_unlock(&q->lock);
    return z;
}

void zerocopy_end(struct zerocopy *z, ssize_t n)
{
    struct zerocopy_queue *q = z->queue;
    bool unused;

    spin_lock(&q->lock);
    unused = n < 0 && q->next == z->lo + 1; /* else another send has the next one: this one is told of */
    if (unused)
        q->next--;
    spin_unlock(&q->lock);
    if (!unused) {
        pktbuf_owner_put(&z->owner);
        return;
    }
    if (z->nr_pages)
        atomic_sub(&pinned, z->nr_pages);
    discard(z);
}

bool zerocopy_possible(const struct netdev *d)
{
    return d && !(d->features & NETDEV_LOOP) && d->features & NETDEV_TX_CSUM;
}

unsigned zerocopy_pin(struct iov *v, uint32_t len, struct pktfrag *frags, unsigned max, uint32_t *got)
{
    struct page *pages[PKTBUF_MAX_FRAGS];
    unsigned nr = 0, n;

    *got = 0;
    while (*got < len && nr < max && v->count && !v->kernel) {
        size_t left = v->segs->len - v->off;
        vaddr_t addr = v->segs->base + v->off;

        if (!left) {
            v->segs++;
            v->nr_segs--;
            v->off = 0;
            continue;
        }
        n = mm_pin(addr, MIN(left, (size_t)(len - *got)), pages, MIN(max - nr, (unsigned)PKTBUF_MAX_FRAGS));
        for (unsigned i = 0; i < n; i++) {
            uint32_t off = addr & (PAGE_SIZE - 1);
            uint32_t bytes = MIN(MIN(left, (size_t)(len - *got)), (size_t)(PAGE_SIZE - off));

            frags[nr++] = (struct pktfrag){ pages[i], off, bytes };
            addr += bytes;
            left -= bytes;
            *got += bytes;
            iov_skip(v, bytes);
        }
        if (!n)
            break;
    }
    return nr;
}

/* ---- telling ---- */

bool zerocopy_told(const struct socket *s)
{
    return READ_ONCE(s->zc->first) != NULL;
}

int zerocopy_receive(struct socket *s, struct socket_msg *m)
{
    struct {
        struct sock_extended_err ee;
        uint8_t offender[sizeof(struct sockaddr_in6)];
    } c = { .ee = { .ee_origin = SO_EE_ORIGIN_ZEROCOPY } };
    struct zerocopy_queue *q = READ_ONCE(s->zc);
    struct zerocopy *z = NULL;
    bool v4 = s->family == AF_INET;

    if (q) {
        spin_lock(&q->lock);
        z = q->first;
        if (z) {
            WRITE_ONCE(q->first, z->next);
            if (!z->next)
                q->last = NULL;
        }
        spin_unlock(&q->lock);
    }
    if (!z)
        return -EAGAIN;
    c.ee.ee_info = z->lo;
    c.ee.ee_data = z->hi;
    c.ee.ee_code = z->owner.copied ? SO_EE_CODE_ZEROCOPY_COPIED : 0;
    discard(z);
    m->flags = MSG_ERRQUEUE;
    if (m->name)
        m->name->len = 0;
    socket_put_control(m, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &c,
                       sizeof(c.ee) + (v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
    return 0;
}

void zerocopy_release(struct socket *s)
{
    struct zerocopy_queue *q = s->zc;
    struct zerocopy *z, *next;

    if (likely(!q))
        return;
    spin_lock(&q->lock);
    q->sock = NULL;
    z = q->first;
    q->first = q->last = NULL;
    spin_unlock(&q->lock);
    s->zc = NULL;
    for (; z; z = next) {
        next = z->next;
        discard(z);
    }
    queue_put(q);
}
