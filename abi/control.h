/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h: how the `proa` tool and a running guest talk.
 *
 * One virtio-console device (virtio 1.2 §5.3, multiport) carries the four ports below; the guest finds each by
 * the NAME that VIRTIO_CONSOLE_PORT_NAME announces, never by number. Ports are byte streams.
 *
 *   PORT_STDIN    host -> guest. The host closing the port (PORT_OPEN 0) is end of input; bytes already
 *                      queued come first. Guest -> host carries the echo of a terminal whose output is nowhere
 *                      else visible (standard input is a terminal, standard output and error are not).
 *   PORT_STDOUT   guest -> host. The host closing it means that nobody reads any more: EPIPE and SIGPIPE.
 *   PORT_STDERR   the same.
 *   PORT_CONTROL  both ways: one JSON object a line, at most CONTROL_LINE_MAX bytes with its newline.
 *
 * The device completes a transmit buffer when the host has taken it, so a guest that waits for its transmit queues
 * to drain before it powers off loses nothing.
 *
 * Host -> guest                      meaning
 *   {"signal":N}                     send signal N (Linux numbers) to the program (the foreground process group)
 *   {"winsize":[ROWS,COLS]}          the terminal has this size now; SIGWINCH if it changed
 *
 * Guest -> host
 *   {"exit":STATUS}                  the program ended: 0..255, 128+signal if one killed it. The last message
 *   {"boot":[["STEP",US],...]}       boot steps, microseconds since the entry point (only with ARG_BOOTCHART)
 *   {"memory":{"peak_kb":N,...}}     figures about memory, before exit (only with ARG_BOOTCHART)
 *
 * Either side ignores a message whose first key it does not know: that is how the protocol grows.
 */
#ifndef ABI_CONTROL_H
#define ABI_CONTROL_H

#include "abi/image.h" /* what the run-time configuration looks like */

#define PORT_STDIN   "org.proa.stdin"
#define PORT_STDOUT  "org.proa.stdout"
#define PORT_STDERR  "org.proa.stderr"
#define PORT_CONTROL "org.proa.control"

#define CONTROL_LINE_MAX 4096

/*
 * Kernel arguments the tool gives. Linux's own where one exists.
 *   console=ttyS0    kernel log on the 8250 at 0x3f8
 *   loglevel=N       print messages with a level below N (0 emergency ... 4 warning ... 7 debug)
 *   bootchart        send "boot" and "memory" on the control port
 *   epoch_ns=N       nanoseconds since 1970 when the VMM was started
 *   ip=ADDR::GATEWAY:MASK:HOSTNAME:DEVICE:METHOD:DNS0:DNS1
 *                    Linux's (nfsroot.rst), here once for each card. METHOD: "off" sets ADDR; "dhcp" asks for one;
 *                    "none" leaves the card without. What is not given is empty; colons at the end may be missing
 *   ip6=ADDR/PREFIX,GATEWAY,DEVICE
 *                    the same for a static IPv6 address; GATEWAY may be empty. A card without it takes what routers
 *                    announce
 * Cards are eth0, eth1, ... in the order in which the VMM shows them.
 */
#define ARG_CONSOLE   "console=ttyS0"
#define ARG_LOGLEVEL  "loglevel="
#define ARG_BOOTCHART "bootchart"
#define ARG_EPOCH     "epoch_ns="
#define ARG_IP        "ip="
#define ARG_IP6       "ip6="

/*
 * QEMU's isa-debug-exit: a byte V written to the port ends the VMM with status V << 1 | 1. It tells the tool how
 * the machine ended when no {"exit"} message says so; other VMMs lack it, and power-off serves there.
 */
#define DEBUG_EXIT_PORT  0xf4
#define DEBUG_EXIT_OK    0x10 /* powered off in order; the control port said the status */
#define DEBUG_EXIT_PANIC 0x11 /* the kernel panicked */
#define DEBUG_EXIT_PROBE 0x12 /* the accelerator probe's guest finished */

#ifndef __ASSEMBLER__
/* Exit status of `proa run` itself, as docker's: everything else is the program's. */
enum exit_status {
    EXIT_FAILED = 125,         /* proa, the VMM or the kernel failed */
    EXIT_NOT_EXECUTABLE = 126, /* the program exists and cannot be executed */
    EXIT_NOT_FOUND = 127,      /* there is no such program */
};
#endif

#endif
