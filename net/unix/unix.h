/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unix.h: local sockets, unix(7); inside net/unix/ only. docs/sockets.md tells how the parts work together.
 *
 * What is sent is a message on the receiver's queue, for streams too: nothing is merged. A message is charged to its
 * sender until it is freed.
 *
 * Guards: [I] immutable [l] lock; two: the lower address first [n] names_lock in name.c [a] atomic
 */
#ifndef NET_UNIX_UNIX_H
#define NET_UNIX_UNIX_H

#include "lib/list.h"
#include "net/socket.h"
#include <linux/un.h>

#define UNIX_DGRAM_BACKLOG 10 /* net.unix.max_dgram_qlen */
#define UNIX_NAME_HEAD     2  /* bytes before the path: the family */
#define UNIX_NAME_MAX      sizeof(struct sockaddr_un)

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };
#define SHUT_RECEIVE 1
#define SHUT_SEND    2
#define SHUT_BOTH    3

struct unix_name { /* shared by a listener and the sockets it accepts */
    refcount_t refs;
    unsigned len; /* with the family */
    struct sockaddr_un addr;
};

struct page;

struct unix_msg {
    struct list link;
    uint32_t len, off;      /* off: of a stream, what was read */
    uint32_t charge;        /* bytes of the sender's sndbuf */
    uint16_t nr_pages;      /* 0: the data follow */
    bool small;             /* from the small cache */
    bool has_cred;          /* cred is valid */
    struct unix_sock *from; /* referenced; NULL in streams: it is the receiver's peer */
    struct socket_rights *rights;
    struct ucred cred;
    union {
        char data[0];
        struct page *pages[0];
    };
};

struct unix_sock {
    struct socket s; /* first */
    refcount_t refs; /* the file's (or the listener's queue's), each peer's, each message's from */
    struct spinlock lock;
    struct list rx;         /* [l] of struct unix_msg; only its reader, who has s.reader, takes from it */
    unsigned rx_nr;         /* [l to change] messages; of a listener connections */
    unsigned backlog;       /* [a] more are refused */
    uint32_t wmem;          /* [a] what it has sent and others have not read */
    uint8_t state;          /* enum unix_state [l to change] */
    uint8_t shutdown;       /* SHUT_* [l to change] */
    bool dead;              /* [l] released */
    struct unix_sock *peer; /* referenced; of streams set once [a], of datagram sockets [l] */
    int peek_off;           /* SO_PEEK_OFF; -1: off */
    struct unix_msg *oob;   /* [l to change] in rx: the last urgent byte, until it is received */
    struct unix_msg *spare; /* small, empty: for the next from the peer [a] */
    struct waitq room;      /* who waits until rx_nr is below backlog */
    struct list embryos;    /* [l] of a listener: unix_sock.link, whose references are the queue's */
    struct list clients;    /* [l] datagram sockets whose peer this is */
    struct list link;       /* in embryos, or in clients */
    struct ucred peercred;
    bool has_peercred;
    struct unix_name *name; /* [n to change] referenced; NULL: none */
    void *node;             /* [n] the name's place in the file system */
    struct list hash_link;  /* [n] of bound ones */
    struct list all_link;   /* [n] */
    /* gc.c [its mutex] */
    unsigned inflight; /* messages' references to its file */
    unsigned inner;    /* of them: in queues of candidates */
    bool candidate;
    struct list inflight_link, scan_link;
};

#define UNIX_SMALL_SIZE   256
#define UNIX_SMALL_BYTES  (UNIX_SMALL_SIZE - sizeof(struct unix_msg))
#define UNIX_CHARGE_SMALL 768 /* as Linux: a program that counts finds about the same */

static inline struct unix_sock *unix_sk(struct socket *s)
{
    return (struct unix_sock *)s;
}
void unix_free(struct unix_sock *s);
static inline void unix_get(struct unix_sock *s)
{
    ref_get(&s->refs);
}
static inline void unix_put(struct unix_sock *s)
{
    if (ref_put(&s->refs))
        unix_free(s);
}
static inline bool unix_is_dgram(const struct unix_sock *s)
{
    return s->s.type == SOCK_DGRAM;
}
static inline bool unix_writable(const struct unix_sock *s)
{
    return READ_ONCE(s->wmem) * 4ull <= READ_ONCE(s->s.sndbuf);
}
/* Has it more than it takes? */
static inline bool unix_full(const struct unix_sock *s)
{
    return READ_ONCE(s->rx_nr) > READ_ONCE(s->backlog);
}
void unix_lock_both(struct unix_sock *a, struct unix_sock *b);
void unix_unlock_both(struct unix_sock *a, struct unix_sock *b);

/* ---- name.c ---- */

