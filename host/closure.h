/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * closure.h: what a program's loader would load.
 *
 * ELF: PT_INTERP and DT_NEEDED, transitively, found as glibc's ld.so(8) or musl's loader finds them: DT_RPATH of
 * the object and its loaders, LD_LIBRARY_PATH, DT_RUNPATH, the loader's cache or path file, its default folders;
 * $ORIGIN, $LIB and $PLATFORM; every glibc-hwcaps variant, since the guest's CPU may not be the host's.
 * Scripts: the interpreter of the #! line, and env's program.
 */
#ifndef HOST_CLOSURE_H
#define HOST_CLOSURE_H

#include "host/ldcache.h"
#include "host/manifest.h"

struct closure {
    struct manifest *m;
    const char *library_path; /* LD_LIBRARY_PATH, or NULL */
    struct ldcache *cache;    /* of the host; NULL when there is none */
    struct strv musl_path;    /* folders of /etc/ld-musl-x86_64.path */
    bool uses_glibc, uses_musl, used_library_path;
    struct strv programs; /* paths of the chain from the program to its last interpreter, links unresolved */
    struct strv missing;  /* "LIBRARY, needed by FILE", of files that the program may not need */
};

void closure_init(struct closure *c, struct manifest *m, const char *library_path);
void closure_free(struct closure *c);

/*
 * Adds the program with all it loads. `path` is absolute. Returns 0, or an exit status (125..127) after a message
 * that names what is missing or wrong.
 */
int closure_add_program(struct closure *c, const char *path);

/* Adds what an ELF file that is in the manifest loads. What is missing goes to c->missing and is no error. */
void closure_add_loads(struct closure *c, const char *path);

#endif
