/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.c: processes and their threads: making, finding and ending them.
 */
#include "linux/process.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/futex.h"
#include "linux/io_uring.h"
#include "linux/itimer.h"
#include "linux/tid.h"
#include <asm/resource.h>
#include <linux/sched.h>

static struct slab_cache process_cache = SLAB_CACHE(struct process);
static struct slab_cache uthread_cache = SLAB_CACHE(struct uthread);

struct process *init_process;

#define MB  (1024 * 1024ull)
#define INF UINT64_MAX

/* Linux's defaults, with docker's descriptor limits. */
static const struct rlimit_pair default_rlimits[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = { INF, INF },
    [RLIMIT_FSIZE] = { INF, INF },
    [RLIMIT_DATA] = { INF, INF },
    [RLIMIT_STACK] = { 8 * MB, INF },
    [RLIMIT_CORE] = { 0, INF },
    [RLIMIT_RSS] = { INF, INF },
    [RLIMIT_NPROC] = { INF, INF },
    [RLIMIT_NOFILE] = { 1024, 1048576 },
    [RLIMIT_MEMLOCK] = { 8 * MB, 8 * MB },
    [RLIMIT_AS] = { INF, INF },
    [RLIMIT_LOCKS] = { INF, INF },
    [RLIMIT_SIGPENDING] = { 4096, 4096 },
    [RLIMIT_MSGQUEUE] = { 819200, 819200 },
    [RLIMIT_NICE] = { 0, 0 },
    [RLIMIT_RTPRIO] = { 0, 0 },
    [RLIMIT_RTTIME] = { INF, INF },
};

static void uthread_release(struct thread *t)
{
    struct process *p = t->proc;

    cred_put(((struct uthread *)t->ulinux)->cred);
    slab_free(&uthread_cache, t->ulinux);
    process_put(p);
}

int uthread_new(struct process *p, struct thread *t, struct cred *cred)
{
    struct uthread *u = slab_zalloc(&uthread_cache);

    if (!u)
        return -ENOMEM;
    u->cred = cred;
    ref_get(&cred->refs);
    u->thread = t;
    u->proc = p;
    u->exited = true;
    u->start_ns = clock_mono_ns();
    u->timer_slack_ns = u->timer_slack_default_ns = 50000;
    list_init(&u->link);
    list_init(&u->pi_waiters);
    sigpending_init(&u->pending);
    ref_get(&p->refs);
    t->ulinux = u;
    t->proc = p;
    t->release = uthread_release;
    return tid_assign(t); /* by its number it can be found from here on */
}

int uthread_publish(struct thread *t)
{
    struct uthread *u = t->ulinux;
    struct process *p = u->proc;
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
    bool ending = p->exiting || p->exec_thread;

    if (!ending) {
        u->exited = false;
        list_append(&p->threads, &u->link);
        p->nr_threads++;
        p->files_users++;
    }
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return ending ? -EAGAIN : 0;
}

static void process_free(struct process *p)
{
    if (p->files)
        fd_table_put(p->files);
    if (p->fs)
        fs_context_put(p->fs);
    if (p->exe)
        file_put(p->exe);
    kfree(p->sighand);
    slab_free(&process_cache, p);
}

struct process *process_alloc(void)
{
    struct process *p = slab_zalloc(&process_cache);

    if (!p)
        return NULL;
    ref_init(&p->refs);
    mutex_init(&p->lock, RANK_PROCESS);
    list_init(&p->threads);
    list_init(&p->children);
    list_init(&p->sibling);
    list_init(&p->all);
    waitq_init(&p->child_wait);
    waitq_init(&p->end_wait);
    p->exit_signal = SIGCHLD;
    p->start_ns = clock_mono_ns();
    return p;
}

struct process *process_new(void)
{
    struct process *p = process_alloc();
    struct thread *t;
    struct cred *cred;

    if (!p)
        return ERR_PTR(-ENOMEM);
    memcpy(p->rlimits, default_rlimits, sizeof(default_rlimits));
    p->dumpable = 1;
    p->files = fd_table_new();
    p->fs = fs_context_new();
    p->sighand = sighand_new();
    cred = cred_new_root();
    t = thread_new("init");
    if (!p->files || !p->fs || !p->sighand || !cred || !t || uthread_new(p, t, cred)) {
        if (t)
            thread_put(t);
        cred_put(cred);
        process_free(p);
        return ERR_PTR(-ENOMEM);
    }
    cred_put(cred);
    thread_get(t);
    p->leader = t;
    p->pid = p->pgid = p->sid = t->tid;
    uthread_publish(t);
    spin_lock(&tasks_lock);
    process_link_locked(p, NULL, 0);
    spin_unlock(&tasks_lock);
    return p;
}

