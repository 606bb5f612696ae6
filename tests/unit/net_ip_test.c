/* SPDX-License-Identifier: BSD-2-Clause */
/* ARP, ICMP, IPv4 with fragments, and UDP over a wire of our own. */
#include "test.h"

#include "net_wire.h"

static uint8_t in[70000], out[70000], data[70000];

static void fill_data(void)
{
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = i * 13 + i / 251;
}

TEST(arp_answers_for_our_address_only)
{
    unsigned n;

    wire_start();
    n = put_arp(in, 1, v4(10, 0, 0, 7), (const uint8_t *)"\0\0\0\0\0\0", v4(10, 0, 0, 2));
    wire_in(in, n);
    CHECK(wire_out(out) == 42 && out[21] == 2 && !memcmp(out, peer_mac, 6) && !memcmp(out + 22, wire_mac, 6));
    n = put_arp(in, 1, v4(10, 0, 0, 7), (const uint8_t *)"\0\0\0\0\0\0", v4(10, 0, 0, 3));
    wire_in(in, n);
    CHECK(wire_out(out) == 0);
    wire_in(in, 20); /* truncated */
    CHECK(wire_out(out) == 0);
}

TEST(packets_wait_for_the_address_and_then_go)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 5), 4000);
    struct socket *s;
    unsigned n;

    wire_start();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(wire_send(s, &to, "one", 3) == 3);
    CHECK(wire_send(s, &to, "two", 3) == 3);
    CHECK(wire_out(out) == 42 && out[21] == 1 && out[0] == 0xff); /* who has it? */
    CHECK(wire_out(out) == 0);
    n = put_arp(in, 2, v4(10, 0, 0, 5), wire_mac, v4(10, 0, 0, 2));
    wire_in(in, n);
    CHECK(wire_out(out) == 14 + 20 + 8 + 3 && !memcmp(out + 42, "one", 3) && !memcmp(out, peer_mac, 6));
    CHECK(wire_out(out) == 45 && !memcmp(out + 42, "two", 3));
    struct inaddr a = inaddr_v4(v4(10, 0, 0, 5));
    struct neigh *e = neigh_find(&wire, &a);

    CHECK(e && e->state == NUD_REACHABLE);
    /* nobody confirms it: stale, delay, probe, and then it has failed */
    shim_advance(31 * NSEC_PER_SEC);
    softirq_run();
    CHECK(e->state == NUD_STALE);
    CHECK(wire_send(s, &to, "3", 1) == 1 && wire_out(out) == 43 && e->state == NUD_DELAY);
    shim_advance(6 * NSEC_PER_SEC);
    CHECK(wire_out(out) == 42 && e->state == NUD_PROBE && !memcmp(out, peer_mac, 6));
    for (int i = 0; i < 4; i++) {
        shim_advance(1100 * NSEC_PER_MS);
        wire_drain();
    }
    CHECK(e->state == NUD_FAILED);
    neigh_put(e);
    s->ops->release(s);
}

TEST(who_does_not_answer_is_unreachable)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 66), 4000);
    struct socket *s;
    int one = 1;

    wire_start();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(s->ops->setsockopt(s, 0, IP_RECVERR, &one, sizeof(one)) == 0);
    CHECK(wire_send(s, &to, "x", 1) == 1);
    for (int i = 0; i < 4; i++) {
        wire_drain();
        shim_advance(1100 * NSEC_PER_MS);
    }
    wire_drain();
    CHECK(s->err == -EHOSTUNREACH);
    s->ops->release(s);
}

TEST(echo_is_answered)
{
    unsigned n;

    wire_start();
    wire_know_peer();
    n = put_eth(in, wire_mac, 0x0800);
    n += put_ip4(in + n, IPPROTO_ICMP, v4(10, 0, 0, 1), v4(10, 0, 0, 2), 64, 0, 1);
    memset(in + n, 7, 64);
    memcpy(in + n, "\x08\0\0\0\1\2\3\4", 8);
    put_sum(in + n, 64, 2, NULL, NULL, 0);
    wire_in(in, n + 64);
    CHECK(wire_out(out) == n + 64 && out[34] == 0 && !memcmp(out + 38, in + 38, 60));
    CHECK(checksum_add(out + 34, 64, 0) == 0xffff && checksum_add(out + 14, 20, 0) == 0xffff);
    in[n + 20] ^= 1; /* a bad checksum is not answered */
    wire_in(in, n + 64);
    CHECK(wire_out(out) == 0);
}

TEST(nobody_listens)
{
    unsigned n, frame;

    wire_start();
    wire_know_peer();
    n = put_udp4(in, v4(10, 0, 0, 1), 1111, v4(10, 0, 0, 2), 2222, "hello", 5);
    wire_in(in, n);
    frame = wire_out(out);
    CHECK(frame == 14 + 20 + 8 + 33 && out[34] == 3 && out[35] == 3 && !memcmp(out + 42, in + 14, 33));
}

