/* SPDX-License-Identifier: BSD-2-Clause */
/* conns: what idle connections cost.   conns PORT N: accepts N connections, then prints by how much the machine's free
 * memory has shrunk for each, in bytes:  CONNS n=N bytes_each=B */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static long free_kb(void)
{
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/meminfo", "r");

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "MemFree: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

int main(int argc, char **argv)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(argc == 3 ? atoi(argv[1]) : 9) };
    int n = argc == 3 ? atoi(argv[2]) : 1, l = socket(AF_INET, SOCK_STREAM, 0), warm = 64;
    struct rlimit limit = { n + 100, n + 100 };
    long before = 0;

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || bind(l, (void *)&a, sizeof(a)) < 0 || listen(l, 1024) < 0) {
        perror("conns");
        return 1;
    }
    for (int i = 0; i < n + warm; i++) {
        if (i == warm) { /* the first ones fill what is there anyway */
            free_kb();
            before = free_kb();
        }
        if (accept(l, NULL, NULL) < 0) {
            perror("accept");
            return 1;
        }
    }
    printf("CONNS n=%d bytes_each=%ld\n", n, (before - free_kb()) * 1024 / n);
    fflush(stdout);
    return 0;
}
