/* SPDX-License-Identifier: BSD-2-Clause */
/* queue.c: keys, buckets and their queues, and sleeping in them. */
#include "linux/futex/queue.h"
#include "kernel/mapping.h"
#include "kernel/slab.h"
#include "kernel/vma.h"
#include "linux/clock_timer.h"

struct futex_bucket *futex_table;
unsigned futex_shift;

/* ---- the table ---- */

/* As many buckets as there is memory for; with none, a few that are always there. */
static struct futex_bucket *table_alloc(unsigned *bits)
{
    static struct futex_bucket spare[4];
    struct futex_bucket *t = NULL;

    for (*bits = 8; 1u << *bits < FUTEX_PER_CPU * nr_cpus; ++*bits)
        ;
    for (; *bits > 2; --*bits) {
        t = kmalloc(sizeof(*t) << *bits);
        if (t)
            break;
    }
    if (!t)
        t = spare;
    for (unsigned i = 0; i < 1u << *bits; i++) {
        spin_init(&t[i].lock, RANK_FUTEX);
        list_init(&t[i].waiters);
    }
    return t;
}

struct futex_bucket *futex_table_make(void)
{
    static struct mutex lock = MUTEX_INIT(lock, RANK_FS);
    unsigned bits;

    mutex_lock(&lock);
    if (!futex_table) {
        struct futex_bucket *t = table_alloc(&bits);

        futex_shift = 64 - bits;
        atomic_store_release(&futex_table, t);
    }
    mutex_unlock(&lock);
    return futex_table;
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    futex_lock(MIN(a, b));
    if (a != b)
        spin_lock(&MAX(a, b)->lock);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    if (a != b)
        spin_unlock(&a->lock);
    futex_unlock(b);
}

/* ---- keys ---- */

int futex_fault_in(vaddr_t addr, bool write)
{
    uint32_t value;

    if (write)
        return user_cmpxchg_u32((uint32_t __user *)addr, 0, 0, &value);
    return copy_from_user(&value, (const void __user *)addr, sizeof(value));
}

/* A file's page is found by its mapping where all who map it share it; one that a private mapping may still copy is as
 * well, as long as it cannot be written to. */
static int key_in_vma(const struct vma *v, vaddr_t addr, bool write, struct futex_key *k)
{
    if (write && !(v->flags & VM_WRITE))
        return -EFAULT;
    if (v->mapping && (v->flags & VM_SHARED || !(v->flags & VM_WRITE))) {
        k->space = v->mapping;
        k->off = (v->pgoff << PAGE_SHIFT) + addr - v->start;
        return 0;
    }
    if (!(v->flags & VM_WRITE)) /* the page would change under the key */
        return -EFAULT;
    k->space = v->mm;
    k->off = addr | 1;
    return 0;
}

int futex_key_shared(vaddr_t addr, bool write, struct futex_key *k)
{
    struct mm *mm = current->mm;
    struct vma *v;
    int err;

    if (futex_fault_in(addr, false)) /* as Linux: the page must be there */
        return -EFAULT;
    rw_read_lock(&mm->lock);
    v = vma_find(mm, addr);
    err = v && v->start <= addr ? key_in_vma(v, addr, write, k) : -EFAULT;
    rw_read_unlock(&mm->lock);
    return err;
}

/* ---- queues ---- */

struct futex_bucket *futex_lock_waiter(struct futex_waiter *w)
{
    struct futex_bucket *b;

    while ((b = atomic_load_acquire(&w->bucket))) {
        if (b == FUTEX_WAKING) {
            arch_pause();
            continue;
        }
        futex_lock(b);
        if (w->bucket == b)
            return b;
        futex_unlock(b);
    }
    return NULL;
}

bool futex_woken(struct futex_waiter *w)
{
    struct futex_bucket *b;

    while ((b = atomic_load_acquire(&w->bucket)) == FUTEX_WAKING)
        arch_pause();
    return !b;
}

bool futex_unqueue(struct futex_waiter *w)
{
    struct futex_bucket *b = futex_lock_waiter(w);

    if (!b)
        return false;
    list_remove(&w->link);
    w->bucket = NULL;
    futex_unlock(b);
    return true;
}

int futex_enqueue(struct futex_waiter *w, vaddr_t addr, uint32_t val)
{
    return futex_enqueue_inline(w, addr, val);
}

/* ---- sleeping ---- */

struct real_sleep {
    struct clock_timer timer;
    struct thread *thread;
};

static void sleep_over(struct clock_timer *t)
{
    thread_wake(container_of(t, struct real_sleep, timer)->thread);
}

static int block_real(uint64_t ns)
{
    struct real_sleep s = { .thread = current };
    int err;

    if (clock_real_ns() >= ns)
        return signal_pending() ? -ERESTARTSYS : -ETIMEDOUT;
    clock_timer_init(&s.timer, sleep_over);
    clock_timer_arm(&s.timer, true, ns);
    err = wait_block(T_SLEEPING, TIME_NEVER);
    clock_timer_cancel(&s.timer);
    return !err && clock_real_ns() >= ns ? -ETIMEDOUT : err;
}

int futex_block(const struct futex_until *until)
{
    if (!until)
        return wait_block(T_SLEEPING, TIME_NEVER);
    return until->real ? block_real(until->ns) : wait_block(T_SLEEPING, MIN(until->ns, TIME_NEVER - 1));
}
