/* SPDX-License-Identifier: BSD-2-Clause */
/* Classic BPF: what is accepted, and what programs compute. */
#include "test.h"

#include "abi/errno.h"
#include "kernel/netdev.h"
#include "net/bpf.h"
#include "shim.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define S(c, k_)       BPF_STMT(c, k_)
#define J(c, k_, t, f) BPF_JUMP(c, k_, t, f)
#define CHECK_PROG(...)                               \
    check_prog((struct sock_filter[]){ __VA_ARGS__ }, \
               sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))
#define RUN(k, ...)                                    \
    run_prog(k, (struct sock_filter[]){ __VA_ARGS__ }, \
             sizeof((struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))
#define RET_A          S(BPF_RET | BPF_A, 0)
#define LD_IMM(v)      S(BPF_LD | BPF_IMM, v)
#define LDX_IMM(v)     S(BPF_LDX | BPF_IMM, v)
#define ALU_X(op)      S(BPF_ALU | (op) | BPF_X, 0)
#define ABS(size, off) S(BPF_LD | (size) | BPF_ABS, off)
#define AD(what)       ABS(BPF_W, (uint32_t)SKF_AD_OFF + (what))

static int check_prog(const struct sock_filter *f, unsigned n)
{
    return bpf_check(f, n);
}

static uint32_t run_prog(const struct bpf_packet *k, const struct sock_filter *f, unsigned n)
{
    CHECK(bpf_check(f, n) == 0);
    return bpf_run(f, k);
}

static const uint8_t bytes[] = { 0x45, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static const struct bpf_packet flat = { .data = bytes,
                                        .linear = sizeof(bytes),
                                        .len = sizeof(bytes),
                                        .mark = 77,
                                        .protocol = 0x800,
                                        .pkttype = PACKET_OUTGOING };

TEST(only_what_linux_accepts)
{
    struct sock_filter one = RET_A;

    CHECK(bpf_check(&one, 0) == -EINVAL);
    CHECK(bpf_check(&one, 1) == 0);
    CHECK(CHECK_PROG(LD_IMM(1)) == -EINVAL); /* no end */
    CHECK(CHECK_PROG(S(BPF_RET | BPF_X, 0)) == -EINVAL);
    CHECK(CHECK_PROG(S(0xffff, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(0x100 | BPF_LD | BPF_IMM, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_LD | BPF_B | BPF_MSH, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_LDX | BPF_H | BPF_MSH, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ALU | BPF_NEG | BPF_X, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ALU | BPF_DIV | BPF_K, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ALU | BPF_MOD | BPF_K, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ALU | BPF_DIV | BPF_X, 0), RET_A) == 0);
    CHECK(CHECK_PROG(S(BPF_ALU | BPF_LSH | BPF_K, 32), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ALU | BPF_LSH | BPF_K, 31), RET_A) == 0);
    CHECK(CHECK_PROG(S(BPF_JMP | BPF_JA, 1), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_JMP | BPF_JA, UINT32_MAX), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_JMP | BPF_JA, 0), RET_A) == 0);
    CHECK(CHECK_PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0), RET_A) == 0);
    CHECK(CHECK_PROG(J(BPF_JMP | 0x70, 0, 0, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ST, 16), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(ABS(BPF_W, UINT32_MAX), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(AD(1), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(AD(SKF_AD_VLAN_TPID), RET_A) == 0);
    CHECK(CHECK_PROG(ABS(BPF_W, (uint32_t)SKF_NET_OFF), RET_A) == 0);
    CHECK(CHECK_PROG(S(BPF_LD | BPF_W | BPF_IND, UINT32_MAX), RET_A) == 0);
}

TEST(words_must_have_been_stored)
{
    CHECK(CHECK_PROG(S(BPF_LD | BPF_MEM, 0), RET_A) == -EINVAL);
    CHECK(CHECK_PROG(S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 0), RET_A) == 0);
    CHECK(CHECK_PROG(S(BPF_ST, 0), S(BPF_LDX | BPF_MEM, 1), RET_A) == -EINVAL);
    /* one of two ways only */
    CHECK(CHECK_PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), S(BPF_STX, 3), S(BPF_LD | BPF_MEM, 3), RET_A) ==
          -EINVAL);
    CHECK(CHECK_PROG(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), S(BPF_STX, 3), S(BPF_JMP | BPF_JA, 1),
                     S(BPF_ST, 3), S(BPF_LD | BPF_MEM, 3), RET_A) == 0);
}

TEST(the_longest_program)
{
    static struct sock_filter f[BPF_MAXINSNS + 1];

    for (unsigned i = 0; i < BPF_MAXINSNS; i++)
        f[i] = (struct sock_filter)S(BPF_ALU | BPF_ADD | BPF_K, 1);
    f[BPF_MAXINSNS - 1] = (struct sock_filter)RET_A;
    f[BPF_MAXINSNS] = (struct sock_filter)RET_A;
    CHECK(bpf_check(f, BPF_MAXINSNS) == 0 && bpf_run(f, &flat) == BPF_MAXINSNS - 1);
    CHECK(bpf_check(f, BPF_MAXINSNS + 1) == -EINVAL);
    fail_alloc_at(0);
    CHECK(bpf_check(f, BPF_MAXINSNS) == -ENOMEM);
    fail_alloc_at(-1);
}

