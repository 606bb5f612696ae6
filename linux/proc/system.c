/* SPDX-License-Identifier: BSD-2-Clause */
/* system.c: /proc's files about the machine and the kernel. */
#include "abi/fs.h"
#include "fs/chrdev.h"
#include "kernel/arch.h"
#include "kernel/blkdev.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "linux/family.h"
#include "linux/proc/proc.h"
#include "linux/uts.h"

#define KB(pages) ((unsigned long long)(pages) << (PAGE_SHIFT - 10))

int proc_show_cpuinfo(struct seq *s, struct inode *i)
{
    char *buf = kmalloc(PAGE_SIZE);

    if (!buf)
        return -ENOMEM;
    for (unsigned n = 0; n < nr_cpus; n++)
        seq_write(s, buf, arch_cpuinfo(n, buf, PAGE_SIZE));
    kfree(buf);
    return 0;
}

/* ---- memory ---- */

static void show_kb(struct seq *s, const char *name, uint64_t pages)
{
    seq_printf(s, "%-16s%8llu kB\n", name, KB(pages));
}

/* All processes' memory together. */
struct programs {
    uint64_t mapped, shmem, locked, committed, min_flt, maj_flt;
};

static void add_programs(struct programs *sum)
{
    struct process *p;

    memset(sum, 0, sizeof(*sum));
    for (int pid = 1; (p = process_next(pid)); pid++) {
        unsigned long flags = spin_lock_irqsave(&p->sighand->lock);
        struct uthread *u;

        pid = p->pid;
        sum->min_flt += p->min_flt_dead;
        sum->maj_flt += p->maj_flt_dead;
        list_for_each (u, &p->threads, link) {
            sum->min_flt += u->thread->min_flt;
            sum->maj_flt += u->thread->maj_flt;
        }
        spin_unlock_irqrestore(&p->sighand->lock, flags);
        spin_lock(&tasks_lock);
        if (p->mm) {
            sum->mapped += p->mm->rss_file + p->mm->rss_shmem;
            sum->shmem += p->mm->rss_shmem;
            sum->locked += p->mm->locked_pages;
            sum->committed += p->mm->data_pages + p->mm->stack_pages;
        }
        spin_unlock(&tasks_lock);
        process_put(p);
    }
}

/* The cache is one list in order of use, and anonymous pages are not reclaimed: so they are the active ones. */
int proc_show_meminfo(struct seq *s, struct inode *i)
{
    struct page_stats st;
    struct programs sum;

    page_get_stats(&st);
    add_programs(&sum);
    show_kb(s, "MemTotal:", st.total);
    show_kb(s, "MemFree:", st.free);
    show_kb(s, "MemAvailable:", st.free + (st.cache > sum.shmem ? st.cache - sum.shmem : 0));
    show_kb(s, "Buffers:", 0);
    show_kb(s, "Cached:", st.cache);
    show_kb(s, "SwapCached:", 0);
    show_kb(s, "Active:", st.anon);
    show_kb(s, "Inactive:", st.cache);
    show_kb(s, "Active(anon):", st.anon);
    show_kb(s, "Inactive(anon):", 0);
    show_kb(s, "Active(file):", 0);
    show_kb(s, "Inactive(file):", st.cache);
    show_kb(s, "Unevictable:", sum.locked);
    show_kb(s, "Mlocked:", sum.locked);
    show_kb(s, "SwapTotal:", 0);
    show_kb(s, "SwapFree:", 0);
    show_kb(s, "Dirty:", 0);
    show_kb(s, "Writeback:", 0);
    show_kb(s, "AnonPages:", st.anon);
    show_kb(s, "Mapped:", sum.mapped);
    show_kb(s, "Shmem:", sum.shmem);
    show_kb(s, "KReclaimable:", 0);
    show_kb(s, "Slab:", st.slab);
    show_kb(s, "SReclaimable:", 0);
    show_kb(s, "SUnreclaim:", st.slab);
    show_kb(s, "CommitLimit:", st.total * vm_settings.overcommit_ratio / 100);
    show_kb(s, "Committed_AS:", sum.committed);
    seq_puts(s, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
                "HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n");
    return 0;
}

