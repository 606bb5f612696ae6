/* SPDX-License-Identifier: BSD-2-Clause */
/* exec_cred.c: what exec does to a process's credentials: set-user-ID files and capabilities(7), without file
 * capabilities. */
#include "abi/errno.h"
#include "kernel/slab.h"
#include "linux/cred.h"
#include "linux/exec.h"
#include <linux/securebits.h>
#include <linux/stat.h>

/* "Transformation of capabilities during execve()" */
static void transform_caps(struct cred *n, bool changed_ids)
{
    bool root = !(n->securebits & SECBIT_NOROOT) && (!n->uid || !n->euid);

    if (changed_ids)
        n->cap_ambient = 0;
    if (root)
        n->cap_permitted = n->cap_bounding | n->cap_inheritable;
    else
        n->cap_permitted = n->cap_ambient;
    n->cap_effective = root && !n->euid ? n->cap_permitted : n->cap_ambient;
    n->securebits &= ~SECBIT_KEEP_CAPS;
}

int exec_prepare_creds(struct exec *x)
{
    const struct cred *c = current_cred();
    const struct inode *i = x->prog.file->inode;
    struct cred *n = cred_begin();
    bool may_gain = !c->no_new_privs;

    if (!n)
        return -ENOMEM;
    if (may_gain && (i->mode & S_ISUID))
        n->euid = i->uid;
    if (may_gain && (i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        n->egid = i->gid;
    n->suid = n->fsuid = n->euid;
    n->sgid = n->fsgid = n->egid;
    transform_caps(n, n->euid != c->euid || n->egid != c->egid);
    x->secure = n->euid != n->uid || n->egid != n->gid;
    x->cred = n;
    return 0;
}

void exec_commit_creds(struct exec *x)
{
    struct process *p = current_process();

    cred_install(x->cred);
    x->cred = NULL;
    p->dumpable = !x->secure;
    if (x->secure)
        p->pdeath_signal = 0;
}
