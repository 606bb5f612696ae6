/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h: images that were packed before.
 *
 * Two levels. An image's name is the hash of its manifest (every path with the identity of its file: size, times,
 * inode), so the same content is packed once. A request's record, named by the hash of what the user asked for,
 * holds the image's name and a stamp of each host file that decided anything: while all stamps hold, the request
 * needs neither a closure nor a manifest. Everything lives in $XDG_CACHE_HOME/proa (~/.cache/proa).
 */
#ifndef HOST_CACHE_H
#define HOST_CACHE_H

#include "host/manifest.h"

/* The folder, created on first use; "" after a message when it cannot be. Never free it. */
const char *cache_dir(void);

/* The image of an earlier request whose files are all unchanged, or NULL. The caller's to free. */
char *cache_find(const char *request);

/* The path an image with this manifest has in the cache; whether it is there is access(2)'s to say. */
char *cache_image_path(const struct manifest *m);

/* Notes that `request` leads to the image. Failure costs time only and is not reported. */
void cache_store(const char *request, const struct manifest *m, const char *image);

/* Removes the images used longest ago until the rest is within PROA_CACHE_SIZE (bytes with a suffix; 4G). */
void cache_trim(const char *keep);

#endif
