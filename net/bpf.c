/* SPDX-License-Identifier: BSD-2-Clause */
/* bpf.c: classic BPF: what Linux accepts as a program, and running it. */
#include "net/bpf.h"
#include "abi/errno.h"
#include "kernel/cpu.h"
#include "kernel/netdev.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "lib/byteorder.h"
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netlink.h>

#define FIRST_ANCILLARY ((uint32_t)SKF_AD_OFF)
#define ALU32           31 /* shifts by a register count its low bits */

/* ---- checking ---- */

static bool known_alu(uint16_t code)
{
    switch (BPF_OP(code)) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_DIV:
    case BPF_MOD:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
    case BPF_LSH:
    case BPF_RSH:
        return true;
    case BPF_NEG:
        return BPF_SRC(code) == BPF_K;
    }
    return false;
}

static bool known_jump(uint16_t code)
{
    switch (BPF_OP(code)) {
    case BPF_JA:
        return BPF_SRC(code) == BPF_K;
    case BPF_JEQ:
    case BPF_JGE:
    case BPF_JGT:
    case BPF_JSET:
        return true;
    }
    return false;
}

static bool known(uint16_t code)
{
    if (code > 0xff)
        return false;
    switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_B | BPF_MSH:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
        return true;
    }
    if (BPF_CLASS(code) == BPF_ALU)
        return known_alu(code);
    return BPF_CLASS(code) == BPF_JMP && known_jump(code);
}

/* Loads of what is not in the packet: each by its offset. */
static bool known_ancillary(uint32_t k)
{
    switch (k - FIRST_ANCILLARY) {
    case SKF_AD_PROTOCOL:
    case SKF_AD_PKTTYPE:
    case SKF_AD_IFINDEX:
    case SKF_AD_NLATTR:
    case SKF_AD_NLATTR_NEST:
    case SKF_AD_MARK:
    case SKF_AD_QUEUE:
    case SKF_AD_HATYPE:
    case SKF_AD_RXHASH:
    case SKF_AD_CPU:
    case SKF_AD_ALU_XOR_X:
    case SKF_AD_VLAN_TAG:
    case SKF_AD_VLAN_TAG_PRESENT:
    case SKF_AD_PAY_OFFSET:
    case SKF_AD_RANDOM:
    case SKF_AD_VLAN_TPID:
        return true;
    }
    return false;
}

/* One instruction, with left behind it. */
static bool good(const struct sock_filter *i, unsigned left)
{
    if (!known(i->code))
        return false;
    switch (i->code) {
    case BPF_ALU | BPF_DIV | BPF_K:
    case BPF_ALU | BPF_MOD | BPF_K:
        return i->k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K:
        return i->k < 32;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
        return i->k < BPF_MEMWORDS;
    case BPF_JMP | BPF_JA:
        return i->k < left;
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
        return i->k < FIRST_ANCILLARY || known_ancillary(i->k);
    }
    return BPF_CLASS(i->code) != BPF_JMP || (i->jt < left && i->jf < left);
}

/* No word is loaded that was not stored on every way to there. valid[n]: words stored on all ways by jumps to n. */
static bool words_stored(const struct sock_filter *prog, unsigned len, uint16_t *valid)
{
    uint16_t now = 0;

    for (unsigned n = 0; n < len; n++)
        valid[n] = UINT16_MAX;
    for (unsigned n = 0; n < len; n++) {
        const struct sock_filter *i = &prog[n];

        now &= valid[n];
        switch (BPF_CLASS(i->code)) {
        case BPF_ST:
        case BPF_STX:
            now |= 1u << i->k;
            break;
        case BPF_LD:
        case BPF_LDX:
            if (BPF_MODE(i->code) == BPF_MEM && !(now >> i->k & 1))
                return false;
            break;
        case BPF_JMP:
            if (i->code == (BPF_JMP | BPF_JA)) {
                valid[n + 1 + i->k] &= now;
            } else {
                valid[n + 1 + i->jt] &= now;
                valid[n + 1 + i->jf] &= now;
            }
            now = UINT16_MAX; /* what follows is reached by jumps, or not at all */
        }
    }
    return true;
}

int bpf_check(const struct sock_filter *prog, unsigned len)
{
    uint16_t *valid;
    bool ok;

    if (!len || len > BPF_MAXINSNS)
        return -EINVAL;
    for (unsigned n = 0; n < len; n++)
        if (!good(&prog[n], len - n - 1))
            return -EINVAL;
    if (BPF_CLASS(prog[len - 1].code) != BPF_RET)
        return -EINVAL;
    valid = kmalloc(len * sizeof(*valid));
    if (!valid)
        return -ENOMEM;
    ok = words_stored(prog, len, valid);
    kfree(valid);
    return ok ? 0 : -EINVAL;
}

