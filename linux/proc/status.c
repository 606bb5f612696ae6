/* SPDX-License-Identifier: BSD-2-Clause */
/* status.c: /proc/PID/{status,stat,statm}: a process or thread in numbers. */
#include "abi/fs.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/smp.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/files.h"
#include "linux/proc/proc.h"
#include "linux/time.h"
#include "linux/tty/tty.h"
#include <linux/resource.h>

#define KB(pages)   ((unsigned long long)(pages) << (PAGE_SHIFT - 10))
#define TICKS(ns)   ((unsigned long long)((ns) / (NSEC_PER_SEC / 100))) /* USER_HZ */
#define FLAG_RANDOM 0x400000                                            /* PF_RANDOMIZE */

struct subject {
    struct process *p;
    struct thread *t;
    struct mm *mm; /* NULL: it is exiting */
};

static int subject_get(struct inode *i, struct subject *x)
{
    x->p = proc_process(i);
    x->t = proc_thread(i);
    x->mm = proc_mm(i);
    if (x->p && x->t)
        return 0;
    if (x->p)
        process_put(x->p);
    if (x->t)
        thread_put(x->t);
    if (x->mm)
        mm_put(x->mm);
    return -ESRCH;
}

static void subject_put(struct subject *x)
{
    process_put(x->p);
    thread_put(x->t);
    if (x->mm)
        mm_put(x->mm);
}

static unsigned state_index(const struct subject *x)
{
    switch (x->t->state) {
    case T_RUNNING:
        return 0;
    case T_SLEEPING:
    case T_PARKING:
    case T_PARKED:
        return 1;
    case T_BLOCKED:
        return 2;
    case T_STOPPED:
        return 3;
    default:
        return 4;
    }
}

static const char *const states[] = { "R (running)", "S (sleeping)", "D (disk sleep)", "T (stopped)",
                                      "Z (zombie)" };

static uint64_t text_pages(const struct mm *mm)
{
    return (ALIGN_UP(mm->code_end, PAGE_SIZE) - ALIGN_DOWN(mm->code_start, PAGE_SIZE)) >> PAGE_SHIFT;
}

struct sets {
    uint64_t pending, shared, blocked, ignored, caught;
    unsigned queued;
};

static void signal_sets(const struct subject *x, struct sets *s)
{
    struct sighand *h = x->p->sighand;
    struct uthread *u = x->t->ulinux;
    unsigned long flags = spin_lock_irqsave(&h->lock);

    memset(s, 0, sizeof(*s));
    s->shared = h->shared.set;
    s->queued = h->nr_queued;
    if (u) {
        s->pending = u->pending.set;
        s->blocked = u->sigmask;
    }
    for (int sig = 1; sig <= NR_SIGNALS; sig++) {
        vaddr_t handler = h->actions[sig - 1].handler;

        if (handler == (vaddr_t)SIG_IGN)
            s->ignored |= sig_bit(sig);
        else if (handler != (vaddr_t)SIG_DFL)
            s->caught |= sig_bit(sig);
    }
    spin_unlock_irqrestore(&h->lock, flags);
}

/* ---- status ---- */

static void show_identity(struct seq *s, const struct subject *x, const struct cred *c, bool process)
{
    const struct process *p = x->p;
    struct fs_context *fs = process_fs(x->p);
    unsigned umask = fs->umask;

    fs_context_put(fs);
    seq_printf(
        s, "Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
        process ? p->comm : x->t->name, umask, states[state_index(x)], p->pid, x->t->tid, p->ppid);
    seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid, c->gid,
               c->egid, c->sgid, c->fsgid);
    seq_printf(s, "FDSize:\t%u\nGroups:\t", fd_table_size());
    for (unsigned i = 0; i < c->nr_groups; i++)
        seq_printf(s, "%s%u", i ? " " : "", c->groups[i]);
    seq_printf(s, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p->pid, x->t->tid, p->pgid,
               p->sid);
}

