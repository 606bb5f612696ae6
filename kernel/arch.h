/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch.h: the contract between the portable kernel and one instruction set. A port is done when this links and
 * the tests pass. Nothing outside arch/ has an ISA conditional.
 *
 * Inline parts live in arch/ISA/include/arch/: cpu.h (struct arch_cpu, MAX_CPUS, arch_this_cpu, arch_current,
 * interrupt flag, halt, arch_ticks), thread.h (struct arch_thread, KSTACK_SIZE, struct user_regs), mm.h
 * (struct arch_mm, USER_MIN, USER_MAX), uaccess.h, syscall.h (argument accessors).
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include "arch/cpu.h"
#include "arch/thread.h"
#include "kernel/mm.h"
#include "lib/types.h"

struct thread;
struct user_regs;

/* ---- inline, from arch/cpu.h ----
 * unsigned long arch_irq_save(void); void arch_irq_restore(unsigned long);
 * void arch_irq_enable(void), arch_irq_disable(void); bool arch_irqs_on(void);
 * void arch_halt(void)            enables interrupts and waits for one, atomically
 * void arch_pause(void)           spin-loop hint
 * void arch_device_fence(void)    orders writes before reads that devices see or make
 * uint64_t arch_ticks(void)       raw cycle counter (TSC), for boot steps and entropy
 * bool arch_is_emulated           the hypervisor is an emulator
 * struct cpu *arch_this_cpu(void); struct thread *arch_current(void); void arch_set_current(struct thread *)
 * Interrupt entry and exit count this_cpu()->in_irq up and down (faults and system calls do not).
 */

/* ---- boot (called from init/main.c in this order) ---- */
void arch_early_init(void); /* this CPU: descriptor tables, features, direct map; no allocator yet */
void arch_irq_init(void);   /* interrupt controllers, from ACPI MADT or the platform's fixed places */
void arch_clock_init(void); /* finds the clock source; timers work afterwards */
void arch_clock_settle(
    void); /* before the first program runs: calibrates the clock by what has passed of the boot */
/* Ends the VM by the quickest means the machine has. status: a byte for machines that hand one to the VMM
 * (abi/control.h: DEBUG_EXIT_*, or the program's where nothing else tells it). */
void arch_poweroff(int status) __noreturn;
/* Backtrace and registers of the current context to the log; for panic. */
void arch_dump(void);
/* Makes every other CPU stop for good, after its own backtrace if dump; waits for that a second at most. For panic. */
void arch_stop_cpus(bool dump);
#if DEBUG
void arch_dump_thread(struct thread *t); /* backtrace of one that is not running */
#endif
#if DEBUG
void arch_crash(void); /* crash=NAME on the command line: breaks the kernel that way, for tests */
#endif
/* Makes [start, end) of RAM reachable through the direct map; cheap when it is already. Page-aligned. May take single
 * pages with page_alloc(PAGE_ATOMIC): some are free, except before the first block of RAM was added, when the area
 * lies where arch_early_init() mapped. 0 or -ENOMEM. */
int arch_direct_map_extend(paddr_t start, paddr_t end);
/* One page of the direct map, aligned; the best way this CPU has. */
void arch_zero_page(void *va);
void arch_copy_page(void *dst, const void *src);
bool arch_random_seed(
    uint64_t *out);               /* from the CPU's entropy source; false when there is none or it is dry */
void arch_kick_cpu(unsigned cpu); /* makes another CPU leave user mode or halt and look at its work */

/* ---- other CPUs: kernel/smp.c ---- */
unsigned arch_cpus_find(void); /* how many there are, the boot CPU with them; called once */
/* What the CPU needs besides struct cpu (zeroed) and its idle thread, whose stack it begins on: 0 or -ENOMEM. */
int arch_cpu_prepare(struct cpu *c, struct thread *idle);
void arch_cpus_start(void);       /* cpus[1] and on: each comes to smp_cpu_main() in its own time */
void arch_cpus_start_again(void); /* those that did not come */
void arch_cpus_settle(void);      /* all came, or nobody waits any longer */
/* The CPUs whose page tables are mm's, as a mask; a barrier before and after. */
uint64_t arch_mm_cpus(struct mm *mm);
/* Drops every CPU's TLB entries of the kernel's dynamic area. */
void arch_flush_kernel_tlb(void);

