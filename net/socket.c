/* SPDX-License-Identifier: BSD-2-Clause */
/* socket.c: the head that all families' sockets share. */
#include "net/socket.h"
#include "lib/string.h"
#include <asm/socket.h>
#include <linux/time_types.h>

#define BUF_DEFAULT 212992 /* Linux's net.core.{r,w}mem_default */

const struct socket_host *socket_host;

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol)
{
    memset(s, 0, sizeof(*s));
    s->ops = ops;
    s->family = family;
    s->type = type;
    s->protocol = protocol;
    waitq_init(&s->wait);
    mutex_init(&s->reader, RANK_FILE);
    mutex_init(&s->writer, RANK_FILE);
    s->sndbuf = s->rcvbuf = BUF_DEFAULT;
    s->rcvlowat = 1;
    s->rcvtimeo_ns = s->sndtimeo_ns = TIME_NEVER;
    s->max_pacing = ~0ull;
}

/* m->control_len grows to what is there; m->control_room is the size of the buffer. */
void socket_put_control(struct socket_msg *m, int level, int type, const void *data, size_t len)
{
    size_t used = m->control_len, left = m->control_room - MIN(used, m->control_room);
    struct cmsghdr *c = (struct cmsghdr *)((char *)m->control + used);
    size_t n = MIN(CMSG_LENGTH(len), left);

    if (n < CMSG_LENGTH(len))
        m->flags |= MSG_CTRUNC;
    if (n < sizeof(*c))
        return;
    *c = (struct cmsghdr){ n, level, type };
    memcpy(c + 1, data, n - sizeof(*c));
    m->control_len += MIN(CMSG_SPACE_(len), left);
}

void socket_put_time(struct socket *s, struct socket_msg *m, uint64_t time_ns)
{
    uint64_t ns = time_ns ? time_ns : clock_real_ns();
    struct __kernel_old_timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
    struct __kernel_sock_timeval tv = { ts.tv_sec, ts.tv_nsec / 1000 };

    if (s->timestamp_ns)
        socket_put_control(m, SOL_SOCKET, SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
    else
        socket_put_control(m, SOL_SOCKET, SO_TIMESTAMP_OLD, &tv, sizeof(tv));
}
