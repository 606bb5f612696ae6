/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FS_MEM_H
#define FS_MEM_H

#include "fs/chrdev.h"

extern struct chrdev mem_devices[]; /* linked to each other: the first devices of the list (chrdev.c) */

#endif
