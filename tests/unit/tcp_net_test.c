/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two ends of TCP over a network that loses, repeats, reorders and corrupts, in virtual time: every byte arrives, in order, and
 * connections end.
 */
#include "test.h"

#include "tcp_wire.h"

static struct {
    unsigned loss, dup, corrupt, reorder; /* of 1000 */
    uint64_t delay_ns, jitter_ns;
    uint64_t rate;  /* bytes a second, 0: any */
    unsigned queue; /* packets that wait for the rate */
} net;

struct flying {
    struct flying *next;
    struct pktbuf *p;
    struct flow f;
    uint64_t when;
};
static struct flying *flying;
static struct net_timer wire_timer;
static uint64_t busy_until[2]; /* each way */
static unsigned long nr_packets, nr_lost;
static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static bool chance(unsigned of_1000)
{
    return rnd() % 1000 < of_1000;
}

static void arrive(struct net_timer *t)
{
    while (flying && flying->when <= clock_mono_ns()) {
        struct flying *x = flying;

        flying = x->next;
        wire_deliver(x->p, &x->f.src, &x->f.dst, x->f.tos);
        free(x);
    }
    if (flying)
        net_timer_arm(&wire_timer, flying->when);
}

static void fly(struct pktbuf *p, const struct flow *f, uint64_t when)
{
    struct flying *x = malloc(sizeof(*x)), **link = &flying;

    *x = (struct flying){ .p = p, .f = *f, .when = when };
    while (*link && (*link)->when <= when)
        link = &(*link)->next;
    x->next = *link;
    *link = x;
    if (flying == x)
        net_timer_arm(&wire_timer, when);
}

static void wire_out(struct pktbuf *p, const struct flow *f)
{
    uint64_t now = clock_mono_ns(), when = now + net.delay_ns;

    nr_packets++;
    if (chance(net.loss)) {
        nr_lost++;
        pktbuf_free(p);
        return;
    }
    if (net.rate) {
        uint64_t took = (p->total + 40) * NSEC_PER_SEC / net.rate, *busy = &busy_until[f->src.b[15] & 1];

        if (*busy > now && *busy - now > net.queue * 1500 * NSEC_PER_SEC / net.rate) {
            nr_lost++;
            pktbuf_free(p);
            return;
        }
        *busy = MAX(*busy, now) + took;
        when = *busy + net.delay_ns;
    }
    if (net.jitter_ns)
        when += rnd() % net.jitter_ns;
    if (chance(net.reorder))
        when += net.delay_ns / 2 + 1;
    if (chance(net.corrupt))
        p->data[rnd() % p->len] ^= 1 << rnd() % 8;
    if (chance(net.dup)) {
        struct pktbuf *c = pktbuf_clone(p);

        if (c)
            fly(c, f, when + rnd() % (net.delay_ns + 1000));
    }
    fly(p, f, when);
}

/* ---- a transfer both ways ---- */

#define PORT 80

static uint8_t byte_at(uint64_t i)
{
    return i * 2654435761u >> 24;
}

static struct side {
    struct socket *s;
    uint64_t send, want, got, sent;
    unsigned chunk;
    int done, err;
    bool bad;
} sides[2];

static bool by_page;

/* The same bytes in pages, as from a file's cache: each begins and ends somewhere. */
static ssize_t send_pages(struct socket *s, const uint8_t *buf, size_t len)
{
    struct pktfrag f[16];
    unsigned nr = 0;
    size_t put = 0;
    struct iov v;
    struct socket_msg m = { .iov = &v, .deadline_ns = TIME_NEVER, .pages = f };
    ssize_t n;

    for (; nr < ARRAY_SIZE(f) && put < len; nr++) {
        f[nr].page = page_alloc(PAGE_WAIT);
        f[nr].off = nr && rnd() % 4 ? 0 : rnd() % PAGE_SIZE;
        f[nr].len = MIN(PAGE_SIZE - f[nr].off, len - put);
        memcpy(pktfrag_virt(&f[nr]), buf + put, f[nr].len);
        put += f[nr].len;
    }
    m.flags = rnd() % 3 ? 0 : MSG_MORE;
    iov_kernel(&v, NULL, put);
    n = s->ops->sendmsg(s, &m);
    while (nr)
        page_put(f[--nr].page);
    return n;
}

