/* SPDX-License-Identifier: BSD-2-Clause */
/* load.c: /proc/{stat,uptime,loadavg}: what the CPUs did with their time. */
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "lib/string.h"
#include "linux/proc/proc.h"
#include "linux/time.h"

#define TICKS(ns) ((unsigned long long)((ns) / (NSEC_PER_SEC / 100))) /* USER_HZ */

static uint64_t idle_of(const struct cpu *c, uint64_t now)
{
    return MIN(c->idle_ns, now);
}

static uint64_t busy_all(uint64_t now)
{
    uint64_t busy = 0;

    for (unsigned i = 0; i < nr_cpus; i++)
        busy += now - idle_of(cpus[i], now);
    return busy;
}

static uint64_t user_all(void)
{
    uint64_t user, system, sum = 0;
    struct process *p;

    for (int pid = 1; (p = process_next(pid)); pid++) {
        pid = p->pid;
        process_cpu_times(p, &user, &system);
        sum += user;
        process_put(p);
    }
    return sum;
}

static void show_cpu(struct seq *s, uint64_t user, uint64_t busy, uint64_t idle)
{
    seq_printf(s, "%llu 0 %llu %llu 0 0 0 0 0 0\n", TICKS(user), TICKS(busy - user), TICKS(idle));
}

/* User time is kept by thread, not by CPU: each CPU gets the share of it that it has of all busy time. */
int proc_show_system_stat(struct seq *s, struct inode *i)
{
    uint64_t now = clock_mono_ns(), busy = busy_all(now), user = MIN(user_all(), busy);
    uint64_t irqs = 0, switches = 0;
    unsigned threads = 0;
    struct process *p;

    seq_puts(s, "cpu  ");
    show_cpu(s, user, busy, now * nr_cpus - busy);
    for (unsigned n = 0; n < nr_cpus; n++) {
        uint64_t idle = idle_of(cpus[n], now), mine = now - idle;

        seq_printf(s, "cpu%u ", n);
        show_cpu(s, busy / 1024 ? mine / 1024 * (user / 1024) / (busy / 1024) * 1024 : 0, mine, idle);
        irqs += cpus[n]->nr_irqs;
        switches += cpus[n]->nr_switches;
    }
    for (int pid = 1; (p = process_next(pid)); pid++) {
        pid = p->pid;
        threads++;
        process_put(p);
    }
    seq_printf(s, "intr %llu\nctxt %llu\nbtime %llu\nprocesses %u\nprocs_running %u\nprocs_blocked 0\n",
               (unsigned long long)irqs, (unsigned long long)switches,
               (unsigned long long)(clock_real_offset_ns() / NSEC_PER_SEC), threads, sched_nr_running());
    seq_puts(s, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
    return 0;
}

static void show_seconds(struct seq *s, uint64_t ns, char end)
{
    seq_printf(s, "%llu.%02llu%c", (unsigned long long)(ns / NSEC_PER_SEC),
               (unsigned long long)(ns / (NSEC_PER_SEC / 100) % 100), end);
}

int proc_show_uptime(struct seq *s, struct inode *i)
{
    uint64_t now = clock_mono_ns();

    show_seconds(s, now, ' ');
    show_seconds(s, now * nr_cpus - busy_all(now), '\n');
    return 0;
}

/*
 * ---- load averages ----
 * Linux samples the number of runnable threads every 5 seconds; no timer may fire for that here. Whoever asks makes
 * up for the periods gone by, with the CPUs' mean busyness over them.
 */
#define FIXED_1   2048ull /* 11 bits of fraction, as Linux */
#define PERIOD_NS (5 * NSEC_PER_SEC)

static struct spinlock load_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct {
    uint64_t last_ns, last_busy_ns, avg[3];
} load;

/* load * exp^n + active * (1 - exp^n) */
static uint64_t decay(uint64_t avg, uint64_t exp, uint64_t n, uint64_t active)
{
    uint64_t pow = FIXED_1;

    for (; n; n >>= 1, exp = exp * exp / FIXED_1)
        if (n & 1)
            pow = pow * exp / FIXED_1;
    return (avg * pow + active * (FIXED_1 - pow)) / FIXED_1;
}

static void update_locked(uint64_t now)
{
    static const uint64_t exp[] = { 1884, 2014, 2037 }; /* 1/e^(5s/1min), 5 and 15 minutes */
    uint64_t periods = (now - load.last_ns) / PERIOD_NS, busy = busy_all(now), active;

    if (!periods)
        return;
    active = (busy - load.last_busy_ns) / 1024 * FIXED_1 / ((now - load.last_ns) / 1024);
    for (unsigned i = 0; i < 3; i++)
        load.avg[i] = decay(load.avg[i], exp[i], periods, active);
    load.last_ns = now;
    load.last_busy_ns = busy;
}

int proc_show_loadavg(struct seq *s, struct inode *i)
{
    unsigned threads = 0, last = 0;
    struct process *p;
    uint64_t avg[3];

    spin_lock(&load_lock);
    update_locked(clock_mono_ns());
    memcpy(avg, load.avg, sizeof(avg));
    spin_unlock(&load_lock);
    for (unsigned n = 0; n < 3; n++) {
        uint64_t v = avg[n] + FIXED_1 / 200;

        seq_printf(s, "%llu.%02llu ", (unsigned long long)(v / FIXED_1),
                   (unsigned long long)(v % FIXED_1 * 100 / FIXED_1));
    }
    for (int pid = 1; (p = process_next(pid)); pid++) {
        last = pid = p->pid;
        threads += p->nr_threads;
        process_put(p);
    }
    seq_printf(s, "%u/%u %u\n", sched_nr_running(), threads, last);
    return 0;
}
