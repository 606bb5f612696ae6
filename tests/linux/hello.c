/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest ordinary program: output through stdio on both streams, arguments, the environment, a status. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread int per_thread = 5;

int main(int argc, char **argv)
{
    char line[100];

    printf("hello, world: %d argument%s, pi %.6f, %d\n", argc - 1, argc == 2 ? "" : "s", 4 * atan(1),
           per_thread++);
    fprintf(stderr, "and on standard error\n");
    while (fgets(line, sizeof(line), stdin))
        printf("read %s", line);
    char *p = malloc(1 << 20);
    memset(p, 'x', 1 << 20);
    printf("%c %s\n", p[12345], getenv("HOME"));
    return 3;
}
