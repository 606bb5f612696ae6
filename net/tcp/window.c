/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.c: how much the peer may send, and how much we keep: the advertised window, buffers that grow with what the
 * connection carries, and the limit of all sockets together.
 *
 * The window counts bytes of the stream; half of SO_RCVBUF, the other half is for what packets take besides. What packets
 * really take (rmem) is held below twice SO_RCVBUF by dropping.
 */
#include "net/tcp/tcp_sock.h"

#define RCVBUF_MAX (6u << 20) /* Linux's tcp_rmem[2], tcp_wmem[2] */
#define SNDBUF_MAX (4u << 20)

uint64_t tcp_mem_pages_limit = 64 << 20;
int64_t tcp_mem_used;

bool tcp_memory_short(void)
{
    return atomic_load(&tcp_mem_used) > (int64_t)tcp_mem_pages_limit;
}

static uint32_t full_window(const struct tcp_sock *t)
{
    uint32_t w = t->sock.rcvbuf / 2;

    return t->window_clamp ? MIN(w, t->window_clamp) : w;
}

uint32_t tcp_rcv_space(const struct tcp_sock *t)
{
    uint32_t full = full_window(t), used = t->rcv_nxt - t->copied_seq;

    if (STATE_IN(t, 1u << TCP_SYN_SENT))
        used = 0;
    return full > used ? full - used : 0;
}

uint8_t tcp_pick_wscale(const struct tcp_sock *t)
{
    uint32_t most = t->sock.rcvbuf_locked ? t->sock.rcvbuf / 2 : MAX(RCVBUF_MAX, t->sock.rcvbuf);
    uint8_t scale = 0;

    while (most > 65535 && scale < 14) {
        most >>= 1;
        scale++;
    }
    return scale;
}

void tcp_window_start(struct tcp_sock *t)
{
    uint32_t mss = MAX(t->mss, 536u), w = MIN(full_window(t), 65535u);

    t->rcv_ssthresh = t->rcv_wnd = w > mss ? w / mss * mss : w;
    t->rcv_wup = t->rcv_nxt;
}

uint32_t tcp_choose_window(struct tcp_sock *t)
{
    uint32_t offered = t->rcv_wup + t->rcv_wnd - t->rcv_nxt; /* never taken back (RFC 9293 §3.8.6.2.2) */
    uint32_t space = tcp_rcv_space(t), full = full_window(t);

    if ((int32_t)offered < 0)
        offered = 0;
    if (unlikely(tcp_memory_short()) && space > 4 * t->mss)
        space = 4 * t->mss;
    space = MIN(space, MAX(t->rcv_ssthresh, 2 * t->mss));
    /* receiver's silly window avoidance */
    if (space < full / 2 && space < MIN(full / 2, MAX(t->rcv_mss, 536u)))
        space = 0;
    if (space > offered) {
        uint32_t unit = 1u << t->rcv_wscale;

        space = ALIGN_UP(space, unit);
        if (space - offered < MIN(full / 2, MAX(t->rcv_mss, 536u)) && offered)
            space = offered;
    } else {
        space = offered;
    }
    space = MIN(space, 65535u << t->rcv_wscale);
    t->rcv_wnd = space;
    t->rcv_wup = t->rcv_nxt;
    return space;
}

/* Segments that fill their buffers well open the window up to the full one, as slow start does the sender's. */
void tcp_grow_window(struct tcp_sock *t, uint32_t len)
{
    if (t->rcv_ssthresh < full_window(t) && !tcp_memory_short())
        t->rcv_ssthresh = MIN(t->rcv_ssthresh + 2 * MAX(len, 128u), full_window(t));
}

/* Dynamic right-sizing: the buffer holds twice what the program takes in a round trip. Looked at when it took more than it
 * ever did in one. */
static void adjust(struct tcp_sock *t)
{
    uint32_t copied = t->copied_seq - t->rcvq_seq, want;
    uint64_t now, rtt;

    if (likely(copied <= t->rcvq_space))
        return;
    now = clock_mono_ns();
    rtt = t->rcv_rtt_us ? t->rcv_rtt_us * 1000ull : t->srtt_ns;
    if (t->rcvq_time_ns && now - t->rcvq_time_ns <= MAX(rtt, NSEC_PER_MS)) {
        want = 2 * copied + 16 * t->rcv_mss;
        if (!t->sock.rcvbuf_locked && !tcp_memory_short() && 2ull * want > t->sock.rcvbuf)
            t->sock.rcvbuf = MIN(2ull * want, MAX((uint64_t)RCVBUF_MAX, t->sock.rcvbuf));
        t->rcv_ssthresh = MAX(t->rcv_ssthresh, MIN(want, full_window(t)));
        t->rcvq_space = copied;
    } else if (!t->rcvq_time_ns) {
        t->rcvq_space = MIN(full_window(t), TCP_INIT_CWND * MAX(t->rcv_mss, 536u));
    }
    t->rcvq_seq = t->copied_seq;
    t->rcvq_time_ns = now;
}

/* The program took bytes: does the peer have to hear of the new window at once? */
void tcp_after_read(struct tcp_sock *t)
{
    uint32_t offered, space;

    adjust(t);
    if (!STATE_IN(t, S_SYNCHRONISED) || t->shutdown & 1)
        return;
    offered = t->rcv_wup + t->rcv_wnd - t->rcv_nxt;
    if ((int32_t)offered < 0)
        offered = 0;
    if (t->ack_pending &&
        (t->rcv_nxt - t->rcv_wup > t->rcv_mss || (t->ack_pushed && !t->pingpong && !tcp_readable(t)))) {
        tcp_send_ack(t);
        return;
    }
    if (likely(2 * offered > full_window(t)))
        return;
    space = MIN(tcp_rcv_space(t), t->rcv_ssthresh);
    if (space >= 2 * offered && space > offered &&
        space - offered >= MIN(full_window(t) / 2, MAX(t->rcv_mss, 536u)))
        tcp_send_ack(t);
}

/* Room for two windows: what is under way and what follows it. */
void tcp_grow_sndbuf(struct tcp_sock *t)
{
    uint64_t want = 2ull * t->cwnd * 5 / 4;

    if (t->sock.sndbuf_locked || tcp_memory_short())
        return;
    want = MIN(MAX(want, 2ull * TCP_INIT_CWND * (t->mss + 512)), SNDBUF_MAX);
    if (want > t->sock.sndbuf)
        t->sock.sndbuf = want;
}