void process_put(struct process *p)
{
    if (ref_put(&p->refs))
        process_free(p);
}

struct mm *process_mm(struct process *p)
{
    struct mm *mm;

    spin_lock(&tasks_lock);
    mm = p->mm;
    if (mm)
        mm_get(mm);
    spin_unlock(&tasks_lock);
    return mm;
}

struct fs_context *process_fs(struct process *p)
{
    struct fs_context *fs;

    spin_lock(&tasks_lock);
    fs = p->fs;
    fs_context_get(fs);
    spin_unlock(&tasks_lock);
    return fs;
}

struct fd_table *process_files(struct process *p)
{
    struct fd_table *t;

    spin_lock(&tasks_lock);
    t = p->files;
    if (t)
        fd_table_get(t);
    spin_unlock(&tasks_lock);
    return t;
}

/* ---- ending ---- */

/* u leaves its process; true when it was the last. What it was sent and did not take goes to others or is lost. */
static bool leave_process(struct uthread *u, int code)
{
    struct process *p = u->proc;
    struct thread *t = u->thread;
    uint64_t ut, st;

    thread_times(t, &ut, &st);
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);

    u->exited = true;
    list_remove(&u->link);
    p->utime_dead_ns += ut;
    p->stime_dead_ns += st;
    p->min_flt_dead += t->min_flt;
    p->maj_flt_dead += t->maj_flt;
    p->nvcsw_dead += t->nvcsw;
    p->nivcsw_dead += t->nivcsw;
    sigpending_destroy(p->sighand, &u->pending);
    p->files_users--;
    bool last = --p->nr_threads == 0;

    if (last && !p->exiting) /* since Linux 5.18 the last thread's counts, not the first's */
        p->exit_status = code;
    if (last)
        sigpending_destroy(p->sighand, &p->sighand->shared);
    else
        signal_retarget_locked(u, ~u->sigmask);
    if (p->exec_thread && p->nr_threads == 1)
        thread_wake(p->exec_thread);
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    return last;
}

void uthread_exit(int code)
{
    struct uthread *u = current_uthread();
    struct process *p = u->proc;
    bool leader = current == p->leader; /* its number is the process's */

    uring_task_exit(u);
    futex_exit_thread(u);
    current->mm = NULL; /* the process's last thread gives it back */
    if (leave_process(u, code))
        process_end(p);
    else
        process_thread_end(current->tid);
    if (!leader)
        tid_release(current);
    thread_exit();
}

static void kill_locked(struct process *p, const struct thread *except)
{
    struct uthread *u;

    list_for_each (u, &p->threads, link)
        if (u->thread != except)
            thread_kick(u->thread, WORK_KILL);
}

void process_doom_locked(struct process *p, int wait_status)
{
    if (p->exiting)
        return;
    p->exiting = true;
    p->exit_status = wait_status;
    kill_locked(p, NULL);
}

void process_exit(int wait_status)
{
    struct process *p = current_process();
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);

    /* Who is ended by an exec has no say any more. */
    if (!p->exec_thread || p->exec_thread == current)
        process_doom_locked(p, wait_status);
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    uthread_exit(wait_status);
}

/* The thread whose number is the process's ended before: the current one goes on under that number. */
static void become_leader(struct process *p)
{
    struct thread *old = p->leader, *t = current;

    if (old == t)
        return;
    current_uthread()->start_ns = ((struct uthread *)old->ulinux)->start_ns;
    spin_lock(&tasks_lock);
    tid_swap(old, t);
    thread_get(t);
    p->leader = t;
    spin_unlock(&tasks_lock);
    tid_release(old);
    thread_put(old);
}

int process_become_single(void)
{
    struct process *p = current_process();
    unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
    bool ending = p->exiting || p->exec_thread;

    if (!ending && p->nr_threads > 1) {
        p->exec_thread = current;
        kill_locked(p, current);
    }
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    if (ending)
        return -EAGAIN;
    while (READ_ONCE(p->nr_threads) > 1)
        wait_block(T_BLOCKED, TIME_NEVER);
    p->exec_thread = NULL;
    become_leader(p);
    return 0;
}
