/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gc.c: open files under way in messages, and local sockets that nothing but messages under way refers to.
 *
 * A socket sent over itself, or two sent over each other, and then closed: their files' last references are in queues that
 * nobody can read any more. Whenever a local socket is released and sockets are under way, those are looked for: a
 * candidate is a socket all of whose file's references are under way. A candidate with a reference from a queue that is no
 * candidate's is reachable, and so is what its own queue holds. The others are garbage: what their queues carry is
 * dropped, which ends them.
 *
 * All that changes who refers to whom by messages happens under one mutex. A candidate has no user who could do
 * anything else.
 */
#include "kernel/slab.h"
#include "net/unix/unix.h"

static struct mutex gc_mutex = MUTEX_INIT(gc_mutex, RANK_FS);
static struct list inflight = LIST_INIT(inflight); /* [gc_mutex] of unix_sock.inflight_link */
static unsigned nr_files;                          /* [a] under way */
static struct thread *collector; /* who collects now: what it drops does not begin anew [a] */

void unix_rights_lock(void)
{
    mutex_lock(&gc_mutex);
}

void unix_rights_unlock(void)
{
    mutex_unlock(&gc_mutex);
}

static struct unix_sock *sock_of(void *file)
{
    struct socket *s = socket_host->file_socket(file);

    return s && s->family == AF_UNIX ? unix_sk(s) : NULL;
}

int unix_rights_begin(struct socket_rights *r)
{
    if (atomic_load(&nr_files) > socket_host->limit_files() &&
        !socket_host->capable(24 /* CAP_SYS_RESOURCE */) && !socket_host->capable(21 /* CAP_SYS_ADMIN */))
        return -ETOOMANYREFS;
    atomic_add(&nr_files, r->nr);
    unix_rights_lock();
    for (unsigned n = 0; n < r->nr; n++) {
        struct unix_sock *s = sock_of(r->files[n]);

        if (s && !s->inflight++)
            list_append(&inflight, &s->inflight_link);
    }
    unix_rights_unlock();
    return 0;
}

/* gc_mutex held */
void unix_rights_end(struct socket_rights *r)
{
    for (unsigned n = 0; n < r->nr; n++) {
        struct unix_sock *s = sock_of(r->files[n]);

        if (s && !--s->inflight)
            list_remove(&s->inflight_link);
    }
    atomic_sub(&nr_files, r->nr);
}

void unix_put_files(struct socket_rights *r)
{
    for (unsigned n = 0; n < r->nr; n++)
        socket_host->file_put(r->files[n]);
    kfree(r);
}

void unix_rights_drop(struct socket_rights *r)
{
    unix_rights_lock();
    unix_rights_end(r);
    unix_rights_unlock();
    unix_put_files(r);
}

/* ---- collecting; gc_mutex held ---- */

/* Calls fn for each local socket that messages on s's queue carry, or on those of the connections it has not accepted. */
static void each_carried(struct unix_sock *s, void (*fn)(struct unix_sock *, struct list *), struct list *arg)
{
    struct unix_sock *e;
    struct unix_msg *msg;

    spin_lock(&s->lock);
    list_for_each (msg, &s->rx, link)
        for (unsigned n = 0; msg->rights && n < msg->rights->nr; n++) {
            struct unix_sock *to = sock_of(msg->rights->files[n]);

            if (to)
                fn(to, arg);
        }
    spin_unlock(&s->lock);
    /* Nobody accepts from a candidate, and who connects to it only appends. */
    list_for_each (e, &s->embryos, link)
        each_carried(e, fn, arg);
}

static void count_inner(struct unix_sock *s, struct list *unused)
{
    s->inner++;
}

static void rescue(struct unix_sock *s, struct list *todo)
{
    if (!s->candidate)
        return;
    s->candidate = false;
    list_append(todo, &s->scan_link);
}

static void take_carried(struct unix_sock *s, struct list *garbage)
{
    struct unix_msg *msg, *next;
    struct unix_sock *e;

    spin_lock(&s->lock);
    list_for_each_safe (msg, next, &s->rx, link) {
        if (!msg->rights)
            continue;
        list_remove(&msg->link);
        if (s->oob == msg)
            s->oob = NULL;
        s->rx_nr -= s->rx_nr != 0;
        list_append(garbage, &msg->link);
        if (!msg->from) { /* of a stream: outlives its queue */
            msg->from = s->peer;
            unix_get(s->peer);
        }
    }
    spin_unlock(&s->lock);
    list_for_each (e, &s->embryos, link)
        take_carried(e, garbage);
}

static void find_garbage(struct list *garbage)
{
    struct list todo;
    struct unix_sock *s;
    unsigned nr = 0;

    list_init(&todo);
    list_for_each (s, &inflight, inflight_link) {
        s->inner = 0;
        s->candidate = socket_host->file_refs(s->s.file) == s->inflight;
        nr += s->candidate;
    }
    if (!nr)
        return;
    list_for_each (s, &inflight, inflight_link)
        if (s->candidate)
            each_carried(s, count_inner, NULL);
    list_for_each (s, &inflight, inflight_link)
        if (s->candidate && s->inner < s->inflight)
            rescue(s, &todo);
    while ((s = list_first(&todo, struct unix_sock, scan_link))) {
        list_remove(&s->scan_link);
        each_carried(s, rescue, &todo);
    }
    list_for_each (s, &inflight, inflight_link)
        if (s->candidate)
            take_carried(s, garbage);
}

void unix_collect(void)
{
    struct unix_msg *msg;
    struct list garbage;

    if (likely(list_empty(&inflight)) || atomic_load(&collector) == current)
        return;
    list_init(&garbage);
    unix_rights_lock();
    atomic_store(&collector, current);
    find_garbage(&garbage);
    unix_rights_unlock();
    while ((msg = list_first(&garbage, struct unix_msg, link))) {
        struct unix_sock *from = msg->from;

        list_remove(&msg->link);
        unix_msg_free(msg, from);
        unix_put(from);
    }
    atomic_store(&collector, NULL);
}
