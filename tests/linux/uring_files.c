/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring(7): operations on names, open files and memory. */
#include "uring.h"
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#define OP(...) (sqe(&r, __VA_ARGS__), one(&r))
#define WITH(set, ...)                                 \
    ({                                                 \
        struct io_uring_sqe *s = sqe(&r, __VA_ARGS__); \
        set;                                           \
        one(&r);                                       \
    })

static struct ring r;

static void opening(void)
{
    char buf[8] = "";
    struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_BENEATH };
    int fd, dir = MUST(open(".", O_RDONLY | O_DIRECTORY));

    put_file("a", "text");
    fd = OP(IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1);
    report(fd >= 0 && read(fd, buf, 8) == 4 && !strcmp(buf, "text"), "openat");
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDONLY);
    CHECK_EQ(OP(IORING_OP_CLOSE, fd, 0, 0, 0, 1), 0);
    CHECK_EQ(OP(IORING_OP_CLOSE, fd, 0, 0, 0, 1), -EBADF);
    fd = WITH(s->open_flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, IORING_OP_OPENAT, dir, "b", 0640, 0, 1);
    report(fd >= 0, "made");
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    struct stat st;
    MUST(fstat(fd, &st));
    CHECK_EQ(st.st_mode & 07777, 0640);
    close(fd);
    CHECK_EQ(WITH(s->open_flags = O_CREAT | O_EXCL, IORING_OP_OPENAT, dir, "b", 0640, 0, 1), -EEXIST);
    CHECK_EQ(OP(IORING_OP_OPENAT, AT_FDCWD, "none", 0, 0, 1), -ENOENT);
    CHECK_EQ(OP(IORING_OP_OPENAT, 999, "a", 0, 0, 1), -EBADF);
    CHECK_EQ(OP(IORING_OP_OPENAT, AT_FDCWD, (void *)8, 0, 0, 1), -EFAULT);
    CHECK_EQ(OP(IORING_OP_OPENAT, AT_FDCWD, "", 0, 0, 1), -ENOENT);
    CHECK_EQ(WITH(s->buf_index = 1, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1), -EINVAL);
    CHECK_EQ(WITH(s->flags = IOSQE_FIXED_FILE, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1), -EBADF);
    fd = OP(IORING_OP_OPENAT2, dir, "a", sizeof(how), (uintptr_t)&how, 1);
    report(fd >= 0, "openat2");
    close(fd);
    CHECK_EQ(OP(IORING_OP_OPENAT2, dir, "../x", sizeof(how), (uintptr_t)&how, 1), -EXDEV);
    CHECK_EQ(OP(IORING_OP_OPENAT2, dir, "a", 8, (uintptr_t)&how, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_OPENAT2, dir, "a", sizeof(how), 8, 1), -EFAULT);
    CHECK_EQ(OP(IORING_OP_CLOSE, dir, 0, 1, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_CLOSE, r.fd, 0, 0, 0, 1), -EBADF);
    MUST(mkfifo("fifo", 0600));
    fd = OP(IORING_OP_OPENAT, AT_FDCWD, "fifo", 0, 0, 1);
    report(fd >= 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK), "a fifo without a writer");
    close(fd);
    CHECK_EQ(OP(IORING_OP_CLOSE, dir, 0, 0, 0, 1), 0);
    /* a chain: open into a slot, read from it, close it */
    int none[2] = { -1, -1 };
    MUST(sys_register(r.fd, IORING_REGISTER_FILES, none, 2));
    struct io_uring_sqe *s = sqe(&r, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1);
    s->file_index = 2, s->flags = IOSQE_IO_LINK;
    memset(buf, 0, sizeof(buf));
    sqe(&r, IORING_OP_READ, 1, buf, 4, 0, 2)->flags = IOSQE_FIXED_FILE | IOSQE_IO_LINK;
    sqe(&r, IORING_OP_CLOSE, 0, 0, 0, 0, 3)->file_index = 2;
    go(&r, 3, "through a slot");
    report(!strcmp(buf, "text"), "read");
    CHECK_EQ(WITH(s->file_index = 2, IORING_OP_CLOSE, 0, 0, 0, 0, 1), -EBADF);
    CHECK_EQ(WITH(s->file_index = 9, IORING_OP_CLOSE, 0, 0, 0, 0, 1), -EINVAL);
    CHECK_EQ(WITH(s->file_index = 3, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1), -EINVAL);
    CHECK_EQ(WITH((s->file_index = 1, s->open_flags = O_CLOEXEC), IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1),
             -EINVAL);
    CHECK_EQ(WITH(s->file_index = IORING_FILE_INDEX_ALLOC, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1), 1);
    CHECK_EQ(WITH(s->file_index = IORING_FILE_INDEX_ALLOC, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1), 0);
    CHECK_EQ(WITH(s->file_index = IORING_FILE_INDEX_ALLOC, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1),
             -ENFILE);
    MUST(sys_register(r.fd, IORING_UNREGISTER_FILES, NULL, 0));
    CHECK_EQ(WITH(s->file_index = 1, IORING_OP_OPENAT, AT_FDCWD, "a", 0, 0, 1), -ENXIO);
    CHECK_EQ(WITH(s->file_index = 1, IORING_OP_CLOSE, 0, 0, 0, 0, 1), -ENXIO);
}

