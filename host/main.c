/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "host/commands.h"
#include "host/msg.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: cmd_service() */
    const char *help;
} commands[] = {
    { "run", cmd_run, "run a program of this host, or an image, as a microVM" },
    { "build", cmd_build, "write an image file" },
    { "inspect", cmd_inspect, "list what is in an image" },
    { "ps", cmd_ps, "list the VMs that run in the background" },
    { "logs", cmd_logs, "print what one of them wrote" },
    { "port", cmd_port, "print which ports of the host lead to one" },
    { "stop", NULL, "end VMs in order" },
    { "kill", NULL, "switch VMs off, or send their programs a signal" },
    { "wait", NULL, "wait for the end of VMs, print their exit status" },
    { "start", NULL, "start VMs that have ended once more" },
    { "restart", NULL, "stop VMs and start them" },
    { "rm", NULL, "forget VMs that have ended" },
    { "version", cmd_version, "print the version" },
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *to)
{
    fprintf(to, "Usage: proa COMMAND [OPTIONS] [ARGS...]\n\n"
                "Proa runs one unmodified Linux program as a microVM.\n\nCommands:\n");
    for (size_t i = 0; i < NR_COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n`proa COMMAND --help` lists a command's options. Try: proa run echo hello\n");
    return to == stdout ? 0 : EXIT_FAILED;
}

int cmd_version(int argc, char **argv)
{
    printf("proa " PROA_VERSION "\n");
    return 0;
}

int main(int argc, char **argv)
{
    /* Whoever started us without standard streams must not get our files in their place. */
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return EXIT_FAILED;
    if (argc < 2)
        return usage(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return usage(stdout);
    if (!strcmp(argv[1], "--version"))
        return cmd_version(0, NULL);
    for (size_t i = 0; i < NR_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name))
            continue;
        int status = commands[i].run ? commands[i].run(argc - 2, argv + 2)
                                     : cmd_service(commands[i].name, argc - 2, argv + 2);

        if (fflush(stdout) && !status) {
            msg_error("standard output: cannot be written");
            status = EXIT_FAILED;
        }
        return status;
    }
    msg_error("unknown command %s; proa --help lists them", argv[1]);
    return EXIT_FAILED;
}
