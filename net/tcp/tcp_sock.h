/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp_sock.h: a TCP connection and what else the table of connections holds; private to net/tcp.
 *
 * Sequence numbers are uint32_t and compared by seq_*(); amounts in flight are counted in bytes, not segments. Times are
 * nanoseconds on the monotonic clock.
 *
 * Guards: [I] immutable once it is in a table [l] tcp_sock.lock [w] socket.writer [r] socket.reader [a] atomic
 * [b] the bucket's lock to change, RCU to read. Functions called with tcp_sock.lock held take a struct tcp_sock * and say
 * nothing more; those that take it themselves say so.
 */
#ifndef NET_TCP_SOCK_H
#define NET_TCP_SOCK_H

#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/pktbuf.h"
#include "lib/byteorder.h"
#include "lib/string.h"
#include "net/inet.h"
#include "net/ip.h"
#include "net/socket.h"
#include "net/tcp/tcp.h"
#include "net/timer.h"
#include <linux/eventpoll.h>
#include <linux/in.h>

enum tcp_state { /* Linux's numbers: TCP_INFO, /proc/net/tcp */
                 TCP_ESTABLISHED = 1,
                 TCP_SYN_SENT,
                 TCP_SYN_RECV,
                 TCP_FIN_WAIT1,
                 TCP_FIN_WAIT2,
                 TCP_TIME_WAIT,
                 TCP_CLOSE,
                 TCP_CLOSE_WAIT,
                 TCP_LAST_ACK,
                 TCP_LISTEN,
                 TCP_CLOSING,
};
#define STATE_IN(t, mask) (1u << (t)->state & (mask))
#define S_SYNCHRONISED                                                                          \
    (1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | \
     1u << TCP_LAST_ACK | 1u << TCP_CLOSING)
#define S_MAY_SEND (1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT)

enum { TH_FIN = 1, TH_SYN = 2, TH_RST = 4, TH_PSH = 8, TH_ACK = 16, TH_URG = 32, TH_ECE = 64, TH_CWR = 128 };

struct tcp_header {
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t doff, flags;
    uint16_t window, check, urgent;
};
static_assert(sizeof(struct tcp_header) == 20, "as on the wire");

#define TCP_MAX_HEADER  60
#define TCP_MIN_MSS     88u
#define TCP_RTO_MIN     (200 * NSEC_PER_MS)
#define TCP_RTO_MAX     (120 * NSEC_PER_SEC)
#define TCP_RTO_FIRST   NSEC_PER_SEC
#define TCP_DELACK_MIN  (40 * NSEC_PER_MS)
#define TCP_DELACK_MAX  (200 * NSEC_PER_MS)
#define TCP_TIMEWAIT_NS (60 * NSEC_PER_SEC)
#define TCP_INIT_CWND   10u
#define TCP_DUPTHRESH   3u
#define TCP_INFINITE    0x7fffffffu

static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}
static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? b : a;
}

/* ---- the table of connections ---- */

enum tcp_kind { TCP_KIND_SOCK, TCP_KIND_REQUEST, TCP_KIND_TIMEWAIT };

struct tcp_entry {
    struct tcp_entry *next; /* [b] */
    struct inaddr local, remote;
    uint16_t lport, rport; /* host order */
    uint32_t hash;
    int dev;         /* ifindex it is bound to, 0: any */
    uint8_t kind;    /* enum tcp_kind [I] */
    bool hashed;     /* [b] */
    uint16_t family; /* of the socket, for /proc */
    /* the local port's users: port.c */
    struct tcp_port *port;     /* NULL: none [port lock] */
    struct list port_link;     /* [port lock] */
    bool explicit_port;        /* bind() named it, or chose it for bind() */
    bool was_reuse, was_share; /* TIME_WAIT: the socket's SO_REUSEADDR and SO_REUSEPORT */
};

/* ---- segments to send ---- */

#define SEG_FIN          1
#define SEG_PSH          2
#define SEG_SACKED       4
#define SEG_LOST         8
#define SEG_RETRANS      16 /* a retransmission is under way */
#define SEG_EVER_RETRANS 32
#define SEG_NOT_LIMITED  64  /* sent while the program had nothing more */
#define SEG_OWNED        128 /* pages of the program's: MSG_ZEROCOPY */

