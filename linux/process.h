/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h: the process: what Linux keeps per thread group, and linux/'s part of each thread.
 * Nothing that belongs to a process is global. Guards: [I] immutable [p] process.lock [s] sighand lock
 * [t] tasks_lock [a] atomic
 */
#ifndef LINUX_PROCESS_H
#define LINUX_PROCESS_H

#include "fs/vfs.h"
#include "kernel/mm.h"
#include "kernel/thread.h"
#include "linux/signal.h"

struct clone_request;
struct fd_table;
struct pi_waiter;
struct tty;
struct uring_task;

#define RLIM_NLIMITS 16
struct rlimit_pair {
    uint64_t cur, max;
};

/* What getrusage(2) tells. */
struct process_usage {
    uint64_t utime_ns, stime_ns, min_flt, maj_flt, nvcsw, nivcsw, maxrss; /* pages */
};

/* A parent in vfork(2) waits for its child's exec or end. */
struct vfork_wait {
    struct thread *thread;
    bool done; /* [t] */
};

struct process {
    refcount_t refs;
    struct mutex lock;
    int pid, ppid, pgid, sid; /* 0 until it is one of the processes [t]; pid [I] */
    struct mm *mm;            /* replaced by exec, NULL after the end [p and t] */
    struct fd_table *files;   /* linux/files.h; replaced by unshare and exec, NULL after the end [t] */
    struct fs_context *fs;    /* replaced by unshare [t] */
    struct sighand *sighand;  /* actions, shared pending set */
    struct rlimit_pair rlimits[RLIM_NLIMITS]; /* [p] */
    struct list threads;                      /* struct uthread.link: those that have not ended [s] */
    unsigned nr_threads;                      /* [s]; one: no other thread uses what is the process's */
    struct thread *leader;      /* whose id is pid, perhaps ended; referenced; NULL: reaped [t, s] */
    struct thread *exec_thread; /* waits in exec for all others to end [s] */
    /* the family: linux/family.h */
    struct list all;                     /* in the list of processes [t] */
    struct process *parent;              /* NULL: the first process [t] */
    struct list children;                /* of struct process.sibling [t] */
    struct list sibling;                 /* [t] */
    int forker;                          /* the thread of the parent that made it [t] */
    int exit_signal;                     /* what the parent gets [t] */
    bool zombie;                         /* ended, its status not yet taken [t] */
    struct waitq child_wait;             /* its threads in wait(2) */
    struct waitq end_wait;               /* those who poll a pidfd of it */
    struct vfork_wait *vfork;            /* [t] */
    struct process_usage children_usage; /* of children that were waited for [t] */
    uint64_t maxrss;                     /* pages; once it has ended */
    struct tty *ctty;                    /* [t] */
    unsigned
        files_users; /* nr_threads, and one more if other processes have the same table (CLONE_FILES) [s] */
    int exit_status; /* wait(2) encoding, once exiting */
    bool exiting, execed;
    bool stopped;        /* by SIGSTOP and the like [s] */
    bool continued;      /* wait(2) may report it [s] */
    bool tell_parent;    /* that it goes on: the first thread to run again does it [s] */
    uint8_t stop_signal; /* of the stop that wait(2) has not reported; 0: none [s] */
    char comm[16];
    struct file *exe;
    uint32_t personality;
    uint8_t dumpable, child_subreaper, thp_disable;
    int pdeath_signal;
    int oom_score_adj;
    uint64_t oom_ns; /* when it was killed for its memory; 0 [t] */
    uint64_t start_ns;
    uint64_t utime_dead_ns, stime_dead_ns, min_flt_dead, maj_flt_dead; /* of threads that ended [s] */
    uint64_t nvcsw_dead, nivcsw_dead;                                  /* [s] */
    struct itimers *itimers;                                           /* linux/itimer.c; NULL until used */
    struct posix_timers *posix_timers;
};

/* linux/'s part of a thread (thread.ulinux). */
struct uthread {
    struct thread *thread; /* [I] */
    struct process *proc;  /* [I] referenced */
    struct cred *cred;     /* linux/cred.h; replaced by its thread only */
    struct list link;      /* in proc->threads [s] */
    bool exited;           /* no longer there: takes no signals [s] */
    uint64_t sigmask;      /* blocked; changed by its thread only, under [s] when there are others */
    uint64_t saved_mask;   /* to restore after sigsuspend, ppoll ... when restore_mask */
    bool restore_mask;
    struct sigpending pending; /* [s] directed to this thread */
    vaddr_t altstack_sp;
    size_t altstack_size;
    uint32_t altstack_flags;
    /* restart_syscall(2) */
    long (*restart_fn)(struct uthread *);
    uint64_t restart_arg[4];
    vaddr_t set_child_tid; /* where its number goes before it runs; 0: nowhere */
    vaddr_t clear_child_tid, robust_list;
    /* futexes with priority inheritance (linux/futex/pi.h) [PI lock] */
    struct list pi_waiters;       /* struct pi_waiter.lent: who waits for this thread */
    struct pi_waiter *pi_blocked; /* the lock it waits for */
    bool pi_dead;                 /* it has passed its locks on and takes none any more */
    vaddr_t rseq;
    uint32_t rseq_sig;
    struct ksiginfo fault; /* of the synchronous signal under way: trap number and error code for its frame */
    uint64_t sigwait;      /* signals that sigtimedwait waits for [s] */
    uint64_t start_ns;
    uint64_t timer_slack_ns, timer_slack_default_ns;
    uint16_t ioprio;
    struct uring_task *uring; /* linux/io_uring/; NULL until used */
};

