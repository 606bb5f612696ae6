/* SPDX-License-Identifier: BSD-2-Clause */
/* copy.h: how bulk copies are done on this CPU. Assembly includes it too. */
#ifndef ARCH_COPY_H
#define ARCH_COPY_H

#define COPY_WORDS 0 /* REP MOVSQ, STOSQ */
#define COPY_BYTES 1 /* REP MOVSB: the CPU has ERMS or FSRM */
#define COPY_SSE   2 /* emulated: 16 bytes an instruction */
#define COPY_AVX   3 /* emulated: 32 bytes an instruction */

#define COPY_BIG   256 /* bytes from which on the choice matters */
#define PAGE_BYTES 4096

#ifndef __ASSEMBLER__
#include "lib/types.h"
extern uint8_t copy_mode;
#endif

#endif
