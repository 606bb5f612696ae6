/* SPDX-License-Identifier: BSD-2-Clause */
/* read, write, their positional and vector forms, lseek, truncate, fallocate, holes, limits. */
#include "report.h"
#include <sys/resource.h>
#include <sys/uio.h>

static char buf[1 << 16];
#define FALLOC_KEEP  1
#define FALLOC_PUNCH 2

static long size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) ? -1 : (long)st.st_size;
}

static void test_positions(int fd)
{
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(lseek(fd, -4, SEEK_END), 6);
    CHECK_EQ(read(fd, buf, 100), 4);
    CHECK_EQ(read(fd, buf, 100), 0);
    CHECK_EQ(lseek(fd, -10, SEEK_CUR), 0);
    CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERR(lseek(fd, -1, SEEK_CUR), EINVAL);
    CHECK_ERR(lseek(fd, 0, 9), EINVAL);
    CHECK_ERR(lseek(-1, 0, SEEK_SET), EBADF);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(pread(fd, buf, 3, 5), 3);
    CHECK(!memcmp(buf, "567", 3));
    CHECK_EQ(pwrite(fd, "ab", 2, 0), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_ERR(pread(fd, buf, 1, -1), EINVAL);
    CHECK_ERR(pwrite(fd, buf, 1, -1), EINVAL);
    CHECK_EQ(pread(fd, buf, 10, 1000), 0);
    CHECK_EQ(lseek(fd, 20, SEEK_SET), 20);
    CHECK_EQ(size_of(fd), 10);
    CHECK_EQ(write(fd, "Z", 1), 1);
    CHECK_EQ(size_of(fd), 21);
    CHECK_EQ(pread(fd, buf, 11, 10), 11);
    CHECK(!memcmp(buf, "\0\0\0\0\0\0\0\0\0\0Z", 11));
    CHECK_EQ(read(fd, NULL, 0), 0);
    CHECK_ERR(read(fd, buf, -1), EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERR(read(fd, (void *)16, 5), EFAULT);
    CHECK_ERR(write(fd, (void *)16, 5), EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

static void test_vectors(int fd)
{
    static struct iovec many[1025];
    struct iovec v[3] = { { "one", 3 }, { "-", 1 }, { "three", 5 } };
    char a[4] = "", b[20] = "";
    struct iovec r[2] = { { a, 3 }, { b, sizeof(b) } };

    MUST(ftruncate(fd, 0)), lseek(fd, 0, SEEK_SET);
    CHECK_EQ(writev(fd, v, 3), 9);
    CHECK_EQ(preadv(fd, r, 2, 0), 9);
    CHECK(!strcmp(a, "one") && !strcmp(b, "-three"));
    CHECK_EQ(pwritev(fd, v, 1, 4), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    memset(b, 0, sizeof(b));
    CHECK_EQ(readv(fd, r, 2), 9);
    CHECK(!strcmp(b, "-oneee"));
    CHECK_EQ(writev(fd, v, 0), 0);
    CHECK_ERR(writev(fd, v, -1), EINVAL);
    CHECK_ERR(writev(fd, many, 1025), EINVAL);
    CHECK_EQ(writev(fd, many, 1024), 0);
    many[0].iov_len = -1;
    CHECK_ERR(readv(fd, many, 1), EINVAL);
    many[0].iov_base = buf, many[0].iov_len = LONG_MAX, many[1].iov_len = LONG_MAX;
    CHECK_ERR(writev(fd, (void *)16, 2), EFAULT);
    v[1].iov_base = (void *)16; /* what comes before the bad piece is written */
    MUST(ftruncate(fd, 0)), lseek(fd, 0, SEEK_SET);
    CHECK_EQ(writev(fd, v, 3), 3);
    CHECK_EQ(size_of(fd), 3);
    /* preadv2 and pwritev2: offset -1 means the file's position; flags */
    v[1].iov_base = "-";
    lseek(fd, 1, SEEK_SET);
    CHECK_EQ(syscall(SYS_pwritev2, fd, v, 3, -1l, 0l, 0), 9);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(syscall(SYS_pwritev2, fd, v, 1, 0l, 0l, 0x10), 3); /* RWF_APPEND */
    CHECK_EQ(size_of(fd), 13);
    CHECK_EQ(syscall(SYS_preadv2, fd, r, 2, 0l, 0l, 0), 13);
    CHECK_ERR(syscall(SYS_preadv2, fd, r, 2, 0l, 0l, 0x4000), EOPNOTSUPP);
}

static void test_truncate(int fd)
{
    MUST(ftruncate(fd, 0));
    memset(buf, 'x', sizeof(buf));
    CHECK_EQ(pwrite(fd, buf, 10000, 0), 10000);
    CHECK_EQ(ftruncate(fd, 5000), 0);
    CHECK_EQ(ftruncate(fd, 9000), 0);
    memset(buf, 'y', sizeof(buf));
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 9000);
    CHECK(buf[4999] == 'x' && buf[5000] == 0 && buf[8999] == 0);
    CHECK_ERR(ftruncate(fd, -1), EINVAL);
    CHECK_ERR(truncate("none", 0), ENOENT);
    CHECK_ERR(truncate(".", 0), EISDIR);
    CHECK_EQ(truncate("f", 100), 0);
    CHECK_EQ(size_of(fd), 100);
    CHECK_ERR(ftruncate(-1, 0), EBADF);
}

static void test_holes(int fd)
{
    struct stat st;

    MUST(ftruncate(fd, 0));
    CHECK_EQ(ftruncate(fd, 1l << 40), 0);
    CHECK_EQ(pwrite(fd, "data", 4, 1l << 30), 4);
    fstat(fd, &st);
    CHECK_EQ(st.st_size, 1l << 40);
    CHECK_EQ(st.st_blocks, 8);
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), 1l << 30);
    CHECK_EQ(lseek(fd, 1l << 30, SEEK_HOLE), (1l << 30) + 4096);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
    CHECK_ERR(lseek(fd, 1l << 31, SEEK_DATA), ENXIO);
    CHECK_ERR(lseek(fd, 1l << 40, SEEK_HOLE), ENXIO);
    CHECK_EQ(lseek(fd, (1l << 40) - 1, SEEK_HOLE), (1l << 40) - 1);
    CHECK_EQ(pread(fd, buf, 8, (1l << 30) - 2), 8);
    CHECK(!memcmp(buf, "\0\0data\0\0", 8));
    CHECK_EQ(pwrite(fd, "end", 3, (1l << 40) - 3), 3);
    CHECK_EQ(ftruncate(fd, 0), 0);
    fstat(fd, &st);
    CHECK_EQ(st.st_blocks, 0);
}

static void test_fallocate(int fd)
{
    struct stat st;

    CHECK_EQ(fallocate(fd, 0, 0, 10000), 0);
    fstat(fd, &st);
    CHECK_EQ(st.st_size, 10000);
    CHECK_EQ(st.st_blocks, 24);
    CHECK_EQ(fallocate(fd, FALLOC_KEEP, 0, 100000), 0);
    CHECK_EQ(size_of(fd), 10000);
    memset(buf, 'x', 16384);
    CHECK_EQ(pwrite(fd, buf, 16384, 0), 16384);
    CHECK_EQ(fallocate(fd, FALLOC_PUNCH | FALLOC_KEEP, 4000, 4196), 0);
    memset(buf, 'y', sizeof(buf));
    CHECK_EQ(pread(fd, buf, 16384, 0), 16384);
    CHECK(buf[3999] == 'x' && buf[4000] == 0 && buf[8195] == 0 && buf[8196] == 'x');
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 4096);
    CHECK_EQ(lseek(fd, 4096, SEEK_DATA), 8192);
    CHECK_ERR(fallocate(fd, FALLOC_PUNCH, 0, 1), EOPNOTSUPP);
    CHECK_ERR(fallocate(fd, 0, -1, 1), EINVAL);
    CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_ERR(fallocate(-1, 0, 0, 1), EBADF);
    CHECK_ERR(fallocate(fd, 0, LONG_MAX, LONG_MAX), EFBIG);
    int ro = MUST(open("f", O_RDONLY));
    CHECK_ERR(fallocate(ro, 0, 0, 1), EBADF);
    close(ro);
    CHECK_EQ(posix_fallocate(fd, 0, 50000), 0);
    CHECK_EQ(size_of(fd), 50000);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
    CHECK_EQ(posix_fadvise(fd, 0, 0, 77), EINVAL);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    CHECK_ERR(fsync(-1), EBADF);
    sync();
    CHECK_EQ(syncfs(fd), 0);
}

static int got_xfsz;

static void on_xfsz(int sig)
{
    got_xfsz++;
}

static void test_file_limit(int fd)
{
    struct rlimit r = { 1000, RLIM_INFINITY };

    MUST(ftruncate(fd, 0));
    signal(SIGXFSZ, on_xfsz);
    MUST(setrlimit(RLIMIT_FSIZE, &r));
    CHECK_EQ(pwrite(fd, buf, 600, 600), 400);
    CHECK_EQ(lseek(fd, 900, SEEK_SET), 900);
    CHECK_EQ(write(fd, buf, 600), 100);
    CHECK_EQ(got_xfsz, 0);
    CHECK_ERR(pwrite(fd, buf, 1, 1000), EFBIG);
    CHECK_EQ(got_xfsz, 1);
    CHECK_ERR(ftruncate(fd, 2000), EFBIG);
    CHECK_EQ(got_xfsz, 2);
    r.rlim_cur = RLIM_INFINITY;
    MUST(setrlimit(RLIMIT_FSIZE, &r));
}

static void test_large(int fd)
{
    /* a pattern larger than any internal buffer, written and read at odd offsets */
    size_t n = 3 << 20;
    unsigned char *p = malloc(n), *q = malloc(n);

    MUST(ftruncate(fd, 0));
    for (size_t i = 0; i < n; i++)
        p[i] = i * 2654435761u >> 13;
    CHECK_EQ(pwrite(fd, p, n, 777), (long)n);
    size_t got = 0;
    for (size_t step = 1; got < n; step = step * 3 % 70001 + 1) {
        ssize_t k = pread(fd, q + got, step < n - got ? step : n - got, 777 + got);
        if (k <= 0)
            break;
        got += k;
    }
    CHECK_EQ(got, n);
    CHECK(!memcmp(p, q, n));
    free(p), free(q);
}

int main(void)
{
    int fd;

    scratch();
    fd = MUST(open("f", O_CREAT | O_RDWR, 0644));
    test_positions(fd);
    test_vectors(fd);
    test_truncate(fd);
    test_holes(fd);
    test_fallocate(fd);
    test_file_limit(fd);
    test_large(fd);
    return report_done();
}
