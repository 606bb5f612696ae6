/* SPDX-License-Identifier: BSD-2-Clause */
/* libpath.h: where a loader looks for one library. */
#ifndef HOST_LIBPATH_H
#define HOST_LIBPATH_H

#include "host/closure.h"
#include "host/elf.h"

/* An ELF object in the order of loading; `by` loaded it. */
struct object {
    char *path;   /* as the loader opened it */
    char *origin; /* $ORIGIN */
    struct elf elf;
    struct object *by;
    bool musl; /* which loader's rules */
};

/* Adds the files that DT_NEEDED `name` of `o` may become in a guest, the best first. None: it is missing. */
void libpath_find(struct closure *c, const struct object *o, const char *name, struct strv *found);

#endif
