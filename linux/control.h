/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h: the control port: commands from the host, reports to it (abi/control.h).
 */
#ifndef LINUX_CONTROL_H
#define LINUX_CONTROL_H

#include "lib/types.h"

void control_init(void); /* after the drivers; starts listening. No port: nothing to do */
/* Tells the host the program's status (0..255), waits until it and all output has been taken, and powers off. */
void control_report_exit(int status) __noreturn;

#endif