/* 0 or -EINVAL. */
int unix_check_addr(const struct sockaddr_any *a);
int unix_bind(struct socket *sk, const struct sockaddr_any *a);
/* A name of the kernel's choice unless it has one. */
int unix_autobind(struct unix_sock *s);
/* The socket of a type that is bound to an address, with a reference. 0, -ECONNREFUSED, -EPROTOTYPE, and whatever the file
 * system says. */
int unix_find(const struct sockaddr_any *a, int type, struct unix_sock **found);
int unix_getname(struct socket *sk, struct sockaddr_any *a, bool peer);
/* The sender's name, of which there may be none. */
void unix_put_name(struct unix_sock *from, struct sockaddr_any *a);
void unix_names_add(struct unix_sock *s);    /* a new socket */
void unix_names_remove(struct unix_sock *s); /* it is going */
void unix_name_put(struct unix_name *n);

/* ---- msg.c ---- */

/* A message of len bytes from m (its data, credentials, descriptors), charged to s and on its way to peer. 0, -ENOBUFS,
 * -EFAULT, -ETOOMANYREFS. */
int unix_msg_new(struct unix_sock *s, struct unix_sock *peer, struct socket_msg *m, size_t len,
                 struct unix_msg **out);
/* Copies up to len bytes from offset at on to the program: how many. */
size_t unix_msg_copy(struct unix_msg *msg, size_t at, struct iov *v, size_t len);
/* Its credentials and descriptors go to the receiver; those it keeps of which it is only shown (MSG_PEEK). */
void unix_msg_extras(struct unix_sock *s, struct unix_msg *msg, struct socket_msg *m, bool peek);
/* Ends it; from: who was charged. */
void unix_msg_free(struct unix_msg *msg, struct unix_sock *from);
void unix_msg_free_memory(struct unix_msg *msg); /* of one that never was under way */
/* Waits until s may send more: 0, -EAGAIN, -EPIPE, a pending error. */
int unix_wait_sndbuf(struct unix_sock *s, struct socket_msg *m);

/* ---- stream.c, plain.c, dgram.c ---- */

ssize_t unix_stream_send(struct socket *sk, struct socket_msg *m);
ssize_t unix_stream_receive(struct socket *sk, struct socket_msg *m);
/* Of streams: the oldest message, by the reader; and the wait for one, without the reader's mutex. 0: look again; 1: it is
 * the end; or -errno. */
static __always_inline struct unix_msg *unix_first_msg(struct unix_sock *s)
{
    struct list *l = atomic_load_acquire(&s->rx.next);

    return l != &s->rx ? list_entry(l, struct unix_msg, link) : NULL;
}
int unix_wait_data(struct unix_sock *s, unsigned flags, uint64_t deadline);
bool unix_at_mark(struct unix_sock *s);                                           /* SIOCATMARK */
ssize_t unix_stream_send_plain(struct socket *sk, struct iov *v, unsigned flags); /* plain.c */
ssize_t unix_stream_receive_plain(struct socket *sk, struct iov *v, unsigned flags);
ssize_t unix_dgram_send(struct socket *sk, struct socket_msg *m);
ssize_t unix_dgram_receive(struct socket *sk, struct socket_msg *m);
ssize_t unix_seqpacket_send(struct socket *sk, struct socket_msg *m);
ssize_t unix_seqpacket_receive(struct socket *sk, struct socket_msg *m);
int unix_dgram_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock);
unsigned unix_dgram_poll(struct socket *sk);
/* A datagram socket's peer becomes peer (whose reference moves in; NULL: none). */
void unix_dgram_set_peer(struct unix_sock *s, struct unix_sock *peer);

int unix_bytes_in(struct unix_sock *s); /* to be read: of all that is there, or of the next datagram */

/* ---- connect.c ---- */

int unix_connect(struct socket *sk, const struct sockaddr_any *a, bool nonblock);
int unix_listen(struct socket *sk, int backlog);
int unix_accept(struct socket *sk, struct socket **peer, bool nonblock);

/* ---- unix.c ---- */

struct unix_sock *unix_new(int type, const struct socket_ops *ops);
void unix_release(struct socket *sk);
/* embryo: it was never accepted. */
void unix_close(struct unix_sock *s, bool embryo);

/* ---- gc.c: descriptors under way ---- */

/* Counts r's files as under way: 0 or -ETOOMANYREFS. */
int unix_rights_begin(struct socket_rights *r);
/* They have arrived: no longer under way, the references are the caller's. */
void unix_rights_end(struct socket_rights *r);
void unix_rights_drop(struct socket_rights *r); /* lost under way */
void unix_put_files(struct socket_rights *r);   /* not under way any more */
/* Sockets that are held only by messages to each other are closed. */
void unix_collect(void);
/* For as long as descriptors move between queues and programs. */
void unix_rights_lock(void);
void unix_rights_unlock(void);

#endif
