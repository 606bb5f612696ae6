/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_INIT_H
#define LINUX_INIT_H

/* Makes pid 1 and lets it run: it mounts the root, opens its streams and becomes the program. Called once by the
 * boot thread, which then is the idle thread. */
void linux_start(void);

#endif
