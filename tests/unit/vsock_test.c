/* SPDX-License-Identifier: BSD-2-Clause */
/* AF_VSOCK and its driver over a device of our own: one that behaves, and one that lies. */
#include "test.h"

#include "vsock_wire.h"

static struct virtio_vsock_hdr h;
static uint8_t buf[70000], out[70000];

TEST(vsock_connection)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_RW, 99, 5000);
    struct socket *s;

    wire_up();
    s = wire_connect(SOCK_STREAM, 5000);
    CHECK(wire_send(s, "hello", 5) == 5);
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RW && h.len == 5 && !memcmp(buf, "hello", 5) &&
          h.buf_alloc == 262144 && h.fwd_cnt == 0);
    in.len = 3;
    CHECK(wire_in(&in, "abc", 3));
    CHECK(wire_recv(s, buf, 10, 0) == 3 && !memcmp(buf, "abc", 3));
    CHECK(wire_recv(s, buf, 10, 0) == -EAGAIN);
    CHECK(!wire_out(&h, buf)); /* three bytes are not worth a packet */
    in.op = VIRTIO_VSOCK_OP_CREDIT_REQUEST;
    in.len = 0;
    CHECK(wire_in(&in, NULL, 0));
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_CREDIT_UPDATE && h.fwd_cnt == 3);
    /* the other end closes: it hears that this one has, too */
    in.op = VIRTIO_VSOCK_OP_SHUTDOWN;
    in.flags = 3;
    CHECK(wire_in(&in, NULL, 0));
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
    CHECK(wire_recv(s, buf, 10, 0) == 0 && wire_send(s, "x", 1) == -EPIPE);
    s->ops->release(s);
    CHECK(!wire_out(&h, buf));
}

TEST(vsock_credit_of_the_other_end)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 99, 5001);
    struct socket *s = wire_connect(SOCK_STREAM, 5001);
    unsigned n = 0;

    memset(out, 7, sizeof(out));
    CHECK(wire_send(s, out, sizeof(out)) == 65536); /* what the other end has room for */
    while (wire_out(&h, buf))
        n += h.len;
    wire_interrupt();
    CHECK(n == 65536 && wire_send(s, out, 1) == -EAGAIN && !(s->ops->poll(s) & EPOLLOUT));
    in.fwd_cnt = 10;
    CHECK(wire_in(&in, NULL, 0) && s->ops->poll(s) & EPOLLOUT);
    CHECK(wire_send(s, out, 100) == 10);
    in.fwd_cnt = 0x80000000; /* more than ever was sent: nothing is sent on that */
    CHECK(wire_in(&in, NULL, 0) && wire_send(s, out, 100) == -EAGAIN);
    in.buf_alloc = 0xffffffff; /* nor more than our own buffer is large */
    in.fwd_cnt = 65546;
    wire_drain();
    CHECK(wire_in(&in, NULL, 0));
    n = 0;
    while (wire_send(s, out, sizeof(out)) > 0)
        n++;
    CHECK(n == 4);
    wire_drain();
    s->ops->release(s);
    wire_drain();
}

TEST(vsock_more_than_was_allowed)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_RW, 99, 5002);
    struct socket *s = wire_connect(SOCK_STREAM, 5002);
    unsigned n = 0;

    in.len = 4000;
    while (n < 1000 && !vsock_sk(s)->done && wire_in(&in, out, 4000))
        n++;
    CHECK(n == 262144 / 4000 + 1);
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
    CHECK(wire_recv(s, buf, sizeof(buf), 0) > 0); /* what was allowed can be read */
    s->ops->release(s);
    wire_drain();
}

TEST(vsock_small_packets_share_memory)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_RW, 99, 5003);
    struct socket *s = wire_connect(SOCK_STREAM, 5003);
    long before = shim_live_objects + shim_live_pages;
    unsigned got = 0;

    in.len = 1;
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t c = i * 7;

        CHECK(wire_in(&in, &c, 1));
    }
    CHECK(shim_live_objects + shim_live_pages < before + 10);
    while (got < 10000) {
        ssize_t n = wire_recv(s, buf, 999, 0);

        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++, got++)
            CHECK(buf[i] == (uint8_t)(got * 7));
    }
    s->ops->release(s);
    wire_drain();
}

