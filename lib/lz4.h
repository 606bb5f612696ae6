/* SPDX-License-Identifier: BSD-2-Clause */
/* lz4.h: decompression of one LZ4 block. Pure; safe against any input. */
#ifndef LIB_LZ4_H
#define LIB_LZ4_H

#include "lib/types.h"

/* Decodes src until dst is full or src ends; returns the bytes written, or -1 when the input is malformed. Neither
 * reads outside src nor writes outside dst. */
ssize_t lz4_decompress(const void *src, size_t src_len, void *dst, size_t dst_len);

#endif