#define SEG_MAX_FRAGS 17

/* Bytes of the stream, in one piece that may be several MSS long: inline behind the structure, or in pages. */
struct tcp_seg {
    struct tcp_seg *next, *prev;
    uint32_t seq, len;
    uint32_t truesize;
    uint8_t flags, nr_frags;
    uint8_t sends; /* how often */
    uint8_t ecn_cwr;
    uint64_t sent_ns, delivered_ns;
    uint64_t delivered; /* t->delivered when it was sent */
    union {
        struct {
            uint32_t off, room; /* inline: where the bytes begin, and up to where there may be some */
        };
        struct pktbuf_owner *owner; /* SEG_OWNED: a reference */
    };
    union {
        struct pktfrag frags[0];
        uint8_t data[0];
    };
};
static inline uint32_t seg_end(const struct tcp_seg *s)
{
    return s->seq + s->len + (s->flags & SEG_FIN ? 1 : 0);
}

/* What a received packet's private part holds while it waits to be read. */
struct tcp_cb {
    uint32_t seq, end; /* of its bytes, without FIN */
    uint32_t truesize;
    uint8_t fin;
    struct pktbuf *prev; /* out of order only */
};
#define TCP_CB(p) ((struct tcp_cb *)(p)->private)
static_assert(sizeof(struct tcp_cb) <= sizeof(((struct pktbuf *)0)->private), "fits");

/* ---- options and arriving segments ---- */

struct sack_block {
    uint32_t start, end;
};

struct tcp_opts {
    uint32_t tsval, tsecr;
    uint16_t mss;                                     /* 0: none */
    uint8_t wscale, nr_sacks, sack_off, fastopen_len; /* sack_off: from the header's start */
    bool has_ts, has_wscale, sack_ok, has_fastopen;
    uint8_t fastopen[16];
    struct sack_block sacks[4];
};

struct tcp_in {
    struct pktbuf *p; /* data at the payload; NULL once somebody keeps it */
    const struct inaddr *src, *dst;
    uint16_t sport, dport, win, urg; /* win unscaled */
    uint32_t seq, ack, len, end;     /* end: seq + len + SYN + FIN */
    uint8_t flags;
    uint64_t now;
    bool ce; /* the IP header said: congestion */
    bool ect;
    struct tcp_opts o;
};

/* ---- connections ---- */

enum tcp_ca { CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS }; /* Linux's numbers: TCP_INFO */

struct tcp_cc; /* cong.h */

enum tcp_timer_kind { TT_NONE, TT_RTO, TT_PROBE_LOSS, TT_REORDER, TT_ZERO_WINDOW };

enum { TCP_URG_NONE, TCP_URG_COMING, TCP_URG_HERE, TCP_URG_READ };

#define ECN_WANTED   1 /* SYN asked for it */
#define ECN_ON       2
#define ECN_ECHO     4 /* send ECE until CWR comes */
#define ECN_SEND_CWR 8
#define ECN_SEEN     16 /* the peer marks its data: those without were sent before */

#define NAGLE_OFF  1 /* TCP_NODELAY */
#define NAGLE_CORK 2
#define NAGLE_PUSH 4 /* once: TCP_NODELAY set, or cork taken off */

struct tcp_sock {
    struct socket sock; /* first */
    struct tcp_entry e;
    struct spinlock lock;
    refcount_t refs;    /* one for the program's side, one while the protocol has it */
    uint8_t state;      /* enum tcp_state [l, a] */
    uint8_t shutdown;   /* 1: nothing more is received, 2: nothing more is sent [l, a] */
    bool in_protocol;   /* the table's reference stands */
    uint8_t connecting; /* connect(2): 1 under way, 2 done [w] */
    int soft_err;       /* what a router said; the reason given if nothing comes of it */
    uint64_t fin_timeout_ns;
    struct rcu_head rcu;

    /* where it goes: path.c */
    struct flow flow;
    struct dst dst;
    struct ip_fixed fixed;
    uint32_t pseudo; /* with fixed: the pseudo-header's sum without the length */
    uint32_t mss;    /* payload of one segment, with the options that are always there */
    uint32_t mss_peer, mss_user, mtu;
    uint32_t gso_max; /* payload of one packet to the device; mss: no segmentation there */

