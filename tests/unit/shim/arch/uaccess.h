/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uaccess.h: user memory of the host shim is the test's own memory; addresses below a page fault, as does
 * everything from shim_user_limit on.
 */
#ifndef ARCH_UACCESS_H
#define ARCH_UACCESS_H

#include "abi/errno.h"
#include "lib/string.h"
#include "lib/types.h"

extern uintptr_t shim_user_limit;

static inline bool user_ok(const void __user *p, size_t len)
{
    uintptr_t a = (uintptr_t)p;

    return a >= 4096 && a <= shim_user_limit && len <= shim_user_limit - a;
}
static inline size_t copy_from_user_partial(void *dst, const void __user *src, size_t len)
{
    if (!user_ok(src, len))
        return len;
    memcpy(dst, (const void *)src, len);
    return 0;
}
static inline size_t copy_to_user_partial(void __user *dst, const void *src, size_t len)
{
    if (!user_ok(dst, len))
        return len;
    memcpy((void *)dst, src, len);
    return 0;
}
static inline int copy_from_user(void *dst, const void __user *src, size_t len)
{
    return copy_from_user_partial(dst, src, len) ? -EFAULT : 0;
}
static inline int copy_to_user(void __user *dst, const void *src, size_t len)
{
    return copy_to_user_partial(dst, src, len) ? -EFAULT : 0;
}
static inline int clear_user(void __user *dst, size_t len)
{
    if (!user_ok(dst, len))
        return -EFAULT;
    memset((void *)dst, 0, len);
    return 0;
}
#define get_user(x, ptr) copy_from_user(&(x), ptr, sizeof(*(ptr)))
#define put_user(x, ptr)                    \
    ({                                      \
        __typeof__(*(ptr)) _v = (x);        \
        copy_to_user(ptr, &_v, sizeof(_v)); \
    })

#endif
