/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * misc.c: small calls with a place nowhere else: prctl(2), personality(2), getrandom(2), syslog(2), and what a machine with one program has no use for.
 */
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>

/* ---- prctl ---- */

static long set_name(const char __user *u)
{
    char name[16] = "";
    ssize_t n = strncpy_from_user(name, u, sizeof(name) - 1);

    if (n < 0 && n != -ENAMETOOLONG)
        return n;
    name[15] = '\0';
    memcpy(current->name, name, sizeof(name));
    if (current == current_process()->leader)
        memcpy(current_process()->comm, name, sizeof(name));
    return 0;
}

SYSCALL5(prctl, int, op, unsigned long, a2, unsigned long, a3, unsigned long, a4, unsigned long, a5)
{
    struct process *p = current_process();
    struct uthread *u = current_uthread();

    switch (op) {
    case PR_SET_NAME:
        return set_name((const char __user *)a2);
    case PR_GET_NAME:
        return copy_to_user((void __user *)a2, current->name, 16);
    case PR_SET_PDEATHSIG:
        if (a2 > NR_SIGNALS)
            return -EINVAL;
        p->pdeath_signal = a2;
        return 0;
    case PR_GET_PDEATHSIG:
        return put_user(p->pdeath_signal, (int __user *)a2) ? -EFAULT : 0;
    case PR_SET_DUMPABLE:
        if (a2 > 1)
            return -EINVAL;
        p->dumpable = a2;
        return 0;
    case PR_GET_DUMPABLE:
        return p->dumpable;
    case PR_SET_CHILD_SUBREAPER:
        p->child_subreaper = !!a2;
        return 0;
    case PR_GET_CHILD_SUBREAPER:
        return put_user((int)p->child_subreaper, (int __user *)a2) ? -EFAULT : 0;
    case PR_SET_TIMERSLACK:
        u->timer_slack_ns = a2 ? a2 : u->timer_slack_default_ns;
        return 0;
    case PR_GET_TIMERSLACK:
        return u->timer_slack_ns;
    case PR_SET_THP_DISABLE:
        if (a3 || a4 || a5)
            return -EINVAL;
        p->thp_disable = !!a2;
        return 0;
    case PR_GET_THP_DISABLE:
        return a2 || a3 || a4 || a5 ? -EINVAL : p->thp_disable;
    default:
        return cred_prctl(op, a2, a3, a4, a5);
    }
}

/* ---- execution domain, random numbers ---- */

SYSCALL1(personality, unsigned, persona)
{
    struct process *p = current_process();
    unsigned old = p->personality;

    if (persona != 0xffffffff)
        p->personality = persona;
    return old;
}

SYSCALL3(getrandom, char __user *, buf, size_t, len, unsigned, flags)
{
    char tmp[256];
    size_t done = 0;

    if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    len = MIN(len, (size_t)INT32_MAX & PAGE_MASK);
    while (done < len) {
        size_t n = MIN(len - done, sizeof(tmp));

        random_bytes(tmp, n);
        size_t left = copy_to_user_partial(buf + done, tmp, n);

        done += n - left;
        if (left)
            return done ? (long)done : -EFAULT;
        if (signal_pending())
            break;
        cond_resched();
    }
    memset(tmp, 0, sizeof(tmp));
    return done;
}

SYSCALL2(arch_prctl, int, code, vaddr_t, addr)
{
    return arch_prctl(code, addr);
}

/* ---- the log, the machine ---- */

SYSCALL3(syslog, int, type, char __user *, buf, int, len)
{
    char *tmp;
    long n;

    switch (type) {
    case 0: /* SYSLOG_ACTION_CLOSE, OPEN */
    case 1:
        return 0;
    case 3: /* READ_ALL */
        if (!buf || len < 0)
            return -EINVAL;
        tmp = kmalloc(MIN(len, 65536) + 1);
        if (!tmp)
            return -ENOMEM;
        n = log_read(tmp, MIN(len, 65536));
        if (copy_to_user(buf, tmp, n))
            n = -EFAULT;
        kfree(tmp);
        return n;
    case 8: /* CONSOLE_LEVEL */
        if (len < 1 || len > 8)
            return -EINVAL;
        log_set_level(len - 1);
        return 0;
    case 9: /* SIZE_UNREAD */
        return 0;
    case 10: /* SIZE_BUFFER */
        return LOG_SIZE;
    default:
        return -EINVAL;
    }
}

SYSCALL4(reboot, unsigned, magic1, unsigned, magic2, unsigned, cmd, void __user *, arg)
{
    if (!fs_capable(CAP_SYS_BOOT))
        return -EPERM;
    if (magic1 != LINUX_REBOOT_MAGIC1 || (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
                                          magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
        return -EINVAL;
    switch (cmd) {
    case LINUX_REBOOT_CMD_CAD_ON:
    case LINUX_REBOOT_CMD_CAD_OFF:
        return 0;
    case LINUX_REBOOT_CMD_RESTART:
    case LINUX_REBOOT_CMD_HALT:
    case LINUX_REBOOT_CMD_POWER_OFF:
        process_exit(0);
    default:
        return -EINVAL;
    }
}
