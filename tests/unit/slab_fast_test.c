/* SPDX-License-Identifier: BSD-2-Clause */
/* slab_test.c with the per-CPU lists of a release build. */
#define SLAB_CHECKS 0
#include "slab_test.c"
