/* SPDX-License-Identifier: BSD-2-Clause */
/* File mappings: private and shared, copy on write, beyond the end, truncation, two views of one file. */
#include "report.h"
#include <setjmp.h>

#define P  4096ul
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf out;
static int fault_sig, fault_code;
static void *fault_addr;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    fault_sig = sig, fault_code = si->si_code, fault_addr = si->si_addr;
    siglongjmp(out, 1);
}

static int touch_faults(volatile char *p, int write)
{
    fault_sig = 0;
    if (!sigsetjmp(out, 1)) {
        if (write)
            *p = 1;
        else
            (void)*p;
        return 0;
    }
    return fault_sig;
}

static void test_shared(int fd)
{
    char *a = mmap(NULL, 3 * P, RW, MAP_SHARED, fd, 0), *b = mmap(NULL, P, RW, MAP_SHARED, fd, P);
    char c;

    CHECK(a != MAP_FAILED && b != MAP_FAILED);
    CHECK(a[0] == 'A' && a[P] == 'B' && b[0] == 'B');
    a[P] = 'x';
    CHECK_EQ(b[0], 'x');
    CHECK(pread(fd, &c, 1, P) == 1 && c == 'x');
    MUST(pwrite(fd, "y", 1, P + 5));
    CHECK(a[P + 5] == 'y' && b[5] == 'y');
    CHECK_EQ(msync(a, 3 * P, MS_SYNC), 0);
    munmap(a, 3 * P);
    CHECK_EQ(b[0], 'x');
    munmap(b, P);
}

static void test_private(int fd)
{
    char *a = mmap(NULL, 2 * P, RW, MAP_PRIVATE, fd, 0), *b = mmap(NULL, 2 * P, RW, MAP_PRIVATE, fd, 0);
    char c;

    a[0] = 'p';
    CHECK(pread(fd, &c, 1, 0) == 1 && c == 'A');
    CHECK_EQ(b[0], 'A');
    MUST(pwrite(fd, "q", 1, 0));
    CHECK(a[0] == 'p' && b[0] == 'q');
    CHECK_EQ(madvise(a, P, MADV_DONTNEED), 0); /* back to the file's */
    CHECK_EQ(a[0], 'q');
    /* the kernel's own writes copy too */
    MUST(pread(fd, b + P, 1, 0));
    CHECK(b[P] == 'q' && pread(fd, &c, 1, P) == 1 && c == 'x');
    /* pages brought in by reads, then written: copied, the file stays */
    (void)*(volatile char *)(a + P);
    a[P] = 'z';
    CHECK(pread(fd, &c, 1, P) == 1 && c == 'x');
    munmap(a, 2 * P), munmap(b, 2 * P);
}

static void test_beyond(int fd)
{
    char *a;

    MUST(ftruncate(fd, 2 * P + 100));
    a = mmap(NULL, 6 * P, RW, MAP_SHARED, fd, 0);
    CHECK_EQ(a[2 * P + 100], 0); /* the last page's rest is zero */
    CHECK_EQ(touch_faults(a + 3 * P, 0), SIGBUS);
    CHECK_EQ(fault_code, BUS_ADRERR);
    CHECK(fault_addr == a + 3 * P);
    CHECK_EQ(touch_faults(a + 4 * P + 17, 1), SIGBUS);
    CHECK(fault_addr == a + 4 * P + 17);
    int p[2];
    MUST(pipe(p));
    CHECK_ERR(write(p[1], a + 3 * P, 1), EFAULT);
    MUST(ftruncate(fd, 5 * P));
    CHECK_EQ(touch_faults(a + 3 * P, 1), 0);
    MUST(ftruncate(fd, P));
    CHECK_EQ(touch_faults(a + P, 0), SIGBUS); /* truncation unmaps */
    CHECK_EQ(touch_faults(a, 0), 0);
    MUST(ftruncate(fd, 4 * P));
    CHECK_EQ(a[3 * P], 0);
    munmap(a, 6 * P);
}

