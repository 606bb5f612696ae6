/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h: what a Proa image is.
 *
 * An image is one EROFS file system (little endian, 4096-byte blocks, plain or LZ4) that holds the guest's root
 * and, at IMAGE_CONFIG, an OCI runtime-spec configuration (config.json). Linux mounts it as it is.
 *
 * The guest reads these fields; it ignores the rest:
 *
 *   ociVersion            "1.0.2"
 *   process.args          the program (a path, or a name looked up in PATH of process.env) and its arguments; the
 *                         annotation ANNOTATION_EXEC names another file to execute under that argv[0]
 *   process.env           ["NAME=value", ...]
 *   process.cwd           absolute path; created when it does not exist
 *   process.user          {"uid":N,"gid":N,"additionalGids":[...]}
 *   process.terminal      true when at least one of the standard streams is a terminal
 *   process.consoleSize   {"height":ROWS,"width":COLS}
 *   process.rlimits       [{"type":"RLIMIT_NOFILE","soft":N,"hard":N}, ...]
 *   root                  {"path":".","readonly":false}
 *   hostname              the name of the machine
 *   annotations           strings, ANNOTATION_* below
 *
 * A run may differ from what the image says. The tool then hands the guest a whole configuration of the same
 * schema as the initial ramdisk (the PVH start info's first module, or the Linux boot protocol's ramdisk): plain
 * JSON text, no archive. It REPLACES the image's configuration for that run; nothing is merged in the guest.
 */
#ifndef ABI_IMAGE_H
#define ABI_IMAGE_H

#define IMAGE_CONFIG_DIR "/.proa"
#define IMAGE_CONFIG     "/.proa/config.json"
#define IMAGE_CONFIG_MAX (1024 * 1024) /* bytes; a longer one is refused by both sides */
#define OCI_VERSION      "1.0.2"

/* Which of stdin, stdout, stderr are terminals, separated by commas: "stdin,stdout". Absent or empty: none. */
#define ANNOTATION_TTY        "org.proa.tty"
/* The file to execute when it is not process.args[0] (which is then argv[0] alone): an absolute path of the guest. */
#define ANNOTATION_EXEC       "org.proa.exec"
/* Lines that the guest adds to its /etc/hosts before the program starts: the machine's name, other names of the run. */
#define ANNOTATION_HOSTS      "org.proa.hosts"
#define ANNOTATION_HOSTS_MAX  16384 /* bytes */
/* The tool's version that made the configuration; for people. */
#define ANNOTATION_CREATED_BY "org.proa.created-by"

/* EROFS super block magic: little endian, at this offset. How the tool tells an image from a program. */
#define IMAGE_MAGIC_OFFSET 1024
#define IMAGE_MAGIC        0xe0f5e1e2u

#endif
