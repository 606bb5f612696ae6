/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c: what net/ asks of the layers above it: credentials, open files, names in the file system. */
#include "abi/fs.h"
#include "fs/vfs.h"
#include "linux/process.h"
#include "linux/signal.h"
#include "linux/socket/socket.h"
#include <linux/capability.h>
#include <linux/resource.h>

static void host_cred(struct ucred *c, bool effective)
{
    const struct cred *own = fs_cred();

    c->pid = current_process()->pid;
    c->uid = effective ? own->euid : own->uid;
    c->gid = effective ? own->egid : own->gid;
}

static uint64_t host_limit_files(void)
{
    return rlimit_cur(RLIMIT_NOFILE);
}

static uint64_t host_limit_memlock(void)
{
    return fs_capable(CAP_IPC_LOCK) ? UINT64_MAX : rlimit_cur(RLIMIT_MEMLOCK);
}

static void host_file_put(void *f)
{
    file_put(f);
}

static void host_file_get(void *f)
{
    file_get(f);
}

static struct socket *host_file_socket(void *f)
{
    return file_socket(f);
}

static unsigned host_file_refs(void *f)
{
    return atomic_load(&((struct file *)f)->refs.n);
}

static int host_name_bind(const char *path, void **node)
{
    struct path p;
    int err = vfs_mknod(NULL, path, S_IFSOCK | 0777, 0);

    if (err)
        return err == -EEXIST ? -EADDRINUSE : err;
    err = path_lookup(NULL, path, 0, &p);
    if (err)
        return err; /* removed at once by somebody */
    *node = path_inode(&p);
    inode_get(*node);
    path_put(&p);
    return 0;
}

static int host_name_find(const char *path, void **node)
{
    struct path p;
    int err = path_lookup(NULL, path, LOOKUP_FOLLOW, &p);

    if (err)
        return err;
    err = vfs_access(&p, MAY_WRITE, fs_cred());
    if (!err && !S_ISSOCK(path_inode(&p)->mode))
        err = -ECONNREFUSED;
    if (!err) {
        *node = path_inode(&p);
        inode_get(*node);
    }
    path_put(&p);
    return err;
}

static void host_name_put(void *node)
{
    inode_put(node);
}

static int host_owner(void *f)
{
    return READ_ONCE(((struct file *)f)->owner_pid);
}

static void host_sigurg(int owner)
{
    struct thread *t;

    if (owner < 0) {
        process_signal_group(-owner, SIGURG, NULL);
    } else if (process_signal_pid(owner, SIGURG, NULL)) { /* a thread (F_OWNER_TID) */
        t = thread_find(0, owner);
        if (t) {
            signal_send_thread(t, SIGURG, NULL);
            thread_put(t);
        }
    }
}

static const struct socket_host host = {
    .cred = host_cred,
    .capable = fs_capable,
    .limit_files = host_limit_files,
    .limit_memlock = host_limit_memlock,
    .file_put = host_file_put,
    .file_get = host_file_get,
    .file_socket = host_file_socket,
    .file_refs = host_file_refs,
    .name_bind = host_name_bind,
    .name_find = host_name_find,
    .name_put = host_name_put,
    .owner = host_owner,
    .sigurg = host_sigurg,
};

void socket_host_init(void)
{
    socket_host = &host;
}