TEST(loads)
{
    CHECK(RUN(&flat, ABS(BPF_W, 1), RET_A) == 0x01020304);
    CHECK(RUN(&flat, ABS(BPF_H, 8), RET_A) == 0x0809);
    CHECK(RUN(&flat, ABS(BPF_B, 9), RET_A) == 9);
    CHECK(RUN(&flat, ABS(BPF_B, 10), S(BPF_RET | BPF_K, 5)) == 0); /* there is no such byte */
    CHECK(RUN(&flat, ABS(BPF_W, 7), S(BPF_RET | BPF_K, 5)) == 0);
    CHECK(RUN(&flat, LDX_IMM(3), S(BPF_LD | BPF_B | BPF_IND, 4), RET_A) == 7);
    CHECK(RUN(&flat, LDX_IMM(UINT32_MAX), S(BPF_LD | BPF_B | BPF_IND, 4), RET_A) == 3);
    CHECK(RUN(&flat, LDX_IMM(UINT32_MAX), S(BPF_LD | BPF_B | BPF_IND, 0), S(BPF_RET | BPF_K, 5)) == 0);
    CHECK(RUN(&flat, S(BPF_LD | BPF_W | BPF_LEN, 0), RET_A) == 10);
    CHECK(RUN(&flat, S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0), RET_A) == 10);
    CHECK(RUN(&flat, S(BPF_LDX | BPF_B | BPF_MSH, 0), S(BPF_MISC | BPF_TXA, 0), RET_A) == 20);
    CHECK(RUN(&flat, LD_IMM(9), S(BPF_ST, 15), LD_IMM(1), S(BPF_LD | BPF_MEM, 15), RET_A) == 9);
    CHECK(RUN(&flat, LD_IMM(9), S(BPF_MISC | BPF_TAX, 0), S(BPF_STX, 2), S(BPF_LDX | BPF_MEM, 2),
              S(BPF_MISC | BPF_TXA, 0), RET_A) == 9);
}

TEST(arithmetic)
{
#define OP(op, a, x) RUN(&flat, LDX_IMM(x), LD_IMM(a), ALU_X(op), RET_A)
    CHECK(OP(BPF_ADD, 7, UINT32_MAX) == 6 && OP(BPF_SUB, 7, 8) == UINT32_MAX &&
          OP(BPF_MUL, 1u << 31, 3) == 1u << 31);
    CHECK(OP(BPF_DIV, 7, 2) == 3 && OP(BPF_MOD, 7, 4) == 3 && OP(BPF_AND, 12, 10) == 8 &&
          OP(BPF_OR, 12, 10) == 14);
    CHECK(OP(BPF_XOR, 12, 10) == 6 && OP(BPF_LSH, 3, 4) == 48 && OP(BPF_RSH, 48, 4) == 3);
    CHECK(OP(BPF_LSH, 3, 33) == 6); /* of the count five bits */
    CHECK(RUN(&flat, LD_IMM(5), S(BPF_ALU | BPF_NEG, 0), RET_A) == (uint32_t)-5);
    /* division by zero ends it */
    CHECK(RUN(&flat, LDX_IMM(0), LD_IMM(7), ALU_X(BPF_DIV), S(BPF_RET | BPF_K, 9)) == 0);
    CHECK(RUN(&flat, LDX_IMM(0), LD_IMM(7), ALU_X(BPF_MOD), S(BPF_RET | BPF_K, 9)) == 0);
}

TEST(jumps)
{
#define JUMP(op, a, v) \
    RUN(&flat, LD_IMM(a), J(BPF_JMP | (op) | BPF_K, v, 1, 0), S(BPF_RET | BPF_K, 0), S(BPF_RET | BPF_K, 1))
    CHECK(JUMP(BPF_JEQ, 5, 5) && !JUMP(BPF_JEQ, 5, 6) && JUMP(BPF_JGT, 6, 5) && !JUMP(BPF_JGT, 5, 5));
    CHECK(JUMP(BPF_JGE, 5, 5) && !JUMP(BPF_JGE, 4, 5) && JUMP(BPF_JSET, 6, 2) && !JUMP(BPF_JSET, 6, 1));
    CHECK(JUMP(BPF_JGT, UINT32_MAX, 5)); /* unsigned */
    CHECK(RUN(&flat, S(BPF_JMP | BPF_JA, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 2)) == 2);
}

