/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c: packets into a ring, and out of the one to send.
 *
 * TPACKET_V1 and V2: frames of one size, each with a status that says whose it is. V3: packets of any size in blocks, handed
 * over when full or old. The timer runs only while the open block has packets.
 */
#include "net/packet/frames.h"
#include "abi/errno.h"
#include "lib/string.h"
#include "net/packet/packet.h"

#define V3_ALIGN 8ul

uint32_t frames_hdrlen(const struct packet_sock *k)
{
    return ALIGN_UP((uint32_t)ring_hdrlen(k->version), (uint32_t)TPACKET_ALIGNMENT) +
           sizeof(struct sockaddr_ll);
}

/* ---- bytes of a ring ---- */

static void *at(const struct packet_ring *r, uint64_t off)
{
    return (char *)page_virt(r->pages[off >> PAGE_SHIFT]) + off % PAGE_SIZE;
}

static uint32_t piece(uint64_t off, uint32_t len)
{
    return MIN(len, (uint32_t)(PAGE_SIZE - off % PAGE_SIZE));
}

static void put(const struct packet_ring *r, uint64_t off, const void *src, uint32_t len)
{
    while (len) {
        uint32_t n = piece(off, len);

        memcpy(at(r, off), src, n);
        src = (const char *)src + n;
        off += n;
        len -= n;
    }
}

static void get(const struct packet_ring *r, uint64_t off, void *dst, uint32_t len)
{
    while (len) {
        uint32_t n = piece(off, len);

        memcpy(dst, at(r, off), n);
        dst = (char *)dst + n;
        off += n;
        len -= n;
    }
}

/* len bytes of a packet from base on, which may lie before its data. */
static void put_packet(const struct packet_ring *r, uint64_t off, const struct pktbuf *p, int32_t base,
                       uint32_t len)
{
    if (base < 0) {
        uint32_t n = MIN(len, (uint32_t)-base);

        put(r, off, p->data + base, n);
        off += n;
        len -= n;
        base = 0;
    }
    while (len) {
        uint32_t n = piece(off, len);

        pktbuf_copy_out(p, base, at(r, off), n);
        base += n;
        off += n;
        len -= n;
    }
}

/* ---- frames of V1 and V2: status comes first, aligned ---- */

static uint64_t frame_at(const struct packet_ring *r, uint32_t n)
{
    return (uint64_t)(n / r->frames_per_block) * r->block_size +
           (uint64_t)(n % r->frames_per_block) * r->frame_size;
}

static uint32_t status_offset(const struct packet_sock *k)
{
    return k->version == TPACKET_V3 ? offsetof(struct tpacket3_hdr, tp_status) : 0;
}

static uint32_t frame_status(const struct packet_sock *k, const struct packet_ring *r, uint32_t n)
{
    return atomic_load_acquire((uint32_t *)at(r, frame_at(r, n) + status_offset(k)));
}

static void set_status(const struct packet_sock *k, const struct packet_ring *r, uint32_t n, uint32_t status)
{
    void *word = at(r, frame_at(r, n) + status_offset(k));

    if (k->version == TPACKET_V1)
        atomic_store_release((uint64_t *)word, (uint64_t)status);
    else
        atomic_store_release((uint32_t *)word, status);
}

static void next_frame(struct packet_ring *r)
{
    r->head = r->head + 1 < r->frame_nr ? r->head + 1 : 0;
}

/* ---- blocks of V3 ---- */

static uint64_t block_at(const struct packet_ring *r, uint32_t n)
{
    return (uint64_t)n * r->block_size;
}

#define BLOCK_FIELD(name) (offsetof(struct tpacket_block_desc, hdr) + offsetof(struct tpacket_hdr_v1, name))

static void put_u32(const struct packet_ring *r, uint64_t off, uint32_t v)
{
    put(r, off, &v, sizeof(v));
}

static uint32_t block_status(const struct packet_ring *r, uint32_t n)
{
    return atomic_load_acquire((uint32_t *)at(r, block_at(r, n) + BLOCK_FIELD(block_status)));
}