/* ---- time ---- */
uint64_t arch_clock_ns(void);           /* monotonic, since boot; a few instructions */
uint64_t arch_ticks_ns(uint64_t ticks); /* converts a difference of arch_ticks(); after arch_clock_init() */
uint64_t arch_boot_epoch_ns(void); /* wall-clock time at clock 0 (RTC, kvmclock, pvclock); 0 when unknown */
void arch_timer_set(uint64_t deadline_ns); /* one-shot on this CPU, TIME_NEVER turns it off */

/* ---- interrupts: see kernel/irq.h ---- */

/* ---- threads ---- */
/* Saves prev, loads next: stack, user FPU/segment state, address space, current. Runs with the run queue lock held. */
void arch_switch(struct thread *prev, struct thread *next);
/* Prepares t's stack so that its first arch_switch() calls fn(arg) after sched_first_run(). */
void arch_thread_init(struct thread *t, void (*fn)(void *), void *arg);
void arch_thread_free(struct thread *t);
/* t's kernel stack is in use from here upwards. It sleeps, its run queue having been locked since. */
vaddr_t arch_kernel_sp(const struct thread *t);
/* The registers that t brought from user mode (at the top of its kernel stack). */
struct user_regs *arch_user_regs(struct thread *t);
/* Child of clone, after arch_thread_init(): copies the current thread's user registers and FPU state, return value 0; sp if
 * non-zero. In system calls of the table's arch_sys_*() only. */
void arch_thread_clone(struct thread *child, vaddr_t sp, bool set_tls, vaddr_t tls);
/* sys_clone(), ... with the caller's registers all in its struct user_regs. */
long arch_sys_clone(long, long, long, long, long, long);
long arch_sys_clone3(long, long, long, long, long, long);
long arch_sys_fork(long, long, long, long, long, long);
long arch_sys_vfork(long, long, long, long, long, long);
/* First run of a thread in user mode: kthread-style entry function for arch_thread_init(). */
void arch_enter_user(void *unused) __noreturn;
/* Fresh registers, FPU and TLS for exec: entry at pc with stack sp, all else zero. */
void arch_exec_start(vaddr_t pc, vaddr_t sp);

/* ---- page tables (of one mm; kernel half shared). Callers hold mm.lock and, for changes, mm.pt_lock ---- */
int arch_mm_init(struct mm *mm); /* 0 or -ENOMEM */
void arch_mm_free(struct mm *mm);
void arch_mm_load(struct mm *mm); /* makes it this CPU's; NULL: the kernel's own tables */
/* The current thread's mm is about to get a second thread: CPUs are told apart from now on. May sleep. */
void arch_mm_share(struct mm *mm);
/* Maps one 4 KiB page, or 2 MiB when huge; replaces what was there. -ENOMEM when a table cannot be had. */
int pt_map(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot, bool huge);
/* Maps one 4 KiB page where nothing is mapped: -EEXIST when something is; -ENOMEM. */
int pt_map_new(struct mm *mm, vaddr_t va, paddr_t pa, unsigned prot);
/* What maps va: false when nothing. prot gets PROT_* | PT_DIRTY | PT_ACCESSED. */
bool pt_lookup(struct mm *mm, vaddr_t va, paddr_t *pa, unsigned *prot, bool *huge);
/* The first address of [va, end) that is mapped, or end: skips absent tables at once. */
vaddr_t pt_next(struct mm *mm, vaddr_t va, vaddr_t end);
/* Removes mappings of [start, end), calling put for each after the tables change; flushes the TLB before the
 * last put, so that no page is reused while still reachable. Splits a huge page at an edge. Frees empty tables.
 * Returns where it stopped after some hundred pages, for others who wait for pt_lock; end when all is done. */
vaddr_t pt_unmap(struct mm *mm, vaddr_t start, vaddr_t end,
                 void (*put)(void *arg, vaddr_t va, paddr_t pa, unsigned prot, bool huge), void *arg);
/* Sets the protection of the present pages of [start, end); never grants write to a page not already writable
 * unless allow_write (copy-on-write stays). */