/* ---- the packet ---- */

void bpf_packet_of(struct bpf_packet *k, const struct pktbuf *p, int32_t before)
{
    int32_t data = p->data - p->head;

    *k = (struct bpf_packet){ .data = p->data - before,
                              .linear = p->len + before,
                              .len = p->total + before,
                              .p = p,
                              .shift = -before,
                              .link = p->link - data + before,
                              .network = p->network - data + before,
                              .protocol = p->protocol,
                              .pkttype = p->link_type,
                              .dev = p->dev };
}

static bool byte_at(const struct bpf_packet *k, uint32_t off, uint8_t *b)
{
    if (off < k->linear) {
        *b = k->data[off];
        return true;
    }
    return k->p && off < k->len && pktbuf_copy_out(k->p, off + k->shift, b, 1);
}

/* Relative to a header: of the linear bytes alone, and headers may lie before offset 0. */
static bool load_header(const struct bpf_packet *k, int32_t at, unsigned size, uint32_t *v)
{
    int64_t first = k->p ? k->p->head - k->data : 0;

    if (at < first || (int64_t)at + size > k->linear)
        return false;
    for (*v = 0; size; size--)
        *v = *v << 8 | k->data[at++];
    return true;
}

static bool load(const struct bpf_packet *k, uint32_t off, unsigned size, uint32_t *v)
{
    uint8_t b;

    if ((int32_t)off < 0) {
        if ((int32_t)off >= SKF_NET_OFF)
            return load_header(k, (int32_t)off - SKF_NET_OFF + k->network, size, v);
        if ((int32_t)off >= SKF_LL_OFF)
            return load_header(k, (int32_t)off - SKF_LL_OFF + k->link, size, v);
        return false;
    }
    for (*v = 0; size; size--) {
        if (!byte_at(k, off++, &b))
            return false;
        *v = *v << 8 | b;
    }
    return true;
}

/* The offset of a netlink attribute among those at off, or in the one that is there; 0: none. */
static uint32_t find_attr(const struct bpf_packet *k, uint32_t off, uint32_t type, bool nested)
{
    struct nlattr a;
    uint32_t end = k->len;

    if (k->linear < k->len || k->len < sizeof(a) || off > k->len - sizeof(a))
        return 0;
    if (nested) {
        __builtin_memcpy(&a, k->data + off, sizeof(a));
        if (a.nla_len > k->len - off || a.nla_len < sizeof(a))
            return 0;
        end = off + a.nla_len;
        off += sizeof(a);
    }
    while (off + sizeof(a) <= end) {
        __builtin_memcpy(&a, k->data + off, sizeof(a));
        if (a.nla_len < sizeof(a) || a.nla_len > end - off)
            return 0;
        if ((a.nla_type & NLA_TYPE_MASK) == type)
            return off;
        off += NLA_ALIGN(a.nla_len);
    }
    return 0;
}

/* Of a transport header at off, how long it is; 0: not known. */
static uint32_t transport_len(const struct bpf_packet *k, uint32_t off, uint32_t proto)
{
    uint32_t v;

    switch (proto) {
    case IPPROTO_TCP:
        return load(k, off + 12, 1, &v) ? (v >> 4) * 4 : 0;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
    case IPPROTO_IGMP:
        return 8;
    case IPPROTO_DCCP:
    case IPPROTO_SCTP:
        return 12;
    }
    return 0;
}

/* Where the payload behind the headers begins. */
static uint32_t payload_offset(const struct bpf_packet *k)
{
    uint32_t at = k->network, v, proto, frag;

    if (k->network < 0)
        return 0;
    if (k->protocol == ETH_P_IP) {
        if (!load(k, at, 1, &v) || !load(k, at + 9, 1, &proto) || !load(k, at + 6, 2, &frag) || (v & 15) < 5)
            return 0;
        at += (v & 15) * 4;
        return frag & 0x3fff ? at : at + transport_len(k, at, proto);
    }
    if (k->protocol != ETH_P_IPV6 || !load(k, at + 6, 1, &proto))
        return 0;
    at += 40;
    while (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS) {
        if (!load(k, at, 1, &proto) || !load(k, at + 1, 1, &v))
            return at;
        at += (v + 1) * 8;
    }
    return at + transport_len(k, at, proto);
}