static void names(void)
{
    char name[16] = "later";
    struct statx st;
    int p[2];
    char c;

    CHECK_EQ(OP(IORING_OP_MKDIRAT, AT_FDCWD, "dir", 0755, 0, 1), 0);
    CHECK_EQ(OP(IORING_OP_MKDIRAT, AT_FDCWD, "dir", 0755, 0, 1), -EEXIST);
    CHECK_EQ(OP(IORING_OP_MKDIRAT, AT_FDCWD, "x/y", 0755, 0, 1), -ENOENT);
    CHECK_EQ(OP(IORING_OP_SYMLINKAT, AT_FDCWD, "a", 0, (uintptr_t) "dir/link", 1), 0);
    CHECK_EQ(OP(IORING_OP_SYMLINKAT, AT_FDCWD, "", 0, (uintptr_t) "dir/link2", 1), -ENOENT);
    CHECK_EQ(OP(IORING_OP_LINKAT, AT_FDCWD, "a", AT_FDCWD, (uintptr_t) "dir/hard", 1), 0);
    CHECK_EQ(WITH(s->hardlink_flags = 1 << 20, IORING_OP_LINKAT, AT_FDCWD, "a", AT_FDCWD, (uintptr_t) "h", 1),
             -EINVAL);
    CHECK_EQ(OP(IORING_OP_STATX, AT_FDCWD, "a", STATX_BASIC_STATS, (uintptr_t)&st, 1), 0);
    CHECK_EQ(st.stx_nlink, 2);
    CHECK_EQ(st.stx_size, 4);
    CHECK_EQ(OP(IORING_OP_STATX, AT_FDCWD, "a", STATX_BASIC_STATS, 8, 1), -EFAULT);
    CHECK_EQ(OP(IORING_OP_STATX, AT_FDCWD, "nope", STATX_BASIC_STATS, (uintptr_t)&st, 1), -ENOENT);
    CHECK_EQ(WITH(s->statx_flags = AT_SYMLINK_NOFOLLOW, IORING_OP_STATX, AT_FDCWD, "dir/link", STATX_MODE,
                  (uintptr_t)&st, 1),
             0);
    report(S_ISLNK(st.stx_mode), "not followed");
    CHECK_EQ(WITH(s->statx_flags = AT_EMPTY_PATH, IORING_OP_STATX, r.fd, "", STATX_MODE, (uintptr_t)&st, 1),
             0);
    CHECK_EQ(WITH(s->statx_flags = 1u << 25, IORING_OP_STATX, AT_FDCWD, "a", STATX_MODE, (uintptr_t)&st, 1),
             -EINVAL);
    CHECK_EQ(OP(IORING_OP_RENAMEAT, AT_FDCWD, "dir/hard", AT_FDCWD, (uintptr_t) "dir/moved", 1), 0);
    CHECK_EQ(OP(IORING_OP_RENAMEAT, AT_FDCWD, "dir/hard", AT_FDCWD, (uintptr_t) "dir/moved", 1), -ENOENT);
    CHECK_EQ(WITH(s->rename_flags = 1, IORING_OP_RENAMEAT, AT_FDCWD, "dir/link", AT_FDCWD,
                  (uintptr_t) "dir/moved", 1),
             -EEXIST);
    CHECK_EQ(OP(IORING_OP_UNLINKAT, AT_FDCWD, "dir", 0, 0, 1), -EISDIR);
    CHECK_EQ(WITH(s->unlink_flags = AT_REMOVEDIR, IORING_OP_UNLINKAT, AT_FDCWD, "dir", 0, 0, 1), -ENOTEMPTY);
    CHECK_EQ(OP(IORING_OP_UNLINKAT, AT_FDCWD, "dir/moved", 0, 0, 1), 0);
    CHECK_EQ(OP(IORING_OP_UNLINKAT, AT_FDCWD, "dir/link", 0, 0, 1), 0);
    CHECK_EQ(WITH(s->unlink_flags = 1, IORING_OP_UNLINKAT, AT_FDCWD, "dir", 0, 0, 1), -EINVAL);
    CHECK_EQ(WITH(s->unlink_flags = AT_REMOVEDIR, IORING_OP_UNLINKAT, AT_FDCWD, "dir", 0, 0, 1), 0);
    CHECK_EQ(OP(IORING_OP_UNLINKAT, AT_FDCWD, (void *)8, 0, 0, 1), -EFAULT);
    /* a name is copied when it is submitted */
    MUST(pipe(p));
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_MKDIRAT, AT_FDCWD, name, 0700, 0, 2);
    submit_wait(&r, 0);
    strcpy(name, "wrong");
    MUST(write(p[1], "x", 1));
    go(&r, 2, "a name that was overwritten");
    CHECK_EQ(rmdir("later"), 0);
    close(p[0]), close(p[1]);
}

