/* SPDX-License-Identifier: BSD-2-Clause */
/* bootchart.h: what --bootchart prints on standard error, and --stats writes. */
#ifndef HOST_BOOTCHART_H
#define HOST_BOOTCHART_H

#include "host/relay.h"

/* packing_us: from the tool's start to the VMM's start. */
void bootchart_print(const struct relay_result *res, uint64_t packing_us);

/*
 * --stats: the same figures for programs, as NAME=VALUE lines in a file: status, first_output_ms (from the VMM's
 * exec), total_ms, boot_ms (from the guest's entry point to its last step) and memory_NAME for each of the guest's
 * figures about memory. 0, or -1 after a message.
 */
int bootchart_write(const struct relay_result *res, const char *path);

#endif