static void put_time(const struct packet_ring *r, uint64_t off, uint64_t ns)
{
    struct tpacket_bd_ts ts = { .ts_sec = ns / NSEC_PER_SEC, .ts_nsec = ns % NSEC_PER_SEC };

    put(r, off, &ts, sizeof(ts));
}

void frames_open_block(struct packet_sock *k)
{
    struct packet_ring *r = &k->rx_ring;
    uint64_t b = block_at(r, r->head), now = clock_real_ns();
    struct tpacket_block_desc d = { .version = k->version,
                                    .offset_to_priv = ALIGN_UP(sizeof(d), V3_ALIGN),
                                    .hdr.bh1 = { .offset_to_first_pkt = BLOCK_HEAD(r->priv),
                                                 .blk_len = BLOCK_HEAD(r->priv),
                                                 .seq_num = r->seq++ } };

    put(r, b, &d, sizeof(d));
    put_time(r, b + BLOCK_FIELD(ts_first_pkt), now);
    r->frozen = false;
    r->packets = 0;
    r->next = r->last = BLOCK_HEAD(r->priv);
}

/* The open block becomes the program's; the one after it is the next, once it is the kernel's. [l] held. */
static void close_block(struct packet_sock *k, uint32_t status)
{
    struct packet_ring *r = &k->rx_ring;
    uint64_t b = block_at(r, r->head);

    if (r->packets)
        put_u32(r, b + r->last + offsetof(struct tpacket3_hdr, tp_next_offset), 0);
    put_time(r, b + BLOCK_FIELD(ts_last_pkt), r->packets ? k->last_ns : clock_real_ns());
    put_u32(r, b + BLOCK_FIELD(num_pkts), r->packets);
    put_u32(r, b + BLOCK_FIELD(blk_len), r->next);
    atomic_store_release((uint32_t *)at(r, b + BLOCK_FIELD(block_status)),
                         TP_STATUS_USER | status | (k->drops ? TP_STATUS_LOSING : 0));
    r->head = r->head + 1 < r->block_nr ? r->head + 1 : 0;
    if (block_status(r, r->head) & TP_STATUS_USER) {
        r->frozen = true;
        r->freezes++;
    } else {
        frames_open_block(k);
    }
}

/* Room for a packet of len bytes, header included: where; 0: there is none. [l] held. */
static uint64_t block_room(struct packet_sock *k, uint32_t len, bool *closed)
{
    struct packet_ring *r = &k->rx_ring;

    len = ALIGN_UP(len, (uint32_t)V3_ALIGN);
    if (r->frozen) {
        if (block_status(r, r->head) & TP_STATUS_USER)
            return 0;
        frames_open_block(k);
    }
    if ((uint64_t)r->next + len >= r->block_size && r->packets) {
        close_block(k, 0);
        *closed = true;
        if (r->frozen)
            return 0;
    }
    r->last = r->next;
    r->next += len;
    if (!r->packets++)
        net_timer_arm(&k->timer, clock_mono_ns() + r->retire_ns);
    return block_at(r, r->head) + r->last;
}

void ring_timer(struct net_timer *t)
{
    struct packet_sock *k = container_of(t, struct packet_sock, timer);
    bool closed = false;

    spin_lock(&k->lock);
    if (k->rx_ring.pages && k->version == TPACKET_V3 && !k->rx_ring.frozen && k->rx_ring.packets) {
        close_block(k, TP_STATUS_BLK_TMO);
        closed = true;
    }
    spin_unlock(&k->lock);
    if (closed)
        socket_wake(&k->s, SOCKET_POLLIN);
}

/* ---- receiving ---- */

struct placed { /* a packet with its place in the ring */
    uint64_t off;
    uint32_t len, keep, mac, net, status;
    uint64_t ns;
};

