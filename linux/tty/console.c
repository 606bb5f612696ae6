/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * console.c: the host's terminal as the guest's console, over two ports; and /dev/console, /dev/tty.
 */
#include "abi/fs.h"
#include "fs/chrdev.h"
#include "kernel/port.h"
#include "kernel/slab.h"
#include "linux/process.h"
#include "linux/tty/tty.h"

#define CONSOLE_DEV PROA_MKDEV(5, 1)

struct console {
    struct port *in, *out; /* NULL: none */
};

static struct console console;
static struct tty *console_tty;

static ssize_t console_write(struct tty *t, const char *buf, size_t len)
{
    return console.out ? console.out->ops->write(console.out, buf, len) : (ssize_t)len;
}

static bool console_can_write(struct tty *t)
{
    return !console.out || console.out->ops->can_write(console.out);
}

static const struct tty_ops console_ops = { .write = console_write, .can_write = console_can_write };

/* Feeds what is typed to the line discipline, whether the program reads or computes: Ctrl-C must reach it. */
static void console_input(void *arg)
{
    struct tty *t = arg;
    char buf[256];

    for (;;) {
        ssize_t n = console.in->ops->read(console.in, buf, sizeof(buf));

        if (n < 0) {
            tty_hangup(t);
            return;
        }
        if (!n) {
            wait_event(&console.in->readable, console.in->ops->can_read(console.in));
            continue;
        }
        for (ssize_t at = 0; at < n;) {
            at += ldisc_receive(t, buf + at, n - at);
            if (at < n) /* full: unread bytes stay in the port, and so with the host */
                wait_event(&t->room_wait, ldisc_has_room(t));
        }
    }
}

struct tty *tty_console_new(struct port *in, struct port *out, unsigned rows, unsigned cols)
{
    struct tty *t = kmalloc(sizeof(*t));

    if (!t)
        return NULL;
    console.in = in;
    console.out = out;
    tty_setup(t, &console_ops, &console, CONSOLE_DEV);
    if (out)
        t->write_wait = &out->writable;
    t->termios.c_iflag |= IUTF8;
    t->winsize.ws_row = rows;
    t->winsize.ws_col = cols;
    if (in && !kthread_new("tty", console_input, t)) {
        kfree(t);
        return NULL;
    }
    console_tty = t;
    return t;
}

struct file *tty_open_console(struct tty *t, int flags)
{
    struct process *p = current_process();
    struct file *f;
    int err;

    if (!p->ctty) {
        t->session = p->sid;
        t->pgrp = p->pgid;
        p->ctty = t;
    }
    err = vfs_open(NULL, "/dev/console", &(struct open_how_k){ .flags = flags | O_NOCTTY }, &f);
    return err ? ERR_PTR(err) : f;
}

/* ---- /dev/console and /dev/tty ---- */

static int console_open(struct inode *i, struct file *f)
{
    f->flags |= O_NOCTTY; /* never by mere opening, as on Linux */
    return console_tty ? tty_attach(f, console_tty) : -ENXIO;
}

static int tty_dev_open(struct inode *i, struct file *f)
{
    struct tty *t = tty_controlling(current_process());
    int err = t ? tty_attach(f, t) : -ENXIO;

    if (t)
        tty_put(t);
    return err;
}

static struct chrdev tty_dev = { .name = "tty", .major = 5, .minor = 0, .mode = 0666, .open = tty_dev_open };
static struct chrdev console_dev = {
    .name = "console", .major = 5, .minor = 1, .mode = 0620, .open = console_open
};

void tty_init(void)
{
    chrdev_add(&tty_dev);
    chrdev_add(&console_dev);
    pty_init();
}
