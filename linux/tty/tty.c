/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tty.c: the open terminal: reading, writing, polling, ioctl_tty(2), and job control for its one session.
 */
#include "linux/tty/tty.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/family.h"
#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/tty.h>

void tty_get(struct tty *t)
{
    ref_get(&t->refs);
}

void tty_put(struct tty *t)
{
    if (!ref_put(&t->refs))
        return;
    if (t->ops->destroy)
        t->ops->destroy(t);
    kfree(t);
}

/* ---- job control ---- */

void tty_signal(struct tty *t, int sig)
{
    if (t->pgrp)
        process_signal_group(t->pgrp, sig, NULL);
    else if (init_process && t->session == init_process->sid)
        signal_send_process(init_process, sig, NULL);
}

int tty_check_foreground(struct tty *t, int sig)
{
    struct process *p = current_process();
    struct uthread *u = current_uthread();
    vaddr_t h = p->sighand->actions[sig - 1].handler;
    int err = -ERESTARTSYS;

    if (p->ctty != t || !t->pgrp || p->pgid == t->pgrp)
        return 0;
    if ((u->sigmask & sig_bit(sig)) || h == (vaddr_t)SIG_IGN)
        return sig == SIGTTIN ? -EIO : 0;
    spin_lock(&tasks_lock);
    if (group_orphaned_locked(p->pgid, NULL))
        err = -EIO; /* nobody would continue it */
    else
        group_signal_locked(p->pgid, sig, NULL);
    spin_unlock(&tasks_lock);
    return err;
}

void tty_set_winsize(struct tty *t, unsigned rows, unsigned cols)
{
    bool changed;

    mutex_lock(&t->lock);
    changed = t->winsize.ws_row != rows || t->winsize.ws_col != cols;
    t->winsize.ws_row = rows;
    t->winsize.ws_col = cols;
    mutex_unlock(&t->lock);
    if (changed)
        tty_signal(t, SIGWINCH);
}

struct tty *tty_controlling(struct process *p)
{
    struct tty *t;

    spin_lock(&tasks_lock);
    t = p->ctty;
    if (t)
        tty_get(t);
    spin_unlock(&tasks_lock);
    return t;
}

/* The session loses its terminal; leader (may be NULL) and, on its going, the foreground group are hung up. */
static void leave_session_locked(struct tty *t, struct process *leader, bool foreground)
{
    struct process *p;

    if (leader && leader->ctty == t) {
        signal_send_process(leader, SIGHUP, NULL);
        signal_send_process(leader, SIGCONT, NULL);
    }
    if (foreground && t->pgrp) {
        group_signal_locked(t->pgrp, SIGHUP, NULL);
        group_signal_locked(t->pgrp, SIGCONT, NULL);
    }
    list_for_each (p, &processes, all)
        if (p->ctty == t)
            p->ctty = NULL;
    t->session = t->pgrp = 0;
}

void tty_leader_ends(struct process *p)
{
    struct tty *t;

    spin_lock(&tasks_lock);
    t = p->ctty;
    if (t && p->sid == p->pid && t->session == p->sid)
        leave_session_locked(t, NULL, true);
    p->ctty = NULL;
    spin_unlock(&tasks_lock);
}

void tty_hangup(struct tty *t)
{
    struct process *leader = t->session ? process_find(t->session) : NULL;

    t->hung_up = true;
    wake_all(&t->read_wait);
    wake_all(t->write_wait);
    wake_all(&t->room_wait);
    spin_lock(&tasks_lock);
    leave_session_locked(t, leader, true);
    spin_unlock(&tasks_lock);
    if (leader)
        process_put(leader);
}

/* ---- settings ---- */

/* struct termios and termios2 differ in the speeds at the end. */
static long get_termios(struct tty *t, void __user *u, bool with_speed)
{
    struct ktermios k;

    mutex_lock(&t->lock);
    k = t->termios;
    mutex_unlock(&t->lock);
    return copy_to_user(u, &k, with_speed ? sizeof(struct termios2) : sizeof(struct termios));
}

