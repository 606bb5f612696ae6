/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tty.h: terminals: line discipline, termios, window size, job control for one session; pseudo-terminals.
 *
 * Bytes from the device (a port, or a pty's master) enter by ldisc_receive(), the program's output leaves by
 * ops->write. Guards: [l] tty.lock (no interrupt handler takes it) [I] immutable
 */
#ifndef LINUX_TTY_H
#define LINUX_TTY_H

#include "fs/vfs.h"
#include <asm/termbits.h>
#include <asm/termios.h>

#define TTY_BUF 4096 /* a power of two; a canonical line is at most one byte less */

struct port;
struct process;
struct tty;

struct tty_ops {
    /* Takes up to len bytes; 0 when full (wait on tty.write_wait), -EIO when nobody will ever read. Never sleeps. */
    ssize_t (*write)(struct tty *t, const char *buf, size_t len);
    bool (*can_write)(struct tty *t);
    /* the rest may be NULL */
    void (*flush_output)(struct tty *t);    /* drops what the other side has not taken yet */
    void (*event)(struct tty *t, int what); /* a change that the other side may want to see: TIOCPKT_* bits */
    void (*open)(struct tty *t);            /* another open file of it */
    void (*close)(struct tty *t);           /* one less */
    void (*destroy)(struct tty *t);         /* the last reference is gone; t is freed after */
    bool lossy_echo;                        /* echo that finds no room is dropped, not waited for */
};

struct tty {
    const struct tty_ops *ops; /* [I] */
    void *device;              /* [I] */
    dev_t rdev;                /* [I] */
    refcount_t refs;
    struct mutex lock;
    struct mutex write_lock; /* one writer's bytes stay together */
    struct ktermios termios; /* [l] */
    struct winsize winsize;  /* [l] */
    int session, pgrp;       /* [l] controlling process's session and the foreground group, 0: none */
    bool hung_up;            /* the other side is gone */
    bool exclusive;          /* TIOCEXCL */
    /* input [l]: [tail, canon) is readable in canonical mode, [tail, head) otherwise */
    char buf[TTY_BUF];
    uint64_t marks[TTY_BUF / 64]; /* a line ends with this byte */
    uint32_t head, canon, tail;
    bool literal_next, stopped; /* VLNEXT seen; output stopped by VSTOP */
    unsigned column;            /* of the cursor, for tabs and erasing */
    unsigned erase_column;      /* where the current line began */
    struct waitq read_wait;
    struct waitq room_wait;   /* for those whose input did not fit: ldisc_has_room() */
    struct waitq *write_wait; /* [I] */
    struct waitq own_write_wait;
};

/* ---- ldisc.c: N_TTY, as termios(3) describes it ---- */
void tty_setup(struct tty *t, const struct tty_ops *ops, void *device, dev_t rdev);
/* Input from the device; echoes. Returns the bytes taken: less than len when the buffer is full. May sleep. */
size_t ldisc_receive(struct tty *t, const char *buf, size_t len);
ssize_t ldisc_read(struct tty *t, struct file *f, struct iov *v);
ssize_t ldisc_write(struct tty *t, struct file *f, struct iov *v);
bool ldisc_has_room(const struct tty *t);
/* Stops and starts output, as by VSTOP and VSTART. */
void tty_set_stopped(struct tty *t, bool stop);
size_t ldisc_readable_locked(struct tty *t); /* bytes read(2) could return now */
void ldisc_flush_input_locked(struct tty *t);
void ldisc_mode_changed_locked(struct tty *t, const struct ktermios *old);

/* ---- tty.c: the file, ioctls, job control ---- */
extern const struct file_ops tty_file_ops;
long tty_ioctl(struct tty *t, struct file *f, unsigned cmd, unsigned long arg);
/* Sends to the foreground group, when there is one. */
void tty_signal(struct tty *t, int sig);
/* May the caller read (SIGTTIN) or change (SIGTTOU) the terminal? 0, or -ERESTARTSYS/-EIO as from a background job. */
int tty_check_foreground(struct tty *t, int sig);
/* SIGWINCH to the foreground group when it changed. */
void tty_set_winsize(struct tty *t, unsigned rows, unsigned cols);
void tty_get(struct tty *t);
void tty_put(struct tty *t);
/* The other side is gone for good: ends reads and writes; the session's leader learns it by SIGHUP. */
void tty_hangup(struct tty *t);
/* The controlling terminal of p with a reference, or NULL. */
struct tty *tty_controlling(struct process *p);
/* p ends: with its leader a session loses its terminal, and the foreground group is hung up. */
void tty_leader_ends(struct process *p);
/* What opening a node does: makes f an open file of t (with a reference), and t the controlling terminal of a session
 * leader without one unless O_NOCTTY. -EIO, -EBUSY. */
int tty_attach(struct file *f, struct tty *t);
/* Drops input that was not read yet (TCIFLUSH). */
void tty_flush_input(struct tty *t);

/* ---- console.c: the terminal of the host ---- */
/* The console's terminal over a pair of ports (either may be NULL). NULL when out of memory. */
struct tty *tty_console_new(struct port *in, struct port *out, unsigned rows, unsigned cols);
/* An open file on it (becomes the controlling terminal); ERR_PTR. */
struct file *tty_open_console(struct tty *t, int flags);
/* Registers /dev/tty, console, ptmx and the terminals of devpts with fs/chrdev. */
void tty_init(void);

/* ---- pty.c: pseudo-terminals ---- */
void pty_init(void);
/* For devpts: the pseudo-terminals that exist, by number. A serial number tells one from an earlier one of the same
 * number. false: none with number n or above (next), or none of that name. */
struct pty_info {
    unsigned number;
    uint32_t serial;
    uint32_t mode, uid, gid;
};
bool pty_next(unsigned n, struct pty_info *info);
bool pty_find(unsigned n, struct pty_info *info);
void pty_set_owner(const struct pty_info *info); /* by number and serial */

#endif
