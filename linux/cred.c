/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cred.c: on whose behalf a thread acts: user and group ids, capabilities(7), securebits. As on Linux they are each
 * thread's own; that a process has the same in all of them is the C library's doing.
 */
#include "linux/cred.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

struct cred *cred_new_root(void)
{
    struct cred *c = kzalloc(sizeof(*c));

    if (!c)
        return NULL;
    ref_init(&c->refs);
    c->cap_effective = c->cap_permitted = c->cap_bounding = (1ull << (CAP_LAST_CAP + 1)) - 1;
    return c;
}

static void cred_free(struct rcu_head *h)
{
    kfree(container_of(h, struct cred, rcu));
}

void cred_put(struct cred *c)
{
    if (c && ref_put(&c->refs))
        rcu_defer(&c->rcu, cred_free);
}

struct cred *thread_cred_get(const struct thread *t)
{
    struct cred *c;

    rcu_read_lock();
    do /* one without references has been replaced meanwhile */
        c = (struct cred *)thread_cred(t);
    while (!ref_get_unless_zero(&c->refs));
    rcu_read_unlock();
    return c;
}

struct cred *cred_begin(void)
{
    struct cred *n = kmalloc(sizeof(*n));

    if (!n)
        return NULL;
    *n = *current_cred();
    ref_init(&n->refs);
    return n;
}

void cred_install(struct cred *n)
{
    struct uthread *u = current_uthread();
    struct cred *old = u->cred;

    atomic_store_release(&u->cred, n);
    cred_put(old);
}

/* capabilities(7), "Effect of user ID changes on capabilities" */
static void fix_caps(struct cred *n, const struct cred *old)
{
    bool had_root = !old->uid || !old->euid || !old->suid;

    if (n->securebits & SECBIT_NO_SETUID_FIXUP)
        return;
    if (had_root && n->uid && n->euid && n->suid && !(n->securebits & SECBIT_KEEP_CAPS))
        n->cap_permitted = n->cap_effective = n->cap_ambient = 0;
    if (!old->euid && n->euid)
        n->cap_effective = 0;
    if (old->euid && !n->euid)
        n->cap_effective = n->cap_permitted;
}

static void cred_commit(struct cred *n)
{
    const struct cred *old = current_cred();

    fix_caps(n, old);
    if (n->euid != old->euid || n->egid != old->egid)
        current_process()->dumpable = 0;
    cred_install(n);
}

/* ---- user and group ids ---- */

SYSCALL0(getuid)
{
    return current_cred()->uid;
}

SYSCALL0(geteuid)
{
    return current_cred()->euid;
}

SYSCALL0(getgid)
{
    return current_cred()->gid;
}

SYSCALL0(getegid)
{
    return current_cred()->egid;
}

static long put_ids(uint32_t __user *r, uint32_t __user *e, uint32_t __user *s, uint32_t a, uint32_t b,
                    uint32_t c)
{
    return put_user(a, r) || put_user(b, e) || put_user(c, s) ? -EFAULT : 0;
}

SYSCALL3(getresuid, uint32_t __user *, r, uint32_t __user *, e, uint32_t __user *, s)
{
    const struct cred *c = current_cred();

    return put_ids(r, e, s, c->uid, c->euid, c->suid);
}

SYSCALL3(getresgid, uint32_t __user *, r, uint32_t __user *, e, uint32_t __user *, s)
{
    const struct cred *c = current_cred();

    return put_ids(r, e, s, c->gid, c->egid, c->sgid);
}

#define KEEP ((uint32_t)-1)

struct ids {
    uint32_t *real, *eff, *saved, *fs;
};

static struct ids uids(struct cred *c)
{
    return (struct ids){ &c->uid, &c->euid, &c->suid, &c->fsuid };
}

static struct ids gids(struct cred *c)
{
    return (struct ids){ &c->gid, &c->egid, &c->sgid, &c->fsgid };
}

static bool one_of(uint32_t id, struct ids i, bool with_saved)
{
    return id == KEEP || id == *i.real || id == *i.eff || (with_saved && id == *i.saved);
}

/* set*id for users (is_uid) or groups: which of the four forms is chosen by the caller's arguments. */
static long set_ids(bool is_uid, int (*change)(struct ids, bool privileged, const uint32_t *arg),
                    const uint32_t *arg)
{
    struct cred *c = cred_begin();
    int err;

    if (!c)
        return -ENOMEM;
    err = change(is_uid ? uids(c) : gids(c), fs_capable(is_uid ? CAP_SETUID : CAP_SETGID), arg);
    if (err)
        kfree(c);
    else
        cred_commit(c);
    return err;
}

static int change_one(struct ids i, bool privileged, const uint32_t *arg)
{
    if (arg[0] == KEEP)
        return -EINVAL;
    if (privileged)
        *i.real = *i.saved = arg[0];
    else if (arg[0] != *i.real && arg[0] != *i.saved)
        return -EPERM;
    *i.eff = *i.fs = arg[0];
    return 0;
}

