/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * select.c: select(2), pselect6(2).
 */
#include "linux/select.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/poll.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include "linux/time.h"
#include <linux/eventpoll.h>

#define READABLE    (EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLNVAL)
#define WRITABLE    (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR | EPOLLNVAL)
#define EXCEPTIONAL (EPOLLPRI | EPOLLNVAL)

enum { IN, OUT, EX, SETS };
static const uint32_t set_events[SETS] = { READABLE, WRITABLE, EXCEPTIONAL };

#define FAST_WORDS 4 /* 256 descriptors without allocation */

struct sets {
    unsigned nr;    /* descriptors */
    unsigned words; /* of each set */
    uint64_t *want[SETS], *got[SETS];
    uint64_t fast[2 * SETS * FAST_WORDS];
};

/* ---- timeouts ---- */

int timeout_read(const struct __kernel_timespec __user *u, uint64_t *deadline)
{
    uint64_t ns;
    int err;

    *deadline = TIME_NEVER;
    if (!u)
        return 0;
    err = time_read(u, &ns);
    if (!err)
        *deadline = ns ? time_deadline(ns) : 0;
    return err;
}

static uint64_t time_left(uint64_t deadline)
{
    uint64_t now = clock_mono_ns();

    return deadline > now ? deadline - now : 0;
}

long timeout_write(struct __kernel_timespec __user *u, uint64_t deadline, long n)
{
    if (!u || !deadline || !time_write(u, time_left(deadline)))
        return n;
    return n == -ERESTARTNOHAND ? -EINTR : n;
}

/* ---- the sets ---- */

static int sets_read(struct sets *s, uint64_t __user *const u[SETS])
{
    uint64_t *at = s->fast;

    if (s->words > FAST_WORDS) {
        at = kmalloc(2 * SETS * s->words * sizeof(*at));
        if (!at)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < SETS; i++) {
        s->want[i] = at;
        s->got[i] = at + s->words;
        at += 2 * s->words;
    }
    for (unsigned i = 0; i < SETS; i++) {
        if (!u[i])
            memset(s->want[i], 0, s->words * sizeof(*at));
        else if (copy_from_user(s->want[i], u[i], s->words * sizeof(*at)))
            return -EFAULT;
    }
    return 0;
}

static int sets_write(const struct sets *s, uint64_t __user *const u[SETS])
{
    for (unsigned i = 0; i < SETS; i++)
        if (u[i] && copy_to_user(u[i], s->got[i], s->words * sizeof(uint64_t)))
            return -EFAULT;
    return 0;
}

static void sets_free(struct sets *s)
{
    if (s->words > FAST_WORDS)
        kfree(s->want[0]);
}

/* The bits of word w that lie below nr. */
static uint64_t word_wanted(const struct sets *s, unsigned w)
{
    uint64_t bits = s->want[IN][w] | s->want[OUT][w] | s->want[EX][w];
    unsigned in_word = s->nr - w * 64;

    return in_word < 64 ? bits & ((1ull << in_word) - 1) : bits;
}

static bool all_open(const struct sets *s)
{
    for (unsigned w = 0; w < s->words; w++) {
        for (uint64_t bits = word_wanted(s, w); bits; bits &= bits - 1) {
            struct file *f = fd_get(w * 64 + __builtin_ctzll(bits));

            if (!f)
                return false;
            file_put(f);
        }
    }
    return true;
}

/* ---- waiting ---- */

/* Sets the bits that hold of one descriptor; how many. */
static unsigned look_one(struct poller *p, struct sets *s, unsigned w, uint64_t bit, int fd)
{
    struct file *f = fd_get(fd);
    unsigned ready = f ? POLL_ALWAYS : EPOLLNVAL, found = 0;

    if (f) {
        uint32_t key = EPOLLPRI;

        if (s->want[IN][w] & bit)
            key |= READABLE;
        if (s->want[OUT][w] & bit)
            key |= WRITABLE;
        if (f->ops->poll)
            ready = poller_look(p, f, key);
        file_put(f);
    }
    for (unsigned i = 0; i < SETS; i++) {
        if (!(s->want[i][w] & bit) || !(ready & set_events[i]))
            continue;
        s->got[i][w] |= bit;
        found++;
    }
    if (found)
        p->registered = true;
    return found;
}