static void test_truncate_private(int fd)
{
    char *a;

    MUST(ftruncate(fd, 2 * P));
    a = mmap(NULL, 2 * P, RW, MAP_PRIVATE, fd, 0);
    a[P] = 'c';
    MUST(ftruncate(fd, P));
    CHECK_EQ(touch_faults(a + P, 0), SIGBUS); /* even the private copy */
    munmap(a, 2 * P);
}

static void test_holes_and_unlinked(void)
{
    int fd = MUST(open("sparse", O_CREAT | O_RDWR, 0644));
    char *a;
    struct stat st;
    char c;

    MUST(ftruncate(fd, 1l << 32));
    a = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, (1l << 32) - 4 * P);
    CHECK_EQ(a[5], 0);
    a[3 * P] = 'e';
    CHECK(pread(fd, &c, 1, (1l << 32) - P) == 1 && c == 'e');
    fstat(fd, &st);
    CHECK(st.st_blocks >= 8 && st.st_blocks <= 16);
    MUST(unlink("sparse"));
    close(fd);
    CHECK_EQ(a[3 * P], 'e'); /* the mapping keeps the file */
    munmap(a, 4 * P);
}

static void test_modes(void)
{
    int w = MUST(open("w", O_CREAT | O_WRONLY, 0644)), dir = MUST(open(".", O_RDONLY)), p[2];

    CHECK_EQ(mmap(NULL, P, PROT_READ, MAP_PRIVATE, w, 0) == MAP_FAILED ? errno : 0, EACCES);
    CHECK_EQ(mmap(NULL, P, PROT_WRITE, MAP_SHARED, w, 0) == MAP_FAILED ? errno : 0, EACCES);
    CHECK_EQ(mmap(NULL, P, PROT_READ, MAP_PRIVATE, dir, 0) == MAP_FAILED ? errno : 0, ENODEV);
    MUST(pipe(p));
    CHECK_EQ(mmap(NULL, P, PROT_READ, MAP_PRIVATE, p[0], 0) == MAP_FAILED ? errno : 0, ENODEV);
    int zero = MUST(open("/dev/zero", O_RDWR));
    char *z = mmap(NULL, P, RW, MAP_PRIVATE, zero, 0);
    CHECK(z != MAP_FAILED && z[0] == 0);
    z[0] = 1;
    char *y = mmap(NULL, P, RW, MAP_SHARED, zero, 0);
    CHECK(y != MAP_FAILED && y[0] == 0);
    char *s = mmap(NULL, P, RW, MAP_SHARED_VALIDATE, w, 0);
    CHECK(s == MAP_FAILED);
    close(w), close(dir), close(zero);
    int ro = MUST(open("/proc/self/exe", O_RDONLY));
    z = mmap(NULL, P, RW, MAP_PRIVATE, ro, 0);
    CHECK(z != MAP_FAILED && !memcmp(z, "\177ELF", 4));
    z[0] = 'x'; /* a private copy of a read-only file */
    char c;
    CHECK(pread(ro, &c, 1, 0) == 1 && c == 0x7f);
    /* a write into a page that is the source of the same call */
    char *sh = mmap(NULL, P, RW, MAP_SHARED, MUST(open("w", O_RDWR)), 0);
    int fd = MUST(open("w", O_RDWR));
    MUST(write(fd, "0123456789", 10));
    CHECK_EQ(pwrite(fd, sh, 10, 5), 10);
    CHECK(!memcmp(sh, "012340123", 9));
    close(ro);
}

int main(void)
{
    int fd;
    char page[P];
    struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    scratch();
    fd = MUST(open("f", O_CREAT | O_RDWR, 0644));
    for (int i = 0; i < 3; i++) {
        memset(page, 'A' + i, P);
        MUST(write(fd, page, P));
    }
    test_shared(fd);
    test_private(fd);
    test_beyond(fd);
    test_truncate_private(fd);
    test_holes_and_unlinked();
    test_modes();
    return report_done();
}
