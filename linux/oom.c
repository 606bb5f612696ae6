/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oom.c: memory has ended: which process has to die. As on Linux the one that holds most, moved by oom_score_adj.
 */
#include "linux/oom.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "linux/family.h"

#define LOOK_NS     (2 * NSEC_PER_MS)
#define PATIENCE_NS (2 * NSEC_PER_SEC)

/* A process that is to be spared (-1000) or has ended: below all others. tasks_lock held. */
static long points(struct process *p, uint64_t total)
{
    struct mm *mm = p->mm;

    if (!mm || p->zombie || p->oom_score_adj == -1000)
        return INT64_MIN;
    return (long)(mm->rss_anon + mm->rss_file + mm->rss_shmem) +
           (long)p->oom_score_adj * (long)(total / 1000);
}

static enum oom_choice choose(struct mm *mm)
{
    uint64_t total = page_nr_total();
    struct process *p, *worst = NULL;
    enum oom_choice choice = OOM_OTHER;
    long most = INT64_MIN;

    spin_lock(&tasks_lock);
    list_for_each (p, &processes, all) {
        long n;

        if (p->oom_ns && p->mm) { /* one at a time; unless it waits for something that the others hold */
            choice = p->mm == mm || clock_mono_ns() - p->oom_ns > PATIENCE_NS ? OOM_SELF : OOM_OTHER;
            spin_unlock(&tasks_lock);
            return choice;
        }
        n = points(p, total);
        if (n > most) {
            most = n;
            worst = p;
        }
    }
    if (!worst || worst->mm == mm) {
        choice = OOM_SELF;
    } else {
        log_err("out of memory: %s (pid %d) killed; it holds %lu KiB. Give the machine more memory (-m)",
                worst->comm, worst->pid, (unsigned long)((worst->mm->rss_anon + worst->mm->rss_file) * 4));
        worst->oom_ns = clock_mono_ns();
        signal_send_process(worst, SIGKILL, NULL);
    }
    spin_unlock(&tasks_lock);
    return choice;
}

enum oom_choice oom_kill(struct mm *mm)
{
    enum oom_choice choice = choose(mm);

    if (choice == OOM_OTHER)
        thread_sleep_until(clock_mono_ns() + LOOK_NS, false);
    return choice;
}
