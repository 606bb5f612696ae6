/* SPDX-License-Identifier: BSD-2-Clause */
/* start: Linux's init for programs that need more than a root: mounts /proc and a memory file system on /tmp, sets the
 * environment and becomes the program.   start [NAME=VALUE...] PROGRAM [ARGS...]   (Proa needs none of it.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    mount("proc", "/proc", "proc", 0, NULL);
    mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/", 1);
    setenv("TERM", "linux", 1);
    for (argv++; *argv && strchr(*argv, '='); argv++)
        putenv(*argv);
    if (!*argv)
        return 2;
    execv(*argv, argv);
    perror(*argv);
    return 127;
}