TEST(udp_in_and_out)
{
    struct sockaddr_any a = sa4(0, 5353), from, to = sa4(v4(10, 0, 0, 1), 777);
    struct socket *s;
    char buf[100];
    unsigned n;

    wire_start();
    wire_know_peer();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(s->ops->bind(s, &a) == 0);
    n = put_udp4(in, v4(10, 0, 0, 1), 777, v4(10, 0, 0, 2), 5353, "question", 8);
    wire_in(in, n);
    CHECK(s->ops->poll(s) & EPOLLIN);
    CHECK(wire_recv(s, buf, sizeof(buf), &from) == 8 && !memcmp(buf, "question", 8));
    CHECK(from.len == to.len && !memcmp(from.bytes, to.bytes, 8));
    CHECK(wire_recv(s, buf, sizeof(buf), &from) == -EAGAIN);
    CHECK(wire_send(s, &from, "answer", 6) == 6);
    CHECK(wire_out(out) == 48 && get_be16(out + 34) == 5353 && get_be16(out + 36) == 777);
    struct inaddr src = inaddr_v4(v4(10, 0, 0, 2)), dst = inaddr_v4(v4(10, 0, 0, 1));

    CHECK(checksum_add(out + 34, 14, ip_pseudo_sum(&src, &dst, IPPROTO_UDP, 14)) == 0xffff);
    /* another one cannot have the port, unless both say so */
    struct socket *t = wire_socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(t->ops->bind(t, &a) == -EADDRINUSE);
    s->reuseaddr = t->reuseaddr = true;
    CHECK(t->ops->bind(t, &a) == 0);
    t->ops->release(t);
    /* truncated and too short ones */
    for (unsigned cut = 14; cut < n; cut++)
        wire_in(in, cut);
    CHECK(wire_recv(s, buf, sizeof(buf), &from) == -EAGAIN);
    s->ops->release(s);
}

TEST(what_is_too_large_is_cut_and_put_together)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 777), a = sa4(0, 888);
    static const unsigned sizes[] = { 1473, 3000, 9000, 65507 };
    struct socket *s;

    wire_start();
    wire_know_peer();
    fill_data();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(s->ops->bind(s, &a) == 0);
    s->rcvbuf = 1 << 20;
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        for (unsigned order = 0; order < 3; order++) {
            static uint8_t frames[64][1600];
            unsigned lens[64], nr = 0, got = 0;

            CHECK(wire_send(s, &to, data, sizes[i]) == (ssize_t)sizes[i]);
            while (nr < 64 && (lens[nr] = wire_out(frames[nr])))
                nr++;
            CHECK(nr == (sizes[i] + 8 + 1479) / 1480);
            /* back to us: addresses and ports exchanged */
            for (unsigned k = 0; k < nr; k++) {
                unsigned j = order == 0 ? k : order == 1 ? nr - 1 - k : (k * 7 + 3) % nr;
                uint8_t *f = frames[j];
                uint32_t x;

                if (order == 2 && nr % 7 == 0)
                    j = k, f = frames[j];
                memcpy(f, wire_mac, 6);
                memcpy(&x, f + 26, 4);
                memcpy(f + 26, f + 30, 4);
                memcpy(f + 30, &x, 4);
                if (!(get_be16(f + 20) & 0x1fff)) {
                    put_be16(f + 34, 777);
                    put_be16(f + 36, 888);
                }
                got += lens[j] - 34;
                wire_in(f, lens[j]);
            }
            CHECK(got == sizes[i] + 8);
            memset(out, 0, sizeof(out));
            CHECK(wire_recv(s, out, sizeof(out), NULL) == (ssize_t)sizes[i] && !memcmp(out, data, sizes[i]));
        }
    s->ops->release(s);
}

static void fragment_in(uint16_t id, unsigned off, unsigned len, bool more)
{
    unsigned n = put_eth(in, wire_mac, 0x0800);

    n += put_ip4(in + n, IPPROTO_UDP, v4(10, 0, 0, 1), v4(10, 0, 0, 2), len, off / 8 | (more ? 0x2000 : 0),
                 id);
    memset(in + n, 0, len);
    wire_in(in, n + len);
}

TEST(overlapping_fragments_are_dropped_and_memory_is_limited)
{
    long objects, pages;

    wire_start();
    wire_know_peer();
    wire_drain();
    shim_advance(40 * NSEC_PER_SEC);
    wire_drain();
    objects = shim_live_objects;
    pages = shim_live_pages;
    fragment_in(1, 0, 24, true);
    fragment_in(1, 16, 24, true);
    fragment_in(2, 0, 16, true);
    fragment_in(2, 16, 16, false);
    fragment_in(2, 32, 16, true); /* a new one, of bytes behind the end */
    fragment_in(3, 65528, 16, false);
    fragment_in(4, 8, 13, true); /* not of eights */
    for (unsigned i = 0; i < 20000; i++)
        fragment_in(i, 0, 1400, true);
    CHECK(shim_live_objects - objects < 6000);
    shim_advance(40 * NSEC_PER_SEC);
    wire_drain();
    CHECK(shim_live_objects <= objects && shim_live_pages <= pages);
}

