/* SPDX-License-Identifier: BSD-2-Clause */
/* ldcache.h: glibc's /etc/ld.so.cache ("glibc-ld.so.cache1.1"): reading it, and writing a smaller one. */
#ifndef HOST_LDCACHE_H
#define HOST_LDCACHE_H

#include "host/mem.h"
#include <stdbool.h>

struct ldcache;

/* NULL when there is none or it is not in the format of glibc 2.2 and later. */
struct ldcache *ldcache_open(const char *path);
void ldcache_free(struct ldcache *c);

/* Adds the paths the cache gives for a library's name (x86-64), the plain one first, then those for newer CPUs. */
void ldcache_lookup(const struct ldcache *c, const char *name, struct strv *paths);

/*
 * A cache with only those plain entries for whose path keep() says true, in the same order. A smaller cache costs
 * the guest fewer pages and comparisons. False when nothing is kept.
 */
bool ldcache_filter(const struct ldcache *c, bool (*keep)(const char *path, void *arg), void *arg,
                    struct buf *out);

#endif
