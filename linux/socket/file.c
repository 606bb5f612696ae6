/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c: the open file behind a socket. */
#include "abi/fs.h"
#include "fs/pipe_buf.h"
#include "kernel/pktbuf.h"
#include "linux/files.h"
#include "linux/socket/socket.h"
#include "net/filter.h"
#include "net/inet.h"
#include <linux/sockios.h>

ssize_t socket_send_msg(struct socket *s, struct socket_msg *m)
{
    unsigned flags = m->flags;
    ssize_t n = s->ops->sendmsg(s, m);

    if (unlikely(n == -EPIPE) && s->type == SOCK_STREAM && !(flags & MSG_NOSIGNAL))
        pipe_broken();
    return n;
}

static ssize_t file_receive(struct file *f, struct iov *v, uint64_t *pos)
{
    struct socket *s = f->private;
    struct socket_msg m;
    ssize_t n;

    if (unlikely(!v->count))
        return 0;
    if (likely(s->ops->receive))
        return s->ops->receive(s, v, socket_flags(f, v->nonblock ? MSG_DONTWAIT : 0));
    socket_msg_init(&m, v, socket_flags(f, v->nonblock ? MSG_DONTWAIT : 0), s->rcvtimeo_ns);
    n = s->ops->recvmsg(s, &m);
    if (unlikely(m.rights))
        socket_rights_put(m.rights); /* nobody asked for them */
    return n;
}

static ssize_t file_send(struct file *f, struct iov *v, uint64_t *pos)
{
    struct socket *s = f->private;
    struct socket_msg m;

    if (likely(s->ops->send)) {
        ssize_t n = s->ops->send(s, v, socket_flags(f, v->nonblock ? MSG_DONTWAIT : 0));

        sched_after_wake();
        return unlikely(n == -EPIPE) ? pipe_no_reader() : n;
    }
    socket_msg_init(&m, v, socket_flags(f, v->nonblock ? MSG_DONTWAIT : 0), s->sndtimeo_ns);
    if (s->type == SOCK_SEQPACKET)
        m.flags |= MSG_EOR;
    return socket_send_msg(s, &m);
}

/* From a file's cache or a pipe: by reference, where the family can. */
static ssize_t file_send_pages(struct file *f, const struct pktfrag *pages, unsigned nr, bool more)
{
    struct socket *s = f->private;
    struct socket_msg m;
    size_t len = 0;
    struct iov v;

    if (!s->ops->by_page)
        return -EOPNOTSUPP;
    for (unsigned i = 0; i < nr; i++)
        len += pages[i].len;
    iov_kernel(&v, NULL, len);
    socket_msg_init(&m, &v, socket_flags(f, more ? MSG_MORE : 0), s->sndtimeo_ns);
    m.pages = pages;
    m.page_off = 0;
    return socket_send_msg(s, &m);
}

static unsigned file_ready(struct file *f, struct poll_table *pt)
{
    struct socket *s = f->private;

    poll_wait(f, &s->wait, pt);
    return s->ops->poll(s);
}

static long owner_ioctl(struct file *f, unsigned cmd, int __user *arg)
{
    int pid;

    if (cmd == FIOGETOWN || cmd == SIOCGPGRP)
        return put_user(f->owner_pid, arg);
    if (get_user(pid, arg))
        return -EFAULT;
    return file_set_owner(f, pid);
}

static long file_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    struct socket *s = f->private;
    long n;

    if (cmd >= FIOSETOWN && cmd <= SIOCGPGRP) /* both of both */
        return owner_ioctl(f, cmd, (int __user *)arg);
    n = s->ops->ioctl ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;

    /* What concerns interfaces is the same for all families: libraries ask it of local sockets. */
    if (n == -ENOTTY && ((cmd >= SIOCGIFNAME && cmd <= SIOCGIFTXQLEN + 1) || cmd == SIOCETHTOOL)) {
        net_start();
        n = inet_ioctl(s, cmd, arg);
    }
    return n;
}

/* Of each CPU those made less those closed there: no line that all meet at. */
static struct {
    int nr; /* [a] */
} __aligned(64) counts[MAX_CPUS];

static void count(int n)
{
    __atomic_fetch_add(&counts[this_cpu()->id].nr, n, __ATOMIC_RELAXED);
}

unsigned socket_count(void)
{
    int sum = 0;

    for (unsigned i = 0; i < nr_cpus; i++)
        sum += atomic_load(&counts[i].nr);
    return MAX(sum, 0);
}

static int file_mmap(struct file *f, struct mmap_args *a)
{
    struct socket *s = f->private;

    return s->ops->mmap ? s->ops->mmap(s, a) : -ENODEV;
}

static void file_released(struct file *f)
{
    struct socket *s = f->private;

    count(-1);
    s->file = NULL;
    if (unlikely(s->filter))
        filter_drop(s);
    s->ops->release(s);
}

const struct file_ops socket_file_ops = {
    .read = file_receive,
    .write = file_send,
    .poll = file_ready,
    .ioctl = file_ioctl,
    .mmap = file_mmap,
    .release = file_released,
    .write_pages = file_send_pages,
};

struct file *socket_file_new(struct socket *s, int flags)
{
    struct file *f = file_new_anon(NULL, &socket_file_ops, s, O_RDWR | (flags & O_NONBLOCK), S_IFSOCK | 0777);

    if (!f) {
        s->ops->release(s);
        return NULL;
    }
    count(1);
    s->file = f;
    s->ino = f->inode->ino;
    s->uid = f->inode->uid;
    return f;
}
