/* SPDX-License-Identifier: BSD-2-Clause */
/* process.h: the options that change a program's process: arguments, environment, folder, user. run and build share them. */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include "host/config.h"

struct process_options {
    struct strv env;       /* -e NAME=VALUE, -e NAME */
    struct strv env_files; /* --env-file */
    const char *workdir, *entrypoint, *hostname, *user;
};

/*
 * Applies the options to a configuration. args: what follows PROGRAM or IMAGE on the command line; it replaces all
 * arguments but the program's name. 0, or -1 after a message.
 */
int process_apply(const struct process_options *o, char **args, struct config *config);

#endif