static void put_header(struct packet_sock *k, const struct packet_frame *f, const struct placed *w)
{
    const struct packet_ring *r = &k->rx_ring;
    uint32_t sec = w->ns / NSEC_PER_SEC, nsec = w->ns % NSEC_PER_SEC;
    struct tpacket_hdr h1 = { .tp_len = w->len,
                              .tp_snaplen = w->keep,
                              .tp_mac = w->mac,
                              .tp_net = w->net,
                              .tp_sec = sec,
                              .tp_usec = nsec / 1000 };
    struct tpacket2_hdr h2 = { .tp_len = w->len,
                               .tp_snaplen = w->keep,
                               .tp_mac = w->mac,
                               .tp_net = w->net,
                               .tp_sec = sec,
                               .tp_nsec = nsec };
    struct tpacket3_hdr h3 = { .tp_len = w->len,
                               .tp_snaplen = w->keep,
                               .tp_mac = w->mac,
                               .tp_net = w->net,
                               .tp_sec = sec,
                               .tp_nsec = nsec,
                               .tp_status = TP_STATUS_USER | w->status };
    struct packet_rx x = { .protocol = f->protocol, .pkttype = f->pkttype };
    struct sockaddr_ll name;

    memcpy(x.addr, f->p->data + f->link + ETH_ALEN, ETH_ALEN);
    packet_name(&name, f->p->dev, &x);
    /* all but the status, which comes last */
    if (k->version == TPACKET_V1) {
        put(r, w->off + sizeof(h1.tp_status), (char *)&h1 + sizeof(h1.tp_status),
            sizeof(h1) - sizeof(h1.tp_status));
    } else if (k->version == TPACKET_V2) {
        put(r, w->off + sizeof(h2.tp_status), (char *)&h2 + sizeof(h2.tp_status),
            sizeof(h2) - sizeof(h2.tp_status));
    } else {
        h3.tp_next_offset = r->next - r->last;
        if (r->features & TP_FT_REQ_FILL_RXHASH)
            h3.hv1.tp_rxhash = f->p->hash;
        put(r, w->off, &h3, sizeof(h3));
    }
    put(r, w->off + frames_hdrlen(k) - sizeof(name), &name, sizeof(name));
}

/* Finds the place. False: there is none. [l] held. */
static bool place(struct packet_sock *k, struct placed *w, bool *closed)
{
    struct packet_ring *r = &k->rx_ring;
    bool v3 = k->version == TPACKET_V3;

    if (w->mac + (uint64_t)w->keep > r->max_frame)
        w->keep = w->mac < r->max_frame ? r->max_frame - w->mac : 0;
    if (v3) {
        w->mac = MIN(w->mac, r->max_frame);
        w->off = block_room(k, w->mac + w->keep, closed);
        return w->off;
    }
    if (frame_status(k, r, r->head) != TP_STATUS_KERNEL)
        return false;
    w->off = frame_at(r, r->head);
    return true;
}

/* [l] held */
static bool receive_locked(struct packet_sock *k, const struct packet_frame *f, int32_t base,
                           struct placed *w, bool *wake)
{
    struct packet_ring *r = &k->rx_ring;

    if (w->net > UINT16_MAX || !place(k, w, wake)) {
        k->drops++;
        return false;
    }
    k->packets++;
    k->last_ns = w->ns;
    put_packet(r, w->off + w->mac, f->p, base, w->keep);
    put_header(k, f, w);
    if (k->version != TPACKET_V3) {
        set_status(k, r, r->head, w->status | TP_STATUS_USER | (k->drops ? TP_STATUS_LOSING : 0));
        next_frame(r);
        *wake = true;
    }
    return true;
}

void ring_receive(struct packet_sock *k, const struct packet_frame *f, int32_t base, uint32_t keep)
{
    uint32_t link_len = f->link + ETH_HLEN - base; /* 0 or ETH_HLEN */
    struct placed w = { .len = f->p->total - base, .keep = keep, .status = f->status, .ns = clock_real_ns() };
    bool wake = false;

    w.net = ALIGN_UP(frames_hdrlen(k) + 16, (uint32_t)TPACKET_ALIGNMENT) + k->reserve;
    w.mac = w.net - link_len;
    spin_lock(&k->lock);
    receive_locked(k, f, base, &w, &wake);
    spin_unlock(&k->lock);
    if (wake)
        socket_wake(&k->s, SOCKET_POLLIN);
}

