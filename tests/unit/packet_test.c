/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet sockets on a card: what is shown to whom, what is sent, and that no memory is lost when there is none. */
#include "test.h"

#include "net/link.h"
#include "net/packet/packet.h"
#include "net_wire.h"

static uint8_t in[2000], out[2000], got[2000];

static struct socket *packet(int type, int proto)
{
    struct socket *s = wire_socket(AF_PACKET, type, 0);
    struct sockaddr_ll ll = { .sll_family = AF_PACKET,
                              .sll_ifindex = wire.index,
                              .sll_protocol = be16(proto) };
    struct sockaddr_any a = { .len = sizeof(ll) };

    memcpy(a.bytes, &ll, sizeof(ll));
    CHECK(s->ops->bind(s, &a) == 0);
    return s;
}

static ssize_t frame_recv(struct socket *s, struct sockaddr_ll *ll)
{
    struct sockaddr_any from = { .len = 0 };
    ssize_t n = wire_recv(s, got, sizeof(got), &from);

    memcpy(ll, from.bytes, sizeof(*ll));
    return n;
}

TEST(frames_of_a_card)
{
    struct socket *all, *ip;
    struct sockaddr_ll ll;
    unsigned n;

    wire_start();
    wire_know_peer();
    CHECK(!link_tap);
    all = packet(SOCK_RAW, ETH_P_ALL);
    ip = packet(SOCK_DGRAM, ETH_P_IP);
    CHECK(link_tap);
    n = put_udp4(in, v4(10, 0, 0, 1), 9, v4(10, 0, 0, 2), 7, "hello", 5); /* answered by ICMP */
    wire_in(in, n);
    CHECK(frame_recv(all, &ll) == (ssize_t)n && !memcmp(got, in, n) && ll.sll_pkttype == PACKET_HOST);
    CHECK(ll.sll_protocol == be16(ETH_P_IP) && ll.sll_hatype == ARPHRD_ETHER &&
          !memcmp(ll.sll_addr, peer_mac, 6));
    CHECK(frame_recv(ip, &ll) == (ssize_t)n - 14 && !memcmp(got, in + 14, n - 14));
    n = wire_out(out);
    CHECK(n && frame_recv(all, &ll) == (ssize_t)n && ll.sll_pkttype == PACKET_OUTGOING &&
          !memcmp(ll.sll_addr, wire_mac, 6));
    CHECK(frame_recv(ip, &ll) == -EAGAIN);
    all->ops->release(all);
    ip->ops->release(ip);
    CHECK(!link_tap);
    wire_drain();
}

static int member(struct socket *s, int name)
{
    struct packet_mreq r = { .mr_ifindex = wire.index, .mr_type = PACKET_MR_PROMISC };

    return s->ops->setsockopt(s, SOL_PACKET, name, &r, sizeof(r));
}

TEST(frames_for_others_are_shown_when_asked_for)
{
    struct sockaddr_ll ll;
    struct socket *s;
    unsigned n;

    wire_start();
    s = packet(SOCK_RAW, ETH_P_ALL);
    n = put_udp4(in, v4(10, 0, 0, 1), 9, v4(10, 0, 0, 3), 7, "hello", 5);
    in[5] ^= 0x40;
    wire_in(in, n);
    CHECK(frame_recv(s, &ll) == -EAGAIN);
    CHECK(member(s, PACKET_ADD_MEMBERSHIP) == 0 && netif_of(&wire)->promiscuity == 1);
    wire_in(in, n);
    CHECK(frame_recv(s, &ll) == (ssize_t)n && ll.sll_pkttype == PACKET_OTHERHOST);
    CHECK(member(s, PACKET_DROP_MEMBERSHIP) == 0 && netif_of(&wire)->promiscuity == 0);
    wire_in(in, n);
    CHECK(frame_recv(s, &ll) == -EAGAIN);
    CHECK(member(s, PACKET_ADD_MEMBERSHIP) == 0);
    s->ops->release(s); /* leaves */
    CHECK(netif_of(&wire)->promiscuity == 0 && wire_out(out) == 0);
}

