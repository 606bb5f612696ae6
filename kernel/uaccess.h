/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uaccess.h: the only gate to the application's memory. All may fault pages in (and so sleep); none crashes.
 * Called by threads of a process, without spin locks. 0 or -EFAULT unless said.
 *
 * arch/uaccess.h provides: copy_from_user, copy_to_user, clear_user (return 0 or -EFAULT; a partial copy may
 * have happened), copy_from_user_partial / copy_to_user_partial (return bytes NOT copied), get_user(x, ptr),
 * put_user(x, ptr) for 1, 2, 4, 8 byte objects, user_ok(ptr, len), user_cmpxchg_u32, user_xchg_u32 (futex).
 */
#ifndef KERNEL_UACCESS_H
#define KERNEL_UACCESS_H

#include "abi/errno.h"
#include "arch/uaccess.h"
#include "lib/types.h"

/* Copies a terminated string; returns its length without the terminator, -EFAULT, or -ENAMETOOLONG when no
 * terminator is among the first size bytes. */
ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size);

/* A structure that grows with time, known bytes of it here and size there: what the caller does not know is zero; it may
 * pass more than we know as long as that is zero, else -E2BIG. Sleeps. */
int copy_struct_from_user(void *dst, size_t known, const void __user *src, size_t size);

#endif
