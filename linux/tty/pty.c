/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pty.c: pseudo-terminals, pty(7): opening /dev/ptmx makes a terminal whose device is the file just opened. What is
 * written to the master is the terminal's input; its output waits in a ring for the master to read.
 */
#include "abi/fs.h"
#include "fs/chrdev.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/tty/tty.h"
#include <asm/ioctls.h>
#include <linux/tty.h>

#define PTY_MAJOR 136 /* UNIX98_PTY_SLAVE_MAJOR */
#define PTY_MAX   4096
#define PTY_RING  8192 /* a power of two */

/* Guards: [I] immutable [m] list_mutex [r] lock */
struct pty {
    struct tty t;         /* the terminal's side; first: it is freed as this */
    struct pty *next;     /* [m] */
    struct pty_info info; /* [m] but number and serial [I] */
    bool locked;          /* TIOCSPTLCK */
    bool closed;          /* the terminal was opened, and nobody has it open any more [m] */
    unsigned nr_open;     /* open files of the terminal [m] */
    struct spinlock lock;
    uint32_t head, tail;      /* of the ring [r] */
    bool packet;              /* TIOCPKT [r] */
    uint8_t events;           /* TIOCPKT_* that the master has not read yet [r] */
    struct waitq master_wait; /* for output, events, or the last close */
    char ring[PTY_RING];
};

static struct pty *ptys; /* by number [m] */
/* devpts looks under a directory's lock */
static struct mutex list_mutex = MUTEX_INIT(list_mutex, RANK_FS);

static struct pty *pty_of(struct tty *t)
{
    return container_of(t, struct pty, t);
}

/* ---- the terminal's device ---- */

static ssize_t pty_output(struct tty *t, const char *buf, size_t len)
{
    struct pty *p = pty_of(t);
    size_t n;

    spin_lock(&p->lock);
    for (n = 0; n < len && p->head - p->tail < PTY_RING; n++)
        p->ring[p->head++ % PTY_RING] = buf[n];
    spin_unlock(&p->lock);
    wake_all(&p->master_wait);
    return n;
}

static bool pty_can_output(struct tty *t)
{
    struct pty *p = pty_of(t);

    return READ_ONCE(p->head) - READ_ONCE(p->tail) < PTY_RING;
}

static void pty_drop_output(struct tty *t)
{
    struct pty *p = pty_of(t);

    spin_lock(&p->lock);
    p->tail = p->head;
    if (p->packet)
        p->events |= TIOCPKT_FLUSHWRITE;
    spin_unlock(&p->lock);
    wake_all(t->write_wait);
    wake_all(&p->master_wait);
}

static void pty_event(struct tty *t, int what)
{
    static const uint8_t opposite[] = { TIOCPKT_STOP | TIOCPKT_START, TIOCPKT_NOSTOP | TIOCPKT_DOSTOP };
    struct pty *p = pty_of(t);

    if (!p->packet)
        return;
    spin_lock(&p->lock);
    for (unsigned i = 0; i < ARRAY_SIZE(opposite); i++)
        if (what & opposite[i])
            p->events &= ~opposite[i];
    p->events |= what;
    spin_unlock(&p->lock);
    wake_all(&p->master_wait);
}

static void pty_open(struct tty *t)
{
    struct pty *p = pty_of(t);

    mutex_lock(&list_mutex);
    p->nr_open++;
    p->closed = false;
    mutex_unlock(&list_mutex);
}

static void pty_close(struct tty *t)
{
    struct pty *p = pty_of(t);

    mutex_lock(&list_mutex);
    p->closed = --p->nr_open == 0;
    mutex_unlock(&list_mutex);
    wake_all(&p->master_wait);
}

static void pty_destroy(struct tty *t)
{
    struct pty **link;

    mutex_lock(&list_mutex);
    for (link = &ptys; *link != pty_of(t); link = &(*link)->next)
        ;
    *link = pty_of(t)->next;
    mutex_unlock(&list_mutex);
}

static const struct tty_ops pty_ops = {
    .write = pty_output,
    .can_write = pty_can_output,
    .flush_output = pty_drop_output,
    .event = pty_event,
    .open = pty_open,
    .close = pty_close,
    .destroy = pty_destroy,
    .lossy_echo = true,
};

/* ---- the master's file ---- */

static size_t take_output(struct pty *p, char *buf, size_t len)
{
    size_t n;

    spin_lock(&p->lock);
    for (n = 0; n < len && p->tail != p->head; n++)
        buf[n] = p->ring[p->tail++ % PTY_RING];
    spin_unlock(&p->lock);
    return n;
}

