/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vsock_wire.h: AF_VSOCK over a virtio socket device of our own: this machine is 7, the host 2. Include after test.h.
 */
#pragma once
#include "drivers/virtio/virtio.c"
#include "drivers/virtio/virtqueue.c"
#include "drivers/virtio/vsock.c"
#include "fake_virtio.h"
#include "kernel/thread.h"
#include "net/families.h"
#include "net/vsock/vsock.h"
#include "shim.h"

const struct driver *const drivers[] = { &virtio_vsock_driver, NULL };

#define GUEST 7
#define HOST  2
enum { RX, TX, EV };

static struct fake *wire;

static bool wire_capable(int cap)
{
    return true;
}
static const struct socket_host wire_host = { .capable = wire_capable };

static void wire_up(void)
{
    sched_init();
    socket_host = &wire_host;
    wire = fake_new(VIRTIO_ID_VSOCK, VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_F_EVENT_IDX);
    wire->config[0] = GUEST;
    CHECK(virtio_probe(&wire->vd) == 0);
    vsock_start();
    softirq_run();
}

static void wire_interrupt(void)
{
    virtio_interrupt(&wire->vd);
    for (unsigned i = 0; i < 8; i++)
        softirq_run();
}

static struct virtio_vsock_hdr wire_hdr(unsigned op, uint32_t src_port, uint32_t dst_port)
{
    return (struct virtio_vsock_hdr){ .src_cid = HOST,
                                      .dst_cid = GUEST,
                                      .src_port = src_port,
                                      .dst_port = dst_port,
                                      .type = VIRTIO_VSOCK_TYPE_STREAM,
                                      .op = op,
                                      .buf_alloc = 65536 };
}

/* A packet comes in: len bytes follow the header. False: the driver has no buffer there. */
static bool wire_in(const struct virtio_vsock_hdr *h, const void *data, uint32_t len)
{
    static uint8_t buf[8192];
    int head = fake_take(wire, RX);

    if (head < 0)
        return false;
    memcpy(buf, h, sizeof(*h));
    if (len)
        memcpy(buf + sizeof(*h), data, len);
    fake_give(wire, RX, head, fake_copy(wire, RX, head, buf, sizeof(*h) + len, true));
    wire_interrupt();
    return true;
}

/* The next packet that was sent; false: none. buf has room for 70000 bytes. */
static bool wire_out(struct virtio_vsock_hdr *h, uint8_t *buf)
{
    static uint8_t all[70000];
    int head = fake_take(wire, TX);
    size_t n;

    if (head < 0)
        return false;
    n = fake_copy(wire, TX, head, all, sizeof(all), false);
    CHECK(n >= sizeof(*h));
    memcpy(h, all, sizeof(*h));
    CHECK(n == sizeof(*h) + h->len);
    if (buf)
        memcpy(buf, all + sizeof(*h), h->len);
    fake_give(wire, TX, head, 0);
    return true;
}

static void wire_drain(void)
{
    struct virtio_vsock_hdr h;

    do
        wire_interrupt();
    while (wire_out(&h, NULL));
    wire_interrupt();
}

static struct sockaddr_any wire_addr(uint32_t cid, uint32_t port)
{
    struct sockaddr_any a = { .len = sizeof(struct sockaddr_vsock) };
    struct sockaddr_vsock v = { .family = AF_VSOCK, .cid = cid, .port = port };

    memcpy(a.bytes, &v, sizeof(v));
    return a;
}

static struct socket *wire_socket(int type)
{
    struct socket *s = NULL;

    CHECK(vsock_family.create(type, 0, &s) == 0);
    return s;
}

static ssize_t wire_send(struct socket *s, const void *p, size_t len)
{
    struct socket_msg m;
    struct iov v;

    iov_kernel(&v, p, len);
    socket_msg_init(&m, &v, MSG_DONTWAIT, TIME_NEVER);
    return s->ops->sendmsg(s, &m);
}

static ssize_t wire_recv(struct socket *s, void *p, size_t len, unsigned flags)
{
    struct socket_msg m;
    struct iov v;

    iov_kernel(&v, p, len);
    socket_msg_init(&m, &v, MSG_DONTWAIT | flags, TIME_NEVER);
    return s->ops->recvmsg(s, &m);
}

/* A listener on that port, or a connection from it to the host's port 99. */
static struct socket *wire_listener(int type, uint32_t port)
{
    struct socket *s = wire_socket(type);
    struct sockaddr_any a = wire_addr(VMADDR_CID_ANY, port);

    CHECK(s->ops->bind(s, &a) == 0 && s->ops->listen(s, 2) == 0);
    return s;
}

static struct socket *wire_connect(int type, uint32_t port)
{
    struct virtio_vsock_hdr h, r = wire_hdr(VIRTIO_VSOCK_OP_RESPONSE, 99, port);
    struct sockaddr_any a = wire_addr(VMADDR_CID_ANY, port);
    struct socket *s = wire_socket(type);

    CHECK(s->ops->bind(s, &a) == 0);
    a = wire_addr(HOST, 99);
    CHECK(s->ops->connect(s, &a, true) == -EINPROGRESS);
    CHECK(wire_out(&h, NULL) && h.op == VIRTIO_VSOCK_OP_REQUEST && h.src_cid == GUEST && h.dst_port == 99);
    r.type = h.type;
    CHECK(wire_in(&r, NULL, 0) && vsock_sk(s)->state == VSOCK_CONNECTED);
    return s;
}
