/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs by which the socket monitor chooses sockets: what is accepted, what they choose, and random ones. */
#include "test.h"

#include "net/netlink/diag_bc.h"
#include "shim.h"
#include <linux/inet_diag.h>

#define OP(code, yes, no) \
    {                     \
        code, yes, no     \
    }
typedef struct inet_diag_bc_op op;

static const struct tcp_row row = { .family = AF_INET,
                                    .lport = 80,
                                    .rport = 4000,
                                    .local = { .b = { [10] = 255, 255, 10, 0, 0, 1 } },
                                    .remote = { .b = { [10] = 255, 255, 192, 168, 7, 9 } } };

#define RUN(...) run((op[]){ __VA_ARGS__ }, sizeof((op[]){ __VA_ARGS__ }))
static int run(const op *code, unsigned len)
{
    return diag_bc_check(code, len) ? diag_bc_run(code, len, &row) : -1;
}

TEST(ports)
{
    CHECK(RUN(OP(INET_DIAG_BC_S_EQ, 8, 12), OP(0, 0, 80)) == 1);
    CHECK(RUN(OP(INET_DIAG_BC_S_EQ, 8, 12), OP(0, 0, 81)) == 0);
    CHECK(RUN(OP(INET_DIAG_BC_D_GE, 8, 12), OP(0, 0, 4000)) == 1 &&
          RUN(OP(INET_DIAG_BC_D_LE, 8, 12), OP(0, 0, 3999)) == 0);
    /* one or the other */
    CHECK(RUN(OP(INET_DIAG_BC_S_EQ, 8, 12), OP(0, 0, 81), OP(INET_DIAG_BC_JMP, 4, 12),
              OP(INET_DIAG_BC_D_EQ, 8, 12), OP(0, 0, 4000)) == 1);
    CHECK(RUN(OP(INET_DIAG_BC_NOP, 4, 0)) == 1 && RUN(OP(INET_DIAG_BC_JMP, 4, 8)) == 0);
}

TEST(what_is_no_program)
{
    CHECK(RUN(OP(200, 4, 4)) == -1 && RUN(OP(INET_DIAG_BC_S_EQ, 8, 12)) == -1);
    CHECK(RUN(OP(INET_DIAG_BC_JMP, 4, 3)) == -1 && RUN(OP(INET_DIAG_BC_JMP, 0, 4)) == -1 &&
          RUN(OP(INET_DIAG_BC_JMP, 4, 16)) == -1);
    CHECK(RUN(OP(INET_DIAG_BC_NOP, 12, 0)) == -1);
    /* into the middle of another */
    CHECK(RUN(OP(INET_DIAG_BC_JMP, 4, 8), OP(INET_DIAG_BC_S_EQ, 8, 12), OP(0, 0, 80)) == -1);
    CHECK(!diag_bc_check(&(op)OP(INET_DIAG_BC_NOP, 4, 0), 3) && !diag_bc_check("", 0));
}

static int host(int family, int bits, int port, const void *addr)
{
    struct {
        op o;
        struct inet_diag_hostcond c;
        uint8_t a[16];
    } p = { OP(INET_DIAG_BC_D_COND, 0, 0), { family, bits, port }, { 0 } };
    unsigned len = sizeof(p.o) + sizeof(p.c) + (family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0);

    p.o.yes = len;
    p.o.no = len + 4;
    memcpy(p.a, addr, family == AF_INET ? 4 : 0);
    return run(&p.o, len);
}

TEST(hosts)
{
    CHECK(host(AF_INET, 32, -1, "\xc0\xa8\7\t") == 1 && host(AF_INET, 32, -1, "\xc0\xa8\7\n") == 0);
    CHECK(host(AF_INET, 31, -1, "\xc0\xa8\7\10") == 1 && host(AF_INET, 24, 4000, "\xc0\xa8\7\0") == 1);
    CHECK(host(AF_INET, 24, 4001, "\xc0\xa8\7\0") == 0 && host(AF_INET, 0, -1, "\0\0\0") == 1 &&
          host(AF_INET6, 0, -1, "") == 0);
    CHECK(host(AF_UNSPEC, 0, 4000, "") == 1 && host(AF_INET, 33, -1, "\0\0\0") == -1 &&
          host(77, 0, -1, "") == -1);
}

/* Whatever is accepted ends, and stays inside: the sanitizers look. */
TEST(random_programs)
{
    uint64_t s = 88172645463325252ull;
    unsigned accepted = 0;

    for (int i = 0; i < 300000; i++) {
        unsigned len;
        op *p;

        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
        len = 4 * (1 + s % 12) - (s >> 60 ? 0 : s >> 58 & 3);
        p = malloc(len);
        for (unsigned n = 0; n < len / 4; n++) {
            s ^= s << 13, s ^= s >> 7, s ^= s << 17;
            p[n] = (op)OP(s % 14, (s >> 8) % 6 * 4, (s >> 16) % 14 * 4);
        }
        if (diag_bc_check(p, len)) {
            accepted++;
            diag_bc_run(p, len, &row);
        }
        free(p);
    }
    CHECK(accepted > 1000);
}
