/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.h: a running VMM and everything between it and the user: standard streams, signals, the terminal's size,
 * the kernel's log, the exit status.
 *
 * The VMM is a child in a session of its own, so that the terminal's Ctrl-C reaches us alone, and dies with us
 * (PR_SET_PDEATHSIG).
 */
#ifndef HOST_RELAY_H
#define HOST_RELAY_H

#include "host/vmm.h"
#include <signal.h>

struct relay_result {
    int status;         /* of `proa run` */
    char *boot;         /* the "boot" message's text, or NULL */
    char *memory;       /* the "memory" message's text, or NULL */
    uint64_t start_us;  /* from the call to the VMM's exec */
    uint64_t output_us; /* from the VMM's exec to the program's first output; 0 if there was none */
    uint64_t end_us;    /* from the VMM's exec to its end */
};

/*
 * Orders to the relay of a detached VM: RELAY_ORDER is queued with pidfd_send_signal(2) and carries one of these as its
 * value. No socket, no file: the descriptor of the process names the VM.
 */
#define RELAY_ORDER      (SIGRTMIN + 2)
#define RELAY_SIGNAL(n)  (1 << 24 | (n))    /* to the program */
#define RELAY_STOP(secs) (2 << 24 | (secs)) /* SIGTERM, and off when it has not ended by then */
#define RELAY_OFF        (3 << 24)          /* now */
#define RELAY_STOP_MAX   0xffffff

struct relay_service {
    sigset_t mask; /* the VMM's */
    void (*ready)(
        void);    /* called once, when the machine has run for a little while or its program has ended */
    bool stopped; /* somebody wanted it to end */
};

/* The signals a relay takes, blocked. A service blocks them itself before anybody may know its process. */
void relay_signals(sigset_t *set);

/* Starts the VMM of the spec, relays until it has ended, and restores the terminal. raw: the terminal too. service: NULL in the
 * foreground. */
void relay_run(struct vmm_spec *spec, bool raw, struct relay_service *service, struct relay_result *res);

#endif
