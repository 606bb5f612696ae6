/* SPDX-License-Identifier: BSD-2-Clause */
/* ECN: who asks for it and who answers, by net.ipv4.tcp_ecn. */
#include "own_net.h"
#include <linux/tcp.h>
#include <netinet/in.h>

static const char path[] = "/proc/sys/net/ipv4/tcp_ecn";

static int option_bits(int fd)
{
    struct tcp_info i;
    socklen_t len = sizeof(i);

    MUST(getsockopt(fd, 6, TCP_INFO, &i, &len));
    return i.tcpi_options & 24;
}

static void connection(const char *ask, const char *answer)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0)), c = MUST(socket(AF_INET, SOCK_STREAM, 0)), s;
    socklen_t len = sizeof(a);
    char buf[100];

    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 1));
    MUST(getsockname(l, (void *)&a, &len));
    sysctl_write(path, ask); /* loopback: SYN and answer under the same value */
    MUST(connect(c, (void *)&a, sizeof(a)));
    s = MUST(accept(l, NULL, NULL));
    CHECK_EQ(send(c, buf, sizeof(buf), 0), 100);
    CHECK_EQ(recv(s, buf, sizeof(buf), MSG_WAITALL), 100);
    note("ok %s: client %d, server %d", answer, option_bits(c), option_bits(s));
    close(c);
    close(s);
    close(l);
}

int main(void)
{
    char buf[8] = "";
    int fd;

    own_network();
    fd = MUST(open(path, O_RDONLY));
    CHECK_EQ(read(fd, buf, sizeof(buf)), 2);
    CHECK(!strcmp(buf, "2\n"));
    close(fd);
    connection("2\n", "answered only");
    connection("1\n", "asked for");
    connection("0\n", "off");
    return report_done();
}
