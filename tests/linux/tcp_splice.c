/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile and splice to TCP: what arrives, also of a file that changes meanwhile. */
#include "report.h"
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define SIZE 3000000
static char want[SIZE], got[SIZE];

static void pair(int fd[2])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int l = MUST(socket(AF_INET, SOCK_STREAM, 0));
    socklen_t len = sizeof(a);

    MUST(bind(l, (void *)&a, sizeof(a)));
    MUST(listen(l, 1));
    MUST(getsockname(l, (void *)&a, &len));
    fd[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect(fd[0], (void *)&a, sizeof(a)));
    fd[1] = MUST(accept(l, NULL, NULL));
    close(l);
}

static void both(int fd[2])
{
    close(fd[0]);
    close(fd[1]);
}

static int file(void)
{
    int fd = MUST(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));

    CHECK_EQ(write(fd, want, SIZE), SIZE);
    MUST(lseek(fd, 0, SEEK_SET));
    return fd;
}

static size_t take(int s, size_t n)
{
    size_t done = 0;
    ssize_t r;

    memset(got, 0, n);
    while (done < n && (r = recv(s, got + done, n - done, 0)) > 0)
        done += r;
    return done;
}

static size_t taken;
static void *taker(void *arg)
{
    taken = take(*(int *)arg, SIZE);
    return NULL;
}

/* All of it, in pieces of a size, from an offset. */
static void test_all(size_t from, size_t piece)
{
    int s[2], fd = file();
    off_t pos = from;
    pthread_t t;
    size_t sent = 0;
    ssize_t n;

    note("ok all from %zu, %zu at once", from, piece);
    pair(s);
    CHECK_EQ(pthread_create(&t, NULL, taker, &s[1]), 0);
    while ((n = sendfile(s[0], fd, &pos, piece)) > 0)
        sent += n;
    CHECK_EQ(n, 0);
    CHECK_EQ(pos, SIZE);
    CHECK_EQ(sent, SIZE - from);
    shutdown(s[0], SHUT_WR);
    pthread_join(t, NULL);
    CHECK_EQ(taken, SIZE - from);
    CHECK(!memcmp(got, want + from, SIZE - from));
    both(s);
    close(fd);
}

static void test_header(void)
{
    int s[2], fd = file();

    pair(s);
    CHECK_EQ(send(s[0], "head", 4, MSG_MORE), 4);
    CHECK_EQ(sendfile(s[0], fd, NULL, 100), 100);
    CHECK_EQ(send(s[0], "mid", 3, MSG_MORE), 3);
    CHECK_EQ(sendfile(s[0], fd, NULL, 50000), 50000);
    CHECK_EQ(send(s[0], "tail", 4, 0), 4);
    CHECK_EQ(take(s[1], 50111), 50111);
    CHECK(!memcmp(got, "head", 4) && !memcmp(got + 4, want, 100) && !memcmp(got + 104, "mid", 3));
    CHECK(!memcmp(got + 107, want + 100, 50000) && !memcmp(got + 50107, "tail", 4));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 50100);
    CHECK_EQ(lseek(fd, SIZE - 10, SEEK_SET), SIZE - 10);
    CHECK_EQ(sendfile(s[0], fd, NULL, 5000), 10);
    CHECK_EQ(sendfile(s[0], fd, NULL, 5000), 0);
    CHECK_EQ(take(s[1], 10), 10);
    CHECK(!memcmp(got, want + SIZE - 10, 10));
    both(s);
    close(fd);
}

