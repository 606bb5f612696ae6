/* SPDX-License-Identifier: BSD-2-Clause */
/* atomic.h: the compiler's atomics under short names. */
#ifndef LIB_ATOMIC_H
#define LIB_ATOMIC_H

#include "lib/types.h"

#define atomic_load(p)             __atomic_load_n(p, __ATOMIC_RELAXED)
#define atomic_load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_store(p, v)         __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define atomic_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_inc(p)              ((void)__atomic_fetch_add(p, 1, __ATOMIC_RELAXED))
#define atomic_add(p, v)           ((void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED))
#define atomic_sub(p, v)           ((void)__atomic_fetch_sub(p, v, __ATOMIC_RELAXED))
/* true when the count reached zero; orders all earlier accesses before it */
#define atomic_dec_test(p)         (__atomic_sub_fetch(p, 1, __ATOMIC_ACQ_REL) == 0)
#define atomic_xchg(p, v)          __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
#define atomic_or(p, v)            __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL)
#define atomic_and(p, v)           __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL)
/* No later load is done before an earlier store. */
#define atomic_fence()             __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define atomic_cmpxchg(p, old, new)                                                          \
    ({                                                                                       \
        __typeof__(*(p)) _o = (old);                                                         \
        __atomic_compare_exchange_n(p, &_o, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); \
    })

/* Reference counts that saturate are not needed: every reference has an owner. */
typedef struct {
    uint32_t n;
} refcount_t;

static inline void ref_init(refcount_t *r)
{
    r->n = 1;
}
/* Nobody else has a reference, nor can get one but from the caller. */
static inline bool ref_is_one(const refcount_t *r)
{
    return __atomic_load_n(&r->n, __ATOMIC_ACQUIRE) == 1;
}
static inline void ref_get(refcount_t *r)
{
    atomic_inc(&r->n);
}
/* Takes a reference unless the object is already dying. */
static __always_inline bool ref_get_unless_zero(refcount_t *r)
{
    uint32_t n = atomic_load(&r->n);

    while (n)
        if (__atomic_compare_exchange_n(&r->n, &n, n + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return true;
    return false;
}
/* true when the caller dropped the last reference and must free the object */
static inline bool ref_put(refcount_t *r)
{
    return atomic_dec_test(&r->n);
}

#endif
