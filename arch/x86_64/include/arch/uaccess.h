/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uaccess.h: access to the application's memory (kernel/uaccess.h says what each means). STAC and CLAC open and close
 * the window in SMAP; each instruction that may fault has an entry in the exception table.
 */
#ifndef ARCH_UACCESS_H
#define ARCH_UACCESS_H

#include "abi/errno.h"
#include "arch/mm.h"
#include "lib/types.h"

/* Where a fault at insn goes on; both relative to their own place. */
struct extable {
    int32_t insn, fixup;
    uint32_t sets_rax; /* rax becomes -EFAULT */
};
extern const struct extable ex_table_start[], ex_table_end[];

#define UA_ENTRY(insn, fixup, sets_rax)                               \
    ".pushsection .ex_table, \"a\"\n"                                 \
    ".long " insn " - .\n .long " fixup " - .\n .long " sets_rax "\n" \
    ".popsection\n"
#define UA_SMAP_SITE(insn) \
    "771: " insn "\n"      \
    ".pushsection .smap_sites, \"a\"\n .long 771b - .\n .popsection\n"

/* Is [ptr, ptr + len) in the user half? */
#define user_ok(ptr, len)                     \
    ({                                        \
        vaddr_t _p = (vaddr_t)(ptr);          \
        size_t _l = (len);                    \
        _l <= USER_MAX &&_p <= USER_MAX - _l; \
    })

/* Copy rdx bytes; return how many were not copied. */
size_t arch_copy_user(void *dst, const void *src, size_t len);
size_t arch_clear_user(void *dst, size_t len);

#define UA_GET(insn, value, ptr, type)                                               \
    ({                                                                               \
        int _e = 0;                                                                  \
        __asm__ volatile(UA_SMAP_SITE("stac") "1: " insn "\n2:" UA_SMAP_SITE("clac") \
                             UA_ENTRY("1b", "2b", "1")                               \
                         : "=&r"(value), "+a"(_e)                                    \
                         : "m"(*(const type *)(ptr))                                 \
                         : "memory");                                                \
        _e;                                                                          \
    })
#define UA_PUT(insn, value, ptr, type)                                               \
    ({                                                                               \
        int _e = 0;                                                                  \
        __asm__ volatile(UA_SMAP_SITE("stac") "1: " insn "\n2:" UA_SMAP_SITE("clac") \
                             UA_ENTRY("1b", "2b", "1")                               \
                         : "=m"(*(type *)(ptr)), "+a"(_e)                            \
                         : "ir"((type)(value))                                       \
                         : "memory");                                                \
        _e;                                                                          \
    })

static __always_inline int ua_get(uint64_t *v, const void *p, size_t size)
{
    uint32_t v32;
    uint64_t v64;
    int e;

    switch (size) {
    case 1:
        e = UA_GET("movzbl %2, %k0", v32, p, uint8_t);
        *v = v32;
        return e;
    case 2:
        e = UA_GET("movzwl %2, %k0", v32, p, uint16_t);
        *v = v32;
        return e;
    case 4:
        e = UA_GET("movl %2, %k0", v32, p, uint32_t);
        *v = v32;
        return e;
    default:
        e = UA_GET("movq %2, %0", v64, p, uint64_t);
        *v = v64;
        return e;
    }
}

static __always_inline int ua_put(uint64_t v, void *p, size_t size)
{
    switch (size) {
    case 1:
        return UA_PUT("movb %b2, %0", v, p, uint8_t);
    case 2:
        return UA_PUT("movw %w2, %0", v, p, uint16_t);
    case 4:
        return UA_PUT("movl %k2, %0", v, p, uint32_t);
    default: {
        int e = 0;
        __asm__ volatile(UA_SMAP_SITE("stac") "1: movq %2, %0\n2:" UA_SMAP_SITE("clac")
                             UA_ENTRY("1b", "2b", "1")
                         : "=m"(*(uint64_t *)p), "+a"(e)
                         : "r"(v)
                         : "memory");
        return e;
    }
    }
}

/* A run of words in one window: err, 0 before, is -EFAULT after any of them faulted. The range is the caller's to check. */
static __always_inline void user_window_open(void)
{
    __asm__ volatile(UA_SMAP_SITE("stac")::: "memory");
}
static __always_inline void user_window_close(void)
{
    __asm__ volatile(UA_SMAP_SITE("clac")::: "memory");
}
#define window_put(x, ptr, err)                                     \
    __asm__ volatile("1: movq %2, %0\n2:" UA_ENTRY("1b", "2b", "1") \
                     : "=m"(*(uint64_t *)(ptr)), "+a"(err)          \
                     : "er"((uint64_t)(x)))
