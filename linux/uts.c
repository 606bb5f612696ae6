/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uts.c: the machine's name: uname(2), sethostname(2), setdomainname(2).
 */
#include "linux/uts.h"
#include "kernel/arch.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/capability.h>

/* The release is what programs compare against: the Linux whose system-call interface this is. */
struct new_utsname uts = {
    .sysname = "Linux",
    .nodename = "proa",
    .release = "6.1.0-proa",
    .version = "#1 SMP Proa " PROA_VERSION,
    .domainname = "(none)",
};

int uts_set_hostname(const char *name, size_t len)
{
    if (len >= sizeof(uts.nodename))
        return -EINVAL;
    memset(uts.nodename, 0, sizeof(uts.nodename));
    memcpy(uts.nodename, name, len);
    return 0;
}

SYSCALL1(uname, struct new_utsname __user *, u)
{
    str_copy(uts.machine, arch_platform, sizeof(uts.machine));
    return copy_to_user(u, &uts, sizeof(uts));
}

static long set_name(char *field, const char __user *name, int len)
{
    char buf[__NEW_UTS_LEN + 1] = "";

    if (!fs_capable(CAP_SYS_ADMIN))
        return -EPERM;
    if (len < 0 || len > __NEW_UTS_LEN)
        return -EINVAL;
    if (copy_from_user(buf, name, len))
        return -EFAULT;
    memcpy(field, buf, sizeof(buf));
    return 0;
}

SYSCALL2(sethostname, const char __user *, name, int, len)
{
    return set_name(uts.nodename, name, len);
}

SYSCALL2(setdomainname, const char __user *, name, int, len)
{
    return set_name(uts.domainname, name, len);
}

const char *errno_name(int err)
{
    static char number[24];

    switch (-err) {
    case EPERM:
        return "Operation not permitted";
    case ENOENT:
        return "No such file or directory";
    case EIO:
        return "Input/output error";
    case ENXIO:
        return "No such device or address";
    case E2BIG:
        return "Argument list too long";
    case ENOEXEC:
        return "Exec format error";
    case ENOMEM:
        return "Cannot allocate memory";
    case EACCES:
        return "Permission denied";
    case ENODEV:
        return "No such device";
    case ENOTDIR:
        return "Not a directory";
    case EISDIR:
        return "Is a directory";
    case EINVAL:
        return "Invalid argument";
    case EFBIG:
        return "File too large";
    case ELOOP:
        return "Too many levels of symbolic links";
    case ENAMETOOLONG:
        return "File name too long";
    case ELIBBAD:
        return "Accessing a corrupted shared library";
    case EUCLEAN:
        return "Structure needs cleaning";
    default:
        snprintf(number, sizeof(number), "error %d", -err);
        return number;
    }
}
