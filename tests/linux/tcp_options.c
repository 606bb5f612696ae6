/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP's socket options: which there are, their defaults, what values they take; TCP_INFO. */
#include "report.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define SOL_TCP 6

static const struct {
    const char *name;
    int option;
} table[] = {
#define O(n)  \
    {         \
#n, n \
    }
    O(TCP_NODELAY),      O(TCP_CORK),          O(TCP_KEEPIDLE), O(TCP_KEEPINTVL),
    O(TCP_KEEPCNT),      O(TCP_SYNCNT),        O(TCP_LINGER2),  O(TCP_DEFER_ACCEPT),
    O(TCP_USER_TIMEOUT), O(TCP_NOTSENT_LOWAT), O(TCP_INQ),
};

static const int values[] = { -1, 0, 1, 2, 3, 7, 30, 128, 300, 32767, 32768 };

static void test_table(void)
{
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0)), v = -77;
        socklen_t len = sizeof(v);
        int r = getsockopt(fd, SOL_TCP, table[i].option, &v, &len);

        note("ok %s: %d, default %d, length %d", table[i].name, r, v, (int)len);
        for (unsigned k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
            errno = 0;
            r = setsockopt(fd, SOL_TCP, table[i].option, &values[k], sizeof(int));
            int e = errno;

            v = -77;
            len = sizeof(v);
            getsockopt(fd, SOL_TCP, table[i].option, &v, &len);
            note("ok %s = %d: %d, errno %d, then %d", table[i].name, values[k], r, r ? e : 0, v);
        }
        v = 1;
        CHECK_ERR(setsockopt(fd, SOL_TCP, table[i].option, &v, 3), EINVAL);
        close(fd);
    }
}

static void test_congestion(void)
{
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    char name[32] = "";
    socklen_t len = sizeof(name);

    CHECK_EQ(getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len), 0);
    CHECK_EQ(len, 16);
    CHECK_EQ(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 4), 0);
    len = sizeof(name);
    CHECK_EQ(getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len), 0);
    CHECK(!strcmp(name, "reno"));
    CHECK_ERR(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "no-such", 7), ENOENT);
    CHECK_ERR(getsockopt(fd, SOL_TCP, 9999, name, &len), ENOPROTOOPT);
    CHECK_ERR(setsockopt(fd, SOL_TCP, 9999, name, 4), ENOPROTOOPT);
    close(fd);
}

static void test_info(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), s;
    socklen_t len = sizeof(a);
    struct tcp_info i;
    char buf[1000];

    len = sizeof(i);
    CHECK_EQ(getsockopt(c, SOL_TCP, TCP_INFO, &i, &len), 0);
    CHECK_EQ(i.tcpi_state, 7);
    len = sizeof(a);
    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 9));
    MUST(getsockname(l, (void *)&a, &len));
    MUST(connect(c, (void *)&a, sizeof(a)));
    len = sizeof(i);
    CHECK_EQ(getsockopt(l, SOL_TCP, TCP_INFO, &i, &len), 0);
    CHECK_EQ(i.tcpi_state, 10);
    CHECK_EQ(i.tcpi_unacked, 1);
    CHECK_EQ(i.tcpi_sacked, 9);
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(send(c, buf, sizeof(buf), 0), 1000);
    CHECK_EQ(recv(s, buf, sizeof(buf), MSG_WAITALL), 1000);
    CHECK_EQ(send(s, buf, 10, 0), 10);
    CHECK_EQ(recv(c, buf, 10, MSG_WAITALL), 10);
    usleep(100000);
    len = sizeof(i);
    CHECK_EQ(getsockopt(c, SOL_TCP, TCP_INFO, &i, &len), 0);
    CHECK_EQ(i.tcpi_state, 1);
    CHECK_EQ(i.tcpi_ca_state, 0);
    CHECK_EQ(i.tcpi_retransmits, 0);
    CHECK_EQ(i.tcpi_options & 7, 7);
    CHECK_EQ(i.tcpi_snd_wscale, i.tcpi_rcv_wscale);
    CHECK_EQ(i.tcpi_unacked, 0);
    CHECK_EQ(i.tcpi_lost, 0);
    CHECK_EQ(i.tcpi_retrans, 0);
    CHECK_EQ(i.tcpi_pmtu, 65535);
    CHECK_EQ(i.tcpi_advmss, 65483);
    CHECK_EQ(i.tcpi_snd_cwnd >= 10, 1);
    CHECK_EQ(i.tcpi_total_retrans, 0);
    CHECK_EQ(i.tcpi_bytes_acked, 1001);
    CHECK_EQ(i.tcpi_bytes_received, 10);
    CHECK_EQ(i.tcpi_bytes_sent, 1000);
    CHECK_EQ(i.tcpi_bytes_retrans, 0);
    CHECK_EQ(i.tcpi_data_segs_in, 1);
    CHECK_EQ(i.tcpi_data_segs_out, 1);
    CHECK_EQ(i.tcpi_notsent_bytes, 0);
    CHECK(i.tcpi_rtt > 0 && i.tcpi_rtt < 1000000);
    CHECK(i.tcpi_rto >= 200000 && i.tcpi_rto < 2000000);
    CHECK(i.tcpi_snd_mss >= 16000);
    len = 8;
    CHECK_EQ(getsockopt(c, SOL_TCP, TCP_INFO, &i, &len), 0);
    CHECK_EQ(len, 8);
    close(s);
    usleep(10000);
    len = sizeof(i);
    CHECK_EQ(getsockopt(c, SOL_TCP, TCP_INFO, &i, &len), 0);
    CHECK_EQ(i.tcpi_state, 8);
    close(c);
    close(l);
}

