/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring_register(2): files, buffers, provided buffers, restrictions, probes, ring descriptors. */
#include "uring.h"
#include <sys/resource.h>

static struct ring r;

#define OP(...) (sqe(&r, __VA_ARGS__), one(&r))
#define WITH(set, ...)                                 \
    ({                                                 \
        struct io_uring_sqe *s = sqe(&r, __VA_ARGS__); \
        set;                                           \
        one(&r);                                       \
    })
#define REG(...) sys_register(r.fd, __VA_ARGS__)

static void basics(void)
{
    CHECK_ERR(REG(200, NULL, 0), EINVAL);
    CHECK_ERR(sys_register(9999, IORING_REGISTER_FILES, NULL, 0), EBADF);
    CHECK_ERR(sys_register(1, IORING_REGISTER_FILES, NULL, 0), EOPNOTSUPP);
    CHECK_ERR(REG(IORING_UNREGISTER_FILES, NULL, 0), ENXIO);
    CHECK_ERR(REG(IORING_UNREGISTER_BUFFERS, NULL, 0), ENXIO);
    CHECK_ERR(REG(IORING_REGISTER_ENABLE_RINGS, NULL, 0), EBADFD);
    CHECK_ERR(REG(IORING_REGISTER_RESTRICTIONS, &r, 0), EBADFD);
    CHECK_ERR(REG(IORING_UNREGISTER_PERSONALITY, NULL, 1), EINVAL);
    unsigned workers[2] = { 0, 0 };
    CHECK_EQ(REG(IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2), 0);
    CHECK_ERR(REG(IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 1), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_IOWQ_MAX_WORKERS, NULL, 2), EINVAL);
}

static void fixed_files(void)
{
    int p[2], fds[3], out = MUST(open("out", O_RDWR | O_CREAT | O_TRUNC, 0644));
    char c;
    struct io_uring_files_update up = { 0 };

    MUST(pipe(p));
    fds[0] = p[0], fds[1] = -1, fds[2] = out;
    CHECK_ERR(REG(IORING_REGISTER_FILES, fds, 0), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_FILES, (void *)8, 3), EFAULT);
    CHECK_ERR(REG(IORING_REGISTER_FILES, fds, 1u << 30), EMFILE);
    fds[1] = 999;
    CHECK_ERR(REG(IORING_REGISTER_FILES, fds, 3), EBADF);
    fds[1] = r.fd;
    CHECK_ERR(REG(IORING_REGISTER_FILES, fds, 3), EBADF);
    fds[1] = -1;
    CHECK_EQ(REG(IORING_REGISTER_FILES, fds, 3), 0);
    CHECK_ERR(REG(IORING_REGISTER_FILES, fds, 3), EBUSY);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 2, "abc", 3, 0, 1), 3);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 1, "abc", 3, 0, 1), -EBADF);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 3, "abc", 3, 0, 1), -EBADF);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, -1, "abc", 3, 0, 1), -EBADF);
    close(out); /* the slot keeps it */
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 2, "def", 3, 3, 1), 3);
    report(!strcmp(get_file("out"), "abcdef"), "through a slot");
    sqe(&r, IORING_OP_READ, 0, &c, 1, 0, 5)->flags = IOSQE_FIXED_FILE;
    go(&r, 0, "a read that waits");
    fds[0] = -1;
    up.fds = (uintptr_t)fds;
    CHECK_EQ(REG(IORING_REGISTER_FILES_UPDATE, &up, 1), 1);
    MUST(write(p[1], "x", 1));
    go(&r, 1, "it keeps its file");
    up.offset = 1, fds[0] = p[1], fds[1] = IORING_REGISTER_FILES_SKIP;
    CHECK_EQ(REG(IORING_REGISTER_FILES_UPDATE, &up, 2), 2);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 1, "p", 1, 0, 1), 1);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 2, "X", 1, 0, 1), 1);
    up.offset = 2;
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE, &up, 2), EINVAL);
    up.offset = 0xfffffff0;
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE, &up, 100), EOVERFLOW);
    up.offset = 0, fds[0] = p[0], fds[1] = 999;
    CHECK_EQ(REG(IORING_REGISTER_FILES_UPDATE, &up, 2), 1);
    fds[0] = 999;
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE, &up, 1), EBADF);
    up.fds = 8;
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE, &up, 1), EFAULT);
    up.resv = 1;
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE, &up, 1), EINVAL);
    fds[0] = -1, fds[1] = -1, fds[2] = -1;
    CHECK_EQ(OP(IORING_OP_FILES_UPDATE, -1, fds, 3, 0, 1), 3);
    CHECK_EQ(OP(IORING_OP_FILES_UPDATE, -1, fds, 0, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_FILES_UPDATE, -1, fds, 4, 0, 1), -EINVAL);
    fds[0] = p[0], fds[1] = p[1];
    CHECK_EQ(OP(IORING_OP_FILES_UPDATE, -1, fds, 2, IORING_FILE_INDEX_ALLOC, 1), 2);
    report(fds[0] == 2 && fds[1] == 0, "slots are chosen");
    struct io_uring_file_index_range g = { 1, 1, 0 };
    CHECK_EQ(REG(IORING_REGISTER_FILE_ALLOC_RANGE, &g, 0), 0);
    fds[0] = p[0];
    CHECK_EQ(OP(IORING_OP_FILES_UPDATE, -1, fds, 1, IORING_FILE_INDEX_ALLOC, 1), 1);
    CHECK_EQ(fds[0], 1);
    CHECK_EQ(OP(IORING_OP_FILES_UPDATE, -1, fds, 1, IORING_FILE_INDEX_ALLOC, 1), -ENFILE);
    g.len = 9;
    CHECK_ERR(REG(IORING_REGISTER_FILE_ALLOC_RANGE, &g, 0), EINVAL);
    CHECK_EQ(REG(IORING_UNREGISTER_FILES, NULL, 0), 0);
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE, &up, 1), EINVAL);
    close(p[0]), close(p[1]);
}