static void sender(void *arg)
{
    struct side *x = arg;
    static uint8_t bufs[2][200000];
    uint8_t *buf = bufs[x - sides];

    while (x->sent < x->send) {
        uint64_t n = MIN(1 + rnd() % x->chunk, x->send - x->sent);

        for (uint64_t i = 0; i < n; i++)
            buf[i] = byte_at(x->sent + i);
        ssize_t r = by_page && rnd() % 2 ? send_pages(x->s, buf, n) : wire_send(x->s, buf, n, 0);

        if (r <= 0) {
            x->err = r;
            break;
        }
        x->sent += r;
    }
    x->s->ops->shutdown(x->s, SHUT_WR);
    x->done++;
}

static void receiver(void *arg)
{
    struct side *x = arg;
    static uint8_t bufs[2][100000];
    uint8_t *buf = bufs[x - sides];

    for (;;) {
        ssize_t n = wire_receive(x->s, buf, 1 + rnd() % x->chunk % 100000, 0);

        if (n <= 0) {
            if (n < 0)
                x->err = n;
            break;
        }
        for (ssize_t i = 0; i < n && !x->bad; i++)
            if (buf[i] != byte_at(x->got + i))
                x->bad = true;
        x->got += n;
    }
    x->done++;
}

static uint64_t took_ms;

static bool run_transfer(uint64_t c_to_s, uint64_t s_to_c, unsigned chunk, uint64_t limit_s)
{
    struct sockaddr_any name = wire_name(2, PORT);
    struct socket *l = wire_socket(), *c = wire_socket(), *s = NULL;
    uint64_t start = clock_mono_ns();
    bool ok = true;
    int err;

    net_timer_init(&wire_timer, arrive);
    memset(sides, 0, sizeof(sides));
    l->reuseaddr = true;
    CHECK(!(err = l->ops->bind(l, &name)));
    CHECK(!(err = l->ops->listen(l, 5)));
    err = c->ops->connect(c, &name, false);
    for (int i = 0; err && i < 3; i++)
        err = c->ops->connect(c, &name, false);
    CHECK(!err);
    if (err)
        return false;
    err = l->ops->accept(l, &s, false);
    CHECK(!err);
    sides[0] = (struct side){ .s = c, .send = c_to_s, .want = s_to_c, .chunk = chunk };
    sides[1] = (struct side){ .s = s, .send = s_to_c, .want = c_to_s, .chunk = chunk };
    for (int i = 0; i < 2; i++) {
        kthread_new("send", sender, &sides[i]);
        kthread_new("receive", receiver, &sides[i]);
    }
    while ((sides[0].done < 2 || sides[1].done < 2) && clock_mono_ns() - start < limit_s * NSEC_PER_SEC)
        thread_sleep_until(clock_mono_ns() + NSEC_PER_MS, false);
    took_ms = (clock_mono_ns() - start) / NSEC_PER_MS;
    for (int i = 0; i < 2; i++) {
        struct side *x = &sides[i];

        if (x->done < 2 || x->got != x->want || x->bad || x->err) {
            printf("    side %d: done %d, sent %lu of %lu, got %lu of %lu, bad %d, err %d\n", i, x->done,
                   x->sent, x->send, x->got, x->want, x->bad, x->err);
            ok = false;
        }
    }
    if (!ok && (sides[0].done < 2 || sides[1].done < 2)) {
        for (int i = 0; i < 2; i++) {
            struct tcp_sock *t = tcp_of(sides[i].s);

            printf(
                "    %d: state %d una %u nxt %u write %u wnd %u flight %u cwnd %u sacked %u lost %u retrans %u ca %d timer %d "
                "rto %ld rcv_nxt %u rcv_wnd %u rmem %u ooo %p unsent %p wmem %u\n",
                i, t->state, t->snd_una, t->snd_nxt, t->write_seq, t->snd_wnd, tcp_flight(t), t->cwnd,
                t->sacked, t->lost, t->retrans, t->ca_state, t->timer_kind,
                (long)(t->rto_deadline - clock_mono_ns()), t->rcv_nxt, t->rcv_wnd, t->rmem,
                (void *)t->ooo_first, (void *)t->unsent, t->wmem);
        }
        fflush(stdout);
        abort();
    }
    if (getenv("VERBOSE"))
        printf("    timeouts %lu tlps %lu fast %lu spurious %lu retrans %lu\n", tcp_totals.timeouts,
               tcp_totals.tlps, tcp_totals.fast_retrans, tcp_totals.spurious_rtos, tcp_totals.retrans_segs);
    c->ops->release(c);
    s->ops->release(s);
    l->ops->release(l);
    thread_sleep_until(clock_mono_ns() + 200 * NSEC_PER_SEC, false);
    return ok;
}