static void show_pacing(const char *what, int fd)
{
    unsigned long l = 7;
    unsigned u = 7;
    socklen_t len = sizeof(l);

    MUST(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &l, &len));
    note("ok %s: %lu, length %d", what, l, (int)len);
    len = sizeof(u);
    MUST(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &u, &len));
    note("ok %s: %u, length %d", what, u, (int)len);
}

static void test_pacing(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), s, n;
    unsigned long rate = 5000000000;
    socklen_t len = sizeof(a);
    static char buf[300000];
    struct timespec t[2];
    struct tcp_info i;

    show_pacing("default", c);
    CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), 0);
    show_pacing("large", c);
    n = -1;
    CHECK_EQ(setsockopt(c, SOL_SOCKET, SO_MAX_PACING_RATE, &n, sizeof(n)), 0);
    show_pacing("-1", c);
    CHECK_ERR(setsockopt(c, SOL_SOCKET, SO_MAX_PACING_RATE, &n, 3), EINVAL);
    n = 2000000;
    CHECK_EQ(setsockopt(l, SOL_SOCKET, SO_MAX_PACING_RATE, &n, sizeof(n)), 0);
    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 9));
    MUST(getsockname(l, (void *)&a, &len));
    MUST(connect(c, (void *)&a, sizeof(a)));
    s = MUST(accept(l, NULL, NULL));
    show_pacing("inherited", s);
    /* a lower bound of the time: a megabyte at two a second, but for what a connection begins with */
    clock_gettime(CLOCK_MONOTONIC, &t[0]);
    for (int k = 0; k < 5; k++) {
        MUST(fcntl(s, F_SETFL, O_NONBLOCK));
        for (size_t sent = 0, got = 0; got < 300000;) {
            ssize_t w = sent < 300000 ? send(s, buf, 300000 - sent, 0) : 0, r;

            sent += w > 0 ? w : 0;
            r = recv(c, buf, 300000 - got, MSG_DONTWAIT);
            got += r > 0 ? r : 0;
            if (r <= 0)
                usleep(1000);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &t[1]);
    CHECK((t[1].tv_sec - t[0].tv_sec) * 1e9 + t[1].tv_nsec - t[0].tv_nsec > 200e6);
    len = sizeof(i);
    CHECK_EQ(getsockopt(s, SOL_TCP, TCP_INFO, &i, &len), 0);
    CHECK_EQ(i.tcpi_max_pacing_rate, 2000000);
    CHECK(i.tcpi_pacing_rate <= 2000000);
    close(s);
    close(c);
    close(l);
}

int main(void)
{
    test_table();
    test_congestion();
    test_info();
    test_pacing();
    return report_done();
}
