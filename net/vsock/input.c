/* SPDX-License-Identifier: BSD-2-Clause */
/* input.c: packets that come in: from the device, whose word is not trusted, and from sockets here. */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "net/vsock/vsock.h"

/* ---- a listener's ---- */

/* The connection that h asks for; NULL: it cannot be. */
static struct vsock_sock *new_child(struct vsock_sock *s, const struct virtio_vsock_hdr *h, bool loop)
{
    struct vsock_sock *c;

    if (h->op != VIRTIO_VSOCK_OP_REQUEST || s->nr_children > s->backlog)
        return NULL;
    c = vsock_new(s->s.type, s);
    if (!c)
        return NULL;
    c->local = (struct vsock_name){ h->dst_cid, h->dst_port };
    c->remote = (struct vsock_name){ h->src_cid, h->src_port };
    c->loop = loop;
    c->peer_alloc = h->buf_alloc;
    c->peer_fwd = h->fwd_cnt;
    c->state = VSOCK_CONNECTED;
    return c;
}

/* lock held */
static void request(struct vsock_sock *s, const struct virtio_vsock_hdr *h, bool loop)
{
    struct vsock_sock *c = new_child(s, h, loop);

    if (!c) {
        vsock_refuse(h, loop);
        return;
    }
    vsock_control(c, VIRTIO_VSOCK_OP_RESPONSE, 0); /* nobody else knows it yet: without its lock */
    vsock_table_connect(c);
    list_append(&s->children, &c->child);
    s->nr_children++;
    socket_wake(&s->s, SOCKET_POLLIN);
}

/* ---- a connection's ---- */

/* The other end has closed. lock held. */
static void closed(struct vsock_sock *s)
{
    s->done = true;
    s->peer_shutdown = SHUT_BOTH;
    vsock_table_disconnect(s);
    if (s->dead && net_timer_cancel(&s->timer)) /* nothing more to wait for */
        vsock_put(s);                           /* the caller has one, too */
    socket_wake_all(&s->s);
}

/* lock held */
static void shut(struct vsock_sock *s, uint32_t flags)
{
    if (flags & VIRTIO_VSOCK_SHUTDOWN_RCV)
        s->peer_shutdown |= SHUT_RECEIVE;
    if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND)
        s->peer_shutdown |= SHUT_SEND;
    if (s->peer_shutdown == SHUT_BOTH && !s->done) {
        vsock_control(s, VIRTIO_VSOCK_OP_RST, 0);
        closed(s);
    }
    socket_wake_all(&s->s);
}

/* Returns whether the packet was kept. lock held. */
static bool connected(struct vsock_sock *s, struct vsock_pkt *p, unsigned op)
{
    switch (op) {
    case VIRTIO_VSOCK_OP_RW:
        if (s->dead || s->shutdown & SHUT_RECEIVE || !(p->len || s->s.type == SOCK_SEQPACKET))
            return false;
        if (vsock_enqueue(s, p)) {
            socket_wake(&s->s, SOCKET_POLLIN);
            return true;
        }
        /* More than it was allowed: the stream would have a hole. */
        vsock_control(s, VIRTIO_VSOCK_OP_RST, 0);
        atomic_store(&s->s.err, -ECONNRESET);
        closed(s);
        return false;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        vsock_control(s, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
        return false;
    case VIRTIO_VSOCK_OP_SHUTDOWN:
        shut(s, p->flags);
        return false;
    case VIRTIO_VSOCK_OP_RST:
        closed(s);
        return false;
    }
    return false; /* credit came with the header; the rest means nothing */
}

/* lock held */
static void connecting(struct vsock_sock *s, const struct virtio_vsock_hdr *h)
{
    switch (h->op) {
    case VIRTIO_VSOCK_OP_RESPONSE:
        s->state = VSOCK_CONNECTED;
        if (net_timer_cancel(&s->timer))
            vsock_put(s);
        socket_wake_all(&s->s);
        break;
    case VIRTIO_VSOCK_OP_INVALID:
        break;
    case VIRTIO_VSOCK_OP_RST:
        vsock_connect_failed(s, -ECONNRESET);
        break;
    default:
        vsock_control(s, VIRTIO_VSOCK_OP_RST, 0);
        vsock_connect_failed(s, -EPROTO);
        break;
    }
}

/* lock held */
static void credit(struct vsock_sock *s, const struct virtio_vsock_hdr *h)
{
    bool had = vsock_room(s);

    s->peer_alloc = h->buf_alloc;
    s->peer_fwd = h->fwd_cnt;
    if ((!had || s->s.type == SOCK_SEQPACKET) && vsock_room(s))
        socket_wake(&s->s, SOCKET_POLLOUT);
}

static bool deliver(struct vsock_sock *s, struct vsock_pkt *p, const struct virtio_vsock_hdr *h, bool loop)
{
    bool kept = false;

    spin_lock(&s->lock);
    if (s->state == VSOCK_LISTENING && !s->dead) {
        request(s, h, loop);
    } else if (s->state == VSOCK_CONNECTING) {
        credit(s, h);
        connecting(s, h);
    } else if (s->state == VSOCK_CONNECTED && !s->done) {
        credit(s, h);
        kept = connected(s, p, h->op);
    } else {
        vsock_refuse(h, loop);
    }
    spin_unlock(&s->lock);
    return kept;
}

static bool type_fits(const struct vsock_sock *s, unsigned type)
{
    return type == (s->s.type == SOCK_STREAM ? VIRTIO_VSOCK_TYPE_STREAM : VIRTIO_VSOCK_TYPE_SEQPACKET);
}

/* A packet whose addresses cannot be gets no answer: there is nobody to send it to. */
static bool addresses_fit(const struct virtio_vsock_hdr *h, bool loop)
{
    if (loop)
        return true;
    return h->dst_cid == READ_ONCE(vsockdev->cid) && h->src_cid != h->dst_cid &&
           h->src_cid != VMADDR_CID_LOCAL && h->src_cid < VMADDR_CID_ANY;
}

void vsock_input(struct vsock_pkt *p, bool loop)
{
    struct virtio_vsock_hdr h = p->hdr;
    struct vsock_sock *s;
    bool kept = false;

    p->flags = h.flags;
    if (!addresses_fit(&h, loop)) {
        kfree(p);
        return;
    }
    s = vsock_find((struct vsock_name){ h.src_cid, h.src_port }, (struct vsock_name){ h.dst_cid, h.dst_port },
                   loop);
    if (!s || !type_fits(s, h.type))
        vsock_refuse(&h, loop);
    else
        kept = deliver(s, p, &h, loop);
    if (s)
        vsock_put(s);
    if (!kept)
        kfree(p);
}

void vsock_reset_all(void)
{
    struct vsock_sock *s;

    while ((s = vsock_table_pop())) {
        spin_lock(&s->lock);
        if (s->state == VSOCK_CONNECTING) {
            vsock_connect_failed(s, -ECONNRESET);
        } else if (!s->done) {
            atomic_store(&s->s.err, -ECONNRESET);
            closed(s);
        }
        spin_unlock(&s->lock);
        vsock_put(s);
    }
}