    /* sending */
    uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1, max_wnd;
    uint32_t write_seq;                    /* behind the last byte queued, and FIN */
    uint32_t snd_sml;                      /* end of the last small segment sent (Minshall) */
    uint32_t snd_up;                       /* urgent pointer */
    struct tcp_seg *first, *last, *unsent; /* all not yet acknowledged; the first that was not sent */
    uint32_t wmem;                         /* bytes of memory in them */
    uint8_t nagle;                         /* NAGLE_* */
    bool nospace;                          /* somebody waits to write */
    uint8_t snd_wscale, rcv_wscale;
    bool ts_on, sack_on, wscale_on;
    bool fin_received;

    /* Where all of these are zero, segments are mostly what header prediction expects: input.c. */
    union {
        struct {
            bool dead; /* the program closed it */
            bool urgent_out, fin_queued, tlp_out;
            uint8_t urg_state; /* TCP_URG_* */
            uint8_t ca_state, ecn;
        };
        uint64_t special;
    };

    /* receiving */
    uint32_t rcv_nxt, rcv_wnd, rcv_wup; /* the window advertised when rcv_nxt was rcv_wup */
    uint32_t copied_seq;                /* [r, l] */
    uint32_t rcv_ssthresh, window_clamp;
    struct pktqueue rx; /* in order, from copied_seq [r to take, l] */
    struct pktbuf *ooo_first, *ooo_last;
    uint32_t rmem, ooo_mem;
    uint32_t urg_seq;
    uint8_t urg_byte;
    int urg_owner;               /* whom to tell as soon as the lock is given up */
    struct sack_block dsack;     /* to be reported, when start != end */
    struct sack_block recent[4]; /* SACK blocks, newest first */
    uint8_t nr_recent;
    uint8_t ack_now, ack_pending; /* segments received since the last ACK */
    uint8_t quick_acks;           /* so many more at once */
    bool pingpong;
    bool ack_pushed; /* what waits to be acknowledged includes a short segment: the sender has no more */
    uint32_t rcv_mss;
    uint32_t ato_ns;
    uint32_t ts_recent, ts_offset, ts_first_retrans;
    uint64_t ts_recent_ns;
    uint32_t last_ack_sent;
    uint64_t last_challenge_ns;
    uint64_t last_rcv_ns, last_snd_ns, last_ack_rcv_ns;
    uint64_t rcvq_time_ns;
    uint32_t rcvq_seq, rcvq_space, rcv_rtt_us;

    /* round trips and timers */
    uint64_t srtt_ns, rttvar_ns, min_rtt_ns, rto_ns;
    uint64_t min_rtt_stamp_ns;
    uint8_t backoff, retries, probes, timer_kind;
    uint8_t keep_probes;
    uint64_t rto_deadline, delack_deadline, keep_deadline, armed_ns;
    uint64_t first_retry_ns; /* when what is retried was first sent */
    struct net_timer timer;

    /* congestion and recovery */
    const struct tcp_cc *cc;
    bool undo_possible, cwnd_limited, tlp_retrans, rack_on, rack_dsack;
    uint32_t cwnd, ssthresh; /* bytes */
    uint32_t prior_cwnd, prior_ssthresh;
    uint32_t high_seq; /* recovery ends when this is acknowledged */
    uint32_t undo_retrans;
    uint32_t sacked, lost, retrans; /* bytes of segments with the flag */
    uint32_t dupacks;               /* without SACK */
    uint32_t prr_delivered, prr_out, recover_fs;
    uint32_t tlp_high;
    uint64_t rack_sent_ns, rack_rtt_ns;
    uint32_t rack_end, rack_reo_mult, rack_reo_persist;
    uint32_t fack; /* the highest sequence number that arrived */
    uint32_t reordering;
    uint64_t delivered, delivered_ns; /* bytes */
    uint64_t rate_bytes, rate_ns;     /* the last sample of the delivery rate: bytes in so long */
    uint64_t first_sent_ns;
    uint32_t cc_state[14];
    uint32_t round_end, round_samples; /* HyStart++: of this round trip */
    uint64_t round_min_ns, last_round_min_ns;

