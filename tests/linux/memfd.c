/* SPDX-License-Identifier: BSD-2-Clause */
/* memfd_create, seals, and what they forbid. */
#include "report.h"

#define ADD_SEALS 1033
#define GET_SEALS 1034
enum { SEAL = 1, SHRINK = 2, GROW = 4, WRITE = 8, FUTURE_WRITE = 16 };

int main(void)
{
    int fd;
    struct stat st;
    char path[64], link[100] = "", name[260];
    char *m;

    fd = MUST(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, (S_IFREG | 0777));
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(st.st_size, 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK(readlink(path, link, sizeof(link) - 1) > 0 && !strcmp(link, "/memfd:name (deleted)"));
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR);
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(m != MAP_FAILED && !memcmp(m, "hello\0", 6));
    m[4096] = 'X';
    char c = 0;
    CHECK(pread(fd, &c, 1, 4096) == 1 && c == 'X');

    CHECK_EQ(fcntl(fd, GET_SEALS), 0);
    CHECK_EQ(fcntl(fd, ADD_SEALS, SHRINK), 0);
    CHECK_ERR(ftruncate(fd, 100), EPERM);
    CHECK_EQ(ftruncate(fd, 12288), 0);
    CHECK_EQ(fcntl(fd, ADD_SEALS, GROW), 0);
    CHECK_ERR(ftruncate(fd, 20000), EPERM);
    CHECK_ERR(pwrite(fd, "x", 1, 12288), EPERM);
    CHECK_ERR(fallocate(fd, 0, 0, 20000), EPERM);
    CHECK_EQ(pwrite(fd, "x", 1, 0), 1);
    CHECK_ERR(fcntl(fd, ADD_SEALS, WRITE), EBUSY); /* a writable mapping exists */
    CHECK_EQ(fcntl(fd, ADD_SEALS, FUTURE_WRITE), 0);
    CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
    m[1] = 'y'; /* the old mapping still writes */
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
    munmap(m, 8192);
    CHECK_EQ(fcntl(fd, ADD_SEALS, WRITE), 0);
    CHECK_ERR(write(fd, "x", 1), EPERM);
    m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(m != MAP_FAILED && m[1] == 'y');
    m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(m != MAP_FAILED);
    CHECK_ERR(mprotect(m, 4096, PROT_READ | PROT_WRITE), EACCES);
    CHECK_EQ(fcntl(fd, ADD_SEALS, SEAL), 0);
    CHECK_ERR(fcntl(fd, ADD_SEALS, GROW), EPERM);
    CHECK_EQ(fcntl(fd, GET_SEALS), SEAL | SHRINK | GROW | WRITE | FUTURE_WRITE);
    close(fd);

    fd = MUST(memfd_create("", 0));
    CHECK_EQ(fcntl(fd, GET_SEALS), SEAL);
    CHECK_ERR(fcntl(fd, ADD_SEALS, WRITE), EPERM);
    close(fd);
    memset(name, 'n', sizeof(name)), name[249] = 0;
    CHECK_EQ(close(memfd_create(name, 0)), 0);
    name[249] = 'n', name[250] = 0;
    CHECK_ERR(memfd_create(name, 0), EINVAL);
    CHECK_ERR(memfd_create("x", 0x8000), EINVAL);
    CHECK_ERR(memfd_create((char *)8, 0), EFAULT);
    CHECK_ERR(fcntl(0, GET_SEALS), EINVAL);
    return report_done();
}
