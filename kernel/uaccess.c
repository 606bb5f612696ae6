/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/uaccess.h"
#include "lib/string.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* Eight bytes at a time where that stays within a page, so that nothing behind the terminator is faulted in. */
ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
    typedef uint64_t __attribute__((may_alias, aligned(1))) word;
    size_t n = 0;

    while (n < size) {
        const char __user
        *p = src + n;

        if (size - n >= 8 && ((vaddr_t)p & ~PAGE_MASK) <= PAGE_SIZE - 8) {
            uint64_t w, zero;

            if (get_user(w, (const uint64_t __user *)p))
                return -EFAULT;
            *(word *)(dst + n) = w;
            zero = (w - ONES) & ~w & HIGHS; /* its lowest bit lies in the first byte that is zero */
            if (zero)
                return n + (__builtin_ctzll(zero) >> 3);
            n += 8;
        } else {
            if (get_user(dst[n], p))
                return -EFAULT;
            if (!dst[n])
                return n;
            n++;
        }
    }
    return -ENAMETOOLONG;
}

int copy_struct_from_user(void *dst, size_t known, const void __user *src, size_t size)
{
    char byte;

    memset(dst, 0, known);
    for (size_t i = known; i < size; i++) {
        if (get_user(byte, (const char __user *)src + i))
            return -EFAULT;
        if (byte)
            return -E2BIG;
    }
    return copy_from_user(dst, src, MIN(size, known)) ? -EFAULT : 0;
}
