/* SPDX-License-Identifier: BSD-2-Clause */
/* robust.c: what a thread leaves behind: its robust list (set_robust_list(2)) and CLONE_CHILD_CLEARTID's word. */
#include "linux/futex.h"
#include "linux/futex/pi.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/futex.h>

SYSCALL2(set_robust_list, vaddr_t, head, size_t, len)
{
    struct uthread *u = current_uthread();

    if (len != sizeof(struct robust_list_head))
        return -EINVAL;
    u->robust_list = head;
    return 0;
}

SYSCALL3(get_robust_list, int, tid, vaddr_t __user *, head, size_t __user *, len)
{
    struct thread *t = thread_find(0, tid ? tid : current->tid);
    vaddr_t list;
    size_t size = sizeof(struct robust_list_head);

    if (!t)
        return -ESRCH;
    list = ((struct uthread *)t->ulinux)->robust_list;
    thread_put(t);
    return put_user(size, len) || put_user(list, head) ? -EFAULT : 0;
}

/* The dying thread may hold this word: its owner is dead then, and a waiter learns of it. The waiters of a word with
 * priority inheritance do so from the kernel's own list of them. False: the list is not to be followed further. */
static bool owner_died(vaddr_t word, bool pi, bool pending)
{
    uint32_t cur, seen;

    if ((word & 3) || get_user(cur, (uint32_t __user *)word))
        return false;
    if (pending && !pi && !(cur & FUTEX_TID_MASK)) { /* died between unlocking and waking */
        futex_wake(word, true, 1, FUTEX_ANY);
        return true;
    }
    while ((cur & FUTEX_TID_MASK) == (uint32_t)current->tid) {
        if (user_cmpxchg_u32((uint32_t __user *)word, cur, (cur & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
            return false;
        if (seen == cur) {
            if (!pi && (cur & FUTEX_WAITERS))
                futex_wake(word, true, 1, FUTEX_ANY);
            break;
        }
        cur = seen;
    }
    return true;
}

#define ROBUST_LIMIT 2048 /* entries: the list may be a ring */

/* Bit 0 of a pointer: the word has priority inheritance. */
static bool entry_died(uintptr_t e, long offset, bool pending)
{
    return owner_died((e & ~1ul) + offset, e & 1, pending);
}

static void walk_robust(vaddr_t list)
{
    struct robust_list_head h;
    uintptr_t e, next, pending;

    if (copy_from_user(&h, (void __user *)list, sizeof(h)))
        return;
    pending = (uintptr_t)h.list_op_pending;
    e = (uintptr_t)h.list.next;
    for (int n = 0; n < ROBUST_LIMIT && (e & ~1ul) != list; n++) {
        /* read before the word changes: who is woken may take the entry away */
        int err = get_user(next, (uintptr_t __user *)(e & ~1ul));

        if ((e & ~1ul) != (pending & ~1ul) && !entry_died(e, h.futex_offset, false))
            return;
        if (err)
            return;
        e = next;
        cond_resched();
    }
    if (pending & ~1ul)
        entry_died(pending, h.futex_offset, true);
}

/* The thread is done with its memory: it ends, or becomes another program. */
static void release(struct uthread *u)
{
    uint32_t zero = 0;

    if (u->robust_list)
        walk_robust(u->robust_list);
    u->robust_list = 0;
    futex_pi_exit(u);
    if (u->clear_child_tid && (u->proc->nr_threads > 1 || u->proc->mm->users.n > 1) &&
        !put_user(zero, (uint32_t __user *)u->clear_child_tid))
        futex_wake(u->clear_child_tid, true, 1, FUTEX_ANY);
    u->clear_child_tid = 0;
}

void futex_exit_thread(struct uthread *u)
{
    release(u);
}

void futex_exec_thread(struct uthread *u)
{
    release(u);
    u->pi_dead = false;
}