static unsigned look_all(struct poller *p, struct sets *s)
{
    unsigned found = 0;

    for (unsigned w = 0; w < s->words; w++) {
        s->got[IN][w] = s->got[OUT][w] = s->got[EX][w] = 0;
        for (uint64_t bits = word_wanted(s, w); bits; bits &= bits - 1)
            found += look_one(p, s, w, bits & -bits, w * 64 + __builtin_ctzll(bits));
    }
    return found;
}

static long wait_sets(struct sets *s, uint64_t deadline)
{
    struct poller p;
    long found, err = 0;

    poller_begin(&p);
    if (!deadline)
        p.registered = true;
    for (;;) {
        found = look_all(&p, s);
        if (found || err)
            break;
        err = poller_block(&p, deadline);
        if ((err && err != -ETIMEDOUT) || !deadline)
            break;
    }
    poller_end(&p);
    return found ? found : err == -ETIMEDOUT ? 0 : err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

static long do_select(int nr, uint64_t __user *in, uint64_t __user *out, uint64_t __user *ex,
                      uint64_t deadline)
{
    uint64_t __user
    *const u[SETS] = { in, out, ex };
    struct sets s;
    long n;

    if (nr < 0)
        return -EINVAL;
    s.nr = MIN((unsigned)nr, fd_table_size()); /* greater numbers cannot be open: as Linux, ignored */
    s.words = (s.nr + 63) / 64;
    s.want[0] = NULL;
    n = sets_read(&s, u);
    if (!n && !all_open(&s))
        n = -EBADF;
    if (!n) {
        n = wait_sets(&s, deadline);
        if (n >= 0 && sets_write(&s, u))
            n = -EFAULT;
    }
    sets_free(&s);
    return n;
}

SYSCALL5(select, int, nr, uint64_t __user *, in, uint64_t __user *, out, uint64_t __user *, ex,
         struct __kernel_old_timeval __user *, utv)
{
    struct __kernel_old_timeval tv;
    uint64_t deadline = TIME_NEVER;
    long n;

    if (utv) {
        if (copy_from_user(&tv, utv, sizeof(tv)))
            return -EFAULT;
        if (tv.tv_sec < 0 || tv.tv_usec < 0)
            return -EINVAL;
        if (tv.tv_sec >= (int64_t)(INT64_MAX / NSEC_PER_SEC) - tv.tv_usec / 1000000)
            deadline = TIME_NEVER - 1;
        else if (tv.tv_sec || tv.tv_usec)
            deadline = time_deadline(tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * NSEC_PER_US);
        else
            deadline = 0;
    }
    n = do_select(nr, in, out, ex, deadline);
    if (utv && deadline) {
        uint64_t left = time_left(deadline);

        tv.tv_sec = left / NSEC_PER_SEC;
        tv.tv_usec = left % NSEC_PER_SEC / NSEC_PER_US;
        if (copy_to_user(utv, &tv, sizeof(tv)) && n == -ERESTARTNOHAND)
            n = -EINTR;
    }
    return n;
}

struct mask_arg { /* pselect6's sixth argument */
    const uint64_t __user
    *mask;
    size_t size;
};

SYSCALL6(pselect6, int, nr, uint64_t __user *, in, uint64_t __user *, out, uint64_t __user *, ex,
         struct __kernel_timespec __user *, uts, const struct mask_arg __user *, umask)
{
    struct mask_arg m = { NULL, 0 };
    uint64_t deadline;
    long n;

    if (umask && copy_from_user(&m, umask, sizeof(m)))
        return -EFAULT;
    n = timeout_read(uts, &deadline);
    if (!n)
        n = signal_user_temp_mask(m.mask, m.size);
    if (n)
        return n;
    n = do_select(nr, in, out, ex, deadline);
    if (n != -ERESTARTNOHAND)
        signal_restore_mask();
    return timeout_write(uts, deadline, n);
}