TEST(vsock_strays)
{
    struct virtio_vsock_hdr in;

    for (unsigned op = 0; op < 12; op++) {
        in = wire_hdr(op, 1, 2);
        CHECK(wire_in(&in, NULL, 0));
        if (op == VIRTIO_VSOCK_OP_RST) { /* is not answered, else two ends would answer for ever */
            CHECK(!wire_out(&h, buf));
            continue;
        }
        CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST && h.dst_port == 1 && h.src_port == 2 &&
              h.dst_cid == HOST && h.src_cid == GUEST);
    }
    /* for another machine, from nobody, from this one: no answer */
    for (unsigned i = 0; i < 5; i++) {
        in = wire_hdr(VIRTIO_VSOCK_OP_REQUEST, 1, 2);
        if (i == 0)
            in.dst_cid = 8;
        else if (i == 1)
            in.dst_cid = GUEST | 1ull << 32;
        else
            in.src_cid = i == 2 ? GUEST : i == 3 ? VMADDR_CID_LOCAL : 1ull << 40;
        CHECK(wire_in(&in, NULL, 0) && !wire_out(&h, buf));
    }
    in = wire_hdr(VIRTIO_VSOCK_OP_REQUEST, 1, 2);
    in.type = 3;
    CHECK(wire_in(&in, NULL, 0) && wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
}

TEST(vsock_listener)
{
    struct socket *l = wire_listener(SOCK_STREAM, 6000), *c;
    struct virtio_vsock_hdr in;

    shim_advance(9 * NSEC_PER_SEC); /* those that other tests have left */
    wire_drain();
    for (unsigned i = 0; i < 4; i++) { /* the backlog is 2, and one more */
        in = wire_hdr(VIRTIO_VSOCK_OP_REQUEST, 100 + i, 6000);
        CHECK(wire_in(&in, NULL, 0) && wire_out(&h, buf) && h.dst_port == 100 + i &&
              h.op == (i < 3 ? VIRTIO_VSOCK_OP_RESPONSE : VIRTIO_VSOCK_OP_RST));
    }
    in = wire_hdr(VIRTIO_VSOCK_OP_RW, 200, 6000); /* to no connection */
    CHECK(wire_in(&in, NULL, 0) && wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
    in = wire_hdr(VIRTIO_VSOCK_OP_REQUEST, 201, 6000);
    in.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    CHECK(wire_in(&in, NULL, 0) && wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
    CHECK(l->ops->accept(l, &c, true) == 0);
    in = wire_hdr(VIRTIO_VSOCK_OP_RST, 100, 6000);
    CHECK(wire_in(&in, NULL, 0) && wire_recv(c, buf, 1, 0) == 0 && !wire_out(&h, buf));
    c->ops->release(c);
    l->ops->release(l); /* two that nobody accepted: the other ends are told */
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_SHUTDOWN && h.flags == 3);
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_SHUTDOWN && !wire_out(&h, buf));
    shim_advance(9 * NSEC_PER_SEC); /* and as they say nothing, the connections end without them */
    wire_interrupt();
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST && wire_out(&h, buf) && !wire_out(&h, buf));
    wire_drain();
}

TEST(vsock_connecting)
{
    struct sockaddr_any a = wire_addr(HOST, 9);
    struct socket *s = wire_socket(SOCK_STREAM);
    struct virtio_vsock_hdr in;

    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS && s->ops->connect(s, &a, true) == -EALREADY);
    CHECK(wire_out(&h, buf));
    in = wire_hdr(VIRTIO_VSOCK_OP_RST, 9, h.src_port);
    CHECK(wire_in(&in, NULL, 0) && socket_take_error(s) == -ECONNRESET);
    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS && wire_out(&h, buf)); /* again */
    in = wire_hdr(VIRTIO_VSOCK_OP_RW, 9, h.src_port);
    CHECK(wire_in(&in, NULL, 0) && socket_take_error(s) == -EPROTO);
    CHECK(wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS && wire_out(&h, buf));
    shim_advance(3 * NSEC_PER_SEC);
    wire_interrupt();
    CHECK(socket_take_error(s) == -ETIMEDOUT);
    in = wire_hdr(VIRTIO_VSOCK_OP_RESPONSE, 9, h.src_port); /* too late */
    CHECK(wire_in(&in, NULL, 0) && wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RST);
    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS && wire_out(&h, buf));
    s->ops->release(s);
    CHECK(!wire_out(&h, buf));
    wire_drain();
}

TEST(vsock_messages)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_RW, 99, 5004);
    struct socket *s = wire_connect(SOCK_SEQPACKET, 5004);
    unsigned n = 0;

    in.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
    in.len = 4;
    CHECK(wire_in(&in, "part", 4) && wire_recv(s, buf, 100, 0) == -EAGAIN);
    in.flags = VIRTIO_VSOCK_SEQ_EOM;
    CHECK(wire_in(&in, "rest", 4) && wire_recv(s, buf, 100, 0) == 8 && !memcmp(buf, "partrest", 8));
    in.len = 0; /* an empty one */
    CHECK(wire_in(&in, NULL, 0) && wire_recv(s, buf, 100, 0) == 0 && wire_recv(s, buf, 100, 0) == -EAGAIN);
    wire_drain();
    CHECK(wire_send(s, out, 40000) == 40000);
    while (wire_out(&h, buf)) {
        n += h.len;
        CHECK(h.flags == (n == 40000 ? VIRTIO_VSOCK_SEQ_EOM : 0));
    }
    CHECK(n == 40000 && wire_send(s, out, 30000) == -EAGAIN && wire_send(s, out, 66000) == -EMSGSIZE);
    s->ops->release(s);
    wire_drain();
}

