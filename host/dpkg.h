/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dpkg.h: what Debian's package database says. Reads /var/lib/dpkg/status and info/NAME.list directly: a few
 * milliseconds, where dpkg-query takes a hundred.
 */
#ifndef HOST_DPKG_H
#define HOST_DPKG_H

#include "host/manifest.h"

struct dpkg;

/* NULL when this host has no dpkg database. Watches it for m. */
struct dpkg *dpkg_open(struct manifest *m);
void dpkg_free(struct dpkg *d);
static inline void dpkg_free_p(struct dpkg **d)
{
    dpkg_free(*d);
}

/*
 * Adds to `names` the package that owns each path, with and without the merged /usr, links resolved or not.
 * Paths that no package owns add nothing.
 */
void dpkg_owners(struct dpkg *d, const struct strv *paths, struct strv *names);

/*
 * Adds the installed packages that are called like a program and need its owner, a package of `names`: Debian's
 * python3 and perl are split into a small package with the program and the whole one that bears its name.
 */
void dpkg_namesakes(struct dpkg *d, const struct strv *paths, struct strv *names);

/* Adds the packages that those in `names` depend on, transitively, but for those that only serve installation. */
void dpkg_depends(struct dpkg *d, struct strv *names);

/*
 * Adds a package's files, documentation aside, and what its installation made of them (compiled Python modules).
 * -ENOENT when it is not installed.
 */
int dpkg_add_files(struct dpkg *d, const char *name, struct manifest *m);

/*
 * Adds the links in the folders of /etc that are there to files that are there: what of a package is in use is often said by
 * links that its installation or the administrator made (nginx' sites-enabled, Apache's mods-enabled) and no list names.
 */
void dpkg_add_enabled(struct manifest *m);

#endif
