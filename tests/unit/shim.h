/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim.h: the kernel's surroundings on the build host. Every test program links the portable kernel/ and lib/ and
 * tests/unit/shim/ as an archive: what the test file includes itself (#include "kernel/page.c") takes the place of
 * the archive's. In the archive
 *   - kmalloc, slab_alloc and page_alloc are malloc() underneath, so that ASan sees each object; fail_alloc_at() of
 *     test.h makes the n-th from now fail;
 *   - threads are real (contexts on stacks of their own) under the real scheduler, on one CPU; main() is one of them;
 *   - time stands still until shim_advance(), or until every thread sleeps: then it jumps to the next timer;
 *   - locks are the real ones of a DEBUG build, which check their order;
 *   - user memory is the test's own memory;
 *   - panic() prints and aborts, or ends the statement in CHECK_PANICS().
 */
#ifndef TESTS_UNIT_SHIM_H
#define TESTS_UNIT_SHIM_H

#include "kernel/cpu.h"
#include "kernel/page.h"
#include <setjmp.h>

/* CHECK_PANICS() changes no local variable that matters afterwards. */
#pragma GCC diagnostic ignored "-Wclobbered"

extern uint64_t shim_now_ns;
extern uint64_t shim_timer_ns; /* what arch_timer_set() was last given */
extern uint64_t shim_timer_sets;
void shim_advance(uint64_t ns); /* lets time pass, with the timer interrupts that fall due */

extern long test_alloc_countdown;
bool shim_alloc_fails(void); /* is this the allocation that fail_alloc_at() chose? */

/* Objects and pages that were allocated and not freed yet: for leak checks. */
extern long shim_live_objects, shim_live_pages;

extern jmp_buf shim_panic_jmp;
extern bool shim_panic_expected;
extern char shim_panic_text[256];
#define CHECK_PANICS(stmt)                          \
    do {                                            \
        shim_panic_expected = true;                 \
        if (!setjmp(shim_panic_jmp)) {              \
            stmt;                                   \
            shim_panic_expected = false;            \
            CHECK(!"a panic was expected: " #stmt); \
        }                                           \
    } while (0)

#endif