/* An event that waits, or 0. */
static uint8_t take_event(struct pty *p)
{
    uint8_t e;

    spin_lock(&p->lock);
    e = p->events;
    p->events = 0;
    spin_unlock(&p->lock);
    return e;
}

static bool master_readable(struct pty *p)
{
    return READ_ONCE(p->head) != READ_ONCE(p->tail) || READ_ONCE(p->events) || READ_ONCE(p->closed);
}

static ssize_t master_copy(struct pty *p, struct iov *v)
{
    char buf[256];
    ssize_t done = 0;
    size_t n;

    while (v->count && (n = take_output(p, buf, MIN(v->count, sizeof(buf)))) > 0) {
        if (iov_put(v, buf, n) != n)
            return done ? done : -EFAULT;
        done += n;
    }
    if (done)
        wake_all(p->t.write_wait);
    return done;
}

/* In packet mode each read begins with a byte: 0 and data follows, or what happened and nothing follows. */
static ssize_t master_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct pty *p = f->private;
    int err = 0;

    if (!v->count)
        return 0;
    while (!master_readable(p)) {
        err = (f->flags & O_NONBLOCK) || v->nonblock
                  ? -EAGAIN
                  : wait_event_interruptible(&p->master_wait, master_readable(p));
        if (err)
            return err;
    }
    if (p->packet) {
        uint8_t e = take_event(p);
        ssize_t n;

        if (!e && p->head == p->tail)
            return -EIO;
        if (iov_put(v, &e, 1) != 1)
            return -EFAULT;
        n = e ? 0 : master_copy(p, v);
        return n < 0 ? n : n + 1;
    }
    return master_copy(p, v) ?: -EIO; /* all terminals are closed */
}

static ssize_t master_write(struct file *f, struct iov *v, uint64_t *pos)
{
    struct pty *p = f->private;
    bool nonblock = (f->flags & O_NONBLOCK) || v->nonblock;
    char buf[256];
    ssize_t done = 0;

    if (READ_ONCE(p->closed))
        return -EIO;
    while (v->count) {
        size_t n = iov_get(v, buf, MIN(v->count, sizeof(buf))), at = 0;

        if (!n)
            return done ? done : -EFAULT;
        while (at < n) {
            size_t got = ldisc_receive(&p->t, buf + at, n - at);
            int err;

            at += got;
            done += got;
            if (at == n)
                break;
            err = nonblock ? -EAGAIN : wait_event_interruptible(&p->t.room_wait, ldisc_has_room(&p->t));
            if (err)
                return done ? done : err;
        }
    }
    return done;
}

static unsigned master_poll(struct file *f, struct poll_table *pt)
{
    struct pty *p = f->private;
    unsigned ready = 0;

    poll_wait(f, &p->master_wait, pt);
    poll_wait(f, &p->t.room_wait, pt);
    if (READ_ONCE(p->head) != READ_ONCE(p->tail))
        ready |= EPOLLIN | EPOLLRDNORM;
    if (READ_ONCE(p->events))
        ready |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
    if (READ_ONCE(p->closed))
        ready |= EPOLLHUP;
    else if (ldisc_has_room(&p->t))
        ready |= EPOLLOUT | EPOLLWRNORM;
    return ready;
}

static long open_peer(struct pty *p, int flags)
{
    struct open_how_k how = { .flags = flags };
    struct file *f;
    char name[24];
    int err;

    snprintf(name, sizeof(name), "/dev/pts/%u", p->info.number);
    err = vfs_open(NULL, name, &how, &f);
    return err ? err : fd_install_new(f, flags);
}

static long set_packet(struct pty *p, bool on)
{
    spin_lock(&p->lock);
    if (on && !p->packet)
        p->events = 0;
    p->packet = on;
    spin_unlock(&p->lock);
    return 0;
}

static long master_flush(struct pty *p, unsigned long which)
{
    if (which > TCIOFLUSH)
        return -EINVAL;
    if (which != TCOFLUSH)
        pty_drop_output(&p->t);
    if (which != TCIFLUSH)
        tty_flush_input(&p->t);
    return 0;
}

