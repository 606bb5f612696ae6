/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal.h: signals: sets, actions, queues and delivery. Layouts handed to programs are Linux's (asm/signal.h).
 */
#ifndef LINUX_SIGNAL_H
#define LINUX_SIGNAL_H

#include "kernel/signal.h"
#include "kernel/thread.h"
#include "lib/atomic.h"
#include "lib/list.h"
#include "lib/types.h"

#define NR_SIGNALS 64
static inline uint64_t sig_bit(int sig)
{
    return 1ull << (sig - 1);
}

struct process;
struct thread;
struct uthread;
struct user_regs;

struct sigpending {
    uint64_t set;
    struct list queue; /* of queued siginfos */
};

struct sighand {
    refcount_t refs;
    struct spinlock lock;                  /* [s] */
    struct ksigaction actions[NR_SIGNALS]; /* [s] */
    struct sigpending shared;              /* [s] process-directed */
    unsigned nr_queued; /* [s] siginfos of all threads and POSIX timers, against RLIMIT_SIGPENDING */
    bool stopping;      /* [s] a stop signal was taken and is about to stop the process */
};

/* Those who wait for signals at a descriptor: of all processes, since it may be inherited, and be in an epoll that outlives
 * who made it. */
extern struct waitq signalfd_wait;

/* Sends to a process or one of its threads. info may be NULL (kernel-generated, SI_KERNEL). Any context.
 * 0, -EAGAIN when the queue limit is reached for a real-time signal. */
int signal_send_process(struct process *p, int sig, const siginfo_t *info);
/* CPU time ran out (SIGPROF, ...): one of the threads that use it gets the process's signal, if it may. */
void signal_send_running(struct process *p, int sig);
int signal_send_thread(struct thread *t, int sig, const siginfo_t *info);
/* A POSIX timer's signal, sighand lock held: queued even when the same signal is pending, and posix_timer_taken() is
 * told when it leaves the queue. False: nobody will get it (ignored, no such thread, no memory). tid 0: the process. */
bool signal_queue_timer_locked(struct process *p, int tid, const siginfo_t *info);
/* A synchronous fault: cannot be blocked or ignored. */
void signal_force(struct thread *t, struct ksiginfo *info);
/* Delivers what is pending to the current thread, on the way to user mode; sets up frames, stops, or ends. */
void signal_deliver(struct user_regs *r);
/* Something is pending that u does not block. */
bool signal_deliverable(const struct uthread *u);
/* Recomputes WORK_SIGNAL of the current thread after a change of its mask or a queue. */
void signal_recalc(struct uthread *u);
void signal_set_mask(uint64_t mask);
/* For ppoll, sigsuspend, ...: installs mask for the call; restored on the way out or after the handler. */
void signal_set_temp_mask(uint64_t mask);
/* The same with the mask argument of such a call; NULL changes nothing. 0, -EINVAL, -EFAULT. */
int signal_user_temp_mask(const uint64_t __user *mask, size_t size);
/* The current thread took a stop signal: the process is stopped from here on, unless SIGCONT came since. */
void signal_stop_process(struct process *p, int sig);
/* One of its threads goes on: the parent learns it, once. */
void signal_stop_ended(struct process *p);
/* The call was not interrupted after all: no signal may be taken under the temporary mask any more. */
void signal_restore_mask(void);
struct sighand *sighand_new(void); /* NULL when out of memory */
void sigpending_init(struct sigpending *p);
void sigpending_destroy(struct sighand *s, struct sigpending *p); /* frees what is queued */
bool signal_default_ignored(int sig);
bool signal_default_stops(int sig);
bool signal_default_dumps(int sig);
/* sp lies on the thread's alternate stack (one that disarms itself never counts). */
bool signal_on_altstack(const struct uthread *u, vaddr_t sp);
/* Drops pending signals of set from the process and all its threads. */
void signal_flush_ignored_locked(struct process *p, uint64_t set);
/* u takes no signals of set any more (or ended): others that may take what is pending for the process notice it. */
void signal_retarget_locked(struct uthread *u, uint64_t set);
/* Takes one pending signal of set; 0 when none. */
int signal_dequeue_locked(struct uthread *u, uint64_t set, siginfo_t *info);
int signal_dequeue(struct uthread *u, uint64_t set, siginfo_t *info);
/* The current thread waits for signals of set although they are blocked: first take one that is pending (0: none). */
int signal_wait_begin(uint64_t set, siginfo_t *info);
/* It waits no more: takes one of set that came meanwhile (0: none); others get what was meant for it. */
int signal_wait_end(uint64_t set, siginfo_t *info);

#endif
