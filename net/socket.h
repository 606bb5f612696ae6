/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket.h: sockets: the contract between the system calls (linux/socket/) and the protocol families (net/).
 *
 * The system-call side owns descriptors, copies addresses, control messages and options between program and kernel, and
 * checks what is the same for all families; everything else is the family's. Operations run in threads and may sleep; a
 * family that is called from softirqs guards what both touch with a spin lock, and never copies from or to the program
 * under it: readers and writers of one socket are serialised by its two mutexes instead.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "abi/socket.h"
#include "kernel/iov.h"
#include "kernel/lock.h"
#include "kernel/thread.h"
#include "lib/types.h"
#include <linux/eventpoll.h>

struct mmap_args;
struct socket;

#define SOCKADDR_MAX      128    /* struct sockaddr_storage */
#define SOCKET_OPTMEM_MAX 131072 /* net.core.optmem_max: bytes of what a socket has beside its data */

struct sockaddr_any { /* as in struct sockaddr_storage; len 0: none */
    unsigned len;
    union {
        uint16_t family;
        uint8_t bytes[SOCKADDR_MAX];
    } __attribute__((aligned(8)));
};

/* Open files under way in a message of local sockets (SCM_RIGHTS): each entry is a struct file of the layers above, with a
 * reference. From kmalloc(). */
struct socket_rights {
    unsigned nr;
    void *files[];
};

/* What sendmsg and recvmsg carry. */
struct socket_msg {
    struct iov *iov;
    struct sockaddr_any *name; /* send: to, NULL or len 0 none; receive: from is put there when not NULL */
    void *control;             /* kernel memory: struct cmsghdr and data, aligned, as in the ABI */
    size_t control_len;        /* its size; receive: 0, and then what socket_put_control() put there */
    size_t control_room;       /* receive: bytes that the program has room for */
    unsigned flags;            /* MSG_*; MSG_DONTWAIT stands for O_NONBLOCK too. Receive: out, msg_flags */
    uint64_t deadline_ns;      /* SO_RCVTIMEO, SO_SNDTIMEO; TIME_NEVER */
    /* AF_UNIX and AF_NETLINK: their control messages, parsed */
    struct socket_rights *rights; /* send: moves in, who takes it leaves NULL; receive: out */
    struct ucred cred;            /* receive: out, with has_cred; send: given by the program with has_cred */
    bool has_cred;
    /* send, where ops->by_page: the data are these pages from page_off on, not iov, which only counts them. References to
     * them are taken */
    const struct pktfrag *pages;
    uint32_t page_off;
    struct pktbuf_owner
        *owner; /* send, set by families with MSG_ZEROCOPY in flags: whom iov's pages are pinned for */
};

struct socket_ops {
    void (*release)(struct socket *s); /* the last reference went: frees s */
    int (*bind)(struct socket *s, const struct sockaddr_any *a);
    int (*connect)(struct socket *s, const struct sockaddr_any *a, bool nonblock);
    int (*listen)(struct socket *s, int backlog);
    int (*accept)(struct socket *s, struct socket **peer, bool nonblock);
    int (*getname)(struct socket *s, struct sockaddr_any *a, bool peer);
    unsigned (*poll)(struct socket *s); /* EPOLL* that are so now; changes wake s->wait */
    ssize_t (*sendmsg)(struct socket *s, struct socket_msg *m);
    ssize_t (*recvmsg)(struct socket *s, struct socket_msg *m);
    /* The same with nothing but data, and no flag but MSG_DONTWAIT and MSG_NOSIGNAL, which means nothing here; NULL: as
     * messages. For streams. */
    ssize_t (*send)(struct socket *s, struct iov *v, unsigned flags);
    ssize_t (*receive)(struct socket *s, struct iov *v, unsigned flags);
    bool by_page; /* sendmsg takes socket_msg.pages */
    int (*shutdown)(struct socket *s, int how);
    /* Options that the system-call side does not keep in struct socket. val is kernel memory; get: len is its room, and
     * then what was put there. -ENOPROTOOPT: there is none. */
    int (*setsockopt)(struct socket *s, int level, int name, const void *val, unsigned len);
    int (*getsockopt)(struct socket *s, int level, int name, void *val, unsigned *len);
    long (*ioctl)(struct socket *s, unsigned cmd, uintptr_t arg); /* -ENOTTY: none of the family's */
    int (*mmap)(struct socket *s, struct mmap_args *a);           /* NULL: -ENODEV */
    bool filters;  /* what comes in passes through s->filter (net/filter.h) */
    bool zerocopy; /* MSG_ZEROCOPY (net/zerocopy.h) */
};

/* The head of every family's socket. */
struct socket {
    const struct socket_ops *ops;
    uint16_t family, type, protocol;
    bool listening; /* SO_ACCEPTCONN; the family's [a] */
    uint32_t uid;   /* who made it, and the inode's number, for /proc/net; ino is 0 until it has a file */
    uint64_t ino;
    void *file;                  /* the open file, without a reference; NULL: none yet, or none any more */
    struct waitq wait;           /* who waits for or polls it */
    struct mutex reader, writer; /* RANK_FILE */
    int err;                     /* -errno for SO_ERROR and the next operation [a] */
    struct zerocopy_queue *zc;   /* NULL until something was sent by MSG_ZEROCOPY [writer to set] */
    /* SOL_SOCKET's, kept by the system-call side, read by families without a lock [a] */
    uint32_t sndbuf, rcvbuf, rcvlowat, priority, mark, busy_poll_us;
    uint64_t rcvtimeo_ns, sndtimeo_ns; /* TIME_NEVER: none */
    uint64_t max_pacing;               /* bytes a second; ~0: as they come */
    int bound_dev;                     /* ifindex, 0: any */
    bool reuseaddr, reuseport, keepalive, broadcast, oobinline, dontroute, passcred, timestamp, timestamp_ns,
        linger, sndbuf_locked, rcvbuf_locked, rxq_ovfl, zerocopy;
    uint16_t linger_s;
    uint32_t incoming_cpu;
    struct filter *filter; /* of SO_ATTACH_FILTER; NULL: none [R] */
    bool filter_locked;
};

