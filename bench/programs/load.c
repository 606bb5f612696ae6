/* SPDX-License-Identifier: BSD-2-Clause */
/* load: a library to preload: a thread for each CPU that never rests, in turn computing, faulting pages in and calling
 * the kernel. What cyclictest's threads have to get ahead of.   gcc -O2 -shared -fPIC -pthread -o load.so load.c */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REGION (256ul << 10)

static void *work(void *arg)
{
    int fd[2];
    char c = 'x';

    if (pipe(fd))
        return NULL;
    for (;;) {
        char *m = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (m == MAP_FAILED)
            return NULL;
        memset(m, 1, REGION);
        for (int i = 0; i < 100; i++) {
            syscall(SYS_getppid);
            if (write(fd[1], &c, 1) != 1 || read(fd[0], &c, 1) != 1)
                return NULL;
        }
        for (volatile int i = 0; i < 100000; i++)
            ;
        munmap(m, REGION);
    }
    return arg;
}

__attribute__((constructor)) static void load(void)
{
    long nr = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t t;

    for (long i = 0; i < nr; i++)
        if (!pthread_create(&t, NULL, work, NULL))
            pthread_detach(t);
}
