/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uts.h: the names uname(2) reports, and names of errors for messages.
 */
#ifndef LINUX_UTS_H
#define LINUX_UTS_H

#include "lib/types.h"
#include <linux/utsname.h>

extern struct new_utsname uts;
int uts_set_hostname(const char *name, size_t len); /* 0 or -EINVAL */
/* What a person expects for -errno: "No such file or directory"; the number when it is an unusual one. */
const char *errno_name(int err);

#endif