/* A family is one line in net/families.c. create fills a new socket of the type (after socket_init). 0 or -errno:
 * -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -ENOMEM. */
struct socket_family {
    uint16_t family;
    int (*create)(int type, int protocol, struct socket **s);
    int (*pair)(int type, int protocol, struct socket *s[2]); /* NULL: -EOPNOTSUPP */
};
const struct socket_family *socket_family_find(int family); /* NULL: there is none */

/* Sets the head up: everything its default. */
void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type, int protocol);
/* Adds a control message to what recvmsg hands out; without room for all of it sets MSG_CTRUNC. */
void socket_put_control(struct socket_msg *m, int level, int type, const void *data, size_t len);
/* The time a packet came in (0: now), as SO_TIMESTAMP or SO_TIMESTAMPNS ask. */
void socket_put_time(struct socket *s, struct socket_msg *m, uint64_t time_ns);
/* The pending error, once: 0 or -errno. */
static inline int socket_take_error(struct socket *s)
{
    return likely(!READ_ONCE(s->err)) ? 0 : atomic_xchg(&s->err, 0);
}

#define SOCKET_POLLIN  (EPOLLIN | EPOLLRDNORM)
#define SOCKET_POLLOUT (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)
/* events: EPOLL* that became true. Of exclusive waiters one. */
static inline void socket_wake(struct socket *s, uint32_t events)
{
    waitq_wake_bits(&s->wait, 1, events);
}
/* Its state changed: everybody looks. */
static inline void socket_wake_all(struct socket *s)
{
    wake_all(&s->wait);
}

/* Sleeps until cond, woken by events of key (0: all): 0, -ERESTARTSYS, -ETIMEDOUT. */
#define socket_wait(s, cond, wake_key, deadline)           socket_wait_as(s, cond, wake_key, false, deadline)
/* The same for what only one of those who wait can have. */
#define socket_wait_exclusive(s, cond, wake_key, deadline) socket_wait_as(s, cond, wake_key, true, deadline)
#define socket_wait_as(s, cond, wake_key, only_one, deadline) \
    ({                                                        \
        int _err = 0;                                         \
        if (!(cond)) {                                        \
            struct waiter _w;                                 \
            waiter_init(&_w);                                 \
            _w.key = (wake_key);                              \
            _w.exclusive = (only_one);                        \
            do {                                              \
                wait_prepare(&(s)->wait, &_w, T_SLEEPING);    \
                if (cond)                                     \
                    break;                                    \
                _err = wait_block(T_SLEEPING, deadline);      \
                if (cond) {                                   \
                    _err = 0;                                 \
                    break;                                    \
                }                                             \
            } while (!_err);                                  \
            wait_finish(&(s)->wait, &_w);                     \
        }                                                     \
        _err;                                                 \
    })
/* What such an error means to the program: a wait without an end is begun again after a signal, others are not. */
static inline int socket_wait_error(int err, uint64_t deadline)
{
    return err == -ETIMEDOUT ? -EAGAIN : err == -ERESTARTSYS && deadline != TIME_NEVER ? -EINTR : err;
}
/* When an operation that begins now must end. */
static inline uint64_t socket_deadline(uint64_t timeo_ns)
{
    return likely(timeo_ns == TIME_NEVER) ? TIME_NEVER : clock_mono_ns() + timeo_ns;
}

static inline void socket_msg_init(struct socket_msg *m, struct iov *v, unsigned flags, uint64_t timeo_ns)
{
    m->iov = v;
    m->name = NULL;
    m->control = NULL;
    m->control_len = m->control_room = 0;
    m->flags = flags;
    m->deadline_ns = flags & MSG_DONTWAIT ? TIME_NEVER : socket_deadline(timeo_ns);
    m->rights = NULL;
    m->has_cred = false;
    m->pages = NULL;
}

/* What net/ asks of the layers above; linux/ installs it at boot. */
struct socket_host {
    void (*cred)(struct ucred *c, bool effective); /* of the current thread: its real or effective user */
    bool (*capable)(int cap);                      /* CAP_* */
    uint64_t (*limit_files)(void);                 /* RLIMIT_NOFILE */
    uint64_t (*limit_memlock)(void);               /* RLIMIT_MEMLOCK; UINT64_MAX for the privileged, too */
    void (*file_put)(void *file);
    void (*file_get)(void *file);
    struct socket *(*file_socket)(void *file); /* NULL: no socket */
    unsigned (*file_refs)(void *file);
    /* Names of local sockets in the file system. bind makes one, find finds one that may be written to; both give a
     * reference to what is behind it, which is the same pointer each time. */
    int (*name_bind)(const char *path, void **node);
    int (*name_find)(const char *path, void **node);
    void (*name_put)(void *node);
    /* Whom an open file's owner wants told (F_SETOWN): a process, below 0 a group, 0: nobody. The file must not go away
     * meanwhile; under spin locks, too. */
    int (*owner)(void *file);
    void (*sigurg)(int owner); /* tells it; without spin locks */
};
extern const struct socket_host *socket_host;

/* Whom to tell of urgent data: under the lock that the family's release takes. */
static inline int socket_urgent_owner(struct socket *s)
{
    return s->file && socket_host->owner ? socket_host->owner(s->file) : 0;
}

#endif
