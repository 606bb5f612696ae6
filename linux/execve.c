/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execve.c: execve(2) and execveat(2): copies the arguments in, then process_exec() does the rest.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/exec.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/fcntl.h>
#include <linux/resource.h>

#define STRING_MAX (32 * PAGE_SIZE)    /* MAX_ARG_STRLEN */
#define TOTAL_MAX  (6ul * 1024 * 1024) /* 3/4 of _STK_LIM */
#define TOTAL_MIN  (32 * PAGE_SIZE)    /* ARG_MAX, always allowed */

/* Grows as needed; the strings of argv then those of envp. */
struct arg_buf {
    char *buf;
    size_t len, size, limit;
};

static long reserve(struct arg_buf *b, size_t more)
{
    size_t size = MAX(b->size, PAGE_SIZE);
    char *n;

    while (size < b->len + more)
        size *= 2;
    if (size == b->size)
        return 0;
    n = krealloc(b->buf, b->size, size);
    if (!n)
        return -ENOMEM;
    b->buf = n;
    b->size = size;
    return 0;
}

static long add_string(struct arg_buf *b, const char __user *s)
{
    for (size_t got = 0;;) {
        size_t chunk = 256;
        ssize_t n;
        long err = reserve(b, chunk);

        if (err)
            return err;
        n = strncpy_from_user(b->buf + b->len, s + got, chunk);
        if (n >= 0) {
            b->len += n + 1;
            return b->len > b->limit ? -E2BIG : 0;
        }
        if (n != -ENAMETOOLONG)
            return n;
        b->len += chunk;
        got += chunk;
        if (got >= STRING_MAX || b->len > b->limit)
            return -E2BIG;
    }
}

/* A NULL array counts as empty, as on Linux. */
static long add_array(struct arg_buf *b, const uintptr_t __user *array, unsigned *count)
{
    uintptr_t s;
    long err;

    *count = 0;
    if (!array)
        return 0;
    for (;;) {
        if (get_user(s, array + *count))
            return -EFAULT;
        if (!s)
            return 0;
        err = add_string(b, (const char __user *)s);
        if (err)
            return err;
        b->limit -= MIN(b->limit, sizeof(uintptr_t)); /* the pointer counts too */
        ++*count;
    }
}

/* What a program found by descriptor is called: a script's interpreter opens it again under this name. */
static char *descriptor_name(int dirfd, const char *name)
{
    size_t size = strlen(name) + 24;
    char *s = kmalloc(size);

    if (s)
        snprintf(s, size, *name ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, name);
    return s;
}

static long do_execve(int dirfd, const char __user *uname, const uintptr_t __user *argv,
                      const uintptr_t __user *envp, int flags)
{
    struct exec_args a = { .at_flags = flags };
    struct arg_buf b = { .limit = MAX(MIN(rlimit_cur(RLIMIT_STACK) / 4, TOTAL_MAX), TOTAL_MIN) };
    struct path p;
    char *name, *execfn = NULL;
    long err;

    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -EINVAL;
    name = getname(uname);
    if (IS_ERR(name))
        return PTR_ERR(name);
    err = name[0] || (flags & AT_EMPTY_PATH) ? at_base(dirfd, name, &p, &a.base) : -ENOENT;
    if (err) {
        putname(name);
        return err;
    }
    a.path = name;
    err = 0;
    if (a.base && name[0] != '/') {
        execfn = descriptor_name(dirfd, name);
        a.execfn = execfn;
        a.hidden = fd_get_cloexec(dirfd) > 0;
        err = execfn ? 0 : -ENOMEM;
    }
    if (!err)
        err = add_array(&b, argv, &a.argc);
    if (!err && !a.argc) { /* Linux 5.18 and later: argv[0] is the empty string */
        err = reserve(&b, 1);
        if (!err) {
            b.buf[b.len++] = '\0';
            a.argc = 1;
        }
    }
    if (!err)
        err = add_array(&b, envp, &a.envc);
    if (err) { /* Linux opens the file before it looks at the arguments */
        struct file *f;
        int first = exec_open(a.base, a.path, a.at_flags, &f);

        if (first)
            err = first;
        else
            file_put(f);
    }
    if (!err) {
        a.strings = b.buf;
        a.len_bytes = b.len;
        err = process_exec(&a);
    }
    kfree(b.buf);
    kfree(execfn);
    at_put(a.base);
    putname(name);
    return err;
}

SYSCALL3(execve, const char __user *, name, const uintptr_t __user *, argv, const uintptr_t __user *, envp)
{
    return do_execve(AT_FDCWD, name, argv, envp, 0);
}

SYSCALL5(execveat, int, dirfd, const char __user *, name, const uintptr_t __user *, argv,
         const uintptr_t __user *, envp, int, flags)
{
    return do_execve(dirfd, name, argv, envp, flags);
}