TEST(icmp_tells_of_a_smaller_mtu)
{
    struct sockaddr_any to = sa4(v4(192, 0, 2, 9), 777);
    struct socket *s;
    unsigned n;

    wire_start();
    wire_know_peer();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(wire_send(s, &to, data, 1400) == 1400);
    CHECK(wire_out(out) == 14 + 1428 && get_be16(out + 20) == 0x4000);
    n = put_eth(in, wire_mac, 0x0800);
    n += put_ip4(in + n, IPPROTO_ICMP, v4(10, 0, 0, 1), v4(10, 0, 0, 2), 8 + 28, 0, 1);
    memcpy(in + n, "\3\4\0\0\0\0\4\xb0", 8); /* 1200 */
    memcpy(in + n + 8, out + 14, 28);
    put_sum(in + n, 36, 2, NULL, NULL, 0);
    wire_in(in, n + 36);
    wire_drain();
    socket_take_error(s);
    CHECK(wire_send(s, &to, data, 1400) == 1400);
    CHECK(wire_out(out) == 14 + 20 + 1176 && get_be16(out + 20) == 0x2000);
    CHECK(wire_out(out) == 14 + 20 + 1408 - 1176);
    s->ops->release(s);
}

TEST(loopback)
{
    struct sockaddr_any a = sa4(v4(127, 0, 0, 1), 999), from;
    struct socket *s, *t;
    char buf[100];

    wire_start();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    t = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(s->ops->bind(s, &a) == 0);
    CHECK(t->ops->connect(t, &a, false) == 0);
    CHECK(wire_send(t, NULL, "hello", 5) == 5);
    CHECK(wire_recv(s, buf, sizeof(buf), &from) == 5);
    CHECK(wire_send(s, &from, "you", 3) == 3 && wire_recv(t, buf, sizeof(buf), NULL) == 3);
    s->ops->release(s);
    shim_advance(NSEC_PER_SEC); /* errors may be sent again */
    CHECK(wire_send(t, NULL, "hello", 5) == 5);
    CHECK(wire_recv(t, buf, sizeof(buf), NULL) == -ECONNREFUSED);
    t->ops->release(t);
    CHECK(wire_out(out) == 0);
}

TEST(many_datagrams_in_one)
{
    struct sockaddr_any a = sa4(v4(127, 0, 0, 1), 999), to = sa4(v4(10, 0, 0, 1), 5);
    struct socket *s, *t;
    int size = 1000;

    wire_start();
    wire_know_peer();
    fill_data();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    t = wire_socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(t->ops->setsockopt(t, 17, 103, &size, sizeof(size)) == 0);
    CHECK(s->ops->bind(s, &a) == 0);
    CHECK(wire_send(t, &a, data, 5500) == 5500);
    for (unsigned i = 0; i < 6; i++)
        CHECK(wire_recv(s, out, sizeof(out), NULL) == (i < 5 ? 1000 : 500) &&
              !memcmp(out, data + i * 1000, 500));
    CHECK(wire_send(t, &to, data, 5500) == 5500);
    for (unsigned i = 0; i < 6; i++) {
        struct inaddr src = inaddr_v4(v4(10, 0, 0, 2)), dst = inaddr_v4(v4(10, 0, 0, 1));
        unsigned len = wire_out(out);

        CHECK(len == 42u + (i < 5 ? 1000 : 500) && !memcmp(out + 42, data + i * 1000, 500));
        CHECK(checksum_add(out + 34, len - 34, ip_pseudo_sum(&src, &dst, IPPROTO_UDP, len - 34)) == 0xffff);
        CHECK(checksum_add(out + 14, 20, 0) == 0xffff);
    }
    s->ops->release(s);
    t->ops->release(t);
}

TEST(a_full_device_keeps_packets_for_a_while)
{
    struct sockaddr_any to = sa4(v4(10, 0, 0, 1), 5);
    struct netdev_stats st;
    struct socket *s;
    unsigned n = 0;

    wire_start();
    wire_know_peer();
    s = wire_socket(AF_INET, SOCK_DGRAM, 0);
    wire_full = true;
    for (unsigned i = 0; i < 1100; i++) {
        CHECK(wire_send(s, &to, "x", 1) == 1);
        softirq_run();
    }
    wire_full = false;
    netdev_get_stats(&wire, &st);
    CHECK(st.tx_dropped == 1100 - 1024);
    netdev_tx_ready(&wire.queues[0]);
    while (wire_out(out))
        n++;
    CHECK(n == 1024);
    s->ops->release(s);
}
