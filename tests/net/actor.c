/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * actor.c: makes the socket calls that tests/net/segments.py asks for on standard input, one a line, none of which waits.
 * Each is answered by one line: what the call returned, and errno if that was -1.
 *
 *   listen PORT BACKLOG | accept | no-accept | connect ADDRESS PORT | fast-send ADDRESS PORT N | send N [FLAGS] | recv N
 *   socket | shutdown | close | set LEVEL OPTION VALUE | option LEVEL OPTION TEXT | state | info NAME | error | poll
 *   sysctl NAME VALUE | reset
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listening = -1, sock = -1;
static char buf[1 << 20];

static int new_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static struct sockaddr_in name_of(const char *address, const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

    inet_pton(AF_INET, address, &a.sin_addr);
    return a;
}

static int do_listen(const char *port, const char *backlog)
{
    struct sockaddr_in a = name_of("0.0.0.0", port);
    int one = 1;

    if (listening < 0)
        listening = new_socket();
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    return bind(listening, (void *)&a, sizeof(a)) ? -1 : listen(listening, atoi(backlog));
}

/* A socket that is opened only when it is needed, so that `set` may come before. */
static int want_socket(void)
{
    if (sock < 0)
        sock = new_socket();
    return sock;
}

static long do_info(const char *what)
{
    struct tcp_info i = { 0 };
    socklen_t len = sizeof(i);

    if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &i, &len))
        return -1;
    return !strcmp(what, "state")      ? i.tcpi_state
           : !strcmp(what, "syn-data") ? !!(i.tcpi_options & TCPI_OPT_SYN_DATA)
           : !strcmp(what, "ecn")      ? i.tcpi_options >> 3 & 3
           : !strcmp(what, "cwnd")     ? (long)i.tcpi_snd_cwnd
           : !strcmp(what, "ca")       ? i.tcpi_ca_state
           : !strcmp(what, "fo-fail")  ? i.tcpi_fastopen_client_fail
                                       : -2;
}

static int do_sysctl(const char *name, const char *value)
{
    char path[100];
    int fd, n;

    snprintf(path, sizeof(path), "/proc/sys/net/ipv4/tcp_%s", name);
    fd = open(path, O_WRONLY);
    if (fd < 0)
        return -1;
    n = write(fd, value, strlen(value));
    close(fd);
    return n < 0 ? -1 : 0;
}

static void reset(void)
{
    struct linger now = { 1, 0 };

    if (sock >= 0) {
        setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        close(sock);
    }
    if (listening >= 0)
        close(listening);
    sock = listening = -1;
}

static long run(char **w, int n)
{
    struct sockaddr_in a;
    struct pollfd p;
    int value, s;
    socklen_t len = sizeof(value);
    long r;

#define IS(name, args) (!strcmp(w[0], name) && n > (args))
    if (IS("listen", 2))
        return do_listen(w[1], w[2]);
    if (IS("accept", 0) || IS("no-accept", 0)) {
        s = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
        if (s < 0)
            return -1;
        sock = s;
        return 0;
    }
    if (IS("connect", 2)) {
        a = name_of(w[1], w[2]);
        return connect(want_socket(), (void *)&a, sizeof(a));
    }
    if (IS("fast-send", 3)) {
        a = name_of(w[1], w[2]);
        return sendto(want_socket(), buf, atoi(w[3]), MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&a, sizeof(a));
    }
    if (IS("send", 1))
        return send(sock, buf, atoi(w[1]), MSG_NOSIGNAL | (n > 2 ? atoi(w[2]) : 0));
    if (IS("recv", 1))
        return recv(sock, buf, atoi(w[1]), 0);
    if (IS("socket", 0))
        return want_socket() < 0 ? -1 : 0;
    if (IS("shutdown", 0))
        return shutdown(sock, SHUT_WR);
    if (IS("close", 0)) {
        r = close(sock);
        sock = -1;
        return r;
    }
    s = sock >= 0 ? sock : listening;
    if (IS("set", 3)) {
        if (s < 0)
            s = want_socket();
        value = atoi(w[3]);
        if (atoi(w[1]) == SOL_SOCKET && atoi(w[2]) == SO_LINGER)
            return setsockopt(s, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, value }, sizeof(struct linger));
        return setsockopt(s, atoi(w[1]), atoi(w[2]), &value, sizeof(value));
    }
    if (IS("option", 3))
        return setsockopt(s, atoi(w[1]), atoi(w[2]), w[3], strlen(w[3]));
    if (IS("state", 0))
        return do_info("state");
    if (IS("info", 1))
        return do_info(w[1]);
    if (IS("error", 0))
        return getsockopt(sock, SOL_SOCKET, SO_ERROR, &value, &len) ? -1 : value;
    if (IS("poll", 0)) {
        p = (struct pollfd){ sock, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0 };
        poll(&p, 1, 0);
        return p.revents;
    }
    if (IS("sysctl", 2))
        return do_sysctl(w[1], w[2]);
    if (IS("reset", 0)) {
        reset();
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int main(void)
{
    char line[256], *w[8], *save;

    memset(buf, 'x', sizeof(buf));
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    while (fgets(line, sizeof(line), stdin)) {
        long r;
        int n = 0;

        for (char *s = strtok_r(line, " \n", &save); s && n < 8; s = strtok_r(NULL, " \n", &save))
            w[n++] = s;
        if (!n)
            continue;
        errno = 0;
        r = run(w, n);
        printf("%ld %d\n", r, r == -1 ? errno : 0);
    }
    return 0;
}
