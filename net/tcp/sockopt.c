/* SPDX-License-Identifier: BSD-2-Clause */
/* sockopt.c: options of TCP, and those of IP and SOL_SOCKET that concern a connection; TCP_INFO. */
#include "net/tcp/sockopt.h"
#include "net/tcp/cong.h"
#include "net/tcp/fastopen.h"
#include "net/tcp/tcp_sock.h"
#include <asm/socket.h>

#define MAX_KEEP_S     32767
#define MAX_KEEP_COUNT 127
#define MAX_SYN_COUNT  127
#define MAX_LINGER2_S  120

static const struct tcp_cc *find_cc(const char *name, unsigned len)
{
    for (unsigned i = 0; tcp_ccs[i]; i++)
        if (strnlen(tcp_ccs[i]->name, sizeof(tcp_ccs[i]->name)) == strnlen(name, len) &&
            !strncmp(tcp_ccs[i]->name, name, len))
            return tcp_ccs[i];
    return NULL;
}

static int set_cc(struct tcp_sock *t, const char *name, unsigned len)
{
    const struct tcp_cc *cc = find_cc(name, len);

    if (!cc)
        return -ENOENT;
    spin_lock(&t->lock);
    if (t->cc != cc) {
        t->cc = cc;
        cc->start(t);
    }
    spin_unlock(&t->lock);
    return 0;
}

static void set_nodelay(struct tcp_sock *t, bool on)
{
    spin_lock(&t->lock);
    if (on) {
        t->nagle |= NAGLE_OFF;
        if (STATE_IN(t, S_SYNCHRONISED))
            tcp_push_pending(t, true);
    } else {
        t->nagle &= ~NAGLE_OFF;
    }
    spin_unlock(&t->lock);
}

static void set_cork(struct tcp_sock *t, bool on)
{
    spin_lock(&t->lock);
    if (on) {
        t->nagle |= NAGLE_CORK;
    } else {
        t->nagle &= ~NAGLE_CORK;
        if (STATE_IN(t, S_SYNCHRONISED))
            tcp_push_pending(t, true);
    }
    spin_unlock(&t->lock);
}

static void set_quickack(struct tcp_sock *t, int n)
{
    spin_lock(&t->lock);
    if (!n) {
        t->pingpong = true;
    } else {
        t->pingpong = false;
        if (STATE_IN(t, 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT) && t->ack_pending)
            tcp_send_ack(t);
        if (!(n & 1))
            t->pingpong = true;
    }
    spin_unlock(&t->lock);
}

/* Seconds that a number of retransmissions takes, and the other way (TCP_DEFER_ACCEPT). */
static uint8_t seconds_to_retries(int seconds)
{
    uint8_t n = 0;
    int period = 1, sum = 1;

    if (seconds <= 0)
        return 0;
    for (n = 1; seconds > sum && n < 255; n++) {
        period = MIN(period * 2, 120);
        sum += period;
    }
    return n;
}

static int retries_to_seconds(uint8_t n)
{
    int period = 1, sum = 0;

    for (; n; n--) {
        sum += period;
        period = MIN(period * 2, 120);
    }
    return sum;
}

