/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * overlay.c: a writable layer in memory over a read-only image. The layer itself is tmpfs with a lower side
 * (fs/tmpfs/tmpfs.h); this mounts both. Option lower=TYPE names the image's filesystem (erofs by default); the
 * others are tmpfs's.
 */
#include "fs/filesystems.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/slab.h"
#include "lib/string.h"

static const struct filesystem *lower_type(const char *name)
{
    for (const struct filesystem *const *f = filesystems; *f; f++)
        if (!strcmp((*f)->name, name))
            return *f;
    return NULL;
}

static int overlay_mount(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                         struct super **out)
{
    const struct filesystem *type = lower_type("erofs");
    struct super *lower;
    int err;

    if (!strncmp(data, "lower=", 6)) {
        char name[16];
        const char *end = strchr(data, ',');
        size_t n = end ? (size_t)(end - data) - 6 : strlen(data) - 6;

        if (n >= sizeof(name))
            return -EINVAL;
        memcpy(name, data + 6, n);
        name[n] = 0;
        type = lower_type(name);
        data = end ? end + 1 : "";
    }
    if (!type || type == fs)
        return -ENODEV;
    err = type->mount(type, source, MS_RDONLY, "", &lower);
    if (err)
        return err;
    err = tmp_mount(fs, lower, flags, data, out);
    if (err)
        super_put(lower);
    return err;
}

const struct filesystem overlay_filesystem = { .name = "overlay", .nodev = false, .mount = overlay_mount };
