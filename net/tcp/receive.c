/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.c: where arriving bytes go: the queue in order, the list of what came too early, urgent data, the end.
 *
 * Packets of the queue are read without the lock by whoever holds socket.reader: only the end is appended to here, and
 * bytes that were announced (rcv_nxt) never move.
 */
#include "net/tcp/tcp_sock.h"

#define COALESCE_MAX 1024 /* bytes that are rather copied than kept in a packet of their own */

static struct pktbuf *queue_last(struct tcp_sock *t)
{
    return t->rx.first ? container_of(t->rx.end, struct pktbuf, next) : NULL;
}

static uint32_t truesize_of(const struct pktbuf *p)
{
    return sizeof(*p) + (p->end - p->head) + (p->total - p->len);
}

static inline void charge(struct tcp_sock *t, int32_t bytes)
{
    t->rmem += bytes;
    tcp_mem_add(bytes);
}

void tcp_rx_purge(struct tcp_sock *t)
{
    struct pktbuf *p;

    while ((p = pktqueue_take(&t->rx))) {
        charge(t, -(int32_t)TCP_CB(p)->truesize);
        pktbuf_free(p);
    }
    while ((p = t->ooo_first)) {
        t->ooo_first = p->next;
        charge(t, -(int32_t)TCP_CB(p)->truesize);
        pktbuf_free(p);
    }
    t->ooo_last = NULL;
    t->ooo_mem = 0;
    t->nr_recent = 0;
}

/* Behind the last bytes of the queue; takes p. */
static __always_inline void append(struct tcp_sock *t, struct pktbuf *p)
{
    struct tcp_cb *cb = TCP_CB(p);
    struct pktbuf *last = queue_last(t);

    t->bytes_received += cb->end - cb->seq;
    if (last && !p->nr_frags && !last->nr_frags && p->len <= COALESCE_MAX &&
        p->len <= (uint32_t)(last->end - last->data) - last->len) {
        memcpy(last->data + last->len, p->data, p->len);
        last->len += p->len;
        last->total += p->len;
        atomic_store_release(&t->rcv_nxt, cb->end);
        TCP_CB(last)->end = cb->end;
        TCP_COUNT(rcv_coalesced);
        pktbuf_free(p);
        return;
    }
    charge(t, cb->truesize);
    pktqueue_append(&t->rx, p);
    atomic_store_release(&t->rcv_nxt, cb->end);
}

/* ---- SACK blocks of ours ---- */

static void remember_block(struct tcp_sock *t, struct sack_block b)
{
    unsigned n = 0;
    struct sack_block kept[4];

    for (unsigned i = 0; i < t->nr_recent && n < 3; i++) {
        struct sack_block o = t->recent[i];

        if (seq_le(b.start, o.end) && seq_le(o.start, b.end)) { /* has become one with the new one */
            if (seq_lt(o.start, b.start))
                b.start = o.start;
            b.end = seq_max(o.end, b.end);
        } else {
            kept[n++] = o;
        }
    }
    t->recent[0] = b;
    memcpy(t->recent + 1, kept, n * sizeof(kept[0]));
    t->nr_recent = n + 1;
}

static void forget_blocks(struct tcp_sock *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->nr_recent; i++)
        if (seq_lt(t->rcv_nxt, t->recent[i].start))
            t->recent[n++] = t->recent[i];
    t->nr_recent = n;
}

static void report_dup(struct tcp_sock *t, uint32_t start, uint32_t end)
{
    if (!t->sack_on)
        return;
    t->dsack.start = start;
    t->dsack.end = end;
}

/* ---- out of order ---- */

static void ooo_unlink(struct tcp_sock *t, struct pktbuf *p)
{
    struct tcp_cb *cb = TCP_CB(p);

    if (cb->prev)
        cb->prev->next = p->next;
    else
        t->ooo_first = p->next;
    if (p->next)
        TCP_CB(p->next)->prev = cb->prev;
    else
        t->ooo_last = cb->prev;
    t->ooo_mem -= cb->truesize;
    charge(t, -(int32_t)cb->truesize);
}

/* The sender sends again what is thrown away here: the last ones, which are needed last. */
static void prune(struct tcp_sock *t, uint32_t goal)
{
    struct pktbuf *p;

    if (t->ooo_last)
        TCP_COUNT(rcv_pruned);
    while (t->rmem > goal && (p = t->ooo_last)) {
        ooo_unlink(t, p);
        pktbuf_free(p);
    }
    t->nr_recent = 0;
}

/* Small ones grow by what precedes them being copied: here only the one directly before. */
static bool ooo_merge(struct tcp_sock *t, struct pktbuf *before, struct pktbuf *p)
{
    struct tcp_cb *cb = TCP_CB(p), *b;

    if (!before)
        return false;
    b = TCP_CB(before);
    if (b->end != cb->seq || b->fin || cb->fin || p->nr_frags || before->nr_frags || p->len > COALESCE_MAX ||
        p->len > (uint32_t)(before->end - before->data) - before->len)
        return false;
    memcpy(before->data + before->len, p->data, p->len);
    before->len += p->len;
    before->total += p->len;
    b->end = cb->end;
    pktbuf_free(p);
    return true;
}