int proc_show_vmstat(struct seq *s, struct inode *i)
{
    struct page_stats st;
    struct programs sum;

    page_get_stats(&st);
    add_programs(&sum);
    seq_printf(s, "nr_free_pages %llu\nnr_mlock %llu\nnr_slab_unreclaimable %llu\nnr_anon_pages %llu\n",
               (unsigned long long)st.free, (unsigned long long)sum.locked, (unsigned long long)st.slab,
               (unsigned long long)st.anon);
    seq_printf(
        s,
        "nr_mapped %llu\nnr_file_pages %llu\nnr_shmem %llu\npswpin 0\npswpout 0\npgfault %llu\npgmajfault %llu\n",
        (unsigned long long)sum.mapped, (unsigned long long)st.cache, (unsigned long long)sum.shmem,
        (unsigned long long)sum.min_flt, (unsigned long long)sum.maj_flt);
    return 0;
}

int proc_show_zoneinfo(struct seq *s, struct inode *i)
{
    struct page_stats st;

    page_get_stats(&st);
    seq_printf(
        s,
        "Node 0, zone   Normal\n  pages free     %llu\n        boost    0\n        min      0\n        low      0\n"
        "        high     0\n        spanned  %llu\n        present  %llu\n        managed  %llu\n",
        (unsigned long long)st.free, (unsigned long long)st.total, (unsigned long long)st.total,
        (unsigned long long)st.total);
    return 0;
}

int proc_show_swaps(struct seq *s, struct inode *i)
{
    seq_puts(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    return 0;
}

/* ---- the kernel ---- */

int proc_show_version(struct seq *s, struct inode *i)
{
    seq_printf(s, "%s version %s (proa@%s) (%s) %s\n", uts.sysname, uts.release, "proa", __VERSION__,
               uts.version);
    return 0;
}

int proc_show_cmdline(struct seq *s, struct inode *i)
{
    seq_printf(s, "%s\n", boot_info.cmdline);
    return 0;
}

int proc_show_filesystems(struct seq *s, struct inode *i)
{
    for (const struct filesystem *const *f = filesystems; *f; f++)
        seq_printf(s, "%s\t%s\n", (*f)->nodev ? "nodev" : "", (*f)->name);
    return 0;
}

/* ---- devices ---- */

/* Major 1 is one driver on Linux, and major 5's are named by their path. */
static void show_chrdev(struct seq *s, const struct chrdev *c)
{
    if (c->major == 1)
        seq_puts(s, "  1 mem\n");
    else if (c->major == 136)
        seq_puts(s, "136 pts\n");
    else
        seq_printf(s, "%3u %s%s\n", c->major, c->major == 5 ? "/dev/" : "", c->name ? c->name : "");
}

int proc_show_devices(struct seq *s, struct inode *i)
{
    bool memory = false;

    seq_puts(s, "Character devices:\n");
    for (unsigned major = 0; major < 512; major++) {
        for (struct chrdev *c = chrdev_next(NULL); c; c = chrdev_next(c)) {
            if (c->major != major || (major == 1 && memory))
                continue;
            memory |= major == 1;
            show_chrdev(s, c);
        }
    }
    seq_puts(s, "\nBlock devices:\n");
    if (blkdev_next(NULL))
        seq_puts(s, "254 virtblk\n");
    return 0;
}

int proc_show_partitions(struct seq *s, struct inode *i)
{
    unsigned n = 0;

    if (blkdev_next(NULL))
        seq_puts(s, "major minor  #blocks  name\n\n");
    for (struct blkdev *d = blkdev_next(NULL); d; d = blkdev_next(d), n++)
        seq_printf(s, "%4u  %7u %10llu %s\n", 254, n * 16, (unsigned long long)d->nr_sectors / 2, d->name);
    return 0;
}

/* Interrupts are counted by CPU only. */
int proc_show_interrupts(struct seq *s, struct inode *i)
{
    seq_puts(s, "           ");
    for (unsigned n = 0; n < nr_cpus; n++)
        seq_printf(s, "CPU%-8u", n);
    seq_puts(s, "\nTOT:");
    for (unsigned n = 0; n < nr_cpus; n++)
        seq_printf(s, " %10llu", (unsigned long long)cpus[n]->nr_irqs);
    seq_puts(s, "   All interrupts\n");
    return 0;
}
