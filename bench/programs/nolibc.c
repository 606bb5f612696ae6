/* SPDX-License-Identifier: BSD-2-Clause */
/* A program without libc: write, exit. What the kernel alone needs to get a program running. */

static long syscall3(long nr, long a, long b, long c)
{
    long ret;

    __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return ret;
}

void _start(void)
{
    syscall3(1, 1, (long)"hello\n", 6);
    syscall3(231, 0, 0, 0);
    __builtin_unreachable();
}
