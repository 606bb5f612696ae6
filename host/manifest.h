/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manifest.h: what goes into an image: a tree of paths in the guest, each with where it comes from.
 *
 * A manifest owns its entries; they stay where they are until manifest_free(). Paths are absolute and normalised.
 * Adding a path adds its parent directories, and follows symbolic links that are in the manifest already, so that
 * "/bin/x" lands in /usr/bin where /bin is a link. Adding what exists already is a no-op, except where said.
 * Functions return 0 or -errno and print nothing.
 */
#ifndef HOST_MANIFEST_H
#define HOST_MANIFEST_H

#include "host/mem.h"
#include <stdbool.h>
#include <sys/stat.h>

struct entry {
    char *path; /* in the guest */
    char *
        source; /* a file of the host, or NULL: `data` is the content (a regular file's, or a link's target) */
    char *data;      /* owned; NUL-terminated */
    size_t data_len; /* of data */
    struct stat st;  /* of the source; what is not known of generated entries is 0 */
    bool watch;      /* a directory whose whole content was taken: a change of its mtime matters */
};

struct manifest {
    struct entry **slots; /* open addressing by path */
    size_t nr, nr_slots;
    struct strv watched; /* host paths that decided something, whether they exist or not */
    char *host_root;     /* host paths of manifest_add_host() are below this; NULL for / */
};

void manifest_init(struct manifest *m);
void manifest_free(struct manifest *m);
#define _cleanup_manifest_ _cleanup_(manifest_free)

struct entry *manifest_find(const struct manifest *m, const char *path);

/*
 * Adds a path of the host at the same place in the guest, with every link on the way and their targets. A
 * directory comes without its content. *final, if not NULL, is the entry at the end of the links.
 * -ENOENT, -ELOOP, -EACCES, -ENOTDIR as stat(2).
 */
int manifest_add_host(struct manifest *m, const char *path, struct entry **final);

/* true: leave this path (of the host) out, with all below it */
typedef bool (*manifest_filter)(const char *path, const struct stat *st, void *arg);

/*
 * Adds a file, or a directory with all below it, of the host as `guest`. What was there is replaced. Links are
 * copied as they are. Sockets, fifos and devices are left out. *skipped, if not NULL, counts what could not be read.
 */
int manifest_add_copy(struct manifest *m, const char *host, const char *guest, manifest_filter filter,
                      void *arg, size_t *skipped);

/* Generated entries. They replace nothing: -EEXIST when the path exists. */
int manifest_add_file(struct manifest *m, const char *guest, const void *data, size_t len, mode_t mode);
int manifest_add_dir(struct manifest *m, const char *guest, mode_t mode);
int manifest_add_link(struct manifest *m, const char *guest, const char *target);

/* Notes that the outcome depends on this path of the host (also on its absence). */
void manifest_watch(struct manifest *m, const char *host);

/* All entries in path order, so that a directory comes before what is in it. The array is the caller's. */
struct entry **manifest_sorted(const struct manifest *m);

/* Absolute and without "." and "//"; ".." removed by text. */
char *path_normalise(const char *path);

#endif