    /* listening: listen.c */
    struct tcp_listener *listener;
    struct tcp_sock *accept_next;

    /* fast open: fastopen.c */
    uint16_t fo; /* FO_* */
    uint8_t fo_fail;
    uint32_t irs;                 /* FO_PASSIVE: the peer's first sequence number */
    struct tcp_sock *fo_listener; /* FO_PASSIVE: who has it in its count */
    struct tcp_pacer *pacer;      /* SO_MAX_PACING_RATE; NULL: none */
    struct tcp_fo_keys *fo_keys;  /* TCP_FASTOPEN_KEY; NULL: the common one */

    /* options */
    uint32_t keep_idle_s, keep_interval_s, user_timeout_ms;
    uint8_t keep_count, syn_count, defer_accept;
    int32_t linger2_s;
    uint32_t notsent_lowat;
    uint32_t fastopen_qlen;
    bool inq;
    struct inet_opts opts;
    uint32_t uid; /* /proc/net/tcp */
    /* counters */
    uint64_t bytes_sent, bytes_acked, bytes_received, bytes_retrans;
    uint32_t segs_out, segs_in, data_segs_out, data_segs_in, total_retrans, dsack_dups, ooo_packets,
        reord_seen;
};

static inline struct tcp_sock *tcp_of(struct socket *s)
{
    return container_of(s, struct tcp_sock, sock);
}
static inline struct tcp_sock *tcp_of_entry(struct tcp_entry *e)
{
    return container_of(e, struct tcp_sock, e);
}
static inline uint32_t tcp_flight(const struct tcp_sock *t)
{
    uint32_t out = t->snd_nxt - t->snd_una, gone = t->sacked + t->lost;

    return (out > gone ? out - gone : 0) + t->retrans;
}
/* Milliseconds, as the time stamp option counts them. */
static inline uint32_t tcp_clock_ms(uint64_t now_ns)
{
    return now_ns / NSEC_PER_MS;
}

/* ---- table.c ---- */
uint32_t tcp_hash(const struct inaddr *local, uint16_t lport, const struct inaddr *remote, uint16_t rport);
struct tcp_entry *tcp_table_find(const struct inaddr *local, uint16_t lport, const struct inaddr *remote,
                                 uint16_t rport, int dev);
/* Puts e in; -EADDRNOTAVAIL when its four numbers are taken. old: an entry of the same that it takes the place of. */
int tcp_table_insert(struct tcp_entry *e, struct tcp_entry *old);
bool tcp_table_remove(struct tcp_entry *e);
struct tcp_entry *tcp_table_bucket(unsigned i); /* NULL behind the last, else its chain; see tcp_table_size */
unsigned tcp_table_size(void);
int tcp_table_ready(void); /* allocates it: 0 or -ENOMEM */
void tcp_listen_insert(struct tcp_sock *t);
void tcp_listen_remove(struct tcp_sock *t);
struct tcp_sock *tcp_listen_find(const struct tcp_in *in, int dev);
struct tcp_sock *tcp_listen_first(unsigned bucket); /* for /proc */
struct tcp_sock *tcp_listen_next(struct tcp_sock *t);
#define TCP_LISTEN_BUCKETS 64

/* ---- port.c ---- */
int tcp_port_bind(struct tcp_sock *t, uint16_t port); /* 0 chooses one */
int tcp_port_recheck(struct tcp_sock *t);             /* as it begins to listen */
/* A port and a place in the table for a connection whose addresses and remote port are set. Takes no lock of t. */
int tcp_port_connect(struct tcp_sock *t);
void tcp_port_inherit(struct tcp_entry *e, struct tcp_entry *from);
void tcp_port_release(struct tcp_entry *e);

