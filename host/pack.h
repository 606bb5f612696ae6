/* SPDX-License-Identifier: BSD-2-Clause */
/* pack.h: from a manifest to an EROFS image, by mkfs.erofs. */
#ifndef HOST_PACK_H
#define HOST_PACK_H

#include "host/manifest.h"

/*
 * Writes the image to `out`, complete or not at all. compress: LZ4; otherwise plain, which reads faster. 0, or -1
 * after a message. The host's files are copied to a staging folder of the cache for the time of packing: links to
 * them would change their times and need rights to them.
 */
int pack_image(const struct manifest *m, const char *out, bool compress);

#endif
