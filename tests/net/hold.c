// SPDX-License-Identifier: BSD-2-Clause
/*
 * hold PORT [DESCRIPTORS]: a server that holds whatever connects, for the floods of floods.sh. It answers lines:
 *
 *   echo WORD   with the word          count   with the number of connections
 *   big BYTES   with that many         mem     with the machine's free memory in KiB
 *
 * One thread, epoll. Out of descriptors it leaves the queue alone until a connection has gone. Nothing is allocated
 * for a connection, so what the memory shows is the kernel's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536

static uint64_t owed[MAX_FD]; /* bytes of `big` still to be sent */
static unsigned connections;
static int poller, listener;
static bool full; /* the listener is not polled */

static void watch(int op, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };

    if (epoll_ctl(poller, op, fd, &e) < 0)
        perror("epoll_ctl");
}

static void drop(int fd)
{
    owed[fd] = 0;
    close(fd);
    connections--;
    if (full) {
        full = false;
        watch(EPOLL_CTL_MOD, listener, EPOLLIN);
    }
}

static void accept_all(void)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            connections++;
            watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        } else if (errno == EMFILE) {
            full = true;
            watch(EPOLL_CTL_MOD, listener, 0);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* Sends what is owed as far as the socket takes it; returns false when the peer has gone. */
static bool pay(int fd)
{
    static const char zeros[65536];

    while (owed[fd]) {
        ssize_t n = write(fd, zeros, owed[fd] < sizeof(zeros) ? owed[fd] : sizeof(zeros));

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        owed[fd] -= n;
    }
    return true;
}

/* The descriptor is open all the time: there may be none left when it is wanted. */
static unsigned long free_memory(void)
{
    static int fd = -1;
    char text[512] = "", *line;

    if (fd < 0)
        fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
        return 0;
    line = strstr(text, "MemFree:");
    return line ? strtoul(line + 8, NULL, 10) : 0;
}

static bool serve(int fd)
{
    char line[256], answer[300];
    ssize_t n = read(fd, line, sizeof(line) - 1);
    int len = 0;

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    line[n] = 0;
    if (!strncmp(line, "echo ", 5))
        len = snprintf(answer, sizeof(answer), "%s", line + 5);
    else if (!strncmp(line, "count", 5))
        len = snprintf(answer, sizeof(answer), "%u\n", connections);
    else if (!strncmp(line, "mem", 3))
        len = snprintf(answer, sizeof(answer), "%lu\n", free_memory());
    else if (!strncmp(line, "big ", 4))
        owed[fd] = strtoull(line + 4, NULL, 10);
    if (len && write(fd, answer, len) != len)
        return false;
    if (owed[fd])
        watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
    return true;
}

int main(int argc, char **argv)
{
    static struct epoll_event events[256];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    struct rlimit limit;
    int one = 1;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = argc > 2 ? (rlim_t)atoi(argv[2]) : limit.rlim_max < MAX_FD ? limit.rlim_max : MAX_FD;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        perror("setrlimit");
    poller = epoll_create1(EPOLL_CLOEXEC);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 128) < 0) {
        perror("listen");
        return 1;
    }
    free_memory();
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        int n = epoll_wait(poller, events, sizeof(events) / sizeof(*events), -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                accept_all();
            else if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !serve(fd)) ||
                     (events[i].events & EPOLLOUT && !pay(fd)))
                drop(fd);
            else if (events[i].events & EPOLLOUT && !owed[fd])
                watch(EPOLL_CTL_MOD, fd, EPOLLIN);
        }
    }
}