/* ---- options.c ---- */
bool tcp_parse_options(const uint8_t *h, unsigned header_len, bool syn, struct tcp_opts *o);
/* The options of a segment that is not SYN into at (the header's end); their length, a multiple of 4. */
unsigned tcp_put_options(struct tcp_sock *t, uint8_t *at, uint64_t now);
/* Those that are on every segment, where there are any. */
#define TCP_TS_LEN  12
#define TCP_TS_WORD 0x0101080a /* NOP, NOP, time stamps */
static inline void tcp_put_timestamps(const struct tcp_sock *t, uint8_t *at, uint64_t now)
{
    if (unlikely(!t->ts_on))
        return;
    put_be32(at, TCP_TS_WORD);
    put_be32(at + 4, tcp_clock_ms(now) + t->ts_offset);
    put_be32(at + 8, t->ts_recent);
}
struct tcp_syn_opts {
    uint16_t mss;
    uint8_t wscale;
    bool has_wscale, sack_ok, has_ts, has_fastopen;
    uint8_t fastopen_len, fastopen[16];
    uint32_t tsval, tsecr;
};
unsigned tcp_put_syn_options(uint8_t *at, const struct tcp_syn_opts *o);

/* ---- path.c ---- */
int tcp_path_find(struct tcp_sock *t,
                  bool choose_source); /* route, local address, MTU: 0 or -errno. Takes no lock */
void tcp_path_mss(struct tcp_sock *t); /* after anything that it depends on changed */
uint16_t tcp_advertised_mss(const struct tcp_sock *t);
int tcp_path_send(struct tcp_sock *t, struct pktbuf *p, uint8_t ecn); /* takes p */
/* A packet with room for headers and size bytes, data at the TCP header of header_len, zeroed but for doff. */
struct pktbuf *tcp_packet(uint32_t header_len, uint32_t size);
struct tcp_reply { /* a segment of no socket's */
    const struct inaddr *from, *to;
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint16_t win;
    uint8_t flags, tos;
    const uint8_t *opts;
    unsigned opts_len;
    int dev;
};
void tcp_reply_send(const struct tcp_reply *r);
void tcp_reset_reply(const struct tcp_in *in, int dev);

/* ---- segq.c ---- */
struct tcp_seg *tcp_seg_inline(uint32_t room);
struct tcp_seg *tcp_seg_pages(uint32_t len);                        /* with pages for len bytes */
struct tcp_seg *tcp_seg_refs(struct socket_msg *m, uint32_t len);   /* of m->pages */
struct tcp_seg *tcp_seg_pinned(struct socket_msg *m, uint32_t len); /* of the program's pages, for m->owner */
/* From s, which is not queued, to the unsent end of the queue: what one segment holds. */
void tcp_seg_join(struct tcp_sock *t, struct tcp_seg *s);
#define TCP_SEG_INLINE (2048 - (uint32_t)sizeof(struct tcp_seg))
void tcp_seg_free(struct tcp_seg *s);
void tcp_seg_append(struct tcp_sock *t, struct tcp_seg *s);
void tcp_seg_unlink(struct tcp_sock *t, struct tcp_seg *s);
/* The bytes from at on become a segment of their own, behind s: 0 or -ENOMEM. */
int tcp_seg_split(struct tcp_sock *t, struct tcp_seg *s, uint32_t at);
void tcp_seg_trim_front(struct tcp_sock *t, struct tcp_seg *s, uint32_t len);
void tcp_segq_purge(struct tcp_sock *t);

/* ---- output.c ---- */
void tcp_push(struct tcp_sock *t); /* sends what may be sent */
void tcp_push_pending(struct tcp_sock *t, bool force);
int tcp_send_seg(struct tcp_sock *t, struct tcp_seg *s);
int tcp_send_syn(struct tcp_sock *t);
int tcp_send_syn_ack(struct tcp_sock *t); /* both opened at once */
void tcp_send_ack(struct tcp_sock *t);
void tcp_send_reset(struct tcp_sock *t);
void tcp_send_probe(struct tcp_sock *t, bool with_new); /* zero window, keepalive */
void tcp_queue_fin(struct tcp_sock *t);
void tcp_ack_soon(struct tcp_sock *t, uint64_t now); /* data came: now, or delayed */
void tcp_challenge_ack(struct tcp_sock *t);

/* ---- pace.c ---- */
void tcp_pace_set(struct tcp_sock *t); /* takes the lock */
void tcp_pace_free(struct tcp_sock *t);
uint32_t tcp_pace(struct tcp_sock *t,
                  uint32_t want); /* of want bytes those that may go now; 0: the timer pushes */