static void network(unsigned loss, unsigned dup, unsigned corrupt, unsigned reorder, uint64_t delay_us,
                    uint64_t jitter_us)
{
    memset(&net, 0, sizeof(net));
    net.loss = loss;
    net.dup = dup;
    net.corrupt = corrupt;
    net.reorder = reorder;
    net.delay_ns = delay_us * NSEC_PER_US;
    net.jitter_ns = jitter_us * NSEC_PER_US;
    busy_until[0] = busy_until[1] = 0;
    nr_packets = nr_lost = 0;
}

TEST(a_clean_network_carries_both_ways)
{
    network(0, 0, 0, 0, 50, 0);
    CHECK(run_transfer(3000000, 1000000, 50000, 60));
    CHECK(nr_lost == 0);
}

TEST(nothing_is_left_behind)
{
    long objects, pages;

    network(0, 0, 0, 0, 50, 0);
    run_transfer(100000, 1000, 5000, 60);
    objects = shim_live_objects;
    pages = shim_live_pages;
    for (int i = 0; i < 3; i++)
        run_transfer(100000, 1000, 5000, 60);
    CHECK(shim_live_objects - objects <= 2 && shim_live_objects - objects >= -2);
    CHECK(shim_live_pages == pages);
    CHECK(tcp_mem_used == 0);
}

TEST(pages_are_sent_as_they_are)
{
    by_page = true;
    network(20, 5, 2, 10, 50, 0);
    CHECK(run_transfer(2000000, 1000000, 50000, 600));
    CHECK(run_transfer(100000, 100000, 200, 600));
    wire_tso = false;
    CHECK(run_transfer(500000, 500000, 90000, 600));
    wire_tso = true;
    by_page = false;
}

TEST(whole_packets_arrive_as_well)
{
    wire_whole = true;
    network(5, 0, 0, 0, 50, 0);
    CHECK(run_transfer(3000000, 1000000, 50000, 60));
    wire_whole = false;
}

TEST(without_segmentation_offload)
{
    wire_tso = false;
    network(5, 2, 0, 5, 50, 0);
    CHECK(run_transfer(1000000, 1000000, 50000, 60));
    wire_tso = true;
}

TEST(small_writes)
{
    network(10, 5, 2, 10, 500, 100);
    CHECK(run_transfer(30000, 30000, 100, 600));
}

TEST(loss_of_one_percent)
{
    network(10, 0, 0, 0, 10000, 0);
    CHECK(run_transfer(3000000, 0, 100000, 600));
    printf("    1 %%: %lu ms, %lu packets, %lu lost\n", took_ms, nr_packets, nr_lost);
}

