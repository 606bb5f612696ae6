/* SPDX-License-Identifier: BSD-2-Clause */
/* msg.c: messages of local sockets: their memory, their charge, what they carry besides data. */
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "net/unix/unix.h"

#define INLINE_BYTES (2048 - sizeof(struct unix_msg)) /* what kmalloc() has below a page */
#define CHARGE_HEAD  576
#define NOBODY       65534

static struct slab_cache small_cache = SLAB_CACHE_SIZED("unix_msg", UNIX_SMALL_SIZE, 16);

void unix_msg_free_memory(struct unix_msg *msg)
{
    for (unsigned n = 0; n < msg->nr_pages; n++)
        page_put(msg->pages[n]);
    if (likely(msg->small))
        slab_free(&small_cache, msg);
    else
        kfree(msg);
}

static struct unix_msg *alloc_pages(size_t len)
{
    unsigned nr = (len + PAGE_SIZE - 1) >> PAGE_SHIFT;
    struct unix_msg *msg = kmalloc(sizeof(*msg) + nr * sizeof(struct page *));

    if (!msg)
        return NULL;
    msg->small = false;
    for (msg->nr_pages = 0; msg->nr_pages < nr; msg->nr_pages++) {
        struct page *p = page_alloc(PAGE_WAIT | PAGE_USER);

        if (!p) {
            unix_msg_free_memory(msg);
            return NULL;
        }
        msg->pages[msg->nr_pages] = p;
    }
    msg->charge = CHARGE_HEAD + nr * PAGE_SIZE;
    return msg;
}

static __noinline struct unix_msg *alloc_large(size_t len)
{
    struct unix_msg *msg;

    if (len > INLINE_BYTES)
        return alloc_pages(len);
    msg = kmalloc(sizeof(*msg) + len);
    if (!msg)
        return NULL;
    msg->small = false;
    msg->nr_pages = 0;
    msg->charge = CHARGE_HEAD + ALIGN_UP((uint32_t)len, 512);
    return msg;
}

static inline struct unix_msg *alloc(size_t len)
{
    struct unix_msg *msg;

    if (unlikely(len > UNIX_SMALL_BYTES))
        return alloc_large(len);
    msg = slab_alloc(&small_cache);
    if (unlikely(!msg))
        return NULL;
    msg->small = true;
    msg->nr_pages = 0;
    msg->charge = UNIX_CHARGE_SMALL;
    return msg;
}

static bool fill_pages(struct unix_msg *msg, struct iov *v, size_t len)
{
    for (unsigned n = 0; len; n++) {
        size_t part = MIN(len, PAGE_SIZE);

        if (iov_get(v, page_virt(msg->pages[n]), part) < part)
            return false;
        len -= part;
    }
    return true;
}

static inline bool fill(struct unix_msg *msg, struct iov *v, size_t len)
{
    if (unlikely(msg->nr_pages))
        return fill_pages(msg, v, len);
    return iov_get(v, msg->data, len) == len;
}

/* Does the receiver want to know who it is? One that is not accepted yet might. */
static inline bool wants_cred(const struct unix_sock *s, const struct unix_sock *peer)
{
    return s->s.passcred || peer->s.passcred || !peer->s.file;
}

int unix_msg_new(struct unix_sock *s, struct unix_sock *peer, struct socket_msg *m, size_t len,
                 struct unix_msg **out)
{
    struct unix_msg *msg = alloc(len);
    int err;

    if (unlikely(!msg))
        return -ENOBUFS;
    msg->len = len;
    msg->off = 0;
    msg->from = NULL;
    msg->rights = NULL;
    msg->has_cred = m->has_cred;
    if (unlikely(m->has_cred)) {
        msg->cred = m->cred;
    } else if (unlikely(wants_cred(s, peer))) {
        socket_host->cred(&msg->cred, false);
        msg->has_cred = true;
    }
    if (unlikely(!fill(msg, m->iov, len))) {
        unix_msg_free_memory(msg);
        return -EFAULT;
    }
    if (unlikely(m->rights)) {
        err = unix_rights_begin(m->rights);
        if (err) {
            unix_msg_free_memory(msg);
            return err;
        }
        msg->rights = m->rights;
        m->rights = NULL;
    }
    atomic_add(&s->wmem, msg->charge);
    *out = msg;
    return 0;
}

static size_t copy_pages(struct unix_msg *msg, size_t at, struct iov *v, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t off = (at + done) & ~PAGE_MASK, part = MIN(len - done, PAGE_SIZE - off);
        size_t n = iov_put(v, (char *)page_virt(msg->pages[(at + done) >> PAGE_SHIFT]) + off, part);

        done += n;
        if (n < part)
            break;
    }
    return done;
}

size_t unix_msg_copy(struct unix_msg *msg, size_t at, struct iov *v, size_t len)
{
    if (unlikely(msg->nr_pages))
        return copy_pages(msg, at, v, len);
    return iov_put(v, msg->data + at, len);
}

static struct socket_rights *rights_copy(const struct socket_rights *r)
{
    size_t size = sizeof(*r) + r->nr * sizeof(r->files[0]);
    struct socket_rights *c = kmalloc(size);

    if (!c)
        return NULL;
    memcpy(c, r, size);
    for (unsigned n = 0; n < c->nr; n++)
        socket_host->file_get(c->files[n]);
    return c;
}

static __noinline void take_rights(struct unix_msg *msg, struct socket_msg *m, bool peek)
{
    unix_rights_lock();
    if (peek) {
        m->rights = rights_copy(msg->rights);
        if (!m->rights)
            m->flags |= MSG_CTRUNC;
    } else {
        m->rights = msg->rights;
        msg->rights = NULL;
        unix_rights_end(m->rights);
    }
    unix_rights_unlock();
}

void unix_msg_extras(struct unix_sock *s, struct unix_msg *msg, struct socket_msg *m, bool peek)
{
    if (unlikely(s->s.passcred)) {
        m->cred = msg->has_cred ? msg->cred : (struct ucred){ 0, NOBODY, NOBODY };
        m->has_cred = true;
    }
    if (unlikely(msg->rights))
        take_rights(msg, m, peek);
}

void unix_msg_free(struct unix_msg *msg, struct unix_sock *from)
{
    atomic_sub(&from->wmem, msg->charge);
    if (likely(unix_writable(from)))
        socket_wake(&from->s, SOCKET_POLLOUT);
    if (unlikely(msg->rights))
        unix_rights_drop(msg->rights);
    unix_msg_free_memory(msg);
}

int unix_wait_sndbuf(struct unix_sock *s, struct socket_msg *m)
{
    for (;;) {
        int err = socket_take_error(&s->s);

        if (err)
            return err;
        if (READ_ONCE(s->shutdown) & SHUT_SEND)
            return -EPIPE;
        if (READ_ONCE(s->wmem) < READ_ONCE(s->s.sndbuf))
            return 0;
        if (m->flags & MSG_DONTWAIT)
            return -EAGAIN;
        err = socket_wait(&s->s,
                          READ_ONCE(s->wmem) < READ_ONCE(s->s.sndbuf) ||
                              (READ_ONCE(s->shutdown) & SHUT_SEND) || READ_ONCE(s->s.err),
                          SOCKET_POLLOUT, m->deadline_ns);
        if (err)
            return socket_wait_error(err, m->deadline_ns);
    }
}