static void show_memory(struct seq *s, const struct mm *mm)
{
    uint64_t rss = mm->rss_anon + mm->rss_file + mm->rss_shmem, text = text_pages(mm), exec = 0;
    struct vma *v;

    rw_read_lock((struct rwlock *)&mm->lock);
    for (v = vma_first((struct mm *)mm); v; v = vma_next(v))
        if ((v->flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
            exec += (v->end - v->start) >> PAGE_SHIFT;
    rw_read_unlock((struct rwlock *)&mm->lock);
    seq_printf(s, "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t%8llu kB\nVmPin:\t%8u kB\n",
               KB(mm->peak_pages), KB(mm->total_pages), KB(mm->locked_pages), 0);
    seq_printf(
        s,
        "VmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\nRssFile:\t%8llu kB\nRssShmem:\t%8llu kB\n",
        KB(MAX(mm->peak_rss, rss)), KB(rss), KB(mm->rss_anon), KB(mm->rss_file), KB(mm->rss_shmem));
    seq_printf(s,
               "VmData:\t%8llu kB\nVmStk:\t%8llu kB\nVmExe:\t%8llu kB\nVmLib:\t%8llu kB\nVmSwap:\t%8u kB\n",
               KB(mm->data_pages), KB(mm->stack_pages), KB(text), KB(exec > text ? exec - text : 0), 0);
    seq_printf(s, "HugetlbPages:\t%8u kB\nCoreDumping:\t0\nTHP_enabled:\t%d\n", 0, !mm->no_huge);
}

static void show_signals(struct seq *s, const struct subject *x)
{
    struct sets n;

    signal_sets(x, &n);
    seq_printf(s, "SigQ:\t%u/%llu\n", n.queued, (unsigned long long)x->p->rlimits[RLIMIT_SIGPENDING].cur);
    seq_printf(s,
               "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
               (unsigned long long)n.pending, (unsigned long long)n.shared, (unsigned long long)n.blocked,
               (unsigned long long)n.ignored, (unsigned long long)n.caught);
}

static void show_caps(struct seq *s, const struct cred *c)
{
    seq_printf(s,
               "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n",
               (unsigned long long)c->cap_inheritable, (unsigned long long)c->cap_permitted,
               (unsigned long long)c->cap_effective, (unsigned long long)c->cap_bounding,
               (unsigned long long)c->cap_ambient);
    seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", c->no_new_privs);
}

/* As Linux prints a set: "0-3,5". */
static void show_cpu_list(struct seq *s, uint64_t set)
{
    bool first = true;

    for (unsigned i = 0; i < nr_cpus; i++) {
        unsigned from = i;

        if (!(set >> i & 1))
            continue;
        while (i + 1 < nr_cpus && (set >> (i + 1) & 1))
            i++;
        seq_printf(s, from == i ? "%s%u" : "%s%u-%u", first ? "" : ",", from, i);
        first = false;
    }
}

int proc_show_status(struct seq *s, struct inode *i)
{
    struct subject x;
    struct cred *c;
    uint64_t cpus;
    int err = subject_get(i, &x);

    if (err)
        return err;
    c = thread_cred_get(x.t);
    show_identity(s, &x, c, !proc_tid(i));
    if (x.mm)
        show_memory(s, x.mm);
    seq_printf(s, "Threads:\t%u\n", x.p->nr_threads);
    show_signals(s, &x);
    show_caps(s, c);
    cred_put(c);
    cpus = x.t->affinity & cpus_all();
    seq_printf(s, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (unsigned long long)cpus);
    show_cpu_list(s, cpus);
    seq_printf(s, "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%llu\n",
               (unsigned long long)x.t->nvcsw);
    seq_printf(s, "nonvoluntary_ctxt_switches:\t%llu\n", (unsigned long long)x.t->nivcsw);
    subject_put(&x);
    return 0;
}

/* ---- stat ---- */

struct times {
    uint64_t user, system, min_flt, maj_flt;
};

static void times_of(const struct subject *x, bool process, struct times *t)
{
    struct process *p = x->p;
    struct uthread *u;
    unsigned long flags;

    memset(t, 0, sizeof(*t));
    if (!process) {
        thread_times(x->t, &t->user, &t->system);
        t->min_flt = x->t->min_flt;
        t->maj_flt = x->t->maj_flt;
        return;
    }
    process_cpu_times(p, &t->user, &t->system);
    flags = spin_lock_irqsave(&p->sighand->lock);
    t->min_flt = p->min_flt_dead;
    t->maj_flt = p->maj_flt_dead;
    list_for_each (u, &p->threads, link) {
        t->min_flt += u->thread->min_flt;
        t->maj_flt += u->thread->maj_flt;
    }
    spin_unlock_irqrestore(&p->sighand->lock, flags);
}

static long priority_of(const struct thread *t)
{
    return t->rt_prio ? -1 - t->rt_prio : 20 + t->nice; /* what it was lent counts */
}

/* Device number as stat has it: minor's low 8 bits, major, minor's rest. */
static int tty_number(dev_t d)
{
    return (DEV_MINOR(d) & 0xff) | DEV_MAJOR(d) << 8 | (DEV_MINOR(d) & ~0xffu) << 12;
}

static void show_places(struct seq *s, const struct mm *mm, uint64_t rss_limit)
{
    static const struct mm none;

    if (!mm)
        mm = &none;
    seq_printf(s, " %llu %llu %llu %lu %lu %lu 0 0", (unsigned long long)mm->total_pages << PAGE_SHIFT,
               (unsigned long long)(mm->rss_anon + mm->rss_file + mm->rss_shmem),
               (unsigned long long)rss_limit, (unsigned long)mm->code_start, (unsigned long)mm->code_end,
               (unsigned long)mm->stack_start);
}

static void show_tail(struct seq *s, const struct mm *mm, int exit_code)
{
    static const struct mm none;

    if (!mm)
        mm = &none;
    seq_printf(s, " 0 0 0 %lu %lu %lu %lu %lu %lu %lu %d\n", (unsigned long)mm->data_start,
               (unsigned long)mm->data_end, (unsigned long)mm->brk_start, (unsigned long)mm->arg_start,
               (unsigned long)mm->arg_end, (unsigned long)mm->env_start, (unsigned long)mm->env_end,
               exit_code);
}

/* The fields are numbered in proc(5). */
int proc_show_stat(struct seq *s, struct inode *i)
{
    bool process = !proc_tid(i);
    struct subject x;
    struct times n;
    struct sets sig;
    struct tty *tty;
    int err = subject_get(i, &x);

    if (err)
        return err;
    tty = tty_controlling(x.p);
    times_of(&x, process, &n);
    signal_sets(&x, &sig);
    seq_printf(s, "%d (%s) %c %d %d %d %d %d %u", x.t->tid, process ? x.p->comm : x.t->name,
               states[state_index(&x)][0], x.p->ppid, x.p->pgid, x.p->sid, tty ? tty_number(tty->rdev) : 0,
               tty ? tty->pgrp : -1, FLAG_RANDOM);
    if (tty)
        tty_put(tty);
    seq_printf(s, " %llu 0 %llu 0 %llu %llu 0 0 %ld %d %u 0 %llu", (unsigned long long)n.min_flt,
               (unsigned long long)n.maj_flt, TICKS(n.user), TICKS(n.system), priority_of(x.t), x.t->nice,
               x.p->nr_threads, TICKS(((struct uthread *)x.t->ulinux)->start_ns));
    show_places(s, x.mm, x.p->rlimits[RLIMIT_RSS].cur);
    /* signals beyond 31 do not fit in these */
    seq_printf(s, " %llu %llu %llu %llu 0 0 0 %d %u %u %u", (unsigned long long)sig.pending & 0x7fffffff,
               (unsigned long long)sig.blocked & 0x7fffffff, (unsigned long long)sig.ignored & 0x7fffffff,
               (unsigned long long)sig.caught & 0x7fffffff, SIGCHLD, x.t->cpu, x.t->own_rt_prio, x.t->policy);
    show_tail(s, x.mm, x.p->exit_status);
    subject_put(&x);
    return 0;
}

int proc_show_statm(struct seq *s, struct inode *i)
{
    struct mm *mm = proc_mm(i);

    if (!mm) {
        seq_puts(s, "0 0 0 0 0 0 0\n");
        return 0;
    }
    seq_printf(s, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)mm->total_pages,
               (unsigned long long)(mm->rss_anon + mm->rss_file + mm->rss_shmem),
               (unsigned long long)(mm->rss_file + mm->rss_shmem), (unsigned long long)text_pages(mm),
               (unsigned long long)(mm->data_pages + mm->stack_pages));
    mm_put(mm);
    return 0;
}
