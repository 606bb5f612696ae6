/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binfmt_script.c: files that begin with "#!". execve(2), "Interpreter scripts": the interpreter is started with
 * its optional single argument, the script's name, then the original arguments without the first.
 */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "lib/string.h"
#include "linux/exec.h"
#include "linux/script.h"

static char *append(char *at, const char *s)
{
    size_t len = strlen(s) + 1;

    memcpy(at, s, len);
    return at + len;
}

/* interp [arg] script argv[1..] envp */
static int rewrite_args(struct exec *x, const char *interp, const char *arg)
{
    size_t skip = x->argc ? strlen(x->strings) + 1 : 0;
    size_t rest = x->len_bytes - skip;
    size_t len = strlen(interp) + 1 + (arg ? strlen(arg) + 1 : 0) + strlen(x->name) + 1 + rest;
    char *strings = kmalloc(len), *p;

    if (!strings)
        return -ENOMEM;
    p = append(strings, interp);
    if (arg)
        p = append(p, arg);
    p = append(p, x->name);
    memcpy(p, x->strings + skip, rest);
    kfree(x->own_strings);
    x->own_strings = x->strings = strings;
    x->len_bytes = len;
    x->argc = (x->argc ? x->argc - 1 : 0) + 2 + !!arg;
    return 0;
}

int script_load(struct exec *x)
{
    char *interp, *arg, *name;
    struct file *f;
    int err = script_parse_line(x->head, x->head_len, &interp, &arg);

    if (err)
        return err;
    err = rewrite_args(x, interp, arg);
    if (err)
        return err;
    name = kstrdup(interp);
    if (!name)
        return -ENOMEM;
    err = exec_open(NULL, name, 0, &f);
    if (err) {
        kfree(name);
        return err;
    }
    file_put(x->file);
    x->file = f;
    kfree(x->own_name);
    x->own_name = name;
    x->name = name;
    return 0;
}