TEST(sending_on_a_card)
{
    struct sockaddr_ll ll = { .sll_family = AF_PACKET,
                              .sll_protocol = be16(0x88b5),
                              .sll_halen = 6,
                              .sll_addr = { 1, 2, 3, 4, 5, 6 } };
    struct sockaddr_any to = { .len = sizeof(ll) };
    struct socket *raw, *cooked, *see;

    wire_start();
    raw = packet(SOCK_RAW, 0);
    cooked = packet(SOCK_DGRAM, ETH_P_ALL);
    see = packet(SOCK_RAW, ETH_P_ALL);
    ll.sll_ifindex = wire.index;
    memcpy(to.bytes, &ll, sizeof(ll));
    memset(in, 7, sizeof(in));
    CHECK(wire_send(raw, NULL, in, 1514) == 1514 && wire_out(out) == 1514 && !memcmp(in, out, 1514));
    CHECK(wire_send(raw, NULL, in, 1515) == -EMSGSIZE && wire_send(raw, NULL, in, 13) == -EINVAL);
    put_be16(in + 12, ETH_P_8021Q);
    CHECK(wire_send(raw, NULL, in, 1518) == 1518 && wire_out(out) == 1518 &&
          wire_send(raw, NULL, in, 1519) == -EMSGSIZE);
    CHECK(wire_send(cooked, &to, "xyz", 3) == 3 && wire_out(out) == 17 && !memcmp(out, ll.sll_addr, 6));
    CHECK(!memcmp(out + 6, wire_mac, 6) && get_be16(out + 12) == 0x88b5 && !memcmp(out + 14, "xyz", 3));
    CHECK(wire_send(cooked, NULL, "xyz", 3) == -EINVAL); /* to whom? */
    /* others see it, the sender does not */
    for (int i = 0; i < 3; i++)
        CHECK(frame_recv(see, &ll) > 0 && ll.sll_pkttype == PACKET_OUTGOING);
    CHECK(frame_recv(cooked, &ll) == 1500 && frame_recv(cooked, &ll) == 1504 &&
          frame_recv(cooked, &ll) == -EAGAIN);
    CHECK(netif_set_flags(&wire, 0, IFF_UP) == 0);
    CHECK(frame_recv(see, &ll) == -ENETDOWN && wire_send(raw, NULL, in, 100) == -ENETDOWN);
    CHECK(netif_set_flags(&wire, IFF_UP, IFF_UP) == 0);
    raw->ops->release(raw);
    cooked->ops->release(cooked);
    see->ops->release(see);
    wire_drain();
}

/* A ring's memory comes and goes, whichever allocation fails. */
TEST(rings_survive_every_oom)
{
    struct tpacket_req q = { 4096, 3, 2048, 6 }, none = { 0 };
    struct socket *s;
    int err, n = 0;

    wire_start();
    s = packet(SOCK_RAW, ETH_P_ALL);
    do {
        fail_alloc_at(n++);
        err = s->ops->setsockopt(s, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q));
        CHECK(err == 0 || (err == -ENOMEM && !packet_of(s)->rx_ring.pages));
    } while (err);
    fail_alloc_at(-1);
    CHECK(s->ops->setsockopt(s, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none)) == 0 &&
          !packet_of(s)->rx_ring.pages);
    CHECK(s->ops->setsockopt(s, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)) == 0);
    CHECK(s->ops->setsockopt(s, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)) == 0);
    s->ops->release(s);
}

/* What the program writes into a ring to send is believed in nothing. */
TEST(hostile_frames_to_send)
{
    struct tpacket_req3 q = { 4096, 2, 2048, 4, 0, 0, 0 };
    uint64_t seed = 88172645463325252ull;
    int one = 1;

    wire_start();
    for (int version = TPACKET_V1; version <= TPACKET_V3; version++) {
        struct socket *s = packet(version == TPACKET_V2 ? SOCK_DGRAM : SOCK_RAW, ETH_P_IP);
        struct packet_ring *r = &packet_of(s)->tx_ring;

        CHECK(s->ops->setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) == 0);
        CHECK(s->ops->setsockopt(s, SOL_PACKET, PACKET_TX_HAS_OFF, &one, sizeof(one)) == 0);
        CHECK(s->ops->setsockopt(s, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)) == 0);
        for (int i = 0; i < 20000; i++) {
            uint32_t *w = (uint32_t *)page_virt(r->pages[r->head / 2]) + r->head % 2 * 512;

            for (int n = 0; n < 12; n++) {
                seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
                w[n] = seed >> 60 ? seed % (seed & 1 ? 3000 : 120) : seed;
            }
            if (version == TPACKET_V3)
                w[0] = seed >> 8 & 7 ? 0 : w[0];
            w[version == TPACKET_V3 ? 5 : 0] = TP_STATUS_SEND_REQUEST;
            if (version == TPACKET_V1)
                w[1] = 0;
            wire_send(s, NULL, "", 0);
            wire_drain();
        }
        s->ops->release(s);
    }
}
