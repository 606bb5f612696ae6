/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenMP: loops by each schedule, reductions, sections, tasks, critical sections, locks, nested teams. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

static long fib(int n)
{
    long a, b;

    if (n < 2)
        return n;
    if (n < 12)
        return fib(n - 1) + fib(n - 2);
#pragma omp task shared(a)
    a = fib(n - 1);
#pragma omp task shared(b)
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

int main(void)
{
    static int hits[10000];
    long sum = 0, fixed = 0, guided = 0, answer = 0;
    int inside = 0, worst = 0, teams = 0, order[20], at = 0, once = 0;
    omp_lock_t lock;

    omp_set_dynamic(0);
    omp_set_num_threads(4);
#pragma omp parallel for reduction(+ : sum) schedule(dynamic, 7)
    for (int i = 0; i < 10000; i++) {
        hits[i]++;
        sum += i;
    }
#pragma omp parallel for reduction(+ : fixed) schedule(static, 3)
    for (int i = 0; i < 10000; i++)
        fixed += hits[i];
#pragma omp parallel for reduction(+ : guided) schedule(guided)
    for (int i = 0; i < 10000; i++)
        guided += hits[i] * 2;
    printf("loops %ld %ld %ld\n", sum, fixed, guided);

#pragma omp parallel
#pragma omp single
    answer = fib(20);
    printf("tasks %ld\n", answer);

#pragma omp parallel
    for (int i = 0; i < 200; i++) {
#pragma omp critical
        {
            if (++inside > worst)
                worst = inside;
            inside--;
        }
#pragma omp barrier
#pragma omp single
        once++;
    }
    printf("critical %d single %d\n", worst, once);

#pragma omp parallel for ordered schedule(dynamic)
    for (int i = 0; i < 20; i++)
#pragma omp ordered
        order[at++] = i;
    for (int i = 0; i < 20; i++)
        printf("%d%c", order[i], i < 19 ? ' ' : '\n');

    omp_init_lock(&lock);
    omp_set_max_active_levels(2);
#pragma omp parallel num_threads(3)
#pragma omp parallel num_threads(2)
    {
        omp_set_lock(&lock);
        teams++;
        omp_unset_lock(&lock);
    }
    omp_destroy_lock(&lock);
    printf("nested %d\n", teams);
    return 0;
}
