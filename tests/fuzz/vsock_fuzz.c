/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of AF_VSOCK at random, and what programs do meanwhile: nothing crashes, nothing is read or written outside, and
 * what a connection holds stays within its buffer.
 */
#include "test.h"

#include "tests/unit/vsock_wire.h"

#define ROUNDS 200000
#define NR     6

static uint64_t seed = 99;

static uint32_t rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

static uint32_t wild(uint32_t tame)
{
    static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 4096, 65536 };

    return rnd(8) ? tame : values[rnd(7)];
}

static void packet(void)
{
    static uint8_t data[5000];
    uint32_t len = rnd(3) ? rnd(64) : rnd(4012);
    struct virtio_vsock_hdr h = { .src_cid = wild(HOST),
                                  .dst_cid = rnd(50) ? GUEST : wild(GUEST),
                                  .src_port = wild(rnd(4)),
                                  .dst_port = 7000 + rnd(NR + 1),
                                  .len = rnd(8) ? len : wild(len + 1),
                                  .type = rnd(8) ? 1 + rnd(2) : rnd(4),
                                  .op = rnd(8) ? VIRTIO_VSOCK_OP_RW : rnd(10),
                                  .flags = rnd(4),
                                  .buf_alloc = wild(rnd(100000)),
                                  .fwd_cnt = wild(rnd(1000)) };

    if (h.op == VIRTIO_VSOCK_OP_SHUTDOWN && rnd(4))
        h.flags = 0;
    wire_in(&h, data, len);
}

static void program(struct socket **s)
{
    static uint8_t buf[20000];
    struct sockaddr_any a = wire_addr(VMADDR_CID_ANY, 7000 + rnd(NR));
    struct socket *c;

    if (!*s) {
        if (!vsock_family.create(rnd(3) ? SOCK_STREAM : SOCK_SEQPACKET, 0, s))
            (*s)->ops->bind(*s, &a);
        return;
    }
    switch (rnd(12)) {
    case 0:
        (*s)->ops->release(*s);
        *s = NULL;
        break;
    case 1:
        (*s)->ops->listen(*s, rnd(3));
        break;
    case 2:
        a = wire_addr(rnd(4) ? HOST : VMADDR_CID_LOCAL, rnd(4) ? rnd(4) : 7000 + rnd(NR));
        (*s)->ops->connect(*s, &a, true);
        break;
    case 3:
        if ((*s)->ops->accept(*s, &c, true) == 0) {
            (*s)->ops->release(*s);
            *s = c;
        }
        break;
    case 4:
        if (!rnd(5))
            (*s)->ops->shutdown(*s, rnd(3));
        break;
    case 5:
    case 6:
        wire_send(*s, buf, rnd(sizeof(buf)));
        break;
    case 7:
        (*s)->ops->setsockopt(*s, AF_VSOCK, rnd(3), &(uint64_t){ wild(rnd(300000)) }, 8);
        break;
    default:
        wire_recv(*s, buf, rnd(sizeof(buf)), rnd(4) ? 0 : MSG_PEEK);
        break;
    }
    if (*s) {
        CHECK(vsock_sk(*s)->rx_bytes <= INT32_MAX);
        (*s)->ops->poll(*s);
    }
}

TEST(vsock_fuzz)
{
    struct socket *s[NR] = { NULL };

    wire_up();
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (!rnd(50))
            fail_alloc_at(rnd(4));
        if (rnd(3))
            packet();
        else
            program(&s[rnd(NR)]);
        fail_alloc_at(-1);
        if (!rnd(20))
            wire_drain();
        if (!rnd(500))
            shim_advance(NSEC_PER_SEC);
    }
    for (unsigned i = 0; i < NR; i++)
        if (s[i])
            s[i]->ops->release(s[i]);
    shim_advance(20 * NSEC_PER_SEC);
    wire_drain();
    CHECK(!vsock_table_pop());
}
