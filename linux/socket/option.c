/* SPDX-License-Identifier: BSD-2-Clause */
/* option.c: setsockopt(2), getsockopt(2): those of level SOL_SOCKET that struct socket keeps; others are the family's. */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/socket/socket.h"
#include "linux/syscall.h"
#include "net/filter.h"
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/time_types.h>

#define SOL_PACKET    263
#define BUF_MAX       212992 /* net.core.{r,w}mem_max */
#define SNDBUF_MIN    4608
#define RCVBUF_MIN    2304
#define OPTION_MAX    16384 /* bytes of a value */
#define OPTION_FAST   128
#define ASKED_MAX     256 /* of them those that say what is asked for */
#define NAPI_ID_NONE  0
#define PRIORITY_FREE 6 /* greatest without privilege */

struct linger {
    int on, seconds;
};

/* ---- setting ---- */

static void set_buf(uint32_t *buf, bool *locked, int val, unsigned min, bool force)
{
    unsigned n = force ? (unsigned)MAX(val, 0) : MIN((unsigned)val, (unsigned)BUF_MAX);

    *buf = MAX(MIN(n, INT32_MAX / 2u) * 2, min);
    *locked = true;
}

static int set_timeout(uint64_t *ns, const void *val, unsigned len)
{
    struct __kernel_sock_timeval t;

    if (len < sizeof(t))
        return -EINVAL;
    memcpy(&t, val, sizeof(t));
    if (t.tv_usec < 0 || t.tv_usec >= 1000000)
        return -EDOM;
    if (t.tv_sec < 0)
        *ns = 0;
    else if ((!t.tv_sec && !t.tv_usec) || (uint64_t)t.tv_sec >= INT64_MAX / NSEC_PER_SEC)
        *ns = TIME_NEVER;
    else
        *ns = (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_usec * NSEC_PER_US;
    return 0;
}

static int set_linger(struct socket *s, const void *val, unsigned len)
{
    struct linger l;

    if (len < sizeof(l))
        return -EINVAL;
    memcpy(&l, val, sizeof(l));
    s->linger = l.on;
    s->linger_s = MIN((unsigned)l.seconds, (unsigned)UINT16_MAX);
    return 0;
}

/* Options that are a flag: where it is, or NULL. */
static bool *flag_of(struct socket *s, int name)
{
    switch (name) {
    case SO_REUSEADDR:
        return &s->reuseaddr;
    case SO_REUSEPORT:
        return &s->reuseport;
    case SO_KEEPALIVE:
        return &s->keepalive;
    case SO_BROADCAST:
        return &s->broadcast;
    case SO_OOBINLINE:
        return &s->oobinline;
    case SO_DONTROUTE:
        return &s->dontroute;
    case SO_PASSCRED:
        return s->family == AF_UNIX || s->family == AF_NETLINK ? &s->passcred : NULL;
    case SO_TIMESTAMP_OLD:
        return &s->timestamp;
    case SO_TIMESTAMPNS_OLD:
        return &s->timestamp_ns;
    case SO_RXQ_OVFL:
        return &s->rxq_ovfl;
    }
    return NULL;
}

static int set_socket(struct socket *s, int name, const void *val, unsigned len)
{
    bool *flag = flag_of(s, name);
    int n;

    if (name == SO_BINDTODEVICE) /* a name, of whatever length */
        return -ENOPROTOOPT;
    if (len < sizeof(n))
        return -EINVAL;
    memcpy(&n, val, sizeof(n));
    if (flag) {
        *flag = n;
        return 0;
    }
    switch (name) {
    case SO_DEBUG:
        return n && !fs_capable(CAP_NET_ADMIN) ? -EACCES : 0;
    case SO_SNDBUF:
        set_buf(&s->sndbuf, &s->sndbuf_locked, n, SNDBUF_MIN, false);
        socket_wake(s, SOCKET_POLLOUT);
        return 0;
    case SO_RCVBUF:
        set_buf(&s->rcvbuf, &s->rcvbuf_locked, n, RCVBUF_MIN, false);
        return 0;
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
        if (!fs_capable(CAP_NET_ADMIN))
            return -EPERM;
        if (name == SO_SNDBUFFORCE)
            set_buf(&s->sndbuf, &s->sndbuf_locked, n, SNDBUF_MIN, true);
        else
            set_buf(&s->rcvbuf, &s->rcvbuf_locked, n, RCVBUF_MIN, true);
        return 0;
    case SO_PRIORITY:
        if ((n < 0 || n > PRIORITY_FREE) && !fs_capable(CAP_NET_ADMIN))
            return -EPERM;
        s->priority = n;
        return 0;
    case SO_MARK:
        if (!fs_capable(CAP_NET_ADMIN))
            return -EPERM;
        s->mark = n;
        return 0;
    case SO_LINGER:
        return set_linger(s, val, len);
    case SO_RCVLOWAT:
        s->rcvlowat = n < 0 ? INT32_MAX : n ? n : 1;
        return 0;
    case SO_RCVTIMEO_OLD:
        return set_timeout(&s->rcvtimeo_ns, val, len);
    case SO_SNDTIMEO_OLD:
        return set_timeout(&s->sndtimeo_ns, val, len);
    case SO_INCOMING_CPU:
        s->incoming_cpu = n;
        return 0;
    case SO_BUSY_POLL:
        if (n < 0)
            return -EINVAL;
        s->busy_poll_us = n;
        return 0;
    case SO_ATTACH_FILTER:
    case SO_DETACH_FILTER:
    case SO_LOCK_FILTER:
        return filter_set(s, name, val, len);
    case SO_MAX_PACING_RATE:
        if (len >= sizeof(s->max_pacing))
            memcpy(&s->max_pacing, val, sizeof(s->max_pacing));
        else
            s->max_pacing = n == -1 ? ~0ull : (unsigned)n;
        return 0;
    case SO_BSDCOMPAT:
    case SO_NO_CHECK:
        return 0; /* without effect */
    case SO_ZEROCOPY:
        if (!s->ops->zerocopy)
            return -EOPNOTSUPP;
        if (n < 0 || n > 1)
            return -EINVAL;
        s->zerocopy = n;
        return 0;
    }
    return -ENOPROTOOPT;
}

static int set_option(struct socket *s, int level, int name, const void *val, unsigned len)
{
    int err = -ENOPROTOOPT;

    if (level == SOL_SOCKET) {
        err = set_socket(s, name, val, len);
        if (!err && (name == SO_KEEPALIVE || name == SO_MAX_PACING_RATE) &&
            s->ops->setsockopt) /* what it concerns is told */
            s->ops->setsockopt(s, level, name, val, len);
        if (err != -ENOPROTOOPT || !s->ops->setsockopt)
            return err;
    }
    return s->ops->setsockopt ? s->ops->setsockopt(s, level, name, val, len) : -EOPNOTSUPP;
}

SYSCALL5(setsockopt, int, fd, int, level, int, name, const void __user *, uval, int, len)
{
    char fast[OPTION_FAST] __attribute__((aligned(8))), *val = fast;
    struct file *f;
    long err;

    if (len < 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    err = file_socket(f) ? 0 : -ENOTSOCK;
    len = MIN(len, OPTION_MAX);
    if (!err && len > OPTION_FAST) {
        val = kmalloc(len);
        err = val ? 0 : -ENOBUFS;
    }
    if (!err)
        err = copy_from_user(val, uval, len) ? -EFAULT : set_option(file_socket(f), level, name, val, len);
    if (val != fast)
        kfree(val);
    file_put(f);
    return err;
}

/* ---- reading ---- */

static unsigned get_timeout(uint64_t ns, void *val)
{
    struct __kernel_sock_timeval t = { 0, 0 };

    if (ns != TIME_NEVER) {
        t.tv_sec = ns / NSEC_PER_SEC;
        t.tv_usec = ns % NSEC_PER_SEC / NSEC_PER_US;
    }
    memcpy(val, &t, sizeof(t));
    return sizeof(t);
}

/* Options that are a number: 0 or -ENOPROTOOPT. */
static int get_number(struct socket *s, int name, int *n)
{
    bool *flag = flag_of(s, name);

    if (flag) {
        *n = *flag;
        return 0;
    }
    switch (name) {
    case SO_TYPE:
        *n = s->type;
        return 0;
    case SO_DOMAIN:
        *n = s->family;
        return 0;
    case SO_PROTOCOL:
        *n = s->protocol;
        return 0;
    case SO_ERROR:
        *n = -socket_take_error(s);
        return 0;
    case SO_ACCEPTCONN:
        *n = READ_ONCE(s->listening);
        return 0;
    case SO_SNDBUF:
        *n = s->sndbuf;
        return 0;
    case SO_RCVBUF:
        *n = s->rcvbuf;
        return 0;
    case SO_PRIORITY:
        *n = s->priority;
        return 0;
    case SO_MARK:
        *n = s->mark;
        return 0;
    case SO_RCVLOWAT:
        *n = s->rcvlowat;
        return 0;
    case SO_SNDLOWAT:
        *n = 1;
        return 0;
    case SO_INCOMING_CPU:
        *n = s->incoming_cpu;
        return 0;
    case SO_BUSY_POLL:
        *n = s->busy_poll_us;
        return 0;
    case SO_LOCK_FILTER:
        *n = s->filter_locked;
        return 0;
    case SO_INCOMING_NAPI_ID:
        *n = NAPI_ID_NONE;
        return 0;
    case SO_DEBUG:
    case SO_NO_CHECK:
    case SO_BSDCOMPAT:
        *n = 0;
        return 0;
    case SO_ZEROCOPY:
        *n = s->zerocopy;
        return 0;
    }
    return -ENOPROTOOPT;
}

/* The value into val, which has room for OPTION_FAST bytes at least; *len: how long it is. */
static int get_socket(struct socket *s, int name, void *val, unsigned *len)
{
    struct linger l;
    struct sockaddr_any a;
    int n, err;

    switch (name) {
    case SO_LINGER:
        l = (struct linger){ s->linger, s->linger_s };
        memcpy(val, &l, *len = sizeof(l));
        return 0;
    case SO_RCVTIMEO_OLD:
        *len = get_timeout(s->rcvtimeo_ns, val);
        return 0;
    case SO_SNDTIMEO_OLD:
        *len = get_timeout(s->sndtimeo_ns, val);
        return 0;
    case SO_MAX_PACING_RATE:
        if (*len >= sizeof(s->max_pacing)) {
            memcpy(val, &s->max_pacing, *len = sizeof(s->max_pacing));
        } else {
            n = MIN(s->max_pacing, (uint64_t)UINT32_MAX);
            memcpy(val, &n, *len = sizeof(n));
        }
        return 0;
    case SO_PEERNAME:
        a.len = 0;
        err = s->ops->getname ? s->ops->getname(s, &a, true) : -ENOTCONN;
        if (err)
            return -ENOTCONN;
        if (a.len < *len)
            return -EINVAL;
        memcpy(val, a.bytes, MIN(*len, a.len));
        return 0;
    }
    err = get_number(s, name, &n);
    if (!err)
        memcpy(val, &n, *len = sizeof(n));
    return err;
}

static int get_option(struct socket *s, int level, int name, void *val, unsigned *len)
{
    int err = -ENOPROTOOPT;

    if (level == SOL_SOCKET) {
        err = get_socket(s, name, val, len);
        if (err != -ENOPROTOOPT || !s->ops->getsockopt)
            return err;
    }
    return s->ops->getsockopt ? s->ops->getsockopt(s, level, name, val, len) : -EOPNOTSUPP;
}

/* Some say in the buffer what they ask for. */
static bool asks_in_buffer(int level, int name)
{
    return level == SOL_PACKET || (level == IPPROTO_IP && name == IP_MSFILTER) ||
           ((level == IPPROTO_IP || level == IPPROTO_IPV6) && name == MCAST_MSFILTER);
}

/* The length is one of instructions. */
static int get_filter(struct socket *s, void __user *uval, int __user *ulen, int len)
{
    int n = filter_get(s, uval, len);

    if (n < 0)
        return n;
    return put_user(n, ulen) ? -EFAULT : 0;
}

SYSCALL5(getsockopt, int, fd, int, level, int, name, void __user *, uval, int __user *, ulen)
{
    char fast[OPTION_FAST] __attribute__((aligned(8))), *val = fast;
    struct file *f = fd_get(fd);
    unsigned room;
    long err;
    int len;

    if (!f)
        return -EBADF;
    err = file_socket(f) ? 0 : -ENOTSOCK;
    if (!err && get_user(len, ulen))
        err = -EFAULT;
    if (!err && len < 0)
        err = -EINVAL;
    if (!err && level == SOL_SOCKET && name == SO_GET_FILTER) {
        err = get_filter(file_socket(f), uval, ulen, len);
        file_put(f);
        return err;
    }
    if (!err) {
        room = MIN(len, OPTION_MAX);
        if (room > OPTION_FAST) {
            val = kmalloc(room);
            err = val ? 0 : -ENOBUFS;
        }
    }
    if (!err) {
        unsigned n = room;

        if (unlikely(asks_in_buffer(level, name)) &&
            copy_from_user(val, uval, MIN(room, (unsigned)ASKED_MAX)))
            err = -EFAULT;
        if (!err)
            err = get_option(file_socket(f), level, name, val, &n);
        n = MIN(n, room);
        if (!err && (copy_to_user(uval, val, n) || put_user((int)n, ulen)))
            err = -EFAULT;
    }
    if (val != fast)
        kfree(val);
    file_put(f);
    return err;
}
