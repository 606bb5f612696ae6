/* SPDX-License-Identifier: BSD-2-Clause */
/* table.c: sockets by their ports: bound ones, where listeners are found, and connections. */
#include "abi/errno.h"
#include "kernel/random.h"
#include "net/vsock/vsock.h"

#define BUCKETS   64 /* a power of two */
#define MAX_TRIES 4096

static struct spinlock lock = SPINLOCK_INIT(RANK_NET_TABLE);
static struct list bound[BUCKETS], connected[BUCKETS];
static uint32_t next_port; /* [lock] */

void vsock_tables_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        list_init(&bound[i]);
        list_init(&connected[i]);
    }
    random_bytes(&next_port, sizeof(next_port));
}

static struct list *bound_bucket(uint32_t port)
{
    return &bound[port % BUCKETS];
}

static struct list *connected_bucket(uint32_t local_port, uint32_t remote_port)
{
    return &connected[(local_port ^ remote_port * 31) % BUCKETS];
}

/* lock held */
static struct vsock_sock *find_bound(struct vsock_name name)
{
    struct vsock_sock *s;

    list_for_each (s, bound_bucket(name.port), bound)
        if (s->local.port == name.port &&
            (s->local.cid == name.cid || s->local.cid == VMADDR_CID_ANY || name.cid == VMADDR_CID_ANY))
            return s;
    return NULL;
}

/* lock held */
static bool choose_port(struct vsock_name *name)
{
    for (unsigned n = 0; n < MAX_TRIES; n++) {
        if (next_port <= VSOCK_PORT_PRIVILEGED || next_port == VMADDR_PORT_ANY)
            next_port = VSOCK_PORT_PRIVILEGED + 1;
        name->port = next_port++;
        if (!find_bound(*name))
            return true;
    }
    return false;
}

int vsock_bind_name(struct vsock_sock *s, struct vsock_name name)
{
    int err = 0;

    spin_lock(&lock);
    if (name.port == VMADDR_PORT_ANY)
        err = choose_port(&name) ? 0 : -EADDRNOTAVAIL;
    else if (find_bound(name))
        err = -EADDRINUSE;
    if (!err) {
        s->local = name;
        list_append(bound_bucket(name.port), &s->bound);
    }
    spin_unlock(&lock);
    return err;
}

void vsock_table_connect(struct vsock_sock *s)
{
    spin_lock(&lock);
    list_append(connected_bucket(s->local.port, s->remote.port), &s->connected);
    spin_unlock(&lock);
}

void vsock_table_disconnect(struct vsock_sock *s)
{
    spin_lock(&lock);
    list_remove(&s->connected);
    spin_unlock(&lock);
}

void vsock_table_unbind(struct vsock_sock *s)
{
    spin_lock(&lock);
    list_remove(&s->bound);
    spin_unlock(&lock);
}

struct vsock_sock *vsock_find(struct vsock_name from, struct vsock_name to, bool loop)
{
    struct vsock_sock *s, *found = NULL;

    spin_lock(&lock);
    list_for_each (s, connected_bucket(to.port, from.port), connected) {
        if (s->local.port == to.port && s->remote.port == from.port && s->remote.cid == from.cid &&
            s->loop == loop) {
            found = s;
            break;
        }
    }
    if (!found) {
        found = find_bound(to);
        if (found && !found->s.listening)
            found = NULL;
    }
    /* Who takes it out of the tables does so before the last reference goes. */
    if (found)
        ref_get(&found->refs);
    spin_unlock(&lock);
    return found;
}

struct vsock_sock *vsock_table_pop(void)
{
    struct vsock_sock *s, *found = NULL;

    spin_lock(&lock);
    for (unsigned i = 0; i < BUCKETS && !found; i++) {
        list_for_each (s, &connected[i], connected) {
            if (!s->loop) {
                found = s;
                break;
            }
        }
    }
    if (found) {
        ref_get(&found->refs);
        list_remove(&found->connected);
    }
    spin_unlock(&lock);
    return found;
}