static long master_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    struct pty *p = f->private;
    int __user
    *u = (int __user *)arg;
    int n;

    switch (cmd) {
    case TIOCGPTN:
        return put_user(p->info.number, (unsigned __user *)u) ? -EFAULT : 0;
    case TIOCSPTLCK:
    case TIOCPKT:
        if (get_user(n, u))
            return -EFAULT;
        if (cmd == TIOCPKT)
            return set_packet(p, n);
        p->locked = n;
        return 0;
    case TIOCGPTLCK:
    case TIOCGPKT:
        n = cmd == TIOCGPKT ? p->packet : p->locked;
        return put_user(n, u) ? -EFAULT : 0;
    case TIOCGPTPEER:
        return open_peer(p, arg);
    case TIOCSIG:
        if (arg < 1 || arg > NR_SIGNALS)
            return -EINVAL;
        tty_signal(&p->t, arg);
        return 0;
    case FIONREAD:
        n = READ_ONCE(p->head) - READ_ONCE(p->tail);
        return put_user(n, u) ? -EFAULT : 0;
    case TCFLSH:
        return master_flush(p, arg);
    case TIOCSCTTY: /* the master is nobody's terminal */
    case TIOCNOTTY:
        return -ENOTTY;
    default:
        return tty_ioctl(&p->t, f, cmd, arg);
    }
}

static void master_release(struct file *f)
{
    struct pty *p = f->private;

    tty_hangup(&p->t);
    tty_put(&p->t);
}

static const struct file_ops master_ops = {
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .ioctl = master_ioctl,
    .release = master_release,
};

/* ---- opening ---- */

/* At the lowest free number. */
static int add(struct pty *p)
{
    static uint32_t serial;
    struct pty **link;
    unsigned n = 0;

    mutex_lock(&list_mutex);
    for (link = &ptys; *link && (*link)->info.number == n; link = &(*link)->next)
        n++;
    if (n < PTY_MAX) {
        p->info.number = n;
        p->info.serial = ++serial;
        p->t.rdev = PROA_MKDEV(PTY_MAJOR, n);
        p->next = *link;
        *link = p;
    }
    mutex_unlock(&list_mutex);
    return n < PTY_MAX ? 0 : -ENOSPC;
}

static int ptmx_open(struct inode *i, struct file *f)
{
    struct pty *p = kmalloc(sizeof(*p));
    const struct cred *c = fs_cred();
    int err;

    if (!p)
        return -ENOMEM;
    memset(p, 0, offsetof(struct pty, ring));
    tty_setup(&p->t, &pty_ops, p, 0);
    p->t.termios.c_cflag &= ~HUPCL;
    spin_init(&p->lock, RANK_OBJECT);
    waitq_init(&p->master_wait);
    p->locked = true;
    p->info.mode = 0600;
    p->info.uid = c->fsuid;
    p->info.gid = c->fsgid;
    err = add(p);
    if (err) {
        kfree(p);
        return err;
    }
    f->ops = &master_ops;
    f->private = p;
    f->fmode |= FMODE_STREAM;
    return 0;
}

static struct pty *find_locked(unsigned n)
{
    struct pty *p;

    ASSERT(mutex_held(&list_mutex));
    for (p = ptys; p && p->info.number < n; p = p->next)
        ;
    return p && !p->t.hung_up ? p : NULL;
}

static int slave_open(struct inode *i, struct file *f)
{
    unsigned n = DEV_MINOR(i->rdev);
    struct pty *p;
    int err;

    mutex_lock(&list_mutex);
    p = find_locked(n);
    if (p && (p->info.number != n || p->locked || !ref_get_unless_zero(&p->t.refs)))
        p = NULL;
    mutex_unlock(&list_mutex);
    if (!p)
        return -EIO;
    err = tty_attach(f, &p->t);
    tty_put(&p->t);
    return err;
}

/* ---- for devpts ---- */

bool pty_next(unsigned n, struct pty_info *info)
{
    struct pty *p;

    mutex_lock(&list_mutex);
    for (p = ptys; p && (p->info.number < n || p->t.hung_up); p = p->next)
        ;
    if (p)
        *info = p->info;
    mutex_unlock(&list_mutex);
    return p;
}

bool pty_find(unsigned n, struct pty_info *info)
{
    return pty_next(n, info) && info->number == n;
}

void pty_set_owner(const struct pty_info *info)
{
    struct pty *p;

    mutex_lock(&list_mutex);
    p = find_locked(info->number);
    if (p && p->info.serial == info->serial)
        p->info = *info;
    mutex_unlock(&list_mutex);
}

static struct chrdev ptmx_dev = { .name = "ptmx", .major = 5, .minor = 2, .mode = 0666, .open = ptmx_open };
static struct chrdev pts_dev = { .major = PTY_MAJOR, .nr_minors = PTY_MAX, .open = slave_open };

void pty_init(void)
{
    chrdev_add(&ptmx_dev);
    chrdev_add(&pts_dev);
}
