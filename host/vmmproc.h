/* SPDX-License-Identifier: BSD-2-Clause */
/* vmmproc.h: the VMM as a child process, with its sockets. */
#ifndef HOST_VMMPROC_H
#define HOST_VMMPROC_H

#include "host/vmm.h"
#include <signal.h>
#include <sys/types.h>

struct vmmproc {
    pid_t pid;
    int pidfd;               /* readable when it has ended */
    int fds[VMM_NR_STREAMS]; /* our ends, non-blocking; -1 when closed */
    int said;                /* its standard output and error */
    int status, signal;      /* after vmmproc_reap() */
};

/* Starts the spec's command with these signals blocked. 0, or -1 with errno. */
int vmmproc_start(struct vmmproc *v, struct vmm_spec *spec, const sigset_t *mask);
void vmmproc_kill(struct vmmproc *v);
void vmmproc_reap(struct vmmproc *v);
void vmmproc_close(struct vmmproc *v, enum vmm_stream stream);
void vmmproc_free(struct vmmproc *v);

#endif