TEST(loss_of_ten_percent)
{
    network(100, 0, 0, 0, 10000, 0);
    CHECK(run_transfer(1000000, 500000, 100000, 6000));
    printf("    10 %%: %lu ms, %lu packets, %lu lost\n", took_ms, nr_packets, nr_lost);
}

TEST(reordering_alone_loses_nothing)
{
    network(0, 0, 0, 100, 10000, 1000);
    CHECK(run_transfer(2000000, 0, 100000, 600));
    printf("    reordering: %lu ms, %lu packets\n", took_ms, nr_packets);
}

TEST(everything_at_once)
{
    network(30, 20, 10, 50, 5000, 5000);
    CHECK(run_transfer(1000000, 1000000, 100000, 6000));
}

TEST(a_narrow_path_with_a_short_queue)
{
    network(0, 0, 0, 0, 20000, 0);
    net.rate = 1250000; /* 10 Mbit/s */
    net.queue = 50;
    CHECK(run_transfer(5000000, 0, 100000, 600));
    printf("    10 Mbit/s: %lu ms for 5 MB (4000 at best), %lu packets, %lu lost\n", took_ms, nr_packets,
           nr_lost);
    CHECK(took_ms < 8000);
}

TEST(many_short_connections_on_a_bad_network)
{
    for (int i = 0; i < 60; i++) {
        network(rnd() % 150, rnd() % 100, rnd() % 30, rnd() % 200, rnd() % 20000, rnd() % 10000);
        if (!run_transfer(rnd() % 20000, rnd() % 20000, 1 + rnd() % 3000, 6000)) {
            CHECK(!"a transfer failed");
            break;
        }
    }
}

/* A listener, a connection and 5000 bytes, without threads. True: all of it came to pass, or somebody was told why not. */
static bool small_exchange(void)
{
    struct sockaddr_any name = wire_name(2, PORT);
    struct socket *l = wire_socket(), *c = wire_socket(), *s = NULL;
    static uint8_t buf[5000];
    size_t sent = 0, got = 0;
    bool failed = !l || !c;

    if (!failed) {
        l->reuseaddr = true;
        failed = l->ops->bind(l, &name) || l->ops->listen(l, 5);
    }
    if (!failed) {
        int err = c->ops->connect(c, &name, true);

        failed = err && err != -EINPROGRESS;
    }
    for (int i = 0; !failed && got < sizeof(buf) && i < 4000; i++) {
        ssize_t n;

        if (!s && l->ops->accept(l, &s, true))
            s = NULL;
        n = sent < sizeof(buf) ? wire_send(c, buf + sent, sizeof(buf) - sent, MSG_DONTWAIT) : 0;
        if (n > 0)
            sent += n;
        failed = n < 0 && n != -EAGAIN && n != -ENOBUFS;
        n = s ? wire_receive(s, buf, sizeof(buf), MSG_DONTWAIT) : 0;
        if (n > 0)
            got += n;
        thread_sleep_until(clock_mono_ns() + 100 * NSEC_PER_MS, false);
    }
    for (int i = 0; i < 3; i++) {
        struct socket *x = i == 0 ? c : i == 1 ? s : l;

        if (x)
            x->ops->release(x);
    }
    fail_alloc_at(-1);
    thread_sleep_until(clock_mono_ns() + 1000 * NSEC_PER_SEC, false);
    return failed || got == sizeof(buf);
}

TEST(every_allocation_may_fail)
{
    int n = 0;

    network(0, 0, 0, 0, 1000, 0);
    net_timer_init(&wire_timer, arrive);
    do {
        bool ok;

        fail_alloc_at(n++);
        ok = small_exchange();
        CHECK(ok);
        CHECK(tcp_mem_used == 0 && tcp_totals.sockets == 0 && tcp_totals.timewaits == 0);
        if (!ok || tcp_mem_used || tcp_totals.sockets || tcp_totals.timewaits) {
            printf("    at allocation %d\n", n - 1);
            break;
        }
    } while (n < 60);
}
