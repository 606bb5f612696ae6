/* SPDX-License-Identifier: BSD-2-Clause */
/* sockets.h: what the programs about sockets share. */
#pragma once
#include "report.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

/* Prints what a call gives: Linux says what is right. */
#define SHOW(expr) show_at(#expr, (errno = 0, (long long)(expr)))

static UNUSED long long show_at(const char *what, long long got)
{
    if (got == -1 && errno)
        note("%s: errno %d", what, errno);
    else
        note("%s: %lld", what, got);
    return got;
}

static UNUSED int ready(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };

    poll(&p, 1, 0);
    return p.revents;
}

struct name {
    struct sockaddr_un a;
    socklen_t len;
};

/* A path, or with a leading '@' an abstract name, which no other run of the program has. */
static UNUSED struct name name(const char *text)
{
    struct name n = { .a.sun_family = AF_UNIX };

    n.len = offsetof(struct sockaddr_un, sun_path);
    if (text[0] == '@')
        n.len += sprintf(n.a.sun_path, "%s~%07d", text, getpid());
    else
        n.len += sprintf(n.a.sun_path, "%s", text) + 1;
    if (text[0] == '@')
        n.a.sun_path[0] = 0;
    return n;
}

static UNUSED int bind_to(int s, const char *text)
{
    struct name n = name(text);

    return bind(s, (struct sockaddr *)&n.a, n.len);
}

static UNUSED int connect_to(int s, const char *text)
{
    struct name n = name(text);

    return connect(s, (struct sockaddr *)&n.a, n.len);
}

static UNUSED int send_to(int s, const char *data, const char *text)
{
    struct name n = name(text);

    return sendto(s, data, strlen(data), 0, (struct sockaddr *)&n.a, n.len);
}

static UNUSED void show_addr(const char *what, const struct sockaddr_un *a, socklen_t len)
{
    char text[128];
    int n = 0;

    for (int i = 0; i < (int)len - 2 && i < 108; i++)
        text[n++] = a->sun_path[i] == '~' ? 0 : a->sun_path[i] ? a->sun_path[i] : '@';
    text[n] = 0;
    note("%s: family %d, length %d, name %s", what, len >= 2 ? a->sun_family : -1, len, text);
}

static UNUSED void show_names(int s)
{
    struct sockaddr_un a;
    socklen_t len = sizeof(a);

    if (SHOW(getsockname(s, (struct sockaddr *)&a, &len)) == 0)
        show_addr("own", &a, len);
    len = sizeof(a);
    if (SHOW(getpeername(s, (struct sockaddr *)&a, &len)) == 0)
        show_addr("peer", &a, len);
}

static UNUSED int option(int s, int name)
{
    int n = -77;
    socklen_t len = sizeof(n);

    return getsockopt(s, SOL_SOCKET, name, &n, &len) ? -1 : n;
}

static UNUSED int set_option(int s, int name, int n)
{
    return setsockopt(s, SOL_SOCKET, name, &n, sizeof(n));
}

static UNUSED int make(int type)
{
    return MUST(socket(AF_UNIX, type, 0));
}

/* A listening socket of this name. */
static UNUSED int listener(int type, const char *text, int backlog)
{
    int l = make(type);

    MUST(bind_to(l, text));
    MUST(listen(l, backlog));
    return l;
}

static UNUSED void pair(int type, int s[2])
{
    MUST(socketpair(AF_UNIX, type, 0, s));
}

/* Starts a thread that waits a while and then does something. */
struct later {
    pthread_t thread;
    void (*fn)(int fd);
    int fd;
};

static UNUSED void *later_run(void *arg)
{
    struct later *l = arg;

    usleep(30000);
    l->fn(l->fd);
    return NULL;
}

static UNUSED void later(struct later *l, void (*fn)(int fd), int fd)
{
    l->fn = fn;
    l->fd = fd;
    pthread_create(&l->thread, NULL, later_run, l);
}

static UNUSED void later_end(struct later *l)
{
    pthread_join(l->thread, NULL);
}
