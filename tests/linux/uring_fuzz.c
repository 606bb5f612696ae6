/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random entries, rings and registrations with wild pointers: nothing but this program may come to harm. For Proa
 * only. Arguments: seed, number of submissions.
 */
#include "uring.h"
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define ARENA (64 * 4096ul)
#define RINGS 3

static char *arena;
static uint64_t state;
static struct ring rings[RINGS];
static int fds[16];
static unsigned nr_fds;

static uint64_t rnd(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static const char *const paths[] = { ".",         "f",    "d", "d/x",  "l",     "/proc/self/maps",
                                     "/dev/null", "none", "",  "fifo", "d/../f" };

static uint64_t argument(void)
{
    static const uint64_t edges[] = {
        0,          1,          7,          4095,         4096,           4097,
        65536,      0x7fffffff, 0x80000000, 0xffffffff,   1ull << 32,     1ull << 47,
        1ull << 62, 1ull << 63, ~0ull,      ~0ull - 4095, 0x7ffffffff000, 0xffff888000000000
    };
    switch (rnd() % 8) {
    case 0:
        return edges[rnd() % (sizeof(edges) / sizeof(*edges))];
    case 1:
    case 2:
        return rnd() % 40;
    case 3:
        return (uint64_t)paths[rnd() % (sizeof(paths) / sizeof(*paths))];
    case 4:
        return (uint64_t)arena + rnd() % ARENA;
    case 5:
        return (uint64_t)arena + (rnd() % 64) * 4096;
    case 6:
        return 1ull << rnd() % 64;
    default:
        return rnd() % 5 ? rnd() % 4096 : rnd();
    }
}

/* Mostly nothing, so that entries are valid often enough. */
static uint64_t seldom(unsigned one_in)
{
    return rnd() % one_in ? 0 : argument();
}

/* With nothing around it that an operation could reach over its end. */
static void fill_arena(void)
{
    if (!arena)
        arena = (char *)mmap(NULL, 3 * ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + ARENA;
    arena = mmap(arena, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (size_t i = 0; i < ARENA / 8; i += 1 + rnd() % 16)
        ((uint64_t *)arena)[i] = argument();
}

static void make_fds(void)
{
    int p[2];

    for (int fd = 3; fd < 200; fd++) {
        int ring = 0;

        for (int i = 0; i < RINGS; i++)
            ring |= fd == rings[i].fd;
        if (!ring)
            close(fd);
    }
    nr_fds = 0;
    for (int i = 0; i < 3; i++) {
        MUST(pipe2(p, i ? 0 : O_NONBLOCK));
        fds[nr_fds++] = p[0], fds[nr_fds++] = p[1];
    }
    fds[nr_fds++] = MUST(open("f", O_RDWR));
    fds[nr_fds++] = MUST(eventfd(0, 0));
    fds[nr_fds++] = MUST(timerfd_create(CLOCK_MONOTONIC, 0));
    fds[nr_fds++] = MUST(open("/dev/zero", O_RDWR));
    fds[nr_fds++] = MUST(open(".", O_RDONLY));
    fds[nr_fds++] = rings[rnd() % RINGS].fd;
}

static int some_fd(void)
{
    return rnd() % 8 ? fds[rnd() % nr_fds] : rnd() % 4 ? 3 + (int)(rnd() % 30) : -1 - (int)(rnd() % 2) * 99;
}

static void new_ring(struct ring *r)
{
    static const unsigned flags[] = { 0, IORING_SETUP_SUBMIT_ALL, IORING_SETUP_SQE128, IORING_SETUP_CQE32,
                                      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG };
    if (r->mem)
        ring_close(r);
    ring_open(r, 1 << rnd() % 8, flags[rnd() % 5]);
}

static void fill(struct ring *r)
{
    struct io_uring_sqe *s =
        sqe(r, rnd() % 20 ? rnd() % IORING_OP_LAST : rnd(), some_fd(), 0, 0, 0, rnd() % 16);

    s->addr = argument(), s->len = rnd() % 3 ? rnd() % 5000 : argument(),
    s->off = rnd() % 2 ? rnd() % 9000 : argument();
    s->rw_flags = seldom(4), s->buf_index = seldom(5), s->splice_fd_in = rnd() % 4 ? 0 : some_fd();
    s->personality = seldom(200), s->ioprio = seldom(50), s->addr3 = seldom(3);
    if (rnd() % 3 == 0)
        s->flags = rnd() % 4 ? 1u << rnd() % 7 : rnd();
    switch (s->opcode) {
    case IORING_OP_MADVISE: /* its own memory only */
        s->addr = (uint64_t)arena + (rnd() % 64) * 4096, s->len = (rnd() % 8) * 4096, s->off = 0;
        break;
    case IORING_OP_TIMEOUT:
    case IORING_OP_LINK_TIMEOUT: {
        struct __kernel_timespec *t = (void *)(arena + (rnd() % 1000) * 16);

        t->tv_sec = 0, t->tv_nsec = rnd() % 2000000;
        s->len = 1, s->addr = (uintptr_t)t, s->off = rnd() % 4, s->buf_index = 0, s->splice_fd_in = 0;
        break;
    }
    case IORING_OP_POLL_ADD:
        s->off = s->addr = s->buf_index = 0, s->len = rnd() % 4;
        break;
    case IORING_OP_ASYNC_CANCEL:
    case IORING_OP_POLL_REMOVE:
    case IORING_OP_TIMEOUT_REMOVE:
        s->addr = rnd() % 16, s->off = s->len = 0, s->splice_fd_in = 0, s->buf_index = 0;
        break;
    case IORING_OP_CLOSE:
        if (s->fd < 3)
            s->fd = 190;
        if (rnd() % 2)
            s->off = s->addr = s->len = s->rw_flags = s->buf_index = 0;
        break;
    case IORING_OP_FALLOCATE:
        s->addr &= 0xfffff, s->off &= 0xfffff;
    }
}

static void registration(struct ring *r)
{
    unsigned op = rnd() % (IORING_REGISTER_LAST + 1), nr = rnd() % 4 ? rnd() % 8 : argument();
    uint32_t *a = (void *)(arena + (rnd() % 60) * 4096);

    if (rnd() % 3 == 0)
        for (int i = 0; i < 8; i++)
            a[i] = some_fd();
    sys_register(r->fd, op, rnd() % 4 ? (void *)a : (void *)argument(), rnd() % 2 ? nr : rnd() % 2 ? 32 : 1);
}

static void on_alarm(int sig)
{
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 1000;
    unsigned long submitted = 0, completed = 0;
    struct sigaction sa = { .sa_handler = SIG_IGN }, alarm = { .sa_handler = on_alarm };
    struct itimerval it = { { 0, 2000 }, { 0, 2000 } };

    state = (argc > 1 ? atoi(argv[1]) : 1) * 0x9e3779b97f4a7c15ull + 1;
    scratch();
    put_file("f", "text"), MUST(mkdir("d", 0755)), MUST(symlink("f", "l")), MUST(mkfifo("fifo", 0600));
    sigaction(SIGALRM, &alarm, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    sigaction(SIGPIPE, &sa, NULL), sigaction(SIGXFSZ, &sa, NULL);
    fill_arena();
    for (int i = 0; i < RINGS; i++)
        new_ring(&rings[i]);
    make_fds();
    for (int round = 0; round < rounds; round++) {
        struct ring *r = &rings[rnd() % RINGS];
        struct io_uring_getevents_arg arg = { 0 };
        struct __kernel_timespec ts = { 0, rnd() % 100000 };
        unsigned n = rnd() % 10;

        if (round % 64 == 63)
            fill_arena();
        if (round % 100 == 99)
            make_fds();
        if (rnd() % 50 == 0)
            new_ring(r);
        if (rnd() % 10 == 0)
            registration(r);
        if (rnd() % 100 == 0)
            *r->sq_tail += rnd() % 2 ? rnd() : 1;
        if (rnd() % 100 == 0)
            *r->cq_head += rnd() % 2 ? rnd() : 1;
        for (unsigned i = 0; i < n; i++)
            fill(r);
        if (argc > 3) /* a third argument: say what is submitted, to find the one that does harm */
            for (uint32_t i = *r->sq_head; i != *r->sq_tail && i - *r->sq_head < 10; i++) {
                struct io_uring_sqe *s =
                    &r->sqes[(i & r->sq_mask) << (r->p.flags & IORING_SETUP_SQE128 ? 1 : 0)];

                dprintf(2, "%d: op %d flags %x fd %d addr %llx len %x off %llx rw %x\n", round, s->opcode,
                        s->flags, s->fd, s->addr, s->len, s->off, s->rw_flags);
            }
        if (rnd() % 8 == 0) {
            uint64_t one = 1;
            int fd = fds[rnd() % nr_fds];

            if (fcntl(fd, F_GETFL) >= 0 && fd > 2 && (fcntl(fd, F_SETFL, O_NONBLOCK), 1))
                write(fd, &one, 8);
        }
        arg.ts = (uintptr_t)&ts;
        int wild = rnd() % 50 == 0; /* such an argument may ask to wait for ever */
        int ret =
            sys_enter(r->fd, rnd() % 20 ? n : argument(), wild ? 0 : rnd() % 3,
                      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | (rnd() % 50 ? 0 : (unsigned)rnd()),
                      wild ? (void *)argument() : (void *)&arg, sizeof(arg));
        if (ret > 0)
            submitted += ret;
        for (int i = 0; i < 200 && cq_ready(r); i++)
            completed += cqe(r).user_data < 1000;
        if (cq_ready(r) > r->p.cq_entries)
            *r->cq_head = *r->cq_tail;
    }
    for (int i = 0; i < RINGS; i++)
        ring_close(&rings[i]);
    note("some submitted: %d, some completed: %d", submitted > 100, completed > 100);
    return report_done();
}