/* What p's threads have used, those that ended included; sums; and as a struct rusage for the program: 0 or -EFAULT. */
void usage_of(struct process *p, struct process_usage *u);
void usage_add(struct process_usage *to, const struct process_usage *u);
int usage_to_user(void __user *to, const struct process_usage *u);

extern struct process *init_process; /* pid 1: the program */

static inline struct uthread *current_uthread(void)
{
    return current->ulinux;
}
static inline struct process *current_process(void)
{
    return current->proc;
}
static inline uint64_t rlimit_cur(unsigned which)
{
    return current_process()->rlimits[which].cur;
}

/* The first process, with one thread that does not run yet. ERR_PTR on failure. */
struct process *process_new(void);
/* clone(2) without CLONE_THREAD: a child of the current process, which runs. Its number, or -errno. Sleeps. */
long process_fork(const struct clone_request *q);
/* An empty process: nobody's, without threads; fields that fork copies are the caller's. NULL when out of memory. */
struct process *process_alloc(void);
void process_put(struct process *p);
/* kill(2)'s choice of targets: a process, a group (0, < -1) or all (-1). -ESRCH, -EPERM, -EINVAL (the signal), or the
 * last send's error. Who sends must be allowed to, if info says that a program does. */
int process_signal_pid(int pid, int sig, const siginfo_t *info);
int process_signal_group(int pgid, int sig, const siginfo_t *info);    /* group 1 too */
int process_signal(struct process *p, int sig, const siginfo_t *info); /* -ESRCH also when it was reaped */
/* May the current thread look into p (PTRACE_MODE_ATTACH without ptrace)? 0, -EPERM, -ESRCH. */
int process_may_access(const struct process *p);
/* Its descriptors and its memory with a reference; NULL: it has ended. */
struct fd_table *process_files(struct process *p);
struct mm *process_mm(struct process *p);
struct fs_context *process_fs(struct process *p); /* never NULL */
/* The same for one thread, which the caller holds. */
int process_signal_thread(struct thread *t, int sig, const siginfo_t *info);
/* The thread tid (of process tgid unless 0) with a reference, or NULL. */
struct thread *thread_find(int tgid, int tid);
/* linux/'s part of t, which becomes a thread of p with a number of its own, not yet among p's threads. Dropped with t's
 * last reference. 0 or -ENOMEM, -EAGAIN (no number is free). */
int uthread_new(struct process *p, struct thread *t, struct cred *cred);
/* t is one of its process's threads from here on; -EAGAIN when the process is ending. */
int uthread_publish(struct thread *t);
/* Ends all other threads of the current process, for exec; the current one becomes its leader. 0, or -EAGAIN when
 * the process is ending or another thread was first. Sleeps. */
int process_become_single(void);
struct process *process_find(int pid); /* with a reference, or NULL; zombies too */
struct process *process_next(
    int pid); /* the one with the lowest number from pid on, with a reference; or NULL */
/* Ends every thread of the current process with a wait(2) status: exit code << 8, or the signal number. When the
 * process is pid 1 the VM reports the status to the host and powers off. */
void process_exit(int wait_status) __noreturn;
/* The same for any process, in any context, sighand lock held: its threads end when they next notice. */
void process_doom_locked(struct process *p, int wait_status);
void uthread_exit(int code) __noreturn; /* the current thread only; the last one ends the process */

/* exec: replaces the current process's program. path is absolute or relative to base; argv and envp are kernel
 * copies. Returns -errno while the old program still stands; afterwards failure kills. */
struct exec_args {
    const struct path *base;
    const char *path;
    const char *execfn; /* AT_EXECFN when it is not path (execveat); else NULL */
    bool hidden;        /* the new program cannot open execfn (close-on-exec): not for scripts */
    int at_flags;
    unsigned argc, envc;
    char *strings; /* all argv then all envp strings, each terminated, back to back */
    size_t len_bytes;
};
int process_exec(struct exec_args *a);

#endif
