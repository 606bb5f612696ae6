/* SPDX-License-Identifier: BSD-2-Clause */
/* sendfile, splice, tee, vmsplice, copy_file_range. */
#include "report.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

static char buf[1 << 17], pattern[1 << 17];

static void test_sendfile(int in, int out)
{
    off_t at = 100;
    int p[2];

    CHECK_EQ(sendfile(out, in, &at, 1000), 1000);
    CHECK_EQ(at, 1100);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
    CHECK_EQ(lseek(out, 0, SEEK_CUR), 1000);
    CHECK_EQ(pread(out, buf, 1000, 0), 1000);
    CHECK(!memcmp(buf, pattern + 100, 1000));
    CHECK_EQ(sendfile(out, in, NULL, 200000), (long)sizeof(pattern));
    CHECK_EQ(lseek(in, 0, SEEK_CUR), (long)sizeof(pattern));
    CHECK_EQ(sendfile(out, in, NULL, 10), 0);
    MUST(pipe2(p, O_NONBLOCK));
    at = 0;
    CHECK_EQ(sendfile(p[1], in, &at, sizeof(pattern)), 65536);
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 65536);
    CHECK(!memcmp(buf, pattern, 65536));
    CHECK_ERR(sendfile(out, p[0], NULL, 10), EINVAL);
    CHECK_ERR(sendfile(out, -1, NULL, 10), EBADF);
    CHECK_ERR(sendfile(in, out, NULL, 10), EBADF); /* in is read-only */
    at = -1;
    CHECK_ERR(sendfile(out, in, &at, 10), EINVAL);
    CHECK_ERR(sendfile(out, in, (off_t *)8, 10), EFAULT);
    close(p[0]), close(p[1]);
}

static void test_splice(int in, int out)
{
    int p[2], q[2];
    loff_t at = 10;

    MUST(pipe2(p, O_NONBLOCK)), MUST(pipe2(q, O_NONBLOCK));
    CHECK_EQ(splice(in, &at, p[1], NULL, 5000, 0), 5000);
    CHECK_EQ(at, 5010);
    MUST(ftruncate(out, 0)), lseek(out, 0, SEEK_SET);
    CHECK_EQ(tee(p[0], q[1], 100000, 0), 5000);
    CHECK_EQ(splice(p[0], NULL, out, NULL, 100000, 0), 5000);
    CHECK_EQ(pread(out, buf, 10000, 0), 5000);
    CHECK(!memcmp(buf, pattern + 10, 5000));
    CHECK_EQ(read(q[0], buf, 10000), 5000);
    CHECK(!memcmp(buf, pattern + 10, 5000));
    CHECK_ERR(splice(p[0], NULL, out, NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(write(p[1], "through", 7), 7);
    CHECK_EQ(splice(p[0], NULL, q[1], NULL, 4, 0), 4);
    CHECK_EQ(read(q[0], buf, 10), 4);
    CHECK(!memcmp(buf, "thro", 4));
    CHECK_EQ(read(p[0], buf, 10), 3);
    CHECK_ERR(splice(in, NULL, out, NULL, 10, 0), EINVAL); /* one must be a pipe */
    CHECK_ERR(splice(p[0], &at, q[1], NULL, 10, 0), ESPIPE);
    CHECK_ERR(splice(p[0], NULL, p[1], NULL, 10, 0), EINVAL);
    CHECK_ERR(splice(-1, NULL, p[1], NULL, 10, 0), EBADF);
    CHECK_ERR(tee(in, p[1], 10, 0), EINVAL);
    CHECK_EQ(splice(in, NULL, p[1], NULL, 0, 0), 0);
    struct iovec v[2] = { { "gather", 6 }, { "ed", 2 } };
    CHECK_EQ(vmsplice(p[1], v, 2, 0), 8);
    CHECK_EQ(read(p[0], buf, 100), 8);
    CHECK(!memcmp(buf, "gathered", 8));
    lseek(in, 0, SEEK_END);
    CHECK_EQ(splice(in, NULL, p[1], NULL, 10, 0), 0);
    close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void test_copy_range(int in, int out)
{
    loff_t from = 5, to = 50000;
    int append;
    struct stat st;

    MUST(ftruncate(out, 0));
    CHECK_EQ(copy_file_range(in, &from, out, &to, 70000, 0), 70000);
    CHECK(from == 70005 && to == 120000);
    CHECK_EQ(pread(out, buf, 70000, 50000), 70000);
    CHECK(!memcmp(buf, pattern + 5, 70000));
    fstat(out, &st);
    CHECK_EQ(st.st_size, 120000);
    from = 200000;
    CHECK_EQ(copy_file_range(in, &from, out, &to, 10, 0), 0);
    from = 0, to = 5;
    CHECK_ERR(copy_file_range(out, &from, out, &to, 10, 0), EINVAL); /* overlap */
    to = 200000;
    CHECK_EQ(copy_file_range(out, &from, out, &to, 10, 0), 10);
    CHECK_ERR(copy_file_range(in, &from, out, &to, 10, 1), EINVAL);
    CHECK_ERR(copy_file_range(in, &from, in, &to, 10, 0), EBADF);
    append = MUST(open("out", O_WRONLY | O_APPEND));
    CHECK_ERR(copy_file_range(in, &from, append, NULL, 10, 0), EBADF);
    int dir = MUST(open(".", O_RDONLY));
    CHECK_ERR(copy_file_range(dir, NULL, out, NULL, 10, 0), EISDIR);
    close(dir), close(append);
}

int main(void)
{
    int in, out;

    scratch();
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i * 2654435761u >> 11;
    in = MUST(open("in", O_CREAT | O_RDWR, 0644));
    MUST(write(in, pattern, sizeof(pattern)));
    close(in);
    in = MUST(open("in", O_RDONLY));
    out = MUST(open("out", O_CREAT | O_RDWR, 0644));
    test_sendfile(in, out);
    test_splice(in, out);
    test_copy_range(in, out);
    return report_done();
}
