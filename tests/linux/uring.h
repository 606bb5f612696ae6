/* SPDX-License-Identifier: BSD-2-Clause */
/* uring.h: a ring by raw system calls, for the tests of io_uring(7). */
#pragma once
#include "report.h"
#include <linux/io_uring.h>
#include <linux/time_types.h>

struct ring {
    int fd;
    struct io_uring_params p;
    uint32_t *sq_head, *sq_tail, *sq_flags, *sq_dropped, *sq_array, sq_mask;
    uint32_t *cq_head, *cq_tail, *cq_overflow, *cq_flags, cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    char *mem;
    size_t mem_len, sqes_len;
};

static UNUSED int sys_setup(unsigned entries, struct io_uring_params *p)
{
    return syscall(SYS_io_uring_setup, entries, p);
}
static UNUSED int sys_enter(int fd, unsigned submit, unsigned min, unsigned flags, const void *arg,
                            size_t size)
{
    return syscall(SYS_io_uring_enter, fd, submit, min, flags, arg, size);
}
static UNUSED int sys_register(int fd, unsigned op, const void *arg, unsigned nr)
{
    return syscall(SYS_io_uring_register, fd, op, arg, nr);
}

static UNUSED int ring_try(struct ring *r, unsigned entries, unsigned flags, unsigned cq_entries)
{
    memset(r, 0, sizeof(*r));
    r->p.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0);
    r->p.cq_entries = cq_entries;
    r->fd = sys_setup(entries, &r->p);
    return r->fd;
}

static UNUSED void ring_map(struct ring *r)
{
    int prot = PROT_READ | PROT_WRITE, shift = r->p.flags & IORING_SETUP_SQE128 ? 7 : 6;

    r->mem_len = r->p.sq_off.array + r->p.sq_entries * 4;
    r->sqes_len = (size_t)r->p.sq_entries << shift;
    r->mem = mmap(NULL, r->mem_len, prot, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
    r->sqes = mmap(NULL, r->sqes_len, prot, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
    if (r->mem == MAP_FAILED || (void *)r->sqes == MAP_FAILED) {
        report(0, "mapping the rings");
        exit(1);
    }
    r->sq_head = (void *)(r->mem + r->p.sq_off.head), r->sq_tail = (void *)(r->mem + r->p.sq_off.tail);
    r->sq_flags = (void *)(r->mem + r->p.sq_off.flags),
    r->sq_dropped = (void *)(r->mem + r->p.sq_off.dropped);
    r->sq_array = (void *)(r->mem + r->p.sq_off.array);
    r->cq_head = (void *)(r->mem + r->p.cq_off.head), r->cq_tail = (void *)(r->mem + r->p.cq_off.tail);
    r->cq_overflow = (void *)(r->mem + r->p.cq_off.overflow),
    r->cq_flags = (void *)(r->mem + r->p.cq_off.flags);
    r->cqes = (void *)(r->mem + r->p.cq_off.cqes);
    r->sq_mask = r->p.sq_entries - 1, r->cq_mask = r->p.cq_entries - 1;
}

static UNUSED void ring_open(struct ring *r, unsigned entries, unsigned flags)
{
    MUST(ring_try(r, entries, flags, 0));
    ring_map(r);
}

static UNUSED void ring_close(struct ring *r)
{
    munmap(r->mem, r->mem_len);
    munmap(r->sqes, r->sqes_len);
    close(r->fd);
}

/* The next entry, zeroed but for what every operation has. */
static UNUSED struct io_uring_sqe *sqe(struct ring *r, int op, int fd, const void *addr, unsigned len,
                                       uint64_t off, uint64_t data)
{
    uint32_t at = *r->sq_tail & r->sq_mask;
    struct io_uring_sqe *s = &r->sqes[at << (r->p.flags & IORING_SETUP_SQE128 ? 1 : 0)];

    memset(s, 0, sizeof(*s));
    s->opcode = op, s->fd = fd, s->addr = (uintptr_t)addr, s->len = len, s->off = off, s->user_data = data;
    r->sq_array[at] = at;
    __atomic_store_n(r->sq_tail, *r->sq_tail + 1, __ATOMIC_RELEASE);
    return s;
}

static UNUSED int submit_wait(struct ring *r, unsigned min)
{
    return sys_enter(r->fd, *r->sq_tail - *r->sq_head, min, IORING_ENTER_GETEVENTS, NULL, 0);
}

static UNUSED unsigned cq_ready(struct ring *r)
{
    return __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) - *r->cq_head;
}

struct done {
    uint64_t user_data;
    int res;
    unsigned flags;
};

/* The next completion, taken off. */
static UNUSED struct done cqe(struct ring *r)
{
    struct done c = { 0 };

    if (cq_ready(r)) {
        memcpy(&c, &r->cqes[(*r->cq_head & r->cq_mask) << (r->p.flags & IORING_SETUP_CQE32 ? 1 : 0)], 16);
        __atomic_store_n(r->cq_head, *r->cq_head + 1, __ATOMIC_RELEASE);
    } else {
        c.user_data = 0xdead;
    }
    return c;
}

static const char *res_name(int res)
{
    static char buf[4][32];
    static int at;

    if (res < 0)
        return strerrorname_np(-res) ? strerrorname_np(-res) : "?";
    snprintf(buf[++at % 4], 32, "%d", res);
    return buf[at % 4];
}

/* Says all completions, in the order of user_data (and of arrival among equals). */
static UNUSED void say(struct ring *r, const char *what)
{
    struct done c[256];
    unsigned n = 0;

    while (cq_ready(r) && n < 256) {
        struct done x = cqe(r);
        unsigned i = n++;

        for (; i && c[i - 1].user_data > x.user_data; i--)
            c[i] = c[i - 1];
        c[i] = x;
    }
    note("%s: %u completions", what, n);
    for (unsigned i = 0; i < n; i++)
        note("  %lld: %s flags %x", (long long)c[i].user_data, res_name(c[i].res), c[i].flags);
}

/* Submits what is queued, waits for n completions and says them. */
static UNUSED void go(struct ring *r, unsigned n, const char *what)
{
    unsigned nr = *r->sq_tail - *r->sq_head;
    int ret = submit_wait(r, n);

    if (ret != (int)nr)
        note("%s: submitted %s of %u", what, ret < 0 ? strerrorname_np(errno) : res_name(ret), nr);
    say(r, what);
}

/* One request by itself: its result. */
static UNUSED int one(struct ring *r)
{
    int ret = submit_wait(r, 1);

    return ret < 0 ? -errno : cqe(r).res;
}