static int set_tcp(struct tcp_sock *t, int name, int n)
{
    switch (name) {
    case TCP_NODELAY:
        set_nodelay(t, n);
        return 0;
    case TCP_CORK:
        set_cork(t, n);
        return 0;
    case TCP_MAXSEG:
        if (n && (n < (int)TCP_MIN_MSS || n > 32767))
            return -EINVAL;
        t->mss_user = n;
        return 0;
    case TCP_KEEPIDLE:
        if (n < 1 || n > MAX_KEEP_S)
            return -EINVAL;
        spin_lock(&t->lock);
        t->keep_idle_s = n;
        tcp_keepalive_start(t);
        spin_unlock(&t->lock);
        return 0;
    case TCP_KEEPINTVL:
        if (n < 1 || n > MAX_KEEP_S)
            return -EINVAL;
        t->keep_interval_s = n;
        return 0;
    case TCP_KEEPCNT:
        if (n < 1 || n > MAX_KEEP_COUNT)
            return -EINVAL;
        t->keep_count = n;
        return 0;
    case TCP_SYNCNT:
        if (n < 1 || n > MAX_SYN_COUNT)
            return -EINVAL;
        t->syn_count = n;
        return 0;
    case TCP_LINGER2:
        if (n < 0) {
            t->linger2_s = -1;
        } else {
            t->linger2_s = MIN(n, MAX_LINGER2_S);
            t->fin_timeout_ns = n ? t->linger2_s * NSEC_PER_SEC : TCP_TIMEWAIT_NS;
        }
        return 0;
    case TCP_DEFER_ACCEPT:
        t->defer_accept = seconds_to_retries(n);
        return 0;
    case TCP_WINDOW_CLAMP:
        if (!n) {
            if (t->state != TCP_CLOSE)
                return -EINVAL;
            t->window_clamp = 0;
        } else {
            t->window_clamp = MAX(n, 1152);
        }
        return 0;
    case TCP_QUICKACK:
        set_quickack(t, n);
        return 0;
    case TCP_USER_TIMEOUT:
        if (n < 0)
            return -EINVAL;
        t->user_timeout_ms = n;
        return 0;
    case TCP_NOTSENT_LOWAT:
        t->notsent_lowat = n;
        tcp_write_space(t);
        return 0;
    case TCP_FASTOPEN:
    case TCP_FASTOPEN_CONNECT:
    case TCP_FASTOPEN_NO_COOKIE:
        return tcp_fastopen_setsockopt(t, name, n);
    case TCP_INQ:
        if (n < 0 || n > 1)
            return -EINVAL;
        t->inq = n;
        return 0;
    case TCP_THIN_DUPACK:
        return n < 0 || n > 1 ? -EINVAL : 0; /* without effect in Linux, too */
    }
    return -ENOPROTOOPT;
}

/* Options of IP: what is under way goes by the new ones from now on. */
static int set_ip(struct tcp_sock *t, int level, int name, const void *val, unsigned len)
{
    int err = inet_setsockopt(&t->sock, &t->opts, level, name, val, len);

    if (!err && t->state != TCP_CLOSE && t->state != TCP_LISTEN) {
        spin_lock(&t->lock);
        inet_flow_opts(&t->flow, &t->sock, &t->opts);
        t->fixed.generation = 0;
        spin_unlock(&t->lock);
    }
    return err;
}

int tcp_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len)
{
    struct tcp_sock *t = tcp_of(s);
    int n;

    if (level == SOL_SOCKET) {
        if (name == SO_KEEPALIVE) { /* it is set already: the clock starts */
            spin_lock(&t->lock);
            tcp_keepalive_start(t);
            spin_unlock(&t->lock);
            return 0;
        }
        if (name == SO_MAX_PACING_RATE) {
            tcp_pace_set(t);
            return 0;
        }
        return inet_setsockopt(s, &t->opts, level, name, val, len);
    }
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && t->e.port)
        return -EINVAL;
    if (level != IPPROTO_TCP)
        return set_ip(t, level, name, val, len);
    if (name == TCP_CONGESTION) {
        char buf[16] = "";

        if (len < 1)
            return -EINVAL;
        memcpy(buf, val, MIN(len, (unsigned)sizeof(buf) - 1));
        return set_cc(t, buf, sizeof(buf));
    }
    if (name == TCP_FASTOPEN_KEY)
        return tcp_fastopen_set_key(t, val, len);
    if (len < sizeof(n))
        return -EINVAL;
    memcpy(&n, val, sizeof(n));
    return set_tcp(t, name, n);
}

/* ---- reading ---- */

static uint32_t us(uint64_t ns)
{
    return ns / 1000;
}

static uint32_t ms_since(uint64_t now, uint64_t then)
{
    return then ? (now - then) / NSEC_PER_MS : 0;
}

