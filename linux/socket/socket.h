/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.h: sockets as the system calls see them; also what io_uring's operations are made of. f is any file there:
 * -ENOTSOCK. All may sleep.
 */
#ifndef LINUX_SOCKET_SOCKET_H
#define LINUX_SOCKET_SOCKET_H

#include "fs/vfs.h"
#include "net/socket.h"

struct msghdr { /* struct user_msghdr */
    vaddr_t name;
    uint32_t namelen;
    vaddr_t iov;
    size_t nr_iov;
    vaddr_t control;
    size_t controllen;
    uint32_t flags;
};
static_assert(sizeof(struct msghdr) == 56, "Linux's layout");

struct mmsghdr {
    struct msghdr hdr;
    uint32_t len;
};
static_assert(sizeof(struct mmsghdr) == 64, "Linux's layout");

/* ---- file.c ---- */

extern const struct file_ops socket_file_ops;
void socket_host_init(void); /* host.c: once, at boot */
void vsock_dev_init(void);   /* vsock_dev.c: the same, after the drivers */

static inline struct socket *file_socket(struct file *f)
{
    return likely(f->ops == &socket_file_ops) ? f->private : NULL;
}
/* An open file for a new socket, which moves in, and is released on failure (NULL). flags: O_NONBLOCK. */
struct file *socket_file_new(struct socket *s, int flags);
unsigned socket_count(void); /* those that programs have */

/* The flags of a message to or from f: O_NONBLOCK is MSG_DONTWAIT. */
static inline unsigned socket_flags(const struct file *f, unsigned flags)
{
    return flags | (f->flags & SOCK_NONBLOCK ? MSG_DONTWAIT : 0);
}
/* Sends, with SIGPIPE where it is due. */
ssize_t socket_send_msg(struct socket *s, struct socket_msg *m);
#define PLAIN_SEND    (MSG_DONTWAIT | MSG_NOSIGNAL)
#define PLAIN_RECEIVE MSG_DONTWAIT

/* ---- name.c: addresses ---- */

/* From the program: 0, -EINVAL, -EFAULT. */
int sockaddr_read(struct sockaddr_any *a, const void __user *u, int len);
/* To the program: as much as it has room for (*ulen), and how long it is. */
int sockaddr_write(const struct sockaddr_any *a, void __user *u, int __user *ulen);

/* ---- calls.c ---- */

/* As the calls of these names; what gives a descriptor gives a file here, or ERR_PTR. */
struct file *socket_make(int family, int type, int protocol);
int socket_connect(struct file *f, const struct sockaddr_any *a, bool nonblock);
/* flags: SOCK_CLOEXEC is the caller's, SOCK_NONBLOCK the new file's. nonblock: this call does not wait. */
struct file *socket_accept(struct file *f, int flags, bool nonblock, void __user *addr, int __user *len);
long socket_shutdown(struct file *f, int how);

/* ---- message.c ---- */

/* As sendto(2) and recvfrom(2) without an address. flags: MSG_*. */
ssize_t socket_send(struct file *f, struct iov *v, unsigned flags);
ssize_t socket_receive(struct file *f, struct iov *v, unsigned flags);
/* h is in the kernel, what it points to in the program; v are its segments. Of h receive changes namelen, controllen and
 * flags: they are the caller's to hand out. */
ssize_t socket_sendmsg(struct file *f, const struct msghdr *h, struct iov *v, unsigned flags);
ssize_t socket_recvmsg(struct file *f, struct msghdr *h, struct iov *v, unsigned flags);

/* ---- control.c: control messages ---- */

/* Parses those of local sockets: m->rights, m->cred. */
int control_parse(const void *control, size_t len, struct socket_msg *m, bool rights);
/* Hands out what m carries for a local socket; h->controllen becomes what was used. */
void control_put_local(struct socket *s, struct socket_msg *m, struct msghdr *h, bool cloexec);
void socket_rights_put(struct socket_rights *r);

#endif