TEST(vsock_lengths_that_lie)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_RW, 99, 5005);
    struct socket *s = wire_connect(SOCK_STREAM, 5005);
    int head;

    in.len = 5; /* of which 3 are there */
    CHECK(wire_in(&in, "abc", 3) && wire_recv(s, buf, 10, 0) == -EAGAIN);
    in.len = 0xffffffff;
    CHECK(wire_in(&in, "abc", 3) && wire_recv(s, buf, 10, 0) == -EAGAIN);
    head = fake_take(wire, RX); /* not even a header */
    fake_give(wire, RX, head, 43);
    wire_interrupt();
    in.len = 2; /* fewer than there are */
    CHECK(wire_in(&in, "abc", 3) && wire_recv(s, buf, 10, 0) == 2);
    in.len = 4096 - VSOCK_PKT_HEAD; /* a whole buffer, and more behind it */
    CHECK(wire_in(&in, out, in.len) && wire_recv(s, buf, 4, 0) == 4);
    in.len = 100;
    CHECK(wire_in(&in, out, 100) && wire_recv(s, buf, 8000, 0) == 4096 - VSOCK_PKT_HEAD - 4 + 100);
    s->ops->release(s);
    wire_drain();
}

TEST(vsock_floods_wait_in_the_device)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_RW, 3, 4);
    long before = shim_live_objects + shim_live_pages;
    unsigned n = 0;

    while (n < 5000 && wire_in(&in, NULL, 0)) /* strays, whose answers the device does not take */
        n++;
    CHECK(n < 1000 && shim_live_objects + shim_live_pages < before + 1000);
    for (unsigned i = 0; i < 10; i++)
        wire_drain();
    CHECK(wire_in(&in, NULL, 0));
    wire_drain();
}

TEST(vsock_no_memory)
{
    struct virtio_vsock_hdr in = wire_hdr(VIRTIO_VSOCK_OP_REQUEST, 50, 6001), data;
    struct socket *l = wire_listener(SOCK_STREAM, 6001), *c;

    for (unsigned i = 0; i < 12; i++) {
        in.src_port = 300 + i;
        data = wire_hdr(VIRTIO_VSOCK_OP_RW, 300 + i, 6001);
        data.len = 3;
        fail_alloc_at(i);
        wire_in(&in, NULL, 0);
        wire_in(&data, "abc", 3);
        fail_alloc_at(-1);
        wire_drain();
        if (l->ops->accept(l, &c, true) == 0) {
            fail_alloc_at(i % 3);
            wire_send(c, "x", 1);
            fail_alloc_at(-1);
            c->ops->release(c);
        }
        wire_drain();
    }
    l->ops->release(l);
    shim_advance(9 * NSEC_PER_SEC);
    wire_drain();
}

TEST(vsock_transport_reset)
{
    struct socket *s = wire_connect(SOCK_STREAM, 5006), *l = wire_listener(SOCK_STREAM, 6002),
                  *c = wire_socket(SOCK_STREAM);
    struct sockaddr_any a = wire_addr(HOST, 9);
    uint32_t id = VIRTIO_VSOCK_EVENT_TRANSPORT_RESET;
    struct virtio_vsock_hdr in;
    int head = fake_take(wire, EV);

    CHECK(c->ops->connect(c, &a, true) == -EINPROGRESS);
    CHECK(head >= 0 && fake_copy(wire, EV, head, &id, 4, true) == 4);
    wire->config[0] = 9; /* and this machine is another now */
    fake_give(wire, EV, head, 4);
    wire_interrupt();
    CHECK(s->ops->poll(s) & EPOLLERR && wire_recv(s, buf, 10, 0) == -ECONNRESET);
    CHECK(socket_take_error(c) == -ECONNRESET);
    wire_drain();
    in = wire_hdr(VIRTIO_VSOCK_OP_REQUEST, 1, 6002);
    in.dst_cid = 9;
    CHECK(wire_in(&in, NULL, 0) && wire_out(&h, buf) && h.op == VIRTIO_VSOCK_OP_RESPONSE && h.src_cid == 9);
    s->ops->release(s);
    c->ops->release(c);
    l->ops->release(l);
    wire_drain();
}

TEST(vsock_device_that_lies)
{
    struct socket *s = wire_socket(SOCK_STREAM);
    struct sockaddr_any a = wire_addr(HOST, 9);

    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS);
    fake_give(wire, RX, 0xdead, 44);
    wire_interrupt();
    CHECK(wire->vd.broken && wire->status == 0 && socket_take_error(s) == -ECONNRESET);
    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS); /* and nobody answers */
    shim_advance(3 * NSEC_PER_SEC);
    wire_interrupt();
    CHECK(socket_take_error(s) == -ETIMEDOUT);
    s->ops->release(s);
}