void tcp_paced(struct tcp_sock *t, uint32_t sent);

/* ---- window.c ---- */
uint32_t tcp_choose_window(struct tcp_sock *t); /* what the next segment advertises, in bytes */
void tcp_window_start(struct tcp_sock *t);      /* the first one */
void tcp_after_read(struct tcp_sock *t);
void tcp_grow_sndbuf(struct tcp_sock *t);
void tcp_grow_window(struct tcp_sock *t, uint32_t len);
uint8_t tcp_pick_wscale(const struct tcp_sock *t);
uint32_t tcp_rcv_space(const struct tcp_sock *t);
bool tcp_memory_short(void);
extern uint64_t tcp_mem_pages_limit; /* of all sockets' queues, bytes */
extern int64_t tcp_mem_used;         /* [a] */
static inline void tcp_mem_add(int64_t bytes)
{
    __atomic_fetch_add(&tcp_mem_used, bytes, __ATOMIC_RELAXED);
}

/* ---- receive.c ---- */
void tcp_receive_data(struct tcp_sock *t, struct tcp_in *in);
void tcp_rx_purge(struct tcp_sock *t);
void tcp_receive_fin(struct tcp_sock *t);
void tcp_urgent(struct tcp_sock *t, struct tcp_in *in);

/* ---- ack.c, recovery.c, rack.c, cong.c ---- */
enum { ACK_OK, ACK_OLD, ACK_BAD };
int tcp_ack(struct tcp_sock *t, struct tcp_in *in);
void tcp_ack_expected(struct tcp_sock *t, struct tcp_in *in); /* of a segment as header prediction has it */
struct ack_info {    /* what an ACK told; small, as it is cleared for each */
    uint64_t rtt_ns; /* 0: none */
    uint64_t first_sent_ns, last_delivered, last_delivered_ns;
    uint32_t acked, sacked, prior_flight;
    bool new_data, dup, dsack, retrans_acked, ece;
    bool orig_acked; /* something never retransmitted was delivered */
    bool reordered;
};
void tcp_rtt_sample(struct tcp_sock *t, uint64_t rtt_ns, uint64_t now);
void tcp_sack(struct tcp_sock *t, const struct tcp_in *in, struct ack_info *a);
void tcp_recovery(struct tcp_sock *t, const struct tcp_in *in, struct ack_info *a);
void tcp_enter_cwr(struct tcp_sock *t);
void tcp_enter_loss(struct tcp_sock *t);
void tcp_retransmit_lost(struct tcp_sock *t);
void tcp_mark_lost(struct tcp_sock *t, struct tcp_seg *s);
void tcp_mark_head_lost(struct tcp_sock *t);
bool tcp_retransmit(struct tcp_sock *t, struct tcp_seg *s);
bool tcp_rack_detect(struct tcp_sock *t, uint64_t now); /* marks what is lost; true: something was */
void tcp_rack_timer(struct tcp_sock *t);
void tcp_tlp_fire(struct tcp_sock *t);
void tcp_tlp_ack(struct tcp_sock *t, const struct tcp_in *in, const struct ack_info *a);
void tcp_cc_start(struct tcp_sock *t);

/* ---- timer.c ---- */
void tcp_timer_setup(struct tcp_sock *t);
void tcp_timer_update(struct tcp_sock *t); /* after a deadline came nearer */
void tcp_timer_advance(struct tcp_sock *t, uint64_t deadline);
/* The same when it is known which one it is. */
static inline void tcp_timer_nearer(struct tcp_sock *t, uint64_t deadline)
{
    if (unlikely(deadline < t->armed_ns))
        tcp_timer_advance(t, deadline);
}
void tcp_rto_arm(struct tcp_sock *t, uint64_t now); /* for what is in flight; or nothing */
void tcp_arm(struct tcp_sock *t, uint64_t now);     /* the same, or a loss probe, as it goes well: rack.c */
void tcp_timer_set(struct tcp_sock *t, enum tcp_timer_kind kind, uint64_t deadline);
void tcp_keepalive_start(struct tcp_sock *t);
static inline uint64_t tcp_rto(const struct tcp_sock *t)
{
    uint64_t rto = t->rto_ns << MIN(t->backoff, (uint8_t)16);

    return MIN(rto, TCP_RTO_MAX);
}