static void files(void)
{
    int fd = MUST(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644)), p[2];
    char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), buf[64];

    MUST(pipe(p));
    CHECK_EQ(OP(IORING_OP_FSYNC, fd, 0, 0, 0, 1), 0);
    CHECK_EQ(WITH(s->fsync_flags = IORING_FSYNC_DATASYNC, IORING_OP_FSYNC, fd, 0, 0, 0, 1), 0);
    CHECK_EQ(WITH(s->fsync_flags = 8, IORING_OP_FSYNC, fd, 0, 0, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_FSYNC, p[0], 0, 0, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_FSYNC, -1, 0, 0, 0, 1), -EBADF);
    CHECK_EQ(OP(IORING_OP_FSYNC, fd, (void *)1, 0, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_SYNC_FILE_RANGE, fd, 0, 100, 0, 1), 0);
    CHECK_EQ(OP(IORING_OP_SYNC_FILE_RANGE, p[0], 0, 100, 0, 1), -ESPIPE);
    CHECK_EQ(OP(IORING_OP_FALLOCATE, fd, (void *)5000, 0, 0, 1), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 5000);
    CHECK_EQ(OP(IORING_OP_FALLOCATE, fd, (void *)0, 0, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_FALLOCATE, p[1], (void *)5000, 0, 0, 1), -ESPIPE);
    CHECK_EQ(OP(IORING_OP_FADVISE, fd, 0, 0, 0, 1), 0);
    CHECK_EQ(WITH(s->fadvise_advice = 99, IORING_OP_FADVISE, fd, 0, 0, 0, 1), -EINVAL);
    CHECK_EQ(OP(IORING_OP_FADVISE, p[0], 0, 0, 0, 1), -ESPIPE);
    m[0] = 1;
    CHECK_EQ(WITH(s->fadvise_advice = MADV_DONTNEED, IORING_OP_MADVISE, -1, m, 8192, 0, 1), 0);
    CHECK_EQ(m[0], 0);
    CHECK_EQ(WITH(s->fadvise_advice = 99, IORING_OP_MADVISE, -1, m, 8192, 0, 1), -EINVAL);
    CHECK_EQ(WITH(s->addr3 = (uintptr_t) "f", IORING_OP_SETXATTR, -1, "user.x", 3, (uintptr_t) "abc", 1), 0);
    CHECK_EQ(WITH(s->xattr_flags = XATTR_CREATE, IORING_OP_FSETXATTR, fd, "user.x", 3, (uintptr_t) "abc", 1),
             -EEXIST);
    CHECK_EQ(OP(IORING_OP_FGETXATTR, fd, "user.x", 64, (uintptr_t)buf, 1), 3);
    report(!memcmp(buf, "abc", 3), "the attribute");
    CHECK_EQ(WITH(s->addr3 = (uintptr_t) "f", IORING_OP_GETXATTR, -1, "user.x", 0, 0, 1), 3);
    CHECK_EQ(WITH(s->addr3 = (uintptr_t) "f", IORING_OP_GETXATTR, -1, "user.x", 1, (uintptr_t)buf, 1),
             -ERANGE);
    CHECK_EQ(WITH(s->addr3 = (uintptr_t) "f", IORING_OP_GETXATTR, -1, "user.y", 0, 0, 1), -ENODATA);
    CHECK_EQ(OP(IORING_OP_FGETXATTR, fd, (void *)8, 64, (uintptr_t)buf, 1), -EFAULT);
    CHECK_EQ(OP(IORING_OP_SEND, fd, buf, 1, 0, 1), -ENOTSOCK);
    CHECK_EQ(OP(IORING_OP_RECV, p[0], buf, 1, 0, 1), -ENOTSOCK);
    CHECK_EQ(OP(IORING_OP_ACCEPT, fd, 0, 0, 0, 1), -ENOTSOCK);
    CHECK_EQ(OP(IORING_OP_SHUTDOWN, fd, 0, 0, 0, 1), -ENOTSOCK);
    CHECK_EQ(OP(IORING_OP_SEND, -1, buf, 1, 0, 1), -EBADF);
    close(fd), close(p[0]), close(p[1]);
    munmap(m, 8192);
}

int main(void)
{
    scratch();
    ring_open(&r, 8, IORING_SETUP_SUBMIT_ALL);
    opening();
    names();
    files();
    ring_close(&r);
    return report_done();
}
