/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile and splice to and from local sockets. */
#include "sockets.h"
#include <sys/sendfile.h>

static char buf[100000], in[100000];

static size_t take(int s, size_t want)
{
    size_t got = 0;
    ssize_t n;

    memset(in, 0, sizeof(in));
    while (got < want && (n = recv(s, in + got, want - got, 0)) > 0)
        got += n;
    return got;
}

static void test_sendfile(int type)
{
    int s[2], fd = MUST(open("file", O_RDONLY));
    off_t pos = 1000;

    note("sendfile, type %d", type);
    pair(type, s);
    SHOW(sendfile(s[0], fd, NULL, 5000));
    CHECK_EQ(take(s[1], 5000), 5000);
    CHECK(!memcmp(in, buf, 5000));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(sendfile(s[0], fd, &pos, 3000));
    SHOW(pos);
    CHECK_EQ(take(s[1], 3000), 3000);
    CHECK(!memcmp(in, buf + 1000, 3000));
    SHOW(lseek(fd, 0, SEEK_CUR));
    pos = 100000;
    SHOW(sendfile(s[0], fd, &pos, 3000));
    SHOW(sendfile(fd, s[0], NULL, 100));
    SHOW(sendfile(s[0], s[1], NULL, 100));
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    shutdown(s[1], SHUT_RD);
    signal(SIGPIPE, SIG_IGN);
    SHOW(sendfile(s[0], fd, NULL, 100));
    close(s[0]), close(s[1]), close(fd);
}

static void write_it(int fd)
{
    write(fd, "later", 5);
}

static void test_splice(void)
{
    int s[2], p[2], fd = MUST(open("file", O_RDONLY));
    off_t pos = 0;
    struct later t;

    note("splice");
    pair(SOCK_STREAM, s);
    MUST(pipe(p));
    SHOW(splice(s[0], NULL, s[1], NULL, 10, 0));
    SHOW(splice(fd, NULL, s[1], NULL, 10, 0));
    write(p[1], "through the socket", 18);
    SHOW(splice(p[0], NULL, s[0], NULL, 7, 0));
    SHOW(splice(p[0], NULL, s[0], NULL, 100, 0));
    CHECK_EQ(take(s[1], 18), 18);
    note("%.18s", in);
    SHOW(splice(s[1], NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK));
    write(s[0], "and back", 8);
    SHOW(splice(s[1], NULL, p[1], NULL, 3, 0));
    SHOW(splice(s[1], NULL, p[1], NULL, 100, 0));
    SHOW(read(p[0], in, 100));
    note("%.8s", in);
    later(&t, write_it, s[0]);
    SHOW(splice(s[1], NULL, p[1], NULL, 100, 0));
    later_end(&t);
    SHOW(read(p[0], in, 100));
    SHOW(splice(s[1], &pos, p[1], NULL, 100, 0));
    SHOW(splice(p[0], NULL, s[1], &pos, 100, 0));
    /* a file by way of a pipe */
    for (int i = 0; i < 4; i++) {
        ssize_t n = splice(fd, NULL, p[1], NULL, 20000, 0);

        for (ssize_t put = 0, m; put < n; put += m)
            if ((m = splice(p[0], NULL, s[0], NULL, n - put, 0)) <= 0)
                break;
        take(s[1], n);
        CHECK(!memcmp(in, buf + i * 20000, n));
    }
    shutdown(s[0], SHUT_WR);
    SHOW(splice(s[1], NULL, p[1], NULL, 100, 0));
    close(s[0]), close(s[1]), close(p[0]), close(p[1]), close(fd);
}

int main(void)
{
    int fd;

    scratch();
    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = i * 13 + i / 257;
    fd = MUST(open("file", O_CREAT | O_WRONLY, 0644));
    MUST(write(fd, buf, sizeof(buf)));
    close(fd);
    test_sendfile(SOCK_STREAM);
    test_splice();
    return report_done();
}