static void tags(void)
{
    int p[2];
    char c;
    uint64_t tag[2] = { 71, 72 };
    struct io_uring_rsrc_register g = { .nr = 2, .data = (uintptr_t)p, .tags = (uintptr_t)tag };
    struct io_uring_rsrc_update2 up = { .nr = 1 };
    int none = -1;

    MUST(pipe(p));
    CHECK_ERR(REG(IORING_REGISTER_FILES2, &g, 8), EINVAL);
    g.resv2 = 1;
    CHECK_ERR(REG(IORING_REGISTER_FILES2, &g, sizeof(g)), EINVAL);
    g.resv2 = 0, g.flags = IORING_RSRC_REGISTER_SPARSE;
    CHECK_ERR(REG(IORING_REGISTER_FILES2, &g, sizeof(g)), EINVAL);
    g.flags = 0;
    CHECK_EQ(REG(IORING_REGISTER_FILES2, &g, sizeof(g)), 0);
    sqe(&r, IORING_OP_READ, 0, &c, 1, 0, 5)->flags = IOSQE_FIXED_FILE;
    submit_wait(&r, 0);
    up.data = (uintptr_t)&none;
    CHECK_EQ(REG(IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), 1);
    go(&r, 0, "a tag while a request has the file");
    MUST(write(p[1], "x", 1));
    go(&r, 2, "and after");
    up.tags = (uintptr_t)tag;
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_FILES_UPDATE2, &up, 4), EINVAL);
    CHECK_EQ(REG(IORING_UNREGISTER_FILES, NULL, 0), 0);
    go(&r, 1, "at the end");
    g = (struct io_uring_rsrc_register){ .nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE };
    CHECK_EQ(REG(IORING_REGISTER_FILES2, &g, sizeof(g)), 0);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_WRITE, 0, "p", 1, 0, 1), -EBADF);
    CHECK_EQ(REG(IORING_UNREGISTER_FILES, NULL, 0), 0);
    close(p[0]), close(p[1]);
}