/* Has the program something to read? As Linux, by what was handed over last. */
bool ring_readable(struct packet_sock *k)
{
    struct packet_ring *r = &k->rx_ring;
    bool yes = false;

    spin_lock(&k->lock);
    if (r->pages && k->version == TPACKET_V3)
        yes = block_status(r, r->head ? r->head - 1 : r->block_nr - 1) != TP_STATUS_KERNEL;
    else if (r->pages)
        yes = frame_status(k, r, r->head ? r->head - 1 : r->frame_nr - 1) != TP_STATUS_KERNEL;
    spin_unlock(&k->lock);
    return yes;
}

bool ring_has_room(struct packet_sock *k)
{
    struct packet_ring *r = &k->rx_ring;
    bool room = false;

    spin_lock(&k->lock);
    if (r->pages && k->version == TPACKET_V3)
        room = !r->frozen || block_status(r, r->head) == TP_STATUS_KERNEL;
    else if (r->pages)
        room = frame_status(k, r, r->head) == TP_STATUS_KERNEL;
    spin_unlock(&k->lock);
    return room;
}

/* ---- sending ---- */

/* Length and place of the data in the frame at off, as the program says: the length or -errno. */
static int64_t parse_header(const struct packet_sock *k, uint64_t off, uint32_t max, uint32_t *data)
{
    const struct packet_ring *r = &k->tx_ring;
    uint32_t least = frames_hdrlen(k) - sizeof(struct sockaddr_ll), len, mac, net;

    if (k->version == TPACKET_V3) {
        struct tpacket3_hdr h;

        get(r, off, &h, sizeof(h));
        if (h.tp_next_offset)
            return -EINVAL;
        len = h.tp_len, mac = h.tp_mac, net = h.tp_net;
    } else if (k->version == TPACKET_V2) {
        struct tpacket2_hdr h;

        get(r, off, &h, sizeof(h));
        len = h.tp_len, mac = h.tp_mac, net = h.tp_net;
    } else {
        struct tpacket_hdr h;

        get(r, off, &h, sizeof(h));
        len = h.tp_len, mac = h.tp_mac, net = h.tp_net;
    }
    if (len > max)
        return -EMSGSIZE;
    *data = least;
    if (k->tx_has_off) {
        *data = k->s.type == SOCK_DGRAM ? net : mac;
        if (*data < least || *data > r->frame_size - len)
            return -EINVAL;
    }
    return len;
}

/* One frame, copied and sent: its length or -errno. */
static int64_t send_frame(struct packet_sock *k, const struct packet_target *t, uint64_t off, uint32_t max)
{
    uint32_t data;
    int64_t len = parse_header(k, off, max, &data);
    struct pktbuf *p;
    int err;

    if (len < 0)
        return len;
    p = pktbuf_alloc_data(PKTBUF_HEADROOM, len);
    if (!p)
        return -ENOBUFS;
    get(&k->tx_ring, off + data, p->data, p->len);
    data += p->len;
    for (unsigned i = 0; i < p->nr_frags; i++) {
        get(&k->tx_ring, off + data, pktfrag_virt(&p->frags[i]), p->frags[i].len);
        data += p->frags[i].len;
    }
    err = packet_output(k, p, t);
    return err ? err : len;
}

ssize_t ring_send(struct packet_sock *k, struct socket_msg *m)
{
    struct packet_ring *r = &k->tx_ring;
    struct packet_target t;
    struct sockaddr_ll a;
    ssize_t sum = 0;
    uint32_t max;
    int err = packet_find_target(k, m, &t, &a);

    if (err)
        return err;
    max = MIN(r->frame_size - (frames_hdrlen(k) - (uint32_t)sizeof(a)), packet_max_len(k, t.dev));
    while (frame_status(k, r, r->head) == TP_STATUS_SEND_REQUEST) {
        int64_t n = send_frame(k, &t, frame_at(r, r->head), max);

        if (n < 0 && n != -ENOBUFS && !k->loss) {
            set_status(k, r, r->head, TP_STATUS_WRONG_FORMAT);
            return n;
        }
        if (n == -ENOBUFS && !k->loss) /* the program may ask once more */
            return sum ? sum : n;
        set_status(k, r, r->head, TP_STATUS_AVAILABLE);
        next_frame(r);
        sum += MAX(n, (int64_t)0);
        if (signal_pending())
            break;
        cond_resched();
    }
    return sum;
}