static int change_re(struct ids i, bool privileged, const uint32_t *arg)
{
    uint32_t real = *i.real;

    if (!privileged && (!one_of(arg[0], i, false) || !one_of(arg[1], i, true)))
        return -EPERM;
    if (arg[0] != KEEP)
        *i.real = arg[0];
    if (arg[1] != KEEP)
        *i.eff = arg[1];
    if (arg[0] != KEEP || (arg[1] != KEEP && arg[1] != real))
        *i.saved = *i.eff;
    *i.fs = *i.eff;
    return 0;
}

static int change_res(struct ids i, bool privileged, const uint32_t *arg)
{
    if (!privileged && (!one_of(arg[0], i, true) || !one_of(arg[1], i, true) || !one_of(arg[2], i, true)))
        return -EPERM;
    if (arg[0] != KEEP)
        *i.real = arg[0];
    if (arg[1] != KEEP)
        *i.eff = arg[1];
    if (arg[2] != KEEP)
        *i.saved = arg[2];
    *i.fs = *i.eff;
    return 0;
}

SYSCALL1(setuid, uint32_t, id)
{
    return set_ids(true, change_one, &id);
}

SYSCALL1(setgid, uint32_t, id)
{
    return set_ids(false, change_one, &id);
}

SYSCALL2(setreuid, uint32_t, r, uint32_t, e)
{
    return set_ids(true, change_re, (uint32_t[]){ r, e });
}

SYSCALL2(setregid, uint32_t, r, uint32_t, e)
{
    return set_ids(false, change_re, (uint32_t[]){ r, e });
}

SYSCALL3(setresuid, uint32_t, r, uint32_t, e, uint32_t, s)
{
    return set_ids(true, change_res, (uint32_t[]){ r, e, s });
}

SYSCALL3(setresgid, uint32_t, r, uint32_t, e, uint32_t, s)
{
    return set_ids(false, change_res, (uint32_t[]){ r, e, s });
}

static int change_fs(struct ids i, bool privileged, const uint32_t *arg)
{
    if (arg[0] == KEEP || (!privileged && arg[0] != *i.fs && !one_of(arg[0], i, true)))
        return -EPERM;
    *i.fs = arg[0];
    return 0;
}

/* Both return the old id, whatever happened. */
SYSCALL1(setfsuid, uint32_t, id)
{
    uint32_t old = current_cred()->fsuid;

    set_ids(true, change_fs, &id);
    return old;
}

SYSCALL1(setfsgid, uint32_t, id)
{
    uint32_t old = current_cred()->fsgid;

    set_ids(false, change_fs, &id);
    return old;
}

SYSCALL2(getgroups, int, size, uint32_t __user *, list)
{
    const struct cred *c = current_cred();

    if (size < 0)
        return -EINVAL;
    if (size) {
        if ((unsigned)size < c->nr_groups)
            return -EINVAL;
        if (copy_to_user(list, c->groups, c->nr_groups * sizeof(c->groups[0])))
            return -EFAULT;
    }
    return c->nr_groups;
}

SYSCALL2(setgroups, int, size, const uint32_t __user *, list)
{
    struct cred *c;

    if (!fs_capable(CAP_SETGID))
        return -EPERM;
    if (size < 0 || (unsigned)size > ARRAY_SIZE(c->groups))
        return -EINVAL;
    c = cred_begin();
    if (!c)
        return -ENOMEM;
    if (copy_from_user(c->groups, list, size * sizeof(c->groups[0]))) {
        kfree(c);
        return -EFAULT;
    }
    c->nr_groups = size;
    cred_commit(c);
    return 0;
}

/* ---- capabilities ---- */

/* Words per set for the header's version, or -EINVAL with the version we prefer written back. */
static int cap_words(struct __user_cap_header_struct *h, void __user *uhead)
{
    if (copy_from_user(h, uhead, sizeof(*h)))
        return -EFAULT;
    if (h->version == _LINUX_CAPABILITY_VERSION_1)
        return 1;
    if (h->version == _LINUX_CAPABILITY_VERSION_2 || h->version == _LINUX_CAPABILITY_VERSION_3)
        return 2;
    h->version = _LINUX_CAPABILITY_VERSION_3;
    return copy_to_user(uhead, h, sizeof(*h)) ? -EFAULT : -EINVAL;
}

SYSCALL2(capget, void __user *, uhead, void __user *, udata)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct d[2];
    int n = cap_words(&h, uhead);
    const struct cred *c;
    struct thread *t;

    if (n < 0)
        return n == -EINVAL && !udata ? 0 : n;
    if (h.pid < 0)
        return -EINVAL;
    t = thread_find(0, h.pid ? h.pid : current->tid);
    if (!t)
        return -ESRCH;
    rcu_read_lock();
    c = thread_cred(t);
    for (int i = 0; i < 2; i++) {
        d[i].effective = c->cap_effective >> (32 * i);
        d[i].permitted = c->cap_permitted >> (32 * i);
        d[i].inheritable = c->cap_inheritable >> (32 * i);
    }
    rcu_read_unlock();
    thread_put(t);
    return copy_to_user(udata, d, n * sizeof(d[0]));
}

