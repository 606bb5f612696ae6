/* SPDX-License-Identifier: BSD-2-Clause */
/* fs.h: Linux's constants of files: O_*, S_IF*, AT_*, RENAME_*, FALLOC_*, MS_*, IN_*, EPOLL*, from its exported headers. */
#ifndef ABI_FS_H
#define ABI_FS_H

#ifdef PROA_HOST
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE  (1 << 1)
#define RENAME_WHITEOUT  (1 << 2)
#endif
#ifndef SEEK_SET
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#endif
#ifndef SEEK_DATA
#define SEEK_DATA 3
#define SEEK_HOLE 4
#endif
#else
#include <linux/eventpoll.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/inotify.h>
#include <linux/stat.h>
#endif
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>

/* filesystem magics of statfs(2) that older headers lack */
#ifndef EROFS_SUPER_MAGIC_V1
#define EROFS_SUPER_MAGIC_V1 0xE0F5E1E2
#endif
#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

/* mount(2) */
#ifndef MS_RDONLY
#define MS_RDONLY 1
#endif
#ifndef MS_NOSUID
#define MS_NOSUID 2
#define MS_NODEV  4
#define MS_NOEXEC 8
#endif
#ifndef MS_REMOUNT
#define MS_REMOUNT 32
#endif
#ifndef MS_NOATIME
#define MS_NOATIME    1024
#define MS_NODIRATIME 2048
#endif
#ifndef MS_RELATIME
#define MS_RELATIME (1 << 21)
#endif
#ifndef MNT_DETACH
#define MNT_FORCE  1
#define MNT_DETACH 2
#endif

/* d_type of getdents64(2) */
#ifndef DT_DIR
#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12
#endif

/* access(2) and permission masks */
#define MAY_EXEC  1
#define MAY_WRITE 2
#define MAY_READ  4

/* device numbers: a kernel dev_t is what stat(2) reports */
#ifndef PROA_MKDEV
#define PROA_MKDEV(major, minor) \
    ((((uint64_t)(minor)) & 0xff) | (((uint64_t)(major)&0xfff) << 8) | (((uint64_t)(minor)&0xfff00) << 12))
#define DEV_MAJOR(d) ((unsigned)((d) >> 8 & 0xfff))
#define DEV_MINOR(d) ((unsigned)(((d)&0xff) | ((d) >> 12 & 0xfff00)))
#endif

#endif
