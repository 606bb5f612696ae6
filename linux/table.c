/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c: the dispatch table, made from the rows of syscalls.def.
 */
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "linux/syscall.h"
#include <asm/unistd.h>

#define NR_SYSCALLS 452

static long sys_hole(SYS_ARGS)
{
    return syscall_missing(arch_syscall_nr(arch_user_regs(current)));
}

#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#define SYS(name, level, gap) [__NR_##name] = sys_##name,
#define MISSING(name, gap)
const syscall_fn syscall_table[NR_SYSCALLS] = {
    [0 ... NR_SYSCALLS - 1] = sys_hole,
#include "linux/syscalls.def"
    /* Those that copy all of the caller's registers have them completed first. */
    [__NR_clone] = arch_sys_clone,
    [__NR_clone3] = arch_sys_clone3,
    [__NR_fork] = arch_sys_fork,
    [__NR_vfork] = arch_sys_vfork,
};
#undef SYS
#undef MISSING
#pragma GCC diagnostic pop

const unsigned nr_syscalls = NR_SYSCALLS;

static const char *syscall_name(long nr)
{
    switch (nr) {
#define SYS(name, level, gap)
#define MISSING(name, gap) \
    case __NR_##name:      \
        return #name;
#include "linux/syscalls.def"
#undef SYS
#undef MISSING
    default:
        return NULL;
    }
}

long syscall_missing(long nr)
{
    static uint64_t said[NR_SYSCALLS / 64 + 1];
    unsigned slot = nr >= 0 && nr < NR_SYSCALLS ? nr : NR_SYSCALLS;
    uint64_t bit = 1ull << (slot % 64);
    const char *name;

    if (atomic_or(&said[slot / 64], bit) & bit)
        return -ENOSYS;
    name = syscall_name(nr);
    if (name)
        log_warn("system call %s is not implemented: %s gets ENOSYS", name, current->name);
    else
        log_info("system call number %ld does not exist: %s gets ENOSYS", nr, current->name);
    return -ENOSYS;
}