TEST(what_is_not_in_the_packet)
{
    struct netdev dev = { .index = 4, .hw_type = 1 };
    struct bpf_packet k = flat;

    CHECK(RUN(&flat, AD(SKF_AD_PROTOCOL), RET_A) == 0x800 &&
          RUN(&flat, AD(SKF_AD_PKTTYPE), RET_A) == PACKET_OUTGOING);
    CHECK(RUN(&flat, AD(SKF_AD_MARK), RET_A) == 77 && RUN(&flat, AD(SKF_AD_VLAN_TAG_PRESENT), RET_A) == 0);
    CHECK(RUN(&flat, AD(SKF_AD_IFINDEX), S(BPF_RET | BPF_K, 5)) == 0); /* no device: it ends */
    k.dev = &dev;
    CHECK(RUN(&k, AD(SKF_AD_IFINDEX), RET_A) == 4 && RUN(&k, AD(SKF_AD_HATYPE), RET_A) == 1);
    CHECK(RUN(&flat, LDX_IMM(6), LD_IMM(3), AD(SKF_AD_ALU_XOR_X), RET_A) == 5);
}

TEST(netlink_attributes)
{
    uint8_t m[24] = { 12, 0, 5, 0, 8, 0, 7, 0, 1, 2, 3, 4, 8, 0, 9, 0, 1, 1, 1, 1, 3, 0, 1, 0 };
    struct bpf_packet k = { .data = m, .linear = sizeof(m), .len = sizeof(m) };

#define FIND(at, type) RUN(&k, LDX_IMM(type), LD_IMM(at), AD(SKF_AD_NLATTR), RET_A)
#define NEST(at, type) RUN(&k, LDX_IMM(type), LD_IMM(at), AD(SKF_AD_NLATTR_NEST), RET_A)
    CHECK(FIND(0, 9) == 12 && FIND(0, 5) == 0 && FIND(0, 7) == 0 && FIND(12, 9) == 12 && FIND(0, 1) == 0);
    CHECK(NEST(0, 7) == 4 && NEST(0, 9) == 0 && NEST(20, 1) == 0 && FIND(100, 9) == 0 &&
          NEST(UINT32_MAX, 9) == 0);
}

/* A frame: Ethernet, IPv4, UDP, then bytes of which some lie in a page. */
static struct pktbuf *frame(void)
{
    struct pktbuf *p = pktbuf_alloc(64, 60);
    uint8_t *b = pktbuf_put(p, 60);
    struct page *page = page_alloc(PAGE_ZERO);

    memset(b, 0, 60);
    memcpy(b, "\1\2\3\4\5\6\7\7\7\7\7\7\x08\0\x45", 15);
    b[14 + 9] = 17;
    b[14 + 28] = 0xaa;
    memset(page_virt(page), 0xbb, 100);
    pktbuf_add_frag(p, page, 0, 100);
    p->protocol = ETH_P_IP;
    p->link = p->data - p->head;
    p->network = p->link + 14;
    return p;
}

TEST(packets_of_pieces)
{
    struct pktbuf *p = frame();
    struct bpf_packet k;

    bpf_packet_of(&k, p, 0);
    CHECK(RUN(&k, S(BPF_LD | BPF_W | BPF_LEN, 0), RET_A) == 160 && RUN(&k, ABS(BPF_H, 12), RET_A) == 0x800);
    CHECK(RUN(&k, ABS(BPF_W, 58), RET_A) == 0x0000bbbb && RUN(&k, ABS(BPF_B, 159), RET_A) == 0xbb);
    CHECK(RUN(&k, ABS(BPF_W, 157), S(BPF_RET | BPF_K, 1)) == 0);
    CHECK(RUN(&k, AD(SKF_AD_PAY_OFFSET), RET_A) == 14 + 20 + 8);
    /* the network layer's view, from which the link header is still to be seen */
    pktbuf_pull(p, 14);
    bpf_packet_of(&k, p, 0);
    CHECK(RUN(&k, ABS(BPF_B, 0), RET_A) == 0x45 &&
          RUN(&k, ABS(BPF_B, (uint32_t)SKF_NET_OFF + 9), RET_A) == 17);
    CHECK(RUN(&k, ABS(BPF_H, (uint32_t)SKF_LL_OFF + 12), RET_A) == 0x800);
    CHECK(RUN(&k, ABS(BPF_B, (uint32_t)SKF_NET_OFF + 46), S(BPF_RET | BPF_K, 1)) ==
          0); /* linear bytes alone */
    CHECK(RUN(&k, ABS(BPF_W, 44), RET_A) == 0x0000bbbb);
    /* and with bytes put back in front */
    pktbuf_pull(p, 28);
    bpf_packet_of(&k, p, 8);
    CHECK(RUN(&k, ABS(BPF_B, 8), RET_A) == 0xaa && RUN(&k, ABS(BPF_B, 26), RET_A) == 0xbb);
    CHECK(RUN(&k, S(BPF_LD | BPF_W | BPF_LEN, 0), RET_A) == 160 - 42 + 8);
    pktbuf_free(p);
}