/* Takes p. The list stays sorted and free of overlaps. */
static void ooo_insert(struct tcp_sock *t, struct pktbuf *p)
{
    struct tcp_cb *cb = TCP_CB(p);
    struct sack_block b = { cb->seq, cb->end + cb->fin };
    struct pktbuf *before = t->ooo_last, *next;

    while (before && seq_lt(cb->seq, TCP_CB(before)->seq))
        before = TCP_CB(before)->prev;
    if (before && seq_lt(cb->seq, TCP_CB(before)->end)) {
        uint32_t n = TCP_CB(before)->end - cb->seq;

        if (seq_le(cb->end, TCP_CB(before)->end) && !cb->fin) {
            report_dup(t, cb->seq, cb->end);
            pktbuf_free(p);
            return;
        }
        report_dup(t, cb->seq, cb->seq + n);
        if (n > cb->end - cb->seq)
            n = cb->end - cb->seq;
        pktbuf_drop_front(p, n);
        cb->seq += n;
    }
    next = before ? before->next : t->ooo_first;
    while (next && seq_lt(TCP_CB(next)->seq, cb->end)) {
        struct pktbuf *after = next->next;
        struct tcp_cb *n = TCP_CB(next);

        if (seq_le(n->end, cb->end)) { /* all of it is in p */
            cb->fin |= n->fin && n->end == cb->end;
            report_dup(t, n->seq, n->end);
            ooo_unlink(t, next);
            pktbuf_free(next);
            next = after;
            continue;
        }
        report_dup(t, n->seq, cb->end);
        pktbuf_trim(p, n->seq - cb->seq);
        cb->end = n->seq;
        break;
    }
    if (t->sack_on)
        remember_block(t, b);
    t->ooo_packets++;
    TCP_COUNT(ooo_queued);
    if (cb->end == cb->seq && !cb->fin) {
        pktbuf_free(p);
        return;
    }
    if (ooo_merge(t, before, p))
        return;
    cb->prev = before;
    p->next = next;
    if (before)
        before->next = p;
    else
        t->ooo_first = p;
    if (next)
        TCP_CB(next)->prev = p;
    else
        t->ooo_last = p;
    t->ooo_mem += cb->truesize;
    charge(t, cb->truesize);
}

/* What has become contiguous. True: FIN was there. */
static bool ooo_deliver(struct tcp_sock *t)
{
    struct pktbuf *p;
    bool fin = false;

    while ((p = t->ooo_first) && seq_le(TCP_CB(p)->seq, t->rcv_nxt) && !fin) {
        struct tcp_cb *cb = TCP_CB(p);

        ooo_unlink(t, p);
        fin = cb->fin;
        if (seq_le(cb->end, t->rcv_nxt)) {
            if (cb->end != cb->seq)
                report_dup(t, cb->seq, cb->end);
            fin = fin && cb->end == t->rcv_nxt;
            pktbuf_free(p);
            continue;
        }
        if (seq_lt(cb->seq, t->rcv_nxt)) {
            uint32_t n = t->rcv_nxt - cb->seq;

            report_dup(t, cb->seq, t->rcv_nxt);
            pktbuf_drop_front(p, n);
            cb->seq += n;
        }
        append(t, p);
    }
    forget_blocks(t);
    return fin;
}

/* ---- how data comes: for delayed ACKs and windows ---- */

static void measure(struct tcp_sock *t, const struct tcp_in *in, uint32_t segment)
{
    uint64_t now = in->now, gap = now - t->last_rcv_ns;

    if (segment > t->rcv_mss || (segment >= 536 && segment > t->rcv_mss / 2 && in->flags & TH_PSH))
        t->rcv_mss = MIN(MAX(segment, 536u), 65535u);
    if (segment < t->rcv_mss)
        t->ack_pushed = true;
    if (!t->ato_ns) {
        t->quick_acks = MAX(MIN(t->rcv_wnd / (2 * MAX(t->rcv_mss, 536u)), 16u), 2u);
        t->ato_ns = TCP_DELACK_MIN;
    } else if (gap <= TCP_DELACK_MIN / 2) {
        t->ato_ns = t->ato_ns / 2 + TCP_DELACK_MIN / 2;
    } else if (gap < t->ato_ns) {
        t->ato_ns = MIN(t->ato_ns / 2 + gap, t->rto_ns);
    } else if (gap > t->rto_ns && !t->pingpong) {
        t->quick_acks = 16;
    }
    t->last_rcv_ns = now;
    if (t->ts_on && in->o.tsecr && in->len >= t->rcv_mss) {
        uint32_t us = MAX((tcp_clock_ms(now) + t->ts_offset - in->o.tsecr), 1u) * 1000;

        if (us < 100000000 && (!t->rcv_rtt_us || us < t->rcv_rtt_us))
            t->rcv_rtt_us = us;
        else if (us < 100000000)
            t->rcv_rtt_us += (us - t->rcv_rtt_us) / 8;
    }
    tcp_grow_window(t, segment);
}

