/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.c: what is sent, and when: segments from the queue as windows, Nagle's rule and the path allow, and segments
 * without data.
 */
#include "net/tcp/fastopen.h"

uint32_t tcp_ecn = 2, tcp_ecn_fallback = 1;

/* A packet with its header filled in, and room for size bytes behind; data is at the header. NULL: no memory. */
static __always_inline struct pktbuf *segment(struct tcp_sock *t, uint32_t seq, uint8_t flags, uint32_t size,
                                              uint64_t now)
{
    bool plain = likely(!t->nr_recent && t->dsack.start == t->dsack.end);
    unsigned len = sizeof(struct tcp_header);
    struct tcp_header *h;
    struct pktbuf *p;
    uint8_t opts[40];
    uint32_t win;

    len += plain ? TCP_TS_LEN * (unsigned)t->ts_on : tcp_put_options(t, opts, now);
    p = tcp_packet(len, size);
    if (unlikely(!p))
        return NULL;
    h = pktbuf_put(p, len);
    h->sport = be16(t->e.lport);
    h->dport = be16(t->e.rport);
    h->seq = be32(seq);
    h->ack = be32(t->rcv_nxt);
    h->doff = len << 2;
    h->flags = flags | (t->ecn & ECN_ECHO ? TH_ECE : 0);
    win = tcp_choose_window(t) >> t->rcv_wscale;
    h->window = be16(MIN(win, 65535u));
    h->check = 0;
    h->urgent = 0;
    if (plain)
        tcp_put_timestamps(t, (uint8_t *)(h + 1), now);
    else
        memcpy(h + 1, opts, len - sizeof(*h));
    return p;
}

/* Every segment acknowledges. */
static void acknowledged(struct tcp_sock *t)
{
    if (t->quick_acks)
        t->quick_acks--;
    t->ack_now = t->ack_pending = 0;
    t->ack_pushed = false;
    t->delack_deadline = 0;
    t->last_ack_sent = t->rcv_nxt;
}

static void urgent_pointer(struct tcp_sock *t, struct tcp_header *h, uint32_t seq)
{
    uint32_t up = t->snd_up - seq;

    if (seq_le(t->snd_up, seq) || up > 65535)
        return;
    h->flags |= TH_URG;
    h->urgent = be16(up);
}

/* Sends a segment of the queue, new or once more. 0 or -errno: it counts as sent even if the device dropped it. */
int tcp_send_seg(struct tcp_sock *t, struct tcp_seg *s)
{
    uint8_t ect = 0, flags = TH_ACK | (s->flags & SEG_FIN ? TH_FIN : 0) | (s->flags & SEG_PSH ? TH_PSH : 0);
    uint64_t now = clock_mono_ns();
    struct pktbuf *p = segment(t, s->seq, flags, s->nr_frags ? 0 : s->len, now);
    struct tcp_header *h;
    bool again = s->sends;

    if (unlikely(!p))
        return -ENOBUFS;
    h = (struct tcp_header *)p->data;
    if (unlikely(t->urgent_out))
        urgent_pointer(t, h, s->seq);
    if (s->nr_frags) {
        for (unsigned i = 0; i < s->nr_frags; i++) {
            p->frags[i] = s->frags[i];
            page_get(s->frags[i].page);
        }
        p->nr_frags = s->nr_frags;
        p->total += s->len;
        if (unlikely(s->flags & SEG_OWNED))
            pktbuf_own(p, s->owner);
    } else if (s->len) {
        memcpy(pktbuf_put(p, s->len), s->data + s->off, s->len);
    }
    if (s->len > t->mss) {
        p->gso = inaddr_is_v4(&t->e.remote) ? GSO_TCPV4 : GSO_TCPV6;
        p->gso_size = t->mss;
        p->gso_segs = (s->len + t->mss - 1) / t->mss;
    }
    if (unlikely(t->ecn & ECN_ON) && !again && s->len) {
        ect = 2;
        if (t->ecn & ECN_SEND_CWR) {
            t->ecn &= ~ECN_SEND_CWR;
            h->flags |= TH_CWR;
        }
    }
    s->sent_ns = now;
    s->delivered = t->delivered;
    s->delivered_ns = t->delivered_ns ? t->delivered_ns : now;
    if (s->sends < 255)
        s->sends++;
    t->last_snd_ns = now;
    if (s->len) {
        uint32_t segs = p->gso ? p->gso_segs : 1;

        t->data_segs_out += segs;
        t->bytes_sent += s->len;
        if (now - t->last_rcv_ns < TCP_DELACK_MIN)
            t->pingpong = true;
    }
    acknowledged(t);
    return tcp_path_send(t, p, ect);
}