/* ---- conn.c: the life of a connection ---- */
struct tcp_sock *tcp_sock_new(int family, int protocol);
void tcp_hold(struct tcp_sock *t);
void tcp_put(struct tcp_sock *t); /* without t's lock */
void tcp_established(struct tcp_sock *t);
void tcp_start_transfer(struct tcp_sock *t); /* what that begins with: windows */
void tcp_set_state(struct tcp_sock *t, enum tcp_state s);
void tcp_done(struct tcp_sock *t); /* it is closed: leaves the tables; the caller holds a reference */
void tcp_abort(struct tcp_sock *t, int err); /* tcp_done() with an error for the program */
void tcp_time_wait(struct tcp_sock *t);
uint32_t tcp_isn(const struct tcp_entry *e, uint64_t now);
uint32_t tcp_ts_offset(const struct tcp_entry *e);

/* ---- timewait.c ---- */
struct tcp_timewait;
bool tcp_timewait_start(struct tcp_sock *t); /* an object takes t's place; false: no memory */
/* True: a SYN that may open a new connection, the entry is gone; *isn: where that must begin. */
bool tcp_timewait_input(struct tcp_entry *e, struct tcp_in *in, uint32_t *isn);
bool tcp_timewait_reusable(struct tcp_entry *e); /* for a connection that we begin */
void tcp_timewait_kill(struct tcp_entry *e);
uint32_t tcp_timewait_reuse(struct tcp_entry *e, struct tcp_sock *t);
unsigned tcp_timewait_left_ms(struct tcp_entry *e);

/* ---- listen.c, request.c ---- */
void tcp_listener_free(struct tcp_listener *l); /* NULL is fine */
int tcp_listen_start(struct tcp_sock *t, int backlog);
void tcp_listen_stop(struct tcp_sock *t);
int tcp_accept(struct tcp_sock *t, struct tcp_sock **child);
bool tcp_accept_ready(struct tcp_sock *t);
void tcp_listen_input(struct tcp_sock *l, struct tcp_in *in, int dev, bool have_isn, uint32_t isn);
/* False: it is gone, look anew. */
bool tcp_request_input(struct tcp_entry *e, struct tcp_in *in, int dev);
uint32_t tcp_accept_queue(struct tcp_sock *t, uint32_t *max);

/* ---- input.c ---- */
void tcp_input_sock(struct tcp_sock *t, struct tcp_in *in);

/* ---- the operations: ops.c, sendmsg.c, recvmsg.c, sockopt.c ---- */
extern const struct socket_ops tcp_ops;
ssize_t tcp_sendmsg(struct socket *s, struct socket_msg *m);
ssize_t tcp_recvmsg(struct socket *s, struct socket_msg *m);
ssize_t tcp_send(struct socket *s, struct iov *v, unsigned flags);
ssize_t tcp_receive(struct socket *s, struct iov *v, unsigned flags);
int tcp_setsockopt(struct socket *s, int level, int name, const void *val, unsigned len);
int tcp_getsockopt(struct socket *s, int level, int name, void *val, unsigned *len);
int tcp_connect(struct socket *s, const struct sockaddr_any *a, bool nonblock);
int tcp_start_connect(struct tcp_sock *t, const struct sockaddr_any *a); /* under socket.writer */
void tcp_first_syn(struct tcp_sock *t);
void tcp_disconnect(struct tcp_sock *t); /* takes socket.reader and the lock */

/* The next n bytes of the first page have been taken. */
static inline void socket_msg_page_taken(struct socket_msg *m, uint32_t n)
{
    m->iov->count -= n;
    m->page_off += n;
    if (m->page_off == m->pages->len) {
        m->pages++;
        m->page_off = 0;
    }
}

/* Under socket.writer. */
struct tcp_seg *tcp_fill(struct socket_msg *m, uint32_t want, uint32_t room, bool first, int *err);
bool tcp_writeable(const struct tcp_sock *t);
uint32_t tcp_readable(const struct tcp_sock *t); /* bytes */
void tcp_write_space(struct tcp_sock *t);

void tcp_listening_ends(struct tcp_sock *t);

#endif
