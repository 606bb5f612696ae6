/* SPDX-License-Identifier: BSD-2-Clause */
/* option.c: options of level AF_VSOCK: the buffer's size, how long connect() takes at most. */
#include "abi/errno.h"
#include "lib/string.h"
#include "net/vsock/vsock.h"
#include <linux/time_types.h>

#define SECONDS_MAX (INT64_MAX / 1000 - 1) /* as Linux counts, in milliseconds */

static int set_timeout(struct vsock_sock *s, const void *val, unsigned len)
{
    struct __kernel_sock_timeval t;
    uint64_t ns;

    if (len < sizeof(t))
        return -EINVAL;
    memcpy(&t, val, sizeof(t));
    if (t.tv_sec < 0 || t.tv_usec >= 1000000 || t.tv_sec >= SECONDS_MAX)
        return -ERANGE;
    ns = MIN((uint64_t)t.tv_sec, INT64_MAX / NSEC_PER_SEC / 4) * NSEC_PER_SEC +
         MAX(t.tv_usec, 0) * NSEC_PER_US;
    s->connect_timeout_ns = ns ? ns : VSOCK_CONNECT_TIMEOUT;
    return 0;
}

static void fit_buffer(struct vsock_sock *s, uint64_t buf)
{
    buf = MAX(MIN(buf, s->buf_max), s->buf_min);
    if (buf == s->buf)
        return;
    s->buf = buf;
    if (s->state == VSOCK_CONNECTED && !s->done)
        vsock_control(s, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
}

int vsock_setsockopt(struct socket *sk, int level, int name, const void *val, unsigned len)
{
    struct vsock_sock *s = vsock_sk(sk);
    uint64_t n;

    if (level != AF_VSOCK)
        return -ENOPROTOOPT;
    if (name == SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD || name == SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW)
        return set_timeout(s, val, len);
    if (name < SO_VM_SOCKETS_BUFFER_SIZE || name > SO_VM_SOCKETS_BUFFER_MAX_SIZE)
        return -ENOPROTOOPT;
    if (len < sizeof(n))
        return -EINVAL;
    memcpy(&n, val, sizeof(n));
    spin_lock(&s->lock);
    if (name == SO_VM_SOCKETS_BUFFER_MAX_SIZE)
        s->buf_max = n;
    else if (name == SO_VM_SOCKETS_BUFFER_MIN_SIZE)
        s->buf_min = n;
    fit_buffer(s, name == SO_VM_SOCKETS_BUFFER_SIZE ? n : s->buf);
    spin_unlock(&s->lock);
    return 0;
}

int vsock_getsockopt(struct socket *sk, int level, int name, void *val, unsigned *len)
{
    struct vsock_sock *s = vsock_sk(sk);
    struct __kernel_sock_timeval t;
    uint64_t n;

    if (level != AF_VSOCK)
        return -ENOPROTOOPT;
    switch (name) {
    case SO_VM_SOCKETS_BUFFER_SIZE:
        n = s->buf;
        break;
    case SO_VM_SOCKETS_BUFFER_MIN_SIZE:
        n = s->buf_min;
        break;
    case SO_VM_SOCKETS_BUFFER_MAX_SIZE:
        n = s->buf_max;
        break;
    case SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD:
    case SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW:
        t = (struct __kernel_sock_timeval){ s->connect_timeout_ns / NSEC_PER_SEC,
                                            s->connect_timeout_ns % NSEC_PER_SEC / NSEC_PER_US };
        if (*len < sizeof(t))
            return -EINVAL;
        memcpy(val, &t, *len = sizeof(t));
        return 0;
    default:
        return -ENOPROTOOPT;
    }
    if (*len < sizeof(n))
        return -EINVAL;
    memcpy(val, &n, *len = sizeof(n));
    return 0;
}