/* A segment that takes no sequence number. */
static __noinline void send_bare(struct tcp_sock *t, uint32_t seq, uint8_t flags)
{
    struct pktbuf *p = segment(t, seq, flags, 0, clock_mono_ns());

    if (unlikely(!p)) { /* later then */
        t->delack_deadline = clock_mono_ns() + TCP_DELACK_MAX;
        tcp_timer_update(t);
        return;
    }
    acknowledged(t);
    tcp_path_send(t, p, 0);
}

void tcp_send_ack(struct tcp_sock *t)
{
    if (t->state != TCP_CLOSE)
        send_bare(t, t->snd_nxt, TH_ACK);
}

void tcp_send_reset(struct tcp_sock *t)
{
    TCP_COUNT(out_rsts);
    send_bare(t, t->snd_nxt, TH_RST | TH_ACK);
}

/* RFC 5961 §5: the counter is of all connections, and what it grants is random, so that nobody learns from it. */
void tcp_challenge_ack(struct tcp_sock *t)
{
    static uint64_t second;
    static uint32_t left;
    uint64_t now = clock_mono_ns() / NSEC_PER_SEC;

    if (now != READ_ONCE(second)) {
        second = now;
        atomic_store(&left, 1000);
    }
    if (!atomic_load(&left))
        return;
    atomic_sub(&left, 1);
    TCP_COUNT(challenge_acks);
    tcp_send_ack(t);
}

/* The peer must answer, since the sequence number is an old one. with_new: one byte of what waits goes along. */
void tcp_send_probe(struct tcp_sock *t, bool with_new)
{
    struct tcp_seg *s = t->unsent;

    if (with_new && s && seq_lt(s->seq, t->snd_una + t->snd_wnd)) {
        uint32_t room = MIN(t->snd_una + t->snd_wnd - s->seq, t->mss);

        if (room < s->len && tcp_seg_split(t, s, room))
            return;
        s->flags |= SEG_PSH;
        if (tcp_send_seg(t, s) == -ENOBUFS)
            return;
        t->unsent = s->next;
        t->snd_nxt = seg_end(s);
        tcp_rto_arm(t, clock_mono_ns());
        return;
    }
    send_bare(t, t->snd_una - 1, TH_ACK);
}

/* ---- SYN ---- */

/* RFC 3168 §6.1.1; some path may lose SYNs that ask. */
static uint8_t syn_ecn(const struct tcp_sock *t, bool ack)
{
    if (ack)
        return t->ecn & ECN_ON ? TH_ECE : 0;
    return t->ecn & ECN_WANTED && !(t->retries && tcp_ecn_fallback) ? TH_ECE | TH_CWR : 0;
}

static int send_syn(struct tcp_sock *t, bool ack)
{
    uint64_t now = clock_mono_ns();
    struct tcp_syn_opts o = {
        .mss = tcp_advertised_mss(t),
        .wscale = t->rcv_wscale,
        .has_wscale = !ack || t->wscale_on,
        .sack_ok = !ack || t->sack_on,
        .has_ts = !ack || t->ts_on,
        .tsval = tcp_clock_ms(now) + t->ts_offset,
        .tsecr = ack ? t->ts_recent : 0,
    };
    struct tcp_seg *s = NULL;
    struct pktbuf *p;
    struct tcp_header *h;
    uint8_t opts[40];
    unsigned n;

    if (unlikely(t->fo) && !t->retries) {
        tcp_fastopen_syn_option(t, &o);
        if (!ack && t->fo & FO_DATA)
            s = t->first;
    }
    n = tcp_put_syn_options(opts, &o);
    p = tcp_packet(sizeof(*h) + n, s ? s->len : 0);
    if (!p)
        return -ENOBUFS;
    h = pktbuf_put(p, sizeof(*h) + n);
    h->sport = be16(t->e.lport);
    h->dport = be16(t->e.rport);
    h->seq = be32(t->snd_una);
    h->ack = ack ? be32(t->rcv_nxt) : 0;
    h->doff = (sizeof(*h) + n) << 2;
    h->flags = TH_SYN | (ack ? TH_ACK : 0) | syn_ecn(t, ack);
    h->window = be16(MIN(t->rcv_wnd, 65535u));
    h->check = 0;
    h->urgent = 0;
    memcpy(h + 1, opts, n);
    t->last_snd_ns = now;
    if (unlikely(s)) {
        memcpy(pktbuf_put(p, s->len), s->data, s->len);
        h->flags |= TH_PSH;
        s->sends = 1;
        s->sent_ns = s->delivered_ns = now;
        t->unsent = s->next;
        t->snd_nxt = seg_end(s);
        t->data_segs_out++;
        t->bytes_sent += s->len;
    }
    return tcp_path_send(t, p, 0);
}

