/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c: wait4(2) and waitid(2). The process has no children while fork is missing, so a valid call finds none.
 */
#include "kernel/log.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/wait.h>

#define WAIT4_FLAGS  (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)
#define WAITID_FLAGS (WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL)

static long no_child(void)
{
    ASSERT(list_empty(&current_process()->children));
    return -ECHILD;
}

SYSCALL4(wait4, int, pid, int __user *, status, int, options, void __user *, usage)
{
    if (options & ~WAIT4_FLAGS)
        return -EINVAL;
    return pid == INT32_MIN ? -ESRCH : no_child();
}

SYSCALL5(waitid, int, which, int, id, void __user *, info, int, options, void __user *, usage)
{
    if ((options & ~WAITID_FLAGS) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
        return -EINVAL;
    switch (which) {
    case P_ALL:
        return no_child();
    case P_PID:
        return id <= 0 ? -EINVAL : no_child();
    case P_PGID:
        return id < 0 ? -EINVAL : no_child();
    case P_PIDFD:
        return id < 0 ? -EINVAL : -EBADF;
    default:
        return -EINVAL;
    }
}
