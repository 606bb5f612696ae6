/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h: reading an image (EROFS), for its configuration and its list of files.
 *
 * Reads folders, links and files that are stored plain, which mkfs.erofs does for all files below a block; the
 * content of compressed files is not needed here and not read. Nothing in an image is trusted.
 */
#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

#include "host/mem.h"
#include <stdbool.h>
#include <sys/types.h>

struct image;

struct image_file {
    const char *path; /* absolute */
    mode_t mode;
    uint32_t uid, gid;
    uint64_t size;
    int64_t mtime;
    bool compressed;
    char *target; /* of a link, else NULL */
};

/* True if the file has an image's magic. */
bool image_probe(const char *path);

/* NULL after a message. */
struct image *image_open(const char *path);
void image_close(struct image *im);

uint64_t image_bytes(const struct image *im);

/* Calls fn for each file, folders before their content, in the order of names. 0, or -1 after a message. */
int image_walk(struct image *im, void (*fn)(const struct image_file *f, void *arg), void *arg);

/* Reads a whole file of at most max bytes. 0, or -1 after a message. Links are not followed. */
int image_read(struct image *im, const char *path, size_t max, struct buf *out);

#endif