static uint32_t segments(const struct tcp_sock *t, uint32_t bytes)
{
    return (bytes + t->mss - 1) / t->mss;
}

void tcp_get_info(struct tcp_sock *t, struct tcp_info *i)
{
    uint64_t now = clock_mono_ns();

    memset(i, 0, sizeof(*i));
    i->tcpi_state = t->state;
    if (t->state == TCP_LISTEN) {
        uint32_t max;

        i->tcpi_unacked = tcp_accept_queue(t, &max);
        i->tcpi_sacked = max;
        return;
    }
    spin_lock(&t->lock);
    i->tcpi_ca_state = t->ca_state;
    i->tcpi_retransmits = t->retries;
    i->tcpi_probes = t->probes;
    i->tcpi_backoff = t->backoff;
    i->tcpi_options = (t->ts_on ? 1 : 0) | (t->sack_on ? 2 : 0) | (t->wscale_on ? 4 : 0) |
                      (t->ecn & ECN_ON ? 8 : 0) | (t->ecn & ECN_SEEN ? 16 : 0) | (t->fo & FO_ACKED ? 32 : 0);
    i->tcpi_fastopen_client_fail = t->fo_fail;
    i->tcpi_snd_wscale = t->snd_wscale;
    i->tcpi_rcv_wscale = t->rcv_wscale;
    i->tcpi_rto = us(t->rto_ns);
    i->tcpi_ato = us(t->ato_ns);
    i->tcpi_snd_mss = t->mss;
    i->tcpi_rcv_mss = t->rcv_mss;
    i->tcpi_unacked = segments(t, t->snd_nxt - t->snd_una);
    i->tcpi_sacked = segments(t, t->sacked);
    i->tcpi_lost = segments(t, t->lost);
    i->tcpi_retrans = segments(t, t->retrans);
    i->tcpi_last_data_sent = ms_since(now, t->last_snd_ns);
    i->tcpi_last_data_recv = ms_since(now, t->last_rcv_ns);
    i->tcpi_last_ack_recv = ms_since(now, t->last_ack_rcv_ns);
    i->tcpi_pmtu = t->mtu;
    i->tcpi_rcv_ssthresh = t->rcv_ssthresh;
    i->tcpi_rtt = us(t->srtt_ns);
    i->tcpi_rttvar = us(t->rttvar_ns);
    i->tcpi_snd_ssthresh = t->ssthresh == TCP_INFINITE ? TCP_INFINITE : segments(t, t->ssthresh);
    i->tcpi_snd_cwnd = t->cwnd / t->mss;
    i->tcpi_advmss = t->dst.dev ? tcp_advertised_mss(t) - (t->ts_on ? 12u : 0u) : t->mss;
    i->tcpi_reordering = t->reordering;
    i->tcpi_rcv_rtt = t->rcv_rtt_us;
    i->tcpi_rcv_space = t->rcvq_space;
    i->tcpi_total_retrans = t->total_retrans;
    i->tcpi_pacing_rate = t->srtt_ns ? (uint64_t)t->cwnd * NSEC_PER_SEC / t->srtt_ns * 2 : ~0ull;
    i->tcpi_max_pacing_rate = t->sock.max_pacing;
    i->tcpi_pacing_rate = MIN(i->tcpi_pacing_rate, i->tcpi_max_pacing_rate);
    i->tcpi_bytes_acked = t->bytes_acked;
    i->tcpi_bytes_received = t->bytes_received;
    i->tcpi_segs_out = t->segs_out;
    i->tcpi_segs_in = t->segs_in;
    i->tcpi_notsent_bytes = t->write_seq - t->snd_nxt;
    i->tcpi_min_rtt = us(t->min_rtt_ns);
    i->tcpi_data_segs_in = t->data_segs_in;
    i->tcpi_data_segs_out = t->data_segs_out;
    i->tcpi_delivery_rate = t->rate_ns ? t->rate_bytes * NSEC_PER_SEC / t->rate_ns : 0;
    i->tcpi_delivered = t->delivered / t->mss;
    i->tcpi_bytes_sent = t->bytes_sent;
    i->tcpi_bytes_retrans = t->bytes_retrans;
    i->tcpi_dsack_dups = t->dsack_dups;
    i->tcpi_reord_seen = t->reord_seen;
    i->tcpi_rcv_ooopack = t->ooo_packets;
    i->tcpi_snd_wnd = t->snd_wnd;
    spin_unlock(&t->lock);
}

