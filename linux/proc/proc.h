/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proc.h: between the files that make up procfs, proc(5). Layouts are Linux 6.1's, byte for byte.
 *
 * The key of what belongs to a process is its number above and a thread's number below, 0: the process as a whole.
 * What a line would say that this kernel does not know is left out, as kernels built without a feature do.
 */
#ifndef LINUX_PROC_H
#define LINUX_PROC_H

#include "fs/pseudo.h"
#include "linux/process.h"

#define PROC_KEY(tgid, tid) ((uint64_t)(unsigned)(tgid) << 32 | (unsigned)(tid))

#define PROC_FILE(n, perm, fn)                          \
    {                                                   \
        .name = n, .mode = S_IFREG | (perm), .show = fn \
    }
#define PROC_DIR(n, nodes)                                   \
    {                                                        \
        .name = n, .mode = S_IFDIR | 0555, .children = nodes \
    }

static inline int proc_tgid(struct inode *i)
{
    return pseudo_key(i) >> 32;
}
static inline int proc_tid(struct inode *i)
{
    return (uint32_t)pseudo_key(i);
}
/* The process, thread (of a process: its leader) and address space a node is of, with a reference; NULL: gone. */
struct process *proc_process(struct inode *i);
struct thread *proc_thread(struct inode *i);
struct mm *proc_mm(struct inode *i);
/* The process whose directory of /proc f is, with a reference. ERR_PTR(-EBADF): f is none; -ESRCH: it is gone. */
struct process *proc_of_dir(struct file *f);
/* Owner of what belongs to a process (pseudo_node.attr). */
void proc_attr(struct inode *i);
/* A number in decimal without leading zeroes; false: name is none. */
bool proc_number(const char *name, unsigned len, unsigned *n);

/* process.c: nodes of /proc/PID; status.c, maps.c, fd.c: what they are made of */
extern const struct pseudo_node proc_pid_nodes[], proc_task_nodes[];
int proc_show_status(struct seq *s, struct inode *i);
int proc_show_stat(struct seq *s, struct inode *i);
int proc_show_statm(struct seq *s, struct inode *i);
int proc_show_maps(struct seq *s, struct inode *i);
int proc_show_smaps(struct seq *s, struct inode *i);
int proc_show_smaps_rollup(struct seq *s, struct inode *i);
extern const struct file_ops proc_mem_ops, proc_pagemap_ops;
extern const struct pseudo_dir proc_fd_dir, proc_fdinfo_dir, proc_tasks_dir;

/* system.c, load.c */
int proc_show_cpuinfo(struct seq *s, struct inode *i);
int proc_show_meminfo(struct seq *s, struct inode *i);
int proc_show_system_stat(struct seq *s, struct inode *i);
int proc_show_uptime(struct seq *s, struct inode *i);
int proc_show_loadavg(struct seq *s, struct inode *i);
int proc_show_vmstat(struct seq *s, struct inode *i);
int proc_show_zoneinfo(struct seq *s, struct inode *i);
int proc_show_version(struct seq *s, struct inode *i);
int proc_show_filesystems(struct seq *s, struct inode *i);
int proc_show_cmdline(struct seq *s, struct inode *i);
int proc_show_devices(struct seq *s, struct inode *i);
int proc_show_partitions(struct seq *s, struct inode *i);
int proc_show_interrupts(struct seq *s, struct inode *i);
int proc_show_swaps(struct seq *s, struct inode *i);

/* sysctl.c, net.c */
extern const struct pseudo_node proc_sys_nodes[], proc_net_nodes[];

#endif
