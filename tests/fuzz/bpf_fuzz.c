/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf_fuzz.c: programs of random instructions, most of them known ones, checked and, when they are accepted, run on packets of
 * pieces. The sanitizers look for bytes outside the packet, the program or its words. ROUNDS=N in the environment: longer.
 */
#include "../unit/test.h"

#include "../unit/shim.h"
#include "abi/errno.h"
#include "kernel/netdev.h"
#include "net/bpf.h"
#include <linux/if_ether.h>

static uint64_t seed = 0x243f6a8885a308d3ull;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static const uint16_t codes[] = {
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_H | BPF_ABS,
    BPF_LD | BPF_B | BPF_ABS,
    BPF_LD | BPF_W | BPF_IND,
    BPF_LD | BPF_H | BPF_IND,
    BPF_LD | BPF_B | BPF_IND,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LD | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LDX | BPF_B | BPF_MSH,
    BPF_LDX | BPF_IMM,
    BPF_LDX | BPF_MEM,
    BPF_ST,
    BPF_STX,
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
    BPF_JMP | BPF_JA,
    BPF_JMP | BPF_JEQ | BPF_K,
    BPF_JMP | BPF_JGT | BPF_X,
    BPF_JMP | BPF_JSET | BPF_K,
    BPF_ALU | BPF_ADD | BPF_X,
    BPF_ALU | BPF_MUL | BPF_K,
    BPF_ALU | BPF_DIV | BPF_X,
    BPF_ALU | BPF_MOD | BPF_K,
    BPF_ALU | BPF_LSH | BPF_X,
    BPF_ALU | BPF_RSH | BPF_K,
    BPF_ALU | BPF_NEG,
    BPF_ALU | BPF_XOR | BPF_X,
};

static uint32_t number(void)
{
    switch (rnd() % 8) {
    case 0:
        return rnd();
    case 1:
        return (uint32_t)SKF_AD_OFF + rnd() % 17 * 4;
    case 2:
        return (uint32_t)SKF_NET_OFF + rnd() % 200 - 50;
    case 3:
        return (uint32_t)SKF_LL_OFF + rnd() % 200 - 50;
    case 4:
        return (uint32_t)-1 - rnd() % 20;
    default:
        return rnd() % 20;
    }
}

static unsigned make_program(struct sock_filter *f, unsigned max)
{
    unsigned n = 1 + rnd() % max;

    for (unsigned i = 0; i < n; i++) {
        f[i].code = rnd() % 50 ? codes[rnd() % ARRAY_SIZE(codes)] : rnd();
        f[i].jt = rnd() % (n - i);
        f[i].jf = rnd() % 20 ? rnd() % (n - i) : rnd();
        f[i].k = f[i].code == (BPF_JMP | BPF_JA) ? rnd() % (n - i) : number();
    }
    if (rnd() % 20)
        f[n - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
    return n;
}

static struct pktbuf *make_packet(void)
{
    uint32_t linear = rnd() % 100, headroom = rnd() % 40;
    struct pktbuf *p = pktbuf_alloc(headroom, linear);
    uint8_t *b = pktbuf_put(p, linear);

    for (uint32_t i = 0; i < headroom; i++)
        p->head[i] = rnd();
    for (uint32_t i = 0; i < linear; i++)
        b[i] = rnd();
    for (unsigned i = rnd() % 3; i; i--)
        pktbuf_add_frag(p, page_alloc(PAGE_ZERO), rnd() % 100, 1 + rnd() % 3000);
    p->protocol = rnd() % 2 ? ETH_P_IP : ETH_P_IPV6;
    p->link = rnd() % 60;
    p->network = rnd() % 60;
    return p;
}

TEST(random_programs)
{
    const char *env = getenv("ROUNDS");
    static struct sock_filter f[200];
    struct netdev dev = { .index = 2, .hw_type = 1 };
    unsigned accepted = 0;

    for (long rounds = env ? atol(env) : 200000; rounds; rounds--) {
        unsigned n = make_program(f, rnd() % 8 ? 8 : ARRAY_SIZE(f));
        /* no byte behind its end is looked at */
        struct sock_filter *copy = malloc(n * sizeof(*copy));
        struct bpf_packet k;
        struct pktbuf *p;

        memcpy(copy, f, n * sizeof(*copy));
        if (!bpf_check(copy, n)) {
            accepted++;
            p = make_packet();
            p->dev = rnd() % 2 ? &dev : NULL;
            bpf_packet_of(&k, p, rnd() % (p->data - p->head + 1));
            bpf_run(copy, &k);
            pktbuf_free(p);
        }
        free(copy);
    }
    CHECK(accepted > 1000);
    CHECK(shim_live_pages == 0);
}
