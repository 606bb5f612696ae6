/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statedir.h: what is kept of detached VMs, in $XDG_STATE_HOME/proa, ~/.local/state/proa, or as root /var/lib/proa.
 *
 *   lock              held while a VM is created or renamed: names are unique
 *   vms/ID/config     how to start it (service.h); never changes
 *   vms/ID/state      struct vm_state as JSON, of a fixed length and overwritten in place, so that a full disk cannot
 *                     keep an end from being noted
 *   vms/ID/lock       an OFD lock held by its supervisor for as long as that lives: who is alive is never a guess
 *   vms/ID/log, log.1 its output (vmlog.h)
 *   vms/ID/image      a link to the cached image, which the cache may forget
 *
 * A folder appears complete, by rename, and goes away by rename, too.
 */
#ifndef HOST_STATEDIR_H
#define HOST_STATEDIR_H

#include "host/service.h"
#include <sys/types.h>

enum vm_status { VM_CREATED, VM_RUNNING, VM_RESTARTING, VM_EXITED };

struct vm_state {
    enum vm_status status;
    pid_t pid; /* the supervisor's, and when that started, as the kernel counts: process numbers come again */
    uint64_t pid_start;
    int64_t started, finished; /* seconds since 1970; 0: never */
    int exit;
    unsigned restarts;
};

struct vm {
    char *dir;
    struct service service;
    struct vm_state state;
    bool alive;   /* a supervisor holds the lock */
    bool damaged; /* the configuration cannot be read; the service has only its id */
};

/* The folder, created on first use; "" after a message when it cannot be. Never free it. */
const char *state_dir(void);

/*
 * Makes the VM's folder, with an id, a name if it has none, its image kept if that is a cached one, and its lock held by
 * *lock. 0, or -1 after a message.
 */
int vm_create(struct service *v, bool cached, char **dir, int *lock);

/* All of them, oldest first. The caller frees each and the array. */
size_t vm_list(struct vm **all);
/* By name, id or an id's beginning. 0, or -1 after a message. */
int vm_find(const char *name, struct vm *vm);
/* Looks again who is alive and how it stands. */
void vm_refresh(struct vm *vm);
void vm_free(struct vm *vm);
#define _cleanup_vm_ _cleanup_(vm_free)

/* Takes the lock of one that is not alive. A descriptor, or -1 after a message. */
int vm_lock(const struct vm *vm);
/* The same folder's lock must be held. 0, or -1 after a message. */
int vm_remove(const char *dir);

int vm_read_state(const char *dir, struct vm_state *state);
int vm_write_state(const char *dir, const struct vm_state *state);

/* The supervisor as a descriptor that cannot come to mean another process; -1: it is gone. */
int vm_pidfd(const struct vm *vm);
/* When a process started, as /proc says; 0: there is none. */
uint64_t process_start(pid_t pid);

#endif