static int get_tcp(struct tcp_sock *t, int name, int *n)
{
    switch (name) {
    case TCP_NODELAY:
        *n = !!(t->nagle & NAGLE_OFF);
        return 0;
    case TCP_CORK:
        *n = !!(t->nagle & NAGLE_CORK);
        return 0;
    case TCP_MAXSEG:
        *n = (int)(STATE_IN(t, 1u << TCP_CLOSE | 1u << TCP_LISTEN) && t->mss_user ? t->mss_user : t->mss);
        return 0;
    case TCP_KEEPIDLE:
        *n = t->keep_idle_s;
        return 0;
    case TCP_KEEPINTVL:
        *n = t->keep_interval_s;
        return 0;
    case TCP_KEEPCNT:
        *n = t->keep_count;
        return 0;
    case TCP_SYNCNT:
        *n = t->syn_count ? t->syn_count : 6;
        return 0;
    case TCP_LINGER2:
        *n = t->linger2_s ? t->linger2_s : (int)(TCP_TIMEWAIT_NS / NSEC_PER_SEC);
        return 0;
    case TCP_DEFER_ACCEPT:
        *n = retries_to_seconds(t->defer_accept);
        return 0;
    case TCP_WINDOW_CLAMP:
        *n = (int)t->window_clamp;
        return 0;
    case TCP_QUICKACK:
        *n = !t->pingpong;
        return 0;
    case TCP_USER_TIMEOUT:
        *n = t->user_timeout_ms;
        return 0;
    case TCP_NOTSENT_LOWAT:
        *n = t->notsent_lowat;
        return 0;
    case TCP_FASTOPEN:
        *n = t->fastopen_qlen;
        return 0;
    case TCP_FASTOPEN_CONNECT:
        *n = !!(t->fo & FO_CONNECT);
        return 0;
    case TCP_FASTOPEN_NO_COOKIE:
        *n = !!(t->fo & FO_NO_COOKIE);
        return 0;
    case TCP_INQ:
        *n = t->inq;
        return 0;
    case TCP_THIN_DUPACK:
        *n = 0;
        return 0;
    case TCP_TIMESTAMP:
        *n = tcp_clock_ms(clock_mono_ns()) + t->ts_offset;
        return 0;
    }
    return -ENOPROTOOPT;
}

int tcp_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len)
{
    struct tcp_sock *t = tcp_of(s);
    struct tcp_info info;
    int n = 0, err;

    if (level == IPPROTO_TCP && name == TCP_INFO) {
        tcp_get_info(t, &info);
        *len = MIN(*len, (unsigned)sizeof(info));
        memcpy(val, &info, *len);
        return 0;
    }
    if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
        const struct tcp_cc *cc = t->cc ? t->cc : tcp_ccs[0];

        *len = MIN(*len, (unsigned)sizeof(cc->name));
        memcpy(val, cc->name, *len);
        return 0;
    }
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY) {
        *len = tcp_fastopen_get_key(t, val, *len);
        return 0;
    }
    if (level == IPPROTO_IP && name == IP_MTU && !t->dst.dev)
        return -ENOTCONN;
    if (level == IPPROTO_IP && name == IP_MTU)
        n = t->mtu;
    else if (level != IPPROTO_TCP)
        return inet_getsockopt(s, &t->opts, level, name, val, len);
    err = level == IPPROTO_TCP ? get_tcp(t, name, &n) : 0;
    if (err)
        return err;
    *len = MIN(*len, (unsigned)sizeof(n));
    memcpy(val, &n, *len);
    return 0;
}