/* What was here before, and what is more than we offered, is cut off. False: nothing is left. */
static __noinline bool cut(struct tcp_sock *t, struct tcp_in *in, uint32_t window_end)
{
    struct tcp_cb *cb = TCP_CB(in->p);

    if (seq_le(in->end,
               t->rcv_nxt)) { /* all of it was here before: our ACK was lost, or they were too quick */
        report_dup(t, in->seq, in->end);
        t->ack_now = 1;
        return false;
    }
    if (seq_lt(cb->seq, t->rcv_nxt)) {
        uint32_t n = t->rcv_nxt - cb->seq;

        report_dup(t, cb->seq, t->rcv_nxt);
        pktbuf_drop_front(in->p, MIN(n, in->p->total));
        cb->seq += n;
    }
    if (seq_lt(window_end, cb->end)) { /* more than we offered */
        uint32_t keep = seq_lt(cb->seq, window_end) ? window_end - cb->seq : 0;

        t->ack_now = 1;
        if (!keep)
            return false;
        pktbuf_trim(in->p, keep);
        cb->end = cb->seq + keep;
        cb->fin = false;
    }
    return true;
}

void tcp_receive_data(struct tcp_sock *t, struct tcp_in *in)
{
    struct pktbuf *p = in->p;
    struct tcp_cb *cb = TCP_CB(p);
    bool fin = in->flags & TH_FIN, was_hole = t->ooo_first;
    uint32_t window_end = t->rcv_wup + t->rcv_wnd,
             segment = p->gso_size ? MIN(p->gso_size, in->len) : in->len;

    if (!in->len && !fin)
        return;
    cb->seq = in->seq;
    cb->end = in->seq + in->len;
    cb->fin = fin;
    if (unlikely(cb->seq != t->rcv_nxt || seq_lt(window_end, cb->end)) && !cut(t, in, window_end))
        return;
    fin = cb->fin;
    cb->truesize = truesize_of(p);
    if (t->rmem + cb->truesize > 2 * t->sock.rcvbuf || tcp_memory_short()) {
        prune(t, t->sock.rcvbuf);
        /* an empty queue takes one packet whatever there is, or nothing would ever go on */
        if (t->rmem + cb->truesize > 2 * t->sock.rcvbuf && t->rx.first) {
            t->ack_now = 1;
            TCP_COUNT(rcv_pruned);
            return;
        }
    }
    if (in->len) {
        t->data_segs_in += p->gso_segs ? p->gso_segs : 1;
        measure(t, in, segment);
    }
    in->p = NULL;
    if (cb->seq != t->rcv_nxt) {
        t->ack_now = 1;
        ooo_insert(t, p);
        return;
    }
    if (cb->end != cb->seq)
        append(t, p);
    else
        pktbuf_free(p);
    if (unlikely(was_hole)) {
        t->ack_now = 1;
        if (!fin)
            fin = ooo_deliver(t);
    }
    if (fin)
        tcp_receive_fin(t);
    if (!t->dead && (tcp_readable(t) >= t->sock.rcvlowat || fin))
        socket_wake(&t->sock, EPOLLIN | EPOLLRDNORM);
}

void tcp_receive_fin(struct tcp_sock *t)
{
    t->rcv_nxt++;
    t->fin_received = true;
    atomic_or(&t->shutdown, 1);
    while (t->ooo_first) {
        struct pktbuf *p = t->ooo_first;

        ooo_unlink(t, p);
        pktbuf_free(p);
    }
    t->nr_recent = 0;
    switch (t->state) {
    case TCP_ESTABLISHED:
        tcp_set_state(t, TCP_CLOSE_WAIT);
        t->pingpong = true; /* our FIN mostly follows soon, and can say it */
        break;
    case TCP_FIN_WAIT1: /* both at once */
        tcp_send_ack(t);
        tcp_set_state(t, TCP_CLOSING);
        break;
    case TCP_FIN_WAIT2:
        tcp_send_ack(t);
        tcp_time_wait(t);
        return;
    default:
        return;
    }
    socket_wake(&t->sock, EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | (t->shutdown == 3 ? EPOLLHUP : 0));
}

/* ---- urgent data, as Linux has it: one byte, beside the stream unless SO_OOBINLINE ---- */

void tcp_urgent(struct tcp_sock *t, struct tcp_in *in)
{
    if (in->flags & TH_URG && in->urg) {
        uint32_t at = in->seq + in->urg - 1; /* the pointer is to the byte after it */

        if (!seq_lt(at, t->copied_seq) && !seq_lt(at, t->rcv_nxt) &&
            !(t->urg_state && !seq_lt(t->urg_seq, at))) {
            t->urg_state = TCP_URG_COMING;
            t->urg_seq = at;
            t->urg_owner = socket_urgent_owner(&t->sock);
            socket_wake(&t->sock, EPOLLPRI);
        }
    }
    if (t->urg_state == TCP_URG_COMING) {
        uint32_t off = t->urg_seq - in->seq;

        if (off < in->len && pktbuf_copy_out(in->p, off, &t->urg_byte, 1)) {
            t->urg_state = TCP_URG_HERE;
            socket_wake(&t->sock, EPOLLPRI);
        }
    }
}