SYSCALL2(capset, void __user *, uhead, const void __user *, udata)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct d[2] = { 0 };
    int n = cap_words(&h, uhead);
    uint64_t e, p, i;
    struct cred *c;

    if (n < 0)
        return n;
    if (h.pid && h.pid != current->tid)
        return -EPERM;
    if (copy_from_user(d, udata, n * sizeof(d[0])))
        return -EFAULT;
    e = d[0].effective | (uint64_t)d[1].effective << 32;
    p = d[0].permitted | (uint64_t)d[1].permitted << 32;
    i = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
    c = cred_begin();
    if (!c)
        return -ENOMEM;
    if ((p & ~c->cap_permitted) || (e & ~p) || (i & ~(c->cap_inheritable | c->cap_permitted))) {
        kfree(c);
        return -EPERM;
    }
    c->cap_effective = e;
    c->cap_permitted = p;
    c->cap_inheritable = i;
    c->cap_ambient &= p & i;
    cred_commit(c);
    return 0;
}

/* ---- prctl(2) ---- */

static long cap_ambient(struct cred *c, unsigned long op, unsigned long cap)
{
    if (op == PR_CAP_AMBIENT_CLEAR_ALL) {
        c->cap_ambient = 0;
        return cap ? -EINVAL : 0;
    }
    if (cap > CAP_LAST_CAP)
        return -EINVAL;
    switch (op) {
    case PR_CAP_AMBIENT_IS_SET:
        return c->cap_ambient >> cap & 1;
    case PR_CAP_AMBIENT_RAISE:
        if (!(c->cap_permitted & c->cap_inheritable & 1ull << cap) ||
            c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE)
            return -EPERM;
        c->cap_ambient |= 1ull << cap;
        return 0;
    case PR_CAP_AMBIENT_LOWER:
        c->cap_ambient &= ~(1ull << cap);
        return 0;
    default:
        return -EINVAL;
    }
}

static long set_securebits(struct cred *c, unsigned long bits)
{
    uint32_t locked = (c->securebits & SECURE_ALL_LOCKS) >> 1;

    if (!fs_capable(CAP_SETPCAP) || (locked & (c->securebits ^ bits)) ||
        (c->securebits & SECURE_ALL_LOCKS & ~bits) ||
        (bits & ~(unsigned long)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)))
        return -EPERM;
    c->securebits = bits;
    return 0;
}

static long set_keepcaps(struct cred *c, unsigned long keep)
{
    if (keep > 1)
        return -EINVAL;
    if (c->securebits & SECBIT_KEEP_CAPS_LOCKED)
        return -EPERM;
    c->securebits = keep ? c->securebits | SECBIT_KEEP_CAPS : c->securebits & ~SECBIT_KEEP_CAPS;
    return 0;
}

static long drop_bounding(struct cred *c, unsigned long cap)
{
    if (!fs_capable(CAP_SETPCAP))
        return -EPERM;
    if (cap > CAP_LAST_CAP)
        return -EINVAL;
    c->cap_bounding &= ~(1ull << cap);
    return 0;
}

static long change(struct cred *c, int op, unsigned long a2, unsigned long a3, unsigned long rest)
{
    switch (op) {
    case PR_SET_KEEPCAPS:
        return set_keepcaps(c, a2);
    case PR_SET_NO_NEW_PRIVS:
        if (a2 != 1 || a3 || rest)
            return -EINVAL;
        c->no_new_privs = true;
        return 0;
    case PR_SET_SECUREBITS:
        return set_securebits(c, a2);
    case PR_CAPBSET_DROP:
        return drop_bounding(c, a2);
    case PR_CAP_AMBIENT:
        return rest ? -EINVAL : cap_ambient(c, a2, a3);
    default:
        return -EINVAL;
    }
}

long cred_prctl(int op, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
    const struct cred *c = current_cred();
    struct cred *n;
    long r;

    switch (op) {
    case PR_GET_KEEPCAPS:
        return !!(c->securebits & SECBIT_KEEP_CAPS);
    case PR_GET_NO_NEW_PRIVS:
        return a2 || a3 || a4 || a5 ? -EINVAL : c->no_new_privs;
    case PR_GET_SECUREBITS:
        return c->securebits;
    case PR_CAPBSET_READ:
        return a2 > CAP_LAST_CAP ? -EINVAL : (long)(c->cap_bounding >> a2 & 1);
    }
    n = cred_begin();
    if (!n)
        return -ENOMEM;
    r = change(n, op, a2, a3, a4 | a5);
    if (r < 0)
        kfree(n);
    else
        cred_install(n);
    return r;
}