void pt_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, bool allow_write);
/* Moves the present entries of [from, from+len) to to (mremap). */
int pt_move(struct mm *mm, vaddr_t from, vaddr_t to, size_t len);
#define PT_DIRTY    0x100
#define PT_ACCESSED 0x200
/* The kernel's own dynamic area: address space for stacks and device memory. */
void *kernel_map_pages(struct page **pages, unsigned nr,
                       unsigned guard_pages); /* read-write, never executable */
void kernel_unmap_pages(void *va, unsigned nr);
/* Within such a mapping: pages leave it and the address stays reserved; before others come there, arch_flush_kernel_tlb(). */
void kernel_clear_pages(void *va, unsigned nr);
void kernel_set_page(void *va, struct page *p); /* where none is; never fails */
void *arch_ioremap(paddr_t pa,
                   size_t len); /* uncached device memory; NULL when out of memory. Never unmapped */

/* ---- user memory: arch/uaccess.h, see kernel/uaccess.h ---- */

/* ---- programs ---- */
#define ELF_MACHINE_X86_64  62
#define ELF_MACHINE_AARCH64 183
extern const uint16_t arch_elf_machine;
extern const char arch_platform[]; /* AT_PLATFORM */
uint64_t arch_hwcap(void);
uint64_t arch_hwcap2(void);
size_t arch_minsigstksz(void);
/* The entry of one CPU in /proc/cpuinfo, with the blank line at its end, into buf: its length. */
size_t arch_cpuinfo(unsigned cpu, char *buf, size_t size);
/* The vDSO's pages, and the data page it reads; mapped read-only into each program by linux/. */
struct vdso {
    const void *image;
    size_t image_bytes; /* page-aligned ELF */
    struct page **pages;
    unsigned nr_pages; /* data page(s) first, then the image */
    unsigned nr_data;
};
const struct vdso *arch_vdso(void);
/* The clock's parameters for user mode changed (settimeofday): rewrite the data page. */
void arch_vdso_update(void);

/* ---- signals: the frame on the user's stack, Linux's layout ---- */
struct ksiginfo; /* kernel/signal.h */
struct ksigaction;
/* Pushes a frame for the handler and points the user registers at it. on_altstack: use sp as given.
 * 0 or -EFAULT (the caller then kills with SIGSEGV). */
int arch_signal_frame(const struct ksigaction *ka, const struct ksiginfo *info, uint64_t old_mask,
                      vaddr_t altstack_sp, size_t altstack_size, uint32_t altstack_flags, bool on_altstack);
/* rt_sigreturn(2): restores registers, FPU; gives the mask and alternate stack. 0 or -EFAULT. */
int arch_signal_return(uint64_t *mask, vaddr_t *altstack_sp, size_t *altstack_size, uint32_t *altstack_flags);
/* Restart of an interrupted system call: moves the pc back onto the instruction (nr: which call to repeat). */
void arch_syscall_restart(struct user_regs *r, bool as_restart_syscall);
/* -1 when the user registers do not come from a system call; else its number. */
long arch_syscall_nr(const struct user_regs *r);
long arch_syscall_result(const struct user_regs *r);
void arch_syscall_set_result(struct user_regs *r, long v);
vaddr_t arch_user_pc(const struct user_regs *r);
vaddr_t arch_user_sp(const struct user_regs *r);
void arch_user_set_pc(struct user_regs *r, vaddr_t pc);
void arch_log_user_regs(const struct user_regs *r); /* the report on a fatal signal */
long arch_prctl(int code, vaddr_t addr);            /* x86: FS/GS base */

/* ---- what arch/ calls, provided above (linux/ implements them; the one upward knot) ---- */
typedef long (*syscall_fn)(long, long, long, long, long, long);
extern const syscall_fn syscall_table[];
extern const unsigned nr_syscalls; /* entry code bounds the number by it */
long syscall_missing(long nr);     /* -ENOSYS, logs the name once */
/* A synchronous fault of user code that vm_fault() did not resolve, or another CPU exception. Signal numbers and
 * codes are Linux's. trap_nr, error_code: the CPU's, for the signal frame. */
void user_fault(int signo, int code, vaddr_t addr, unsigned trap_nr, unsigned long error_code);
/* The slow way back to user mode: called with interrupts on while thread.work is non-zero. */
void user_return_work(struct user_regs *r);

#endif