/* False: the program ends. */
static bool ancillary(const struct bpf_packet *k, uint32_t what, uint32_t *a, uint32_t x)
{
    switch (what) {
    case SKF_AD_PROTOCOL:
        *a = k->protocol;
        return true;
    case SKF_AD_PKTTYPE:
        *a = k->pkttype;
        return true;
    case SKF_AD_IFINDEX:
        *a = k->dev ? k->dev->index : 0;
        return k->dev;
    case SKF_AD_HATYPE:
        *a = k->dev ? k->dev->hw_type : 0;
        return k->dev;
    case SKF_AD_NLATTR:
    case SKF_AD_NLATTR_NEST:
        *a = find_attr(k, *a, x, what == SKF_AD_NLATTR_NEST);
        return true;
    case SKF_AD_MARK:
        *a = k->mark;
        return true;
    case SKF_AD_QUEUE:
        *a = k->p ? k->p->queue : 0;
        return true;
    case SKF_AD_RXHASH:
        *a = k->p ? k->p->hash : 0;
        return true;
    case SKF_AD_CPU:
        *a = this_cpu()->id;
        return true;
    case SKF_AD_ALU_XOR_X:
        *a ^= x;
        return true;
    case SKF_AD_VLAN_TAG: /* tags stay in the frame */
    case SKF_AD_VLAN_TAG_PRESENT:
    case SKF_AD_VLAN_TPID:
        *a = 0;
        return true;
    case SKF_AD_PAY_OFFSET:
        *a = payload_offset(k);
        return true;
    case SKF_AD_RANDOM:
        *a = (uint32_t)random_u64();
        return true;
    }
    return false;
}

/* ---- running ---- */

/* False: division by zero, which ends a program with 0. */
static bool alu(unsigned op, uint32_t *a, uint32_t v)
{
    switch (op) {
    case BPF_ADD:
        *a += v;
        break;
    case BPF_SUB:
        *a -= v;
        break;
    case BPF_MUL:
        *a *= v;
        break;
    case BPF_DIV:
        if (!v)
            return false;
        *a /= v;
        break;
    case BPF_MOD:
        if (!v)
            return false;
        *a %= v;
        break;
    case BPF_AND:
        *a &= v;
        break;
    case BPF_OR:
        *a |= v;
        break;
    case BPF_XOR:
        *a ^= v;
        break;
    case BPF_LSH:
        *a <<= v & ALU32;
        break;
    case BPF_RSH:
        *a >>= v & ALU32;
        break;
    case BPF_NEG:
        *a = -*a;
    }
    return true;
}

static bool jump_taken(unsigned op, uint32_t a, uint32_t v)
{
    switch (op) {
    case BPF_JEQ:
        return a == v;
    case BPF_JGT:
        return a > v;
    case BPF_JGE:
        return a >= v;
    }
    return a & v; /* BPF_JSET */
}

static unsigned load_size(uint16_t code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

struct machine {
    uint32_t a, x, words[BPF_MEMWORDS];
};

/* BPF_LD and BPF_LDX; false: there is no such byte, and the program ends. */
static bool run_load(struct machine *m, const struct sock_filter *i, const struct bpf_packet *k)
{
    uint32_t v;

    switch (i->code) {
    case BPF_LD | BPF_IMM:
        m->a = i->k;
        return true;
    case BPF_LDX | BPF_IMM:
        m->x = i->k;
        return true;
    case BPF_LD | BPF_MEM:
        m->a = m->words[i->k];
        return true;
    case BPF_LDX | BPF_MEM:
        m->x = m->words[i->k];
        return true;
    case BPF_LD | BPF_W | BPF_LEN:
        m->a = k->len;
        return true;
    case BPF_LDX | BPF_W | BPF_LEN:
        m->x = k->len;
        return true;
    case BPF_LDX | BPF_B | BPF_MSH:
        if (!load(k, i->k, 1, &v))
            return false;
        m->x = (v & 15) << 2;
        return true;
    }
    if (BPF_MODE(i->code) == BPF_IND)
        return load(k, m->x + i->k, load_size(i->code), &m->a);
    if (i->k >= FIRST_ANCILLARY)
        return ancillary(k, i->k - FIRST_ANCILLARY, &m->a, m->x);
    return load(k, i->k, load_size(i->code), &m->a);
}

uint32_t bpf_run(const struct sock_filter *i, const struct bpf_packet *k)
{
    struct machine m = { .a = 0 };

    for (;; i++) {
        uint32_t v = BPF_SRC(i->code) == BPF_X ? m.x : i->k;

        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX:
            if (!run_load(&m, i, k))
                return 0;
            break;
        case BPF_ST:
            m.words[i->k] = m.a;
            break;
        case BPF_STX:
            m.words[i->k] = m.x;
            break;
        case BPF_ALU:
            if (!alu(BPF_OP(i->code), &m.a, v))
                return 0;
            break;
        case BPF_JMP:
            if (BPF_OP(i->code) == BPF_JA)
                i += i->k;
            else
                i += jump_taken(BPF_OP(i->code), m.a, v) ? i->jt : i->jf;
            break;
        case BPF_MISC:
            if (BPF_MISCOP(i->code) == BPF_TAX)
                m.x = m.a;
            else
                m.a = m.x;
            break;
        case BPF_RET:
            return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
        }
    }
}