int tcp_send_syn(struct tcp_sock *t)
{
    return send_syn(t, false);
}

int tcp_send_syn_ack(struct tcp_sock *t)
{
    return send_syn(t, true);
}

/* ---- data ---- */

/* Must the short segment at the end of s wait? RFC 9293 §3.7.4 with Minshall's change: only one short one is under way. */
static bool nagle_holds(const struct tcp_sock *t, const struct tcp_seg *s)
{
    if (s->next || s->flags & SEG_FIN || t->nagle & NAGLE_PUSH || s->len % t->mss == 0)
        return false;
    if (t->urgent_out && seq_lt(s->seq, t->snd_up))
        return false;
    if (t->nagle & NAGLE_CORK)
        return true;
    if (t->nagle & NAGLE_OFF)
        return false;
    return t->snd_nxt != t->snd_una && seq_lt(t->snd_una, t->snd_sml);
}

/* Bytes of the first unsent segment that may go now; 0: none. */
static uint32_t may_send(struct tcp_sock *t, struct tcp_seg *s)
{
    uint32_t flight = tcp_flight(t), cwnd, n = s->len;
    uint32_t window = t->snd_una + t->snd_wnd - s->seq;

    if (flight >= t->cwnd && flight) {
        t->cwnd_limited = true;
        return 0;
    }
    if (!s->len) /* FIN takes no room: RFC 9293 would have it wait, Linux does not */
        return (int32_t)window >= 0 ? 1 : 0;
    if ((int32_t)window <= 0)
        return 0;
    cwnd = MAX(t->cwnd - flight, t->mss);
    if (n > cwnd) {
        n = cwnd;
        t->cwnd_limited = true;
    }
    n = MIN(n, t->gso_max);
    if (n > window)
        n = window;
    if (n < s->len) {
        if (n >= t->mss)
            n -= n % t->mss;
        else if (window < t->mss && window < t->max_wnd / 2 && t->snd_nxt != t->snd_una)
            return 0; /* sender's silly window avoidance */
    }
    return n;
}

/* After idleness the congestion window says little (RFC 2861 as Linux has it: halved for each RTO). */
static void restart_after_idle(struct tcp_sock *t, uint64_t now)
{
    uint64_t idle = now - t->last_snd_ns, rto = t->rto_ns;
    uint32_t floor = MIN(t->cwnd, TCP_INIT_CWND * t->mss);

    t->ssthresh = MAX(t->ssthresh, t->cwnd - t->cwnd / 4);
    while (idle > rto && t->cwnd > floor) {
        t->cwnd = MAX(t->cwnd / 2, floor);
        idle -= rto;
    }
}

/* A short piece for which there is room on all sides: the answer to a request, or a request. */
static inline bool goes_at_once(const struct tcp_sock *t, const struct tcp_seg *s)
{
    uint32_t out = t->snd_nxt - t->snd_una;

    return s->len - 1 < t->mss - 1 && !s->next && out + s->len <= MIN(t->cwnd, t->snd_wnd) &&
           !(t->special | t->sacked | t->lost | t->retrans) && !t->pacer && !t->nospace &&
           !(t->nagle & (NAGLE_CORK | NAGLE_PUSH)) && (t->nagle & NAGLE_OFF || !out);
}

/* Short, and waits for what follows whatever the windows are. */
static inline bool corked(const struct tcp_sock *t, const struct tcp_seg *s)
{
    return (t->nagle & (NAGLE_CORK | NAGLE_PUSH)) == NAGLE_CORK && !s->next && s->len < t->mss && s->len &&
           !(s->flags & SEG_FIN) && !t->urgent_out;
}