static void buffers(void)
{
    int fd = MUST(open("bufs", O_RDWR | O_CREAT | O_TRUNC, 0644)), p[2];
    char *m = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iovec v[2] = { { m, 8192 }, { NULL, 0 } };
    uint64_t tag[2] = { 81, 0 };

    MUST(pipe(p));
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 0), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 16385), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, (void *)8, 1), EFAULT);
    v[1] = (struct iovec){ NULL, 1 };
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 2), EFAULT);
    v[1] = (struct iovec){ m, 0 };
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 2), EFAULT);
    v[1] = (struct iovec){ m, 2ul << 30 };
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 2), EFAULT);
    v[1] = (struct iovec){ (void *)4096, 4096 };
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 2), EFAULT);
    v[1] = (struct iovec){ ro, 4096 };
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 2), EFAULT);
    v[1] = (struct iovec){ NULL, 0 };
    CHECK_EQ(REG(IORING_REGISTER_BUFFERS, v, 2), 0);
    CHECK_ERR(REG(IORING_REGISTER_BUFFERS, v, 2), EBUSY);
    memcpy(m + 100, "fixed", 5);
    CHECK_EQ(WITH(s->buf_index = 0, IORING_OP_WRITE_FIXED, fd, m + 100, 5, 0, 1), 5);
    CHECK_EQ(WITH(s->buf_index = 0, IORING_OP_READ_FIXED, fd, m + 8190, 2, 0, 1), 2);
    report(m[8190] == 'f' && m[8191] == 'i', "at the end of the buffer");
    CHECK_EQ(WITH(s->buf_index = 0, IORING_OP_READ_FIXED, fd, m + 8190, 3, 0, 1), -EFAULT);
    CHECK_EQ(WITH(s->buf_index = 0, IORING_OP_READ_FIXED, fd, m - 1, 3, 0, 1), -EFAULT);
    CHECK_EQ(WITH(s->buf_index = 0, IORING_OP_READ_FIXED, fd, (void *)-1ul, 3, 0, 1), -EFAULT);
    CHECK_EQ(WITH(s->buf_index = 1, IORING_OP_READ_FIXED, fd, m, 3, 0, 1), -EFAULT);
    CHECK_EQ(WITH(s->buf_index = 2, IORING_OP_READ_FIXED, fd, m, 3, 0, 1), -EFAULT);
    sqe(&r, IORING_OP_READ_FIXED, p[0], m, 10, 0, 5);
    submit_wait(&r, 0);
    CHECK_EQ(REG(IORING_REGISTER_BUFFERS_UPDATE,
                 &((struct io_uring_rsrc_update2){
                     .offset = 1, .data = (uintptr_t)v, .nr = 1, .tags = (uintptr_t)tag }),
                 sizeof(struct io_uring_rsrc_update2)),
             1);
    MUST(write(p[1], "pipe", 4));
    go(&r, 1, "a fixed read that waited");
    CHECK_EQ(WITH(s->buf_index = 1, IORING_OP_READ_FIXED, fd, m, 3, 0, 1), 3);
    CHECK_EQ(REG(IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
    go(&r, 1, "the tag");
    CHECK_EQ(WITH(s->buf_index = 0, IORING_OP_READ_FIXED, fd, m, 3, 0, 1), -EFAULT);
    close(fd), close(p[0]), close(p[1]);
    munmap(m, 16384), munmap(ro, 4096);
}

static void provided(void)
{
    int p[2], fd = MUST(open("prov", O_RDWR | O_CREAT | O_TRUNC, 0644));
    static char pool[4][16];
    struct iovec v = { NULL, 8 };
    struct io_uring_sqe *s;

    MUST(pipe(p));
    MUST(write(fd, "0123456789abcdef0123", 20));
    CHECK_EQ(WITH((s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 7), IORING_OP_READ, fd, 0, 16, 0, 1),
             -ENOBUFS);
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_PROVIDE_BUFFERS, 0, pool, 16, 0, 1), -E2BIG);
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_PROVIDE_BUFFERS, 1, (void *)-4096ul, 16, 0, 1), -EFAULT);
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_PROVIDE_BUFFERS, 4, pool, 16, 10, 1), 0);
    s = sqe(&r, IORING_OP_READ, fd, 0, 16, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 7;
    go(&r, 1, "a buffer is chosen");
    report(!memcmp(pool[0], "0123456789abcdef", 16), "the first");
    s = sqe(&r, IORING_OP_READ, fd, 0, 0, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 7;
    go(&r, 1, "of its own length");
    s = sqe(&r, IORING_OP_READV, fd, &v, 1, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 7;
    go(&r, 1, "by a vector's length");
    s = sqe(&r, IORING_OP_READ, p[0], 0, 16, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 7;
    go(&r, 0, "nothing to read");
    MUST(write(p[1], "pipe", 4));
    go(&r, 1, "chosen when there is");
    report(!memcmp(pool[3], "pipe", 4), "the last");
    s = sqe(&r, IORING_OP_READ, fd, 0, 16, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 7;
    go(&r, 1, "no more");
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_PROVIDE_BUFFERS, 4, pool, 16, 0, 1), 0);
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_REMOVE_BUFFERS, 3, 0, 0, 0, 1), 3);
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_REMOVE_BUFFERS, 3, 0, 0, 0, 1), 1);
    CHECK_EQ(WITH(s->buf_group = 8, IORING_OP_REMOVE_BUFFERS, 3, 0, 0, 0, 1), -ENOENT);
    CHECK_EQ(WITH(s->buf_group = 7, IORING_OP_REMOVE_BUFFERS, 0, 0, 0, 0, 1), -EINVAL);
    close(fd), close(p[0]), close(p[1]);
}

