/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.h: what to run and how, as the OCI runtime configuration says (abi/image.h).
 */
#ifndef LINUX_CONFIG_H
#define LINUX_CONFIG_H

#include "lib/types.h"

#define CONFIG_MAX_RLIMITS 16
#define CONFIG_MAX_GROUPS  32

/* Strings, each terminated, back to back. */
struct strings {
    char *buf;
    size_t len, size;
    unsigned count;
};

struct config {
    struct strings args, env;
    char *cwd, *exec, *hostname,
        *hosts; /* exec: the file to execute when not args[0]; hosts: lines of /etc/hosts */
    uint32_t uid, gid;
    uint32_t groups[CONFIG_MAX_GROUPS];
    unsigned nr_groups;
    unsigned tty; /* STDIO_TTY_* */
    unsigned rows, cols;
    bool readonly_root;
    struct {
        unsigned which;
        uint64_t soft, hard;
    } rlimits[CONFIG_MAX_RLIMITS];
    unsigned nr_rlimits;
};

/* Parses JSON text. 0, -EINVAL (the reason and place are logged) or -ENOMEM. config_free in every case. */
int config_parse(struct config *c, const char *text, size_t len);
void config_free(struct config *c);

#endif