void tcp_push(struct tcp_sock *t)
{
    bool sent = false, waits = false;
    struct tcp_seg *s = t->unsent;

    /* held back, and a timer runs that sends it in any case */
    if (s && corked(t, s) && (t->snd_nxt != t->snd_una || t->timer_kind != TT_NONE))
        return;
    if (s && t->snd_nxt == t->snd_una && t->cwnd > TCP_INIT_CWND * t->mss && t->last_snd_ns) {
        uint64_t now = clock_mono_ns();

        if (now - t->last_snd_ns > t->rto_ns)
            restart_after_idle(t, now);
    }
    if (s && goes_at_once(t, s)) {
        if (likely(tcp_send_seg(t, s) != -ENOBUFS)) {
            t->unsent = NULL;
            t->snd_nxt = t->snd_sml = s->seq + s->len;
            tcp_arm(t, t->last_snd_ns);
        }
        return;
    }
    while ((s = t->unsent) && !corked(t, s)) {
        uint32_t n = may_send(t, s);

        if (!n)
            break;
        if (unlikely(t->pacer) && s->len) {
            n = tcp_pace(t, n);
            waits = !n;
            if (waits)
                break;
        }
        if (n >= s->len && nagle_holds(t, s)) {
            if (n < t->mss)
                break;
            n -= n % t->mss;
        }
        if (n < s->len && tcp_seg_split(t, s, n))
            break;
        if (tcp_send_seg(t, s) == -ENOBUFS)
            break;
        t->unsent = s->next;
        t->snd_nxt = seg_end(s);
        if (s->len % t->mss)
            t->snd_sml = t->snd_nxt;
        if (t->ca_state == CA_RECOVERY || t->ca_state == CA_CWR)
            t->prr_out += s->len;
        if (unlikely(t->pacer))
            tcp_paced(t, s->len);
        sent = true;
    }
    if (!t->unsent)
        t->nagle &= ~NAGLE_PUSH;
    if (unlikely(sent && t->nospace && t->notsent_lowat))
        tcp_write_space(t);
    if (sent) {
        tcp_arm(t, t->last_snd_ns);
    } else if (t->unsent && t->snd_nxt == t->snd_una && t->timer_kind == TT_NONE && !waits) {
        /* The peer's window is shut (or we hold back a small one): ask from time to time. */
        if (!(t->nagle & NAGLE_CORK) || t->unsent->len >= t->mss)
            tcp_timer_set(t, TT_ZERO_WINDOW, clock_mono_ns() + MAX(t->rto_ns, TCP_RTO_MIN));
        else
            tcp_timer_set(t, TT_ZERO_WINDOW, clock_mono_ns() + TCP_RTO_MIN);
    }
}

void tcp_push_pending(struct tcp_sock *t, bool force)
{
    if (force)
        t->nagle |= NAGLE_PUSH;
    if (t->unsent)
        tcp_push(t);
}

/* FIN follows what was written; it rides on the last segment when that waits still. */
void tcp_queue_fin(struct tcp_sock *t)
{
    struct tcp_seg *s = t->last;

    if (t->fin_queued)
        return;
    if (!s || !t->unsent) {
        s = tcp_seg_inline(0);
        if (!s) {
            /* No memory for 128 bytes: the connection cannot be ended in order. */
            TCP_COUNT(abort_on_memory);
            tcp_send_reset(t);
            tcp_abort(t, -ENOMEM);
            return;
        }
        s->seq = t->write_seq;
        tcp_seg_append(t, s);
    }
    s->flags |= SEG_FIN;
    t->fin_queued = true;
    t->write_seq++;
    t->nagle |= NAGLE_PUSH;
    tcp_push(t);
}

/* ---- acknowledging ---- */

/* Data came. Every second full segment is answered at once (RFC 9293 §3.8.6.3), and all while a connection begins. */
void tcp_ack_soon(struct tcp_sock *t, uint64_t now)
{
    uint64_t ato;

    if (t->ack_pending < 255)
        t->ack_pending++;
    if (t->ack_now || t->ooo_first || (t->quick_acks && !t->pingpong) ||
        (t->rcv_nxt - t->last_ack_sent > t->rcv_mss && t->rcv_nxt - t->rcv_wup > t->rcv_mss)) {
        tcp_send_ack(t);
        return;
    }
    if (t->delack_deadline)
        return;
    /* As long as the peer seems to need to the next segment, within bounds. */
    ato = t->ato_ns ? t->ato_ns : TCP_DELACK_MIN;
    if (t->srtt_ns && t->pingpong)
        ato = MIN(ato, MAX(t->srtt_ns, TCP_DELACK_MIN));
    t->delack_deadline = now + MIN(ato, TCP_DELACK_MAX);
    tcp_timer_nearer(t, t->delack_deadline);
}