static void buffer_rings(void)
{
    struct io_uring_buf_ring *b =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct io_uring_buf_reg reg = { .ring_addr = (uintptr_t)b, .ring_entries = 4, .bgid = 3 };
    static char pool[4][16];
    struct io_uring_sqe *s;
    int p[2];

    MUST(pipe(p));
    reg.ring_entries = 3;
    CHECK_ERR(REG(IORING_REGISTER_PBUF_RING, &reg, 1), EINVAL);
    reg.ring_entries = 65536;
    CHECK_ERR(REG(IORING_REGISTER_PBUF_RING, &reg, 1), EINVAL);
    reg.ring_entries = 4;
    CHECK_ERR(REG(IORING_REGISTER_PBUF_RING, &reg, 2), EINVAL);
    CHECK_EQ(REG(IORING_REGISTER_PBUF_RING, &reg, 1), 0);
    CHECK_ERR(REG(IORING_REGISTER_PBUF_RING, &reg, 1), EEXIST);
    for (int i = 0; i < 3; i++)
        b->bufs[i].addr = (uintptr_t)pool[i], b->bufs[i].len = 16, b->bufs[i].bid = 20 + i;
    __atomic_store_n(&b->tail, 3, __ATOMIC_RELEASE);
    MUST(write(p[1], "first", 5));
    s = sqe(&r, IORING_OP_READ, p[0], 0, 16, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 3;
    go(&r, 1, "from a ring of buffers");
    s = sqe(&r, IORING_OP_READ, p[0], 0, 4, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 3;
    submit_wait(&r, 0);
    MUST(write(p[1], "second", 6));
    go(&r, 1, "after waiting");
    s = sqe(&r, IORING_OP_READ, p[0], 0, 0, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 3;
    go(&r, 1, "the third");
    s = sqe(&r, IORING_OP_READ, p[0], 0, 0, 0, 1), s->flags = IOSQE_BUFFER_SELECT, s->buf_group = 3;
    MUST(write(p[1], "x", 1));
    go(&r, 1, "empty");
    report(!memcmp(pool[0], "first", 5) && !memcmp(pool[1], "seco", 4) && !memcmp(pool[2], "nd", 2),
           "in order");
    sqe(&r, IORING_OP_PROVIDE_BUFFERS, 1, pool, 16, 0, 1)->buf_group = 3, CHECK_EQ(one(&r), -EINVAL);
    CHECK_EQ(REG(IORING_UNREGISTER_PBUF_RING, &reg, 1), 0);
    CHECK_ERR(REG(IORING_UNREGISTER_PBUF_RING, &reg, 1), ENOENT);
    close(p[0]), close(p[1]);
    munmap(b, 4096);
}

static void restrictions(void)
{
    struct io_uring_restriction q[4] = {
        { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
        { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
        { .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_ENABLE_RINGS },
        { .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_IO_LINK },
    };
    int fds[1] = { -1 };

    ring_open(&r, 8, IORING_SETUP_R_DISABLED);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    CHECK_ERR(sys_enter(r.fd, 1, 0, 0, NULL, 0), EBADFD);
    CHECK_EQ(REG(IORING_REGISTER_RESTRICTIONS, q, 4), 0);
    CHECK_ERR(REG(IORING_REGISTER_RESTRICTIONS, q, 4), EBUSY);
    CHECK_EQ(REG(IORING_REGISTER_ENABLE_RINGS, NULL, 0), 0);
    CHECK_ERR(REG(IORING_REGISTER_FILES, fds, 1), EACCES);
    CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_WRITE, 1, "x", 1, 0, 1), CHECK_EQ(one(&r), -EACCES);
    sqe(&r, IORING_OP_NOP, 1, 0, 0, 0, 1)->flags = IOSQE_ASYNC, CHECK_EQ(one(&r), -EACCES);
    sqe(&r, IORING_OP_NOP, 1, 0, 0, 0, 1)->flags = IOSQE_IO_LINK, CHECK_EQ(one(&r), 0);
    ring_close(&r);
    ring_open(&r, 8, IORING_SETUP_R_DISABLED);
    q[0].opcode = 9;
    CHECK_ERR(REG(IORING_REGISTER_RESTRICTIONS, q, 1), EINVAL);
    ring_close(&r);
}

static void probing(void)
{
    struct {
        struct io_uring_probe p;
        struct io_uring_probe_op ops[256];
    } u = { 0 };
    static const int ops[] = { IORING_OP_NOP,     IORING_OP_READV,        IORING_OP_POLL_ADD,
                               IORING_OP_TIMEOUT, IORING_OP_ASYNC_CANCEL, IORING_OP_OPENAT2,
                               IORING_OP_SPLICE,  IORING_OP_LINKAT,       IORING_OP_MSG_RING,
                               IORING_OP_GETXATTR };

    CHECK_EQ(REG(IORING_REGISTER_PROBE, &u, 200), 0);
    report(u.p.last_op >= IORING_OP_SENDMSG_ZC, "the last operation");
    for (unsigned i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        report(u.ops[ops[i]].op == ops[i] && (u.ops[ops[i]].flags & IO_URING_OP_SUPPORTED), "operation %d",
               ops[i]);
    CHECK_ERR(REG(IORING_REGISTER_PROBE, &u, 200), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_PROBE, NULL, 200), EINVAL);
    CHECK_ERR(REG(IORING_REGISTER_PROBE, (void *)8, 200), EFAULT);
    CHECK_ERR(REG(IORING_REGISTER_PROBE, &u, 257), EINVAL);
}

static void ring_fds(void)
{
    struct io_uring_rsrc_update u = { .offset = -1, .data = r.fd };

    CHECK_ERR(sys_enter(0, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0), EBADF);
    CHECK_ERR(sys_enter(99, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0), EINVAL);
    CHECK_EQ(REG(IORING_REGISTER_RING_FDS, &u, 1), 1);
    CHECK_EQ(u.offset, 0);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    CHECK_EQ(sys_enter(0, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING, NULL, 0), 1);
    say(&r, "by its registered number");
    u.offset = 0, u.data = r.fd;
    CHECK_ERR(REG(IORING_REGISTER_RING_FDS, &u, 1), EBUSY);
    u.offset = 99;
    CHECK_ERR(REG(IORING_REGISTER_RING_FDS, &u, 1), EINVAL);
    u.offset = -1, u.data = 1;
    CHECK_ERR(REG(IORING_REGISTER_RING_FDS, &u, 1), EOPNOTSUPP);
    u.data = 999;
    CHECK_ERR(REG(IORING_REGISTER_RING_FDS, &u, 1), EBADF);
    CHECK_ERR(REG(IORING_REGISTER_RING_FDS, &u, 17), EINVAL);
    u.offset = 0, u.data = 0;
    CHECK_EQ(REG(IORING_UNREGISTER_RING_FDS, &u, 1), 1);
    CHECK_ERR(sys_enter(0, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0), EBADF);
}

int main(void)
{
    scratch();
    ring_open(&r, 8, IORING_SETUP_SUBMIT_ALL);
    basics();
    fixed_files();
    tags();
    buffers();
    provided();
    buffer_rings();
    probing();
    ring_fds();
    ring_close(&r);
    restrictions();
    return report_done();
}
