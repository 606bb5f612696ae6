/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stdio.c: the program's standard streams. Each is a byte stream of its own over a port and looks like a pipe;
 * those the configuration calls a terminal share the console's tty. A machine without the ports has its serial
 * line for all three.
 */
#include "linux/stdio.h"
#include "abi/control.h"
#include "kernel/page.h"
#include "kernel/port.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/tty/tty.h"
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

static struct port *ports[3];
static struct tty *console;

#define CHUNK PAGE_SIZE

static bool must_not_block(const struct file *f, const struct iov *v)
{
    return (f->flags & O_NONBLOCK) || v->nonblock;
}

static ssize_t port_file_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct port *p = f->private;
    struct page *bounce;
    ssize_t n = 0;

    if (!v->count)
        return 0;
    bounce = page_alloc(PAGE_WAIT);
    if (!bounce)
        return -ENOMEM;
    for (;;) {
        n = p->ops->read(p, page_virt(bounce), MIN(v->count, CHUNK));
        if (n)
            break;
        n = must_not_block(f, v) ? -EAGAIN : wait_event_interruptible(&p->readable, p->ops->can_read(p));
        if (n)
            break;
    }
    if (n == -EPIPE)
        n = 0; /* end of input */
    if (n > 0 && iov_put(v, page_virt(bounce), n) < (size_t)n)
        n = -EFAULT;
    page_put(bounce);
    return n;
}

static ssize_t broken(void)
{
    signal_send_thread(current, SIGPIPE, NULL);
    return -EPIPE;
}

/* Writes what the bounce page holds; the bytes taken, or -errno when none was. */
static ssize_t write_chunk(struct file *f, const char *buf, size_t len, bool nonblock)
{
    struct port *p = f->private;
    size_t done = 0;

    while (done < len) {
        ssize_t n = p->ops->write(p, buf + done, len - done);

        if (n > 0) {
            done += n;
            continue;
        }
        if (n == 0)
            n = nonblock ? -EAGAIN : wait_event_interruptible(&p->writable, p->ops->can_write(p));
        if (n == -EPIPE && !done)
            return broken();
        if (n)
            return done ? (ssize_t)done : n;
    }
    return done;
}

static ssize_t port_file_write(struct file *f, struct iov *v, uint64_t *pos)
{
    bool nonblock = must_not_block(f, v);
    struct page *bounce;
    ssize_t done = 0;

    if (!v->count)
        return 0;
    bounce = page_alloc(PAGE_WAIT);
    if (!bounce)
        return -ENOMEM;
    while (v->count) {
        size_t want = MIN(v->count, CHUNK), got = iov_get(v, page_virt(bounce), want);
        ssize_t n = got ? write_chunk(f, page_virt(bounce), got, nonblock) : -EFAULT;

        if (n < 0) {
            done = done ? done : n;
            break;
        }
        done += n;
        if ((size_t)n < want)
            break;
    }
    page_put(bounce);
    return done;
}

static unsigned port_file_poll(struct file *f, struct poll_table *pt)
{
    struct port *p = f->private;
    unsigned ready = 0;

    if (f->fmode & FMODE_READ) {
        poll_wait(f, &p->readable, pt);
        if (p->ops->can_read(p))
            ready |= EPOLLIN | EPOLLRDNORM | (p->eof ? EPOLLHUP : 0);
    }
    if (f->fmode & FMODE_WRITE) {
        poll_wait(f, &p->writable, pt);
        if (p->ops->can_write(p))
            ready |= EPOLLOUT | EPOLLWRNORM;
    }
    return ready;
}

static const struct file_ops port_file_ops = {
    .read = port_file_read,
    .write = port_file_write,
    .poll = port_file_poll,
};

/* Opening /dev/stdin and the like again: the same stream. */
static int port_inode_open(struct inode *i, struct file *f)
{
    f->ops = &port_file_ops;
    f->private = i->private;
    f->fmode |= FMODE_STREAM;
    return 0;
}

static const struct inode_ops port_inode_ops = { .open = port_inode_open };

static struct file *open_stream(unsigned i, bool tty)
{
    struct file *f;

    if (tty && console)
        return tty_open_console(console, O_RDWR);
    if (!ports[i])
        return NULL;
    f = file_new_anon(NULL, &port_file_ops, ports[i], i ? O_WRONLY : O_RDONLY, S_IFIFO | 0600);
    if (f) {
        f->inode->ops = &port_inode_ops;
        f->inode->private = ports[i];
    }
    return f;
}

static void find_ports(void)
{
    static const char *const names[] = { PORT_STDIN, PORT_STDOUT, PORT_STDERR };
    struct port *serial = NULL;

    for (unsigned i = 0; i < 3; i++)
        ports[i] = port_find(names[i]);
    if (!ports[1])
        serial = port_find("ttyS0");
    for (unsigned i = 0; i < 3 && serial; i++)
        ports[i] = serial;
}

int stdio_open(unsigned tty, unsigned rows, unsigned cols)
{
    find_ports();
    if (tty) {
        console = tty_console_new(tty & STDIO_TTY_IN ? ports[0] : NULL, ports[tty & STDIO_TTY_OUT ? 1 : 2],
                                  rows, cols);
        if (!console)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < 3; i++) {
        struct file *f = open_stream(i, tty >> i & 1);
        int err;

        if (!f)
            err = vfs_open(NULL, "/dev/null", &(struct open_how_k){ .flags = O_RDWR }, &f);
        else
            err = IS_ERR(f) ? PTR_ERR(f) : 0;
        if (err)
            return err;
        err = fd_install_at(f, i, 0);
        if (err < 0) {
            file_put(f);
            return err;
        }
    }
    return 0;
}

void stdio_set_winsize(unsigned rows, unsigned cols)
{
    if (console)
        tty_set_winsize(console, rows, cols);
}

void stdio_drain(void)
{
    for (unsigned i = 1; i < 3; i++)
        if (ports[i])
            ports[i]->ops->drain(ports[i]);
}