/* What was sent are the file's pages, not a copy. */
static void test_changes(void)
{
    static char other[16384];
    int s[2], fd = file();
    off_t pos = 0;

    memset(other, '#', sizeof(other));
    pair(s);
    CHECK_EQ(sendfile(s[0], fd, &pos, 12288), 12288);
    CHECK_EQ(pwrite(fd, other, 4096, 4096), 4096);
    CHECK_EQ(take(s[1], 12288), 12288);
    CHECK(!memcmp(got, want, 4096) && !memcmp(got + 8192, want + 8192, 4096));
    note("ok written meanwhile: %s", !memcmp(got + 4096, other, 4096) ? "new" : "old");
    pos = 0;
    CHECK_EQ(sendfile(s[0], fd, &pos, 12288), 12288);
    CHECK_EQ(ftruncate(fd, 100), 0);
    CHECK_EQ(take(s[1], 12288), 12288);
    CHECK(!memcmp(got, want, 100));
    note("ok cut meanwhile: its last page %s, those behind it %s", got[200] ? "old" : "zero",
         !memcmp(got + 8192, want + 8192, 4096) ? "old" : "other");
    both(s);
    close(fd);
    unlink("file");
}

static void test_nonblock(void)
{
    int s[2], fd = file();
    off_t pos = 0;
    size_t sent = 0;
    ssize_t n;

    pair(s);
    MUST(fcntl(s[0], F_SETFL, O_NONBLOCK));
    for (int i = 0; i < 20 && pos < SIZE; i++) {
        struct pollfd p = { s[0], POLLOUT, 0 };
        size_t before = pos;

        n = sendfile(s[0], fd, &pos, SIZE - pos);
        if (n > 0)
            sent += n;
        else
            CHECK_QUIET(n == -1 && errno == EAGAIN);
        CHECK_QUIET(pos == (off_t)(before + (n > 0 ? n : 0)));
        if (n < 0) {
            CHECK_QUIET(take(s[1], sent) == sent);
            CHECK_QUIET(!memcmp(got, want + pos - sent, sent));
            sent = 0;
            poll(&p, 1, 1000);
        }
    }
    CHECK_EQ(pos, SIZE);
    CHECK_EQ(take(s[1], sent), sent);
    CHECK(!memcmp(got, want + SIZE - sent, sent));
    shutdown(s[0], SHUT_WR);
    signal(SIGPIPE, SIG_IGN);
    pos = 0;
    CHECK_ERR(sendfile(s[0], fd, &pos, 10), EPIPE);
    CHECK_ERR(sendfile(s[0], fd, &pos, 10000), EPIPE);
    CHECK_EQ(pos, 0);
    both(s);
    close(fd);
}

static void test_splice(void)
{
    int s[2], p[2], fd = file();
    size_t done = 0;
    off_t pos = 77;

    pair(s);
    MUST(pipe(p));
    while (done < 500000) {
        ssize_t n = MUST(splice(fd, &pos, p[1], NULL, 60000, 0)), m = 0;

        while (m < n)
            m += MUST(splice(p[0], NULL, s[0], NULL, n - m, SPLICE_F_MORE));
        CHECK_EQ(send(s[0], "|", 1, 0), 1); /* what waited for more goes with it */
        CHECK_QUIET(take(s[1], n + 1) == (size_t)n + 1);
        CHECK_QUIET(!memcmp(got, want + 77 + done, n) && got[n] == '|');
        done += n;
    }
    /* what a pipe holds by itself */
    CHECK_EQ(write(p[1], "abc", 3), 3);
    CHECK_EQ(write(p[1], want, 30000), 30000);
    CHECK_EQ(splice(p[0], NULL, s[0], NULL, 2, 0), 2);
    CHECK_EQ(splice(p[0], NULL, s[0], NULL, 20001, 0), 20001);
    CHECK_EQ(write(p[1], "xyz", 3), 3);
    CHECK_EQ(splice(p[0], NULL, s[0], NULL, 10003, 0), 10003);
    CHECK_EQ(take(s[1], 30006), 30006);
    CHECK(!memcmp(got, "abc", 3) && !memcmp(got + 3, want, 30000) && !memcmp(got + 30003, "xyz", 3));
    both(p);
    both(s);
    close(fd);
}

int main(void)
{
    for (size_t i = 0; i < SIZE; i++)
        want[i] = 1 + (i * 31 + i / 251) % 200;
    test_all(0, SIZE);
    test_all(1, 100000);
    test_all(4095, 65536);
    test_all(2900000, 777);
    test_header();
    test_nonblock();
    test_splice();
    test_changes();
    return report_done();
}
