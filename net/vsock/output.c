/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.c: packets on their way out: to the device, or to another socket here. Those for here wait in a list for the
 * softirq, as those from the device do, so that no socket's lock is taken under another's.
 *
 * Packets of a socket are made and handed over under its lock: what one says of the buffer is never older than what the
 * one before it said.
 */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/slab.h"
#include "net/timer_softirq.h"
#include "net/vsock/vsock.h"

#define BUDGET 64 /* packets before others than vsock run */

static struct spinlock loop_lock = SPINLOCK_INIT(RANK_NETDEV);
static struct list loop_queue = LIST_INIT(loop_queue); /* [loop_lock] */
static bool loop_running;                              /* [loop_lock] a softirq works it off */

/* ---- the ways ---- */

int vsock_route(const struct vsock_sock *s, uint32_t cid, bool *loop)
{
    *loop = cid == VMADDR_CID_LOCAL || cid == (vsockdev ? READ_ONCE(vsockdev->cid) : VMADDR_CID_HOST);
    if (*loop)
        return 0;
    if (!vsockdev)
        return -ENODEV;
    return s->s.type == SOCK_SEQPACKET && !vsockdev->seqpacket ? -ESOCKTNOSUPPORT : 0;
}

bool vsock_is_local(uint32_t cid)
{
    return cid == VMADDR_CID_ANY || cid == VMADDR_CID_LOCAL || (vsockdev && cid == READ_ONCE(vsockdev->cid));
}

static void hand_over(struct vsock_pkt *p, bool loop)
{
    bool first;

    if (!loop) {
        vsockdev->ops->send(vsockdev, p);
        return;
    }
    p->len = p->hdr.len;
    spin_lock(&loop_lock);
    first = list_empty(&loop_queue) && !loop_running;
    list_append(&loop_queue, &p->link);
    spin_unlock(&loop_lock);
    if (first)
        softirq_raise(SOFTIRQ_VSOCK);
}

/* It has left: what it held of its sender's is free again. */
static void settle(struct vsock_pkt *p)
{
    struct vsock_sock *s = p->owner;

    if (!s)
        return;
    p->owner = NULL;
    atomic_sub(&s->unsent, p->len);
    if (vsock_room(s))
        socket_wake(&s->s, SOCKET_POLLOUT);
    vsock_put(s);
}

static void sent(struct vsock_pkt *p)
{
    settle(p);
    kfree(p);
}

/* One CPU at a time, so that packets stay in order. True: there is more. */
static bool run_loop(void)
{
    struct vsock_pkt *p;
    bool more;

    spin_lock(&loop_lock);
    if (loop_running) {
        spin_unlock(&loop_lock);
        return false;
    }
    loop_running = true;
    for (unsigned n = 0; n < BUDGET && (p = list_first(&loop_queue, struct vsock_pkt, link)); n++) {
        list_remove(&p->link);
        spin_unlock(&loop_lock);
        settle(p);
        vsock_input(p, true);
        spin_lock(&loop_lock);
    }
    loop_running = false;
    more = !list_empty(&loop_queue);
    spin_unlock(&loop_lock);
    return more;
}

static void from_device(struct vsock_pkt *p)
{
    vsock_input(p, false);
}

static bool run_device(void)
{
    static uint32_t running; /* [a] */
    bool more;

    if (!vsockdev)
        return false;
    if (!atomic_cmpxchg(&running, 0, 1)) /* another CPU is at it: again, lest what came just now be missed */
        return true;
    more = vsockdev->ops->poll(vsockdev);
    atomic_store_release(&running, 0);
    return more;
}

static void softirq(void)
{
    bool more = run_loop();

    if (run_device() || more)
        softirq_raise(SOFTIRQ_VSOCK);
}

static const struct vsock_client client = { softirq, from_device, sent, vsock_reset_all };

void vsock_start(void)
{
    static uint32_t started; /* [a] 0: no; 1: by a thread that is at it; 2 */

    if (likely(atomic_load_acquire(&started) == 2))
        return;
    if (atomic_cmpxchg(&started, 0, 1)) {
        net_timer_softirq_init();
        vsock_tables_init();
        vsockdev_set_client(&client);
        atomic_store_release(&started, 2);
        return;
    }
    while (atomic_load_acquire(&started) != 2) /* on another CPU: it does not sleep */
        arch_pause();
}

/* ---- packets ---- */

uint32_t vsock_room(const struct vsock_sock *s)
{
    /* No more under way than our own buffer holds, whatever the other end says of its. */
    uint32_t most = MIN(READ_ONCE(s->peer_alloc), vsock_buf_alloc(s));
    uint32_t under_way = MAX(READ_ONCE(s->tx_cnt) - READ_ONCE(s->peer_fwd), atomic_load(&s->unsent));

    return most > under_way ? most - under_way : 0;
}

/* A connection's packet, complete but for its data. lock held. */
static void emit(struct vsock_sock *s, struct vsock_pkt *p, unsigned op, uint32_t len, uint32_t flags)
{
    uint32_t alloc = vsock_buf_alloc(s), edge = s->fwd_cnt + alloc;

    p->flags = flags;
    p->hdr = (struct virtio_vsock_hdr){
        .src_cid = !s->loop                         ? READ_ONCE(vsockdev->cid)
                   : s->local.cid == VMADDR_CID_ANY ? VMADDR_CID_LOCAL
                                                    : s->local.cid,
        .dst_cid = s->remote.cid,
        .src_port = s->local.port,
        .dst_port = s->remote.port,
        .len = len,
        .type = s->s.type == SOCK_STREAM ? VIRTIO_VSOCK_TYPE_STREAM : VIRTIO_VSOCK_TYPE_SEQPACKET,
        .op = op,
        .flags = flags,
        .buf_alloc = alloc,
        .fwd_cnt = s->fwd_cnt,
    };
    s->told_fwd = s->fwd_cnt;
    if ((int32_t)(edge - s->rx_edge) > 0)
        s->rx_edge = edge;
    hand_over(p, s->loop);
}

void vsock_control(struct vsock_sock *s, unsigned op, uint32_t flags)
{
    struct vsock_pkt *p = vsock_pkt_new(0);

    if (p)
        emit(s, p, op, 0, flags);
}

void vsock_send_data(struct vsock_sock *s, struct vsock_pkt *p, uint32_t len, uint32_t flags)
{
    ref_get(&s->refs);
    p->owner = s;
    p->len = len;
    atomic_add(&s->unsent, len);
    s->tx_cnt += len;
    emit(s, p, VIRTIO_VSOCK_OP_RW, len, flags);
}

void vsock_refuse(const struct virtio_vsock_hdr *h, bool loop)
{
    struct vsock_pkt *p;

    if (h->op == VIRTIO_VSOCK_OP_RST)
        return;
    p = vsock_pkt_new(0);
    if (!p)
        return;
    p->hdr = (struct virtio_vsock_hdr){
        .src_cid = h->dst_cid,
        .dst_cid = h->src_cid,
        .src_port = h->dst_port,
        .dst_port = h->src_port,
        .type = h->type,
        .op = VIRTIO_VSOCK_OP_RST,
    };
    hand_over(p, loop);
}
