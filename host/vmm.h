/* SPDX-License-Identifier: BSD-2-Clause */
/* vmm.h: the command line of the virtual machine monitor. */
#ifndef HOST_VMM_H
#define HOST_VMM_H

#include "host/net.h"
#include "host/vsock.h"
#include <stdbool.h>

enum vmm_machine { VMM_MICROVM, VMM_Q35, VMM_PC };

/* The streams between the tool and the VMM: the tool's numbers of its ends and the VMM's. */
enum vmm_stream { VMM_STDIN, VMM_STDOUT, VMM_STDERR, VMM_CONTROL, VMM_SERIAL, VMM_NR_STREAMS };

struct vmm_spec {
    enum vmm_machine machine;
    const char *qemu;   /* path of the VMM */
    const char *accel;  /* of accel_choose() */
    const char *kernel; /* ELF file */
    const char *image;  /* EROFS file, or NULL */
    const char *config; /* file with the run's configuration, or NULL */
    const char *name;   /* or NULL */
    uint64_t memory;    /* bytes */
    unsigned cpus;
    struct strv kernel_args, user_args; /* the tool's, and the user's, which come last */
    uint64_t epoch_ns;                  /* the time of the start, for a guest without a clock; 0: not told */
    const struct net *net;              /* or NULL: no network */
    struct vsock vsock;
    bool standalone; /* a command line for a terminal (--dry-run): the VMM's own standard streams serve */
    int fds[VMM_NR_STREAMS]; /* sockets the VMM inherits, unless standalone */
};

/* "qemu", "qemu:microvm", "qemu:q35", "qemu:pc". False if it is none of them. */
bool vmm_parse(const char *s, enum vmm_machine *machine);

/* The VMM's path: PROA_QEMU, or qemu-system-x86_64 in PATH. NULL after a message. */
char *vmm_find(void);

/* The kernel's path: --kernel, PROA_KERNEL, beside the tool, or where `make install` put it. NULL after a message. */
char *vmm_find_kernel(const char *option);

/* Takes what the VMM needs of the host: devices, ports. Just before it starts. 0, or -1 after a message. */
int vmm_open_host(const struct vmm_spec *spec, struct net *net);

void vmm_command(const struct vmm_spec *spec, struct strv *args);

/* The command as a shell reads it. */
void vmm_quote(const struct strv *args, struct buf *out);

#endif
