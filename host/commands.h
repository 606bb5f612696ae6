/* SPDX-License-Identifier: BSD-2-Clause */
/* commands.h: the tool's commands; each gets its arguments without its own name and returns an exit status. */
#ifndef HOST_COMMANDS_H
#define HOST_COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_build(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_logs(int argc, char **argv);
int cmd_port(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* stop, kill, rm, wait, start, restart. */
int cmd_service(const char *name, int argc, char **argv);

#endif