#define window_put32(x, ptr, err)                                   \
    __asm__ volatile("1: movl %2, %0\n2:" UA_ENTRY("1b", "2b", "1") \
                     : "=m"(*(uint32_t *)(ptr)), "+a"(err)          \
                     : "er"((uint32_t)(x)))
#define window_get(ptr, err)                                            \
    ({                                                                  \
        uint64_t _wg;                                                   \
        __asm__ volatile("1: movq %2, %0\n2:" UA_ENTRY("1b", "2b", "1") \
                         : "=&r"(_wg), "+a"(err)                        \
                         : "m"(*(const uint64_t *)(ptr)));              \
        _wg;                                                            \
    })

/* The gate: only here does a checked user pointer become one that instructions may follow. */
#define UA_PLAIN(ptr)   ((void *)(uintptr_t)(ptr))
#define UA_SIMPLE(size) ((size) == 1 || (size) == 2 || (size) == 4 || (size) == 8)

/* x = *ptr; 0 or -EFAULT, with x zero or unspecified then */
#define get_user(x, ptr)                                                                                    \
    ({                                                                                                      \
        uintptr_t _gp = (uintptr_t)(ptr);                                                                   \
        uint64_t _gv = 0;                                                                                   \
        static_assert(UA_SIMPLE(sizeof(*(ptr))), "get_user is for 1, 2, 4, 8 bytes");                       \
        int _ge = user_ok(_gp, sizeof(*(ptr))) ? ua_get(&_gv, (const void *)_gp, sizeof(*(ptr))) : -EFAULT; \
        (x) = (__typeof__(*(ptr)))_gv;                                                                      \
        _ge;                                                                                                \
    })
#define put_user(x, ptr)                                                                             \
    ({                                                                                               \
        uintptr_t _pp = (uintptr_t)(ptr);                                                            \
        static_assert(UA_SIMPLE(sizeof(*(ptr))), "put_user is for 1, 2, 4, 8 bytes");                \
        user_ok(_pp, sizeof(*(ptr))) ? ua_put((uint64_t)(x), (void *)_pp, sizeof(*(ptr))) : -EFAULT; \
    })

static __always_inline size_t copy_from_user_partial(void *dst, const void __user *src, size_t len)
{
    return user_ok(src, len) ? arch_copy_user(dst, UA_PLAIN(src), len) : len;
}
static __always_inline size_t copy_to_user_partial(void __user *dst, const void *src, size_t len)
{
    return user_ok(dst, len) ? arch_copy_user(UA_PLAIN(dst), src, len) : len;
}
static __always_inline int copy_from_user(void *dst, const void __user *src, size_t len)
{
    return copy_from_user_partial(dst, src, len) ? -EFAULT : 0;
}
static __always_inline int copy_to_user(void __user *dst, const void *src, size_t len)
{
    return copy_to_user_partial(dst, src, len) ? -EFAULT : 0;
}
static __always_inline int clear_user(void __user *dst, size_t len)
{
    return user_ok(dst, len) && !arch_clear_user(UA_PLAIN(dst), len) ? 0 : -EFAULT;
}

/* Futex words: *ptr == old ? *ptr = new; what was there goes to *found. 0 or -EFAULT. */
static inline int user_cmpxchg_u32(uint32_t __user *ptr, uint32_t old, uint32_t new, uint32_t *found)
{
    int e; /* not in RAX, which CMPXCHG uses */

    if (!user_ok(ptr, 4))
        return -EFAULT;
    __asm__ volatile(UA_SMAP_SITE("stac") "1: lock cmpxchgl %3, %0\n   xorl %1, %1\n2:" UA_SMAP_SITE("clac")
                         UA_ENTRY("1b", "2b", "0")
                     : "+m"(*(uint32_t *)ptr), "=&r"(e), "+a"(old)
                     : "r"(new), "1"(-EFAULT)
                     : "memory", "cc");
    *found = old;
    return e;
}
static inline int user_xchg_u32(uint32_t __user *ptr, uint32_t new, uint32_t *old)
{
    int e = 0;

    if (!user_ok(ptr, 4))
        return -EFAULT;
    __asm__ volatile(UA_SMAP_SITE("stac") "1: xchgl %2, %0\n2:" UA_SMAP_SITE("clac") UA_ENTRY("1b", "2b", "1")
                     : "+m"(*(uint32_t *)ptr), "+a"(e), "+r"(new)
                     :
                     : "memory");
    *old = new;
    return e;
}

#endif
