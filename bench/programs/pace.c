/* SPDX-License-Identifier: BSD-2-Clause */
/* pace: latency at a given rate.   pace ADDR PORT CONNECTIONS REQUESTS_PER_S SECONDS
 *
 * Asks for / over kept connections at fixed times, whether or not earlier answers have come; an answer's latency counts
 * from when its request was due, so that a server that stalls cannot hide the requests it held up.
 * Prints:  PACE n=N late=N p50_us=U p99_us=U p999_us=U */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1000
#define ANSWER_MAX      4096

static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
static struct conn {
    int fd;
    uint64_t due; /* of the request on its way; 0: none */
    char buf[ANSWER_MAX];
    int len;
} conns[MAX_CONNECTIONS];
static struct pollfd polls[MAX_CONNECTIONS];
static uint32_t *samples;
static long nr_samples;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int open_one(struct conn *c, const struct sockaddr_in *to)
{
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (const void *)to, sizeof(*to)) < 0) {
        perror("connect");
        return -1;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* True when a whole answer is there: its head, and as much as Content-Length says. */
static int complete(struct conn *c)
{
    c->buf[c->len] = 0;
    char *body = strstr(c->buf, "\r\n\r\n"), *length = strcasestr(c->buf, "content-length:");

    return body && length && c->len >= body + 4 - c->buf + atoi(length + 15);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int take(struct conn *c)
{
    ssize_t n = read(c->fd, c->buf + c->len, ANSWER_MAX - 1 - c->len);

    if (n <= 0)
        return n < 0 && errno == EAGAIN ? 0 : -1;
    c->len += n;
    if (!complete(c))
        return 0;
    samples[nr_samples++] = (now_ns() - c->due) / 1000;
    c->due = 0;
    c->len = 0;
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    int n = argc == 6 ? atoi(argv[3]) : 0, rate = n ? atoi(argv[4]) : 0, next = 0;
    long total = rate ? (long)rate * atoi(argv[5]) : 0, sent = 0, late = 0;

    if (n < 1 || n > MAX_CONNECTIONS || total < 1 || !inet_aton(argv[1], &to.sin_addr))
        return 2;
    to.sin_port = htons(atoi(argv[2]));
    samples = calloc(total, sizeof(*samples));
    for (int i = 0; i < n; i++) {
        if (open_one(&conns[i], &to) < 0)
            return 1;
        polls[i] = (struct pollfd){ conns[i].fd, POLLIN, 0 };
    }
    uint64_t start = now_ns(), step = 1000000000ull / rate, give_up = start + total * step + 5000000000ull;

    while (nr_samples < total && now_ns() < give_up) {
        uint64_t due = start + sent * step, now = now_ns();

        while (sent < total && due <= now) {
            int i = 0;

            while (i < n && conns[(next + i) % n].due)
                i++;
            if (i == n) { /* all are busy: it goes out late, and its latency says so */
                late++;
                break;
            }
            struct conn *c = &conns[(next + i) % n];

            next = (next + i + 1) % n;
            c->due = due;
            if (write(c->fd, request, sizeof(request) - 1) != sizeof(request) - 1)
                return 1;
            due = start + ++sent * step;
        }
        now = now_ns();
        uint64_t wait_ns = sent == total ? 100000000 : due > now ? due - now : 0;

        /* All busy and one due: the next answer is what there is to wait for. */
        if (sent < total && due <= now)
            wait_ns = 1000000;
        if (ppoll(polls, n, &(struct timespec){ 0, wait_ns }, NULL) < 0)
            return 1;
        for (int i = 0; i < n; i++)
            if (polls[i].revents && take(&conns[i]) < 0)
                return 1;
    }
    if (nr_samples < total * 9 / 10) {
        fprintf(stderr, "pace: %ld of %ld answered\n", nr_samples, total);
        return 1;
    }
    qsort(samples, nr_samples, sizeof(*samples), by_value);
    printf("PACE n=%ld late=%ld p50_us=%u p99_us=%u p999_us=%u\n", nr_samples, late, samples[nr_samples / 2],
           samples[nr_samples * 99 / 100], samples[nr_samples * 999 / 1000]);
    return 0;
}
