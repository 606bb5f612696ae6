/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diag_bc.c: each operation is a condition with two ways forward: by `yes` when it holds, else by `no`. Who comes to the end
 * exactly is wanted; who jumps past it (by 4) is not.
 */
#include "net/netlink/diag_bc.h"
#include "lib/string.h"
#include <linux/inet_diag.h>

#define OP_LEN sizeof(struct inet_diag_bc_op)

/* Bytes of an operation with its arguments; 0: there are not so many, or it is none. */
static unsigned op_len(const char *at, unsigned left)
{
    struct inet_diag_hostcond c;
    unsigned len;

    switch (((const struct inet_diag_bc_op *)at)->code) {
    case INET_DIAG_BC_NOP:
    case INET_DIAG_BC_JMP:
    case INET_DIAG_BC_AUTO:
        return OP_LEN;
    case INET_DIAG_BC_S_GE:
    case INET_DIAG_BC_S_LE:
    case INET_DIAG_BC_S_EQ:
    case INET_DIAG_BC_D_GE:
    case INET_DIAG_BC_D_LE:
    case INET_DIAG_BC_D_EQ:
        len = 2 * OP_LEN; /* the port is in the `no` of another */
        break;
    case INET_DIAG_BC_DEV_COND:
        len = OP_LEN + sizeof(uint32_t);
        break;
    case INET_DIAG_BC_MARK_COND:
        len = OP_LEN + sizeof(struct inet_diag_markcond);
        break;
    case INET_DIAG_BC_S_COND:
    case INET_DIAG_BC_D_COND:
        if (left < OP_LEN + sizeof(c))
            return 0;
        memcpy(&c, at + OP_LEN, sizeof(c));
        if (c.family != AF_UNSPEC && c.family != AF_INET && c.family != AF_INET6)
            return 0;
        len = c.family == AF_INET ? 4 : c.family == AF_INET6 ? 16 : 0;
        if (c.prefix_len > 8 * len)
            return 0;
        len += OP_LEN + sizeof(c);
        break;
    default:
        return 0;
    }
    return len <= left ? len : 0;
}

/* Does following every `yes` lead to at? So that no jump lands inside an operation. */
static bool lands(const char *code, unsigned len, unsigned at)
{
    unsigned n = 0;

    while (n < at) {
        const struct inet_diag_bc_op *op = (const struct inet_diag_bc_op *)(code + n);

        if (op->yes < 4 || op->yes & 3 || n + op->yes > len)
            return false;
        n += op->yes;
    }
    return n == at;
}

bool diag_bc_check(const void *prog, unsigned len)
{
    const char *code = prog;
    unsigned n = 0;

    if (len < OP_LEN)
        return false;
    while (n < len) {
        const struct inet_diag_bc_op *op = (const struct inet_diag_bc_op *)(code + n);
        unsigned left = len - n, own = left >= OP_LEN ? op_len(code + n, left) : 0;

        if (!own)
            return false;
        if (op->code != INET_DIAG_BC_NOP) {
            if (op->no < own || op->no > left + 4 || op->no & 3)
                return false;
            if (op->no < left && !lands(code, len, n + op->no))
                return false;
        }
        if (op->yes < own || op->yes > left + 4 || op->yes & 3)
            return false;
        n += op->yes;
    }
    return n == len;
}

static bool prefix_same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole))
        return false;
    return !rest || !((a[whole] ^ b[whole]) & (0xff00 >> rest & 0xff));
}

/* An address of the family is the socket's, or IPv4's in IPv6's form. */
static bool host_matches(const char *arg, const struct inaddr *a, uint16_t port, unsigned family)
{
    struct inet_diag_hostcond c;
    bool v4 = inaddr_is_v4(a) && (family == AF_INET || !inaddr_is_any(a));

    memcpy(&c, arg, sizeof(c));
    if (c.port != -1 && c.port != port)
        return false;
    if (!c.prefix_len)
        return c.family == AF_UNSPEC || c.family == family || (c.family == AF_INET && v4);
    if (c.family == AF_INET && v4)
        return prefix_same(a->b + 12, (const uint8_t *)arg + sizeof(c), c.prefix_len);
    return c.family == AF_INET6 && family == AF_INET6 &&
           prefix_same(a->b, (const uint8_t *)arg + sizeof(c), c.prefix_len);
}

/* The port that an operation compares with is in the next one's place. */
static uint16_t port_of(const struct inet_diag_bc_op *op)
{
    return op[1].no;
}

static bool holds(const struct inet_diag_bc_op *op, const struct tcp_row *r)
{
    const char *arg = (const char *)(op + 1);
    uint32_t words[2] = { 0 };

    switch (op->code) {
    case INET_DIAG_BC_S_GE:
        return r->lport >= port_of(op);
    case INET_DIAG_BC_S_LE:
        return r->lport <= port_of(op);
    case INET_DIAG_BC_S_EQ:
        return r->lport == port_of(op);
    case INET_DIAG_BC_D_GE:
        return r->rport >= port_of(op);
    case INET_DIAG_BC_D_LE:
        return r->rport <= port_of(op);
    case INET_DIAG_BC_D_EQ:
        return r->rport == port_of(op);
    case INET_DIAG_BC_AUTO:
        return false; /* was the port chosen? Not kept */
    case INET_DIAG_BC_S_COND:
        return host_matches(arg, &r->local, r->lport, r->family);
    case INET_DIAG_BC_D_COND:
        return host_matches(arg, &r->remote, r->rport, r->family);
    case INET_DIAG_BC_DEV_COND:
        memcpy(words, arg, 4);
        return r->socket && (uint32_t)r->socket->bound_dev == words[0];
    case INET_DIAG_BC_MARK_COND:
        memcpy(words, arg, 8);
        return ((r->socket ? r->socket->mark : 0) & words[1]) == words[0];
    case INET_DIAG_BC_JMP:
        return false;
    }
    return true;
}

bool diag_bc_run(const void *code, unsigned len, const struct tcp_row *r)
{
    int64_t left = len;

    while (left > 0) {
        const struct inet_diag_bc_op *op =
            (const struct inet_diag_bc_op *)((const char *)code + (len - left));

        left -= holds(op, r) ? op->yes : op->no;
    }
    return left == 0;
}
