/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h: the checks that the differential programs are made of.
 *
 * A program prints one line for each check; the lines must be the same on every run and every machine
 * (no addresses, process numbers, times), because they are compared with what Linux prints. A failed check
 * also says what came instead. Lines go straight to write(2), so that a crash loses none.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

static int report_failures;

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
    char buf[1024];
    va_list ap;
    int save = errno;

    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof(buf) - 1, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof(buf) - 2)
        n = sizeof(buf) - 2;
    buf[n++] = '\n';
    if (write(1, buf, n) != n)
        _exit(99);
    errno = save;
}

/* What a check is worth: one line, and the exit status in the end. */
#define report(cond, ...) report_at(!!(cond), __LINE__, __VA_ARGS__)

__attribute__((format(printf, 3, 4))) static UNUSED int report_at(int ok, int line, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int save = errno;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (ok) {
        note("ok %s", text);
    } else {
        report_failures++;
        note("not ok %s (line %d, errno %d %s)", text, line, save, strerror(save));
    }
    return ok;
}

#define CHECK(cond)       report_at(!!(cond), __LINE__, "%s", #cond)
/* Says something only when it fails: for what is checked very often */
#define CHECK_QUIET(cond) ((cond) ? 1 : report_at(0, __LINE__, "%s", #cond))

/* The value of a call */
#define CHECK_EQ(expr, want) check_eq((long long)(expr), (long long)(want), __LINE__, #expr, #want)

static UNUSED int check_eq(long long got, long long want, int line, const char *expr, const char *wanted)
{
    if (got == want)
        return report_at(1, line, "%s == %s", expr, wanted);
    return report_at(0, line, "%s == %s: got %lld, want %lld", expr, wanted, got, want);
}

/* A call that must fail with this errno */
#define CHECK_ERR(expr, err)                           \
    do {                                               \
        errno = 0;                                     \
        long long r_ = (long long)(expr);              \
        int e_ = errno;                                \
        check_err(r_, e_, err, __LINE__, #expr, #err); \
    } while (0)

static UNUSED void check_err(long long got, int err, int want, int line, const char *expr, const char *wanted)
{
    if (got == -1 && err == want)
        report_at(1, line, "%s fails with %s", expr, wanted);
    else
        report_at(0, line, "%s fails with %s: got %lld, errno %d %s", expr, wanted, got, err,
                  got == -1 ? strerror(err) : "");
}

/* A call without which the rest makes no sense */
#define MUST(expr)                                         \
    ({                                                     \
        long long m_ = (long long)(expr);                  \
        if (m_ == -1) {                                    \
            report_at(0, __LINE__, "%s must work", #expr); \
            exit(1);                                       \
        }                                                  \
        m_;                                                \
    })

static UNUSED int report_done(void)
{
    note(report_failures ? "%d checks failed" : "all checks passed", report_failures);
    return report_failures ? 1 : 0;
}

/* A fresh empty folder on tmpfs, or on the root file system with TEST_DISK set, made the working directory */
static UNUSED void scratch(void)
{
    static char path[PATH_MAX];
    const char *base = getenv("TEST_TMP");

    if (getenv("TEST_DISK")) {
        base = getenv("TEST_DISK_TMP") ? getenv("TEST_DISK_TMP") : "/var/tmp";
        mkdir("/var", 0755), mkdir(base, 01777);
    }
    snprintf(path, sizeof(path), "%s/scratch.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path) || chdir(path)) {
        report(0, "a scratch folder");
        exit(1);
    }
    umask(022);
}

static UNUSED long long now_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static UNUSED void put_file(const char *path, const char *text)
{
    int fd = MUST(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644));

    MUST(write(fd, text, strlen(text)));
    close(fd);
}

/* The file's whole text (up to 64 KB) in a static buffer; "" when it cannot be read */
static UNUSED char *get_file(const char *path)
{
    static char buf[65536];
    int fd = open(path, O_RDONLY);
    size_t n = 0;
    ssize_t got;

    while (fd >= 0 && n < sizeof(buf) - 1 && (got = read(fd, buf + n, sizeof(buf) - 1 - n)) > 0)
        n += got;
    if (fd >= 0)
        close(fd);
    buf[n] = 0;
    return buf;
}