static const unsigned speeds[] = { 0,   50,   75,   110,  134,  150,  200,   300,
                                   600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
static const unsigned fast_speeds[] = { 57600,   115200,  230400,  460800,  500000,  576000,  921600, 1000000,
                                        1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };

static unsigned speed_of(const struct ktermios *k)
{
    unsigned code = k->c_cflag & CBAUD;

    if (code == BOTHER)
        return k->c_ospeed;
    if (code & CBAUDEX)
        return (code & ~CBAUDEX) - 1 < ARRAY_SIZE(fast_speeds) ? fast_speeds[(code & ~CBAUDEX) - 1] : 38400;
    return speeds[code & 15];
}

static void tty_event(struct tty *t, int what)
{
    if (t->ops->event)
        t->ops->event(t, what);
}

/* May the other side act on ^S and ^Q itself? ioctl_tty(2), TIOCPKT_DOSTOP */
static bool flow_keys_usual(const struct ktermios *k)
{
    return (k->c_iflag & IXON) && k->c_cc[VSTOP] == 'S' - '@' && k->c_cc[VSTART] == 'Q' - '@';
}

enum when { NOW, DRAIN, FLUSH };

static long set_termios(struct tty *t, const void __user *u, enum when when, bool with_speed)
{
    struct ktermios old, k;
    int err = tty_check_foreground(t, SIGTTOU);

    if (err)
        return err;
    mutex_lock(&t->lock);
    k = t->termios;
    mutex_unlock(&t->lock);
    if (copy_from_user(&k, u, with_speed ? sizeof(struct termios2) : sizeof(struct termios)))
        return -EFAULT;
    if (!with_speed)
        k.c_ispeed = k.c_ospeed = speed_of(&k);
    mutex_lock(&t->lock);
    if (when == FLUSH)
        ldisc_flush_input_locked(t);
    old = t->termios;
    t->termios = k;
    ldisc_mode_changed_locked(t, &old);
    if (flow_keys_usual(&k) != flow_keys_usual(&old))
        tty_event(t, flow_keys_usual(&k) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
    mutex_unlock(&t->lock);
    return 0;
}

static long set_winsize_user(struct tty *t, const void __user *u)
{
    struct winsize w;
    bool changed;

    if (copy_from_user(&w, u, sizeof(w)))
        return -EFAULT;
    mutex_lock(&t->lock);
    changed = memcmp(&w, &t->winsize, sizeof(w));
    t->winsize = w;
    mutex_unlock(&t->lock);
    if (changed)
        tty_signal(t, SIGWINCH);
    return 0;
}

/* ---- controlling terminal ---- */

static long set_controlling(struct tty *t, int force)
{
    struct process *p = current_process();
    bool steal = force == 1 && fs_capable(CAP_SYS_ADMIN);
    long err = -EPERM;

    spin_lock(&tasks_lock);
    if (p->ctty == t) {
        err = 0;
    } else if (p->sid == p->pid && !p->ctty && (!t->session || steal)) {
        if (t->session)
            leave_session_locked(t, NULL, false);
        t->session = p->sid;
        t->pgrp = p->pgid;
        p->ctty = t;
        err = 0;
    }
    spin_unlock(&tasks_lock);
    return err;
}

static long set_pgrp(struct tty *t, const int __user *u)
{
    struct process *p = current_process();
    int pgrp, err;

    if (p->ctty != t || t->session != p->sid)
        return -ENOTTY;
    err = tty_check_foreground(t, SIGTTOU);
    if (err)
        return err;
    if (get_user(pgrp, u))
        return -EFAULT;
    if (pgrp < 0)
        return -EINVAL;
    spin_lock(&tasks_lock);
    if (!group_exists_locked(pgrp, 0))
        err = -ESRCH;
    else if (!group_exists_locked(pgrp, p->sid))
        err = -EPERM;
    else
        t->pgrp = pgrp;
    spin_unlock(&tasks_lock);
    return err;
}

static long give_up(struct tty *t)
{
    struct process *p = current_process();
    long err = -ENOTTY;

    spin_lock(&tasks_lock);
    if (p->ctty == t) {
        err = 0;
        if (p->sid == p->pid)
            leave_session_locked(t, NULL, true);
        p->ctty = NULL;
    }
    spin_unlock(&tasks_lock);
    return err;
}

static long control_ioctl(struct tty *t, unsigned cmd, unsigned long arg)
{
    struct process *p = current_process();

    switch (cmd) {
    case TIOCSCTTY:
        return set_controlling(t, arg);
    case TIOCNOTTY:
        return give_up(t);
    case TIOCSPGRP:
        return set_pgrp(t, (const int __user *)arg);
    case TIOCGPGRP:
        if (p->ctty != t)
            return -ENOTTY;
        return put_user(t->pgrp, (int __user *)arg) ? -EFAULT : 0;
    default: /* TIOCGSID */
        if (p->ctty != t || !t->session)
            return -ENOTTY;
        return put_user(t->session, (int __user *)arg) ? -EFAULT : 0;
    }
}

void tty_flush_input(struct tty *t)
{
    mutex_lock(&t->lock);
    ldisc_flush_input_locked(t);
    mutex_unlock(&t->lock);
    wake_all(&t->room_wait);
    tty_event(t, TIOCPKT_FLUSHREAD);
}

static long flush(struct tty *t, unsigned long which)
{
    int err = tty_check_foreground(t, SIGTTOU);

    if (err)
        return err;
    if (which > TCIOFLUSH)
        return -EINVAL;
    if (which != TCOFLUSH)
        tty_flush_input(t);
    if (which != TCIFLUSH && t->ops->flush_output)
        t->ops->flush_output(t);
    return 0;
}

static long flow(struct tty *t, unsigned long what)
{
    char c;

    switch (what) {
    case TCOOFF:
    case TCOON:
        tty_set_stopped(t, what == TCOOFF);
        return 0;
    case TCIOFF:
    case TCION:
        c = t->termios.c_cc[what == TCIOFF ? VSTOP : VSTART];
        if (c)
            t->ops->write(t, &c, 1);
        return 0;
    default:
        return -EINVAL;
    }
}

/* TIOCSTI: as if typed. */
static long simulate_input(struct tty *t, const char __user *u)
{
    char c;

    if (current_process()->ctty != t && !fs_capable(CAP_SYS_ADMIN))
        return -EPERM;
    if (get_user(c, u))
        return -EFAULT;
    ldisc_receive(t, &c, 1);
    return 0;
}

long tty_ioctl(struct tty *t, struct file *f, unsigned cmd, unsigned long arg)
{
    void __user
    *u = (void __user *)arg;
    int n;

    if (t->hung_up)
        return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
    switch (cmd) {
    case TCGETS:
        return get_termios(t, u, false);
    case TCGETS2:
        return get_termios(t, u, true);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return set_termios(t, u, cmd - TCSETS, false);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
        return set_termios(t, u, cmd - TCSETS2, true);
    case TIOCGWINSZ:
        return copy_to_user(u, &t->winsize, sizeof(t->winsize));
    case TIOCSWINSZ:
        return set_winsize_user(t, u);
    case TIOCSCTTY:
    case TIOCNOTTY:
    case TIOCSPGRP:
    case TIOCGPGRP:
    case TIOCGSID:
        return control_ioctl(t, cmd, arg);
    case FIONREAD: /* also TIOCINQ */
        mutex_lock(&t->lock);
        n = ldisc_readable_locked(t);
        mutex_unlock(&t->lock);
        return put_user(n, (int __user *)u) ? -EFAULT : 0;
    case TIOCOUTQ:
        n = 0;
        return put_user(n, (int __user *)u) ? -EFAULT : 0;
    case TCFLSH:
        return flush(t, arg);
    case TCXONC:
        return flow(t, arg);
    case TCSBRK: /* a break means nothing here; with an argument: drain, and output never queues */
    case TCSBRKP:
    case TIOCSBRK:
    case TIOCCBRK:
        return tty_check_foreground(t, SIGTTOU);
    case TIOCEXCL:
    case TIOCNXCL:
        t->exclusive = cmd == TIOCEXCL;
        return 0;
    case TIOCGEXCL:
        n = t->exclusive;
        return put_user(n, (int __user *)u) ? -EFAULT : 0;
    case TIOCGETD:
        n = N_TTY;
        return put_user(n, (int __user *)u) ? -EFAULT : 0;
    case TIOCSETD:
        if (get_user(n, (int __user *)u))
            return -EFAULT;
        return n == N_TTY ? 0 : -EINVAL;
    case TIOCSTI:
        return simulate_input(t, u);
    default:
        return -ENOTTY;
    }
}

/* ---- the file ---- */

static ssize_t tty_read(struct file *f, struct iov *v, uint64_t *pos)
{
    return ldisc_read(f->private, f, v);
}

static ssize_t tty_write(struct file *f, struct iov *v, uint64_t *pos)
{
    return ldisc_write(f->private, f, v);
}

static long tty_file_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
    return tty_ioctl(f->private, f, cmd, arg);
}

static unsigned tty_poll(struct file *f, struct poll_table *pt)
{
    struct tty *t = f->private;
    unsigned ready = 0;
    size_t n;

    poll_wait(f, &t->read_wait, pt);
    poll_wait(f, t->write_wait, pt);
    if (t->hung_up)
        return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
    mutex_lock(&t->lock);
    n = ldisc_readable_locked(t);
    if (n >= MAX((size_t)1,
                 (t->termios.c_lflag & ICANON) || t->termios.c_cc[VTIME] ? 1 : (size_t)t->termios.c_cc[VMIN]))
        ready |= EPOLLIN | EPOLLRDNORM;
    mutex_unlock(&t->lock);
    if (!t->stopped && t->ops->can_write(t))
        ready |= EPOLLOUT | EPOLLWRNORM;
    return ready;
}

static void tty_release(struct file *f)
{
    struct tty *t = f->private;

    if (t->ops->close)
        t->ops->close(t);
    tty_put(t);
}

int tty_attach(struct file *f, struct tty *t)
{
    struct process *p = current_process();

    if (t->hung_up)
        return -EIO;
    if (t->exclusive && !fs_capable(CAP_SYS_ADMIN))
        return -EBUSY;
    tty_get(t);
    if (t->ops->open)
        t->ops->open(t);
    f->ops = &tty_file_ops;
    f->private = t;
    f->fmode |= FMODE_STREAM;
    if (!(f->flags & O_NOCTTY) && (f->fmode & FMODE_READ) && p->sid == p->pid && !p->ctty && !t->session)
        set_controlling(t, 0);
    return 0;
}

const struct file_ops tty_file_ops = {
    .read = tty_read,
    .write = tty_write,
    .ioctl = tty_file_ioctl,
    .poll = tty_poll,
    .release = tty_release,
};
