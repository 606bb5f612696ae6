/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c: control messages of local sockets: descriptors and credentials (unix(7)). Those of other families are the
 * families' own, and pass through message.c as they are.
 */
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/socket/socket.h"
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/fcntl.h>

void socket_rights_put(struct socket_rights *r)
{
    if (!r)
        return;
    for (unsigned n = 0; n < r->nr; n++)
        file_put(r->files[n]);
    kfree(r);
}

/* Descriptors become open files with references. Several messages of them count as one. */
static int parse_rights(const int *fds, unsigned nr, struct socket_msg *m)
{
    if (!nr)
        return 0;
    if (nr > SCM_MAX_FD)
        return -EINVAL;
    if (!m->rights) {
        m->rights = kmalloc(sizeof(*m->rights) + SCM_MAX_FD * sizeof(void *));
        if (!m->rights)
            return -ENOMEM;
        m->rights->nr = 0;
    }
    if (m->rights->nr + nr > SCM_MAX_FD)
        return -EINVAL;
    for (unsigned n = 0; n < nr; n++) {
        struct file *f = fd_get_path(fds[n]);

        if (!f)
            return -EBADF;
        m->rights->files[m->rights->nr++] = f;
    }
    return 0;
}

/* Who one says one is must be true, but for the privileged. */
static int parse_cred(const struct ucred *c, struct socket_msg *m)
{
    const struct cred *own = fs_cred();

    if (c->pid != (uint32_t)current_process()->pid) {
        struct process *p;

        if (!fs_capable(CAP_SYS_ADMIN))
            return -EPERM;
        p = process_find(c->pid);
        if (!p)
            return -ESRCH;
        process_put(p);
    }
    if (c->uid != own->uid && c->uid != own->euid && c->uid != own->suid && !fs_capable(CAP_SETUID))
        return -EPERM;
    if (c->gid != own->gid && c->gid != own->egid && c->gid != own->sgid && !fs_capable(CAP_SETGID))
        return -EPERM;
    if (c->uid == ~0u || c->gid == ~0u)
        return -EINVAL;
    m->cred = *c;
    m->has_cred = true;
    return 0;
}

static int parse_one(const struct cmsghdr *c, struct socket_msg *m, bool rights)
{
    if (c->level != SOL_SOCKET)
        return 0;
    if (c->type == SCM_RIGHTS && rights)
        return parse_rights((const int *)(c + 1), (c->len - sizeof(*c)) / sizeof(int), m);
    if (c->type == SCM_CREDENTIALS && c->len == CMSG_LENGTH(sizeof(struct ucred)))
        return parse_cred((const struct ucred *)(c + 1), m);
    return -EINVAL;
}

int control_parse(const void *control, size_t len, struct socket_msg *m, bool rights)
{
    int err = 0;

    for (size_t at = 0; !err && len - at >= sizeof(struct cmsghdr);) {
        const struct cmsghdr *c = (const struct cmsghdr *)((const char *)control + at);

        if (c->len < sizeof(*c) || c->len > len - at)
            err = -EINVAL;
        else
            err = parse_one(c, m, rights);
        at += MIN(CMSG_ALIGNED(c->len), len - at);
    }
    if (err) {
        socket_rights_put(m->rights);
        m->rights = NULL;
    }
    return err;
}

/* ---- to the program ---- */

/* What is left of the program's buffer. */
struct room {
    vaddr_t at;
    size_t left;
};

/* A message of len bytes that has been written, or whose place was too small. */
static void room_use(struct room *r, size_t len)
{
    len = MIN(CMSG_SPACE_(len), r->left);
    r->at += len;
    r->left -= len;
}

static void put_cred(struct room *r, struct socket_msg *m)
{
    struct {
        struct cmsghdr head;
        struct ucred cred;
    } c = { { sizeof(struct cmsghdr) + sizeof(struct ucred), SOL_SOCKET, SCM_CREDENTIALS }, m->cred };

    if (r->left < c.head.len)
        m->flags |= MSG_CTRUNC;
    if (r->left < sizeof(c.head))
        return;
    c.head.len = MIN(c.head.len, r->left);
    if (!copy_to_user((void __user *)r->at, &c, c.head.len))
        room_use(r, sizeof(c.cred));
}

/* As many as there is room for, and numbers; the others are lost. */
static void put_rights(struct room *r, struct socket_msg *m, bool cloexec)
{
    unsigned max = r->left > sizeof(struct cmsghdr) ? (r->left - sizeof(struct cmsghdr)) / sizeof(int) : 0;
    unsigned nr = 0;

    while (nr < MIN(max, m->rights->nr)) {
        struct file *f = m->rights->files[nr];
        int fd;

        file_get(f);
        fd = fd_install_new(f, cloexec ? O_CLOEXEC : 0);
        if (fd < 0)
            break;
        if (put_user(fd, (int __user *)(r->at + CMSG_LENGTH(nr * sizeof(int))))) {
            fd_close(fd);
            break;
        }
        nr++;
    }
    if (nr) {
        struct cmsghdr c = { CMSG_LENGTH(nr * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };

        if (!copy_to_user((void __user *)r->at, &c, sizeof(c)))
            room_use(r, nr * sizeof(int));
    }
    if (nr < m->rights->nr)
        m->flags |= MSG_CTRUNC;
}

void control_put_local(struct socket *s, struct socket_msg *m, struct msghdr *h, bool cloexec)
{
    struct room r = { h ? h->control : 0, h && h->control ? h->controllen : 0 };
    size_t room = r.left;

    if (s->passcred && m->has_cred)
        put_cred(&r, m);
    if (unlikely(m->rights)) {
        put_rights(&r, m, cloexec);
        socket_rights_put(m->rights);
        m->rights = NULL;
    }
    if (h)
        h->controllen = room - r.left;
}
