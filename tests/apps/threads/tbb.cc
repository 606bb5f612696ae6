// SPDX-License-Identifier: BSD-2-Clause
// oneTBB: parallel loops, reduction, scan, sort, pipeline, concurrent containers, task groups, arenas, a flow graph.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <tbb/blocked_range.h>
#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_queue.h>
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/parallel_reduce.h>
#include <tbb/parallel_scan.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <vector>

static int fib(int n)
{
    int a, b;

    if (n < 10)
        return n < 2 ? n : fib(n - 1) + fib(n - 2);
    tbb::task_group g;
    g.run([&] { a = fib(n - 1); });
    g.run([&] { b = fib(n - 2); });
    g.wait();
    return a + b;
}

int main()
{
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 4);
    tbb::task_arena arena(4);

    arena.execute([] {
        const int n = 100000;
        std::vector<int> v(n);
        tbb::parallel_for(0, n, [&](int i) { v[i] = (i * 7919L) % n; });
        long sum = tbb::parallel_reduce(
            tbb::blocked_range<int>(0, n), 0L,
            [&](const auto &r, long s) {
                for (int i = r.begin(); i < r.end(); i++)
                    s += v[i];
                return s;
            },
            std::plus<long>());
        tbb::parallel_sort(v.begin(), v.end());
        printf("sum %ld sorted %d\n", sum, (int)std::is_sorted(v.begin(), v.end()));
        std::vector<long> out(n);
        tbb::parallel_scan(
            tbb::blocked_range<int>(0, n), 0L,
            [&](const auto &r, long s, bool last) {
                for (int i = r.begin(); i < r.end(); i++) {
                    s += v[i];
                    if (last)
                        out[i] = s;
                }
                return s;
            },
            std::plus<long>());
        printf("scan %ld\n", out[n - 1]);

        int next = 0;
        std::string text;
        tbb::parallel_pipeline(
            8, tbb::make_filter<void, int>(tbb::filter_mode::serial_in_order,
                                           [&](tbb::flow_control &fc) {
                                               if (next == 26)
                                                   fc.stop();
                                               return next++;
                                           }) &
                   tbb::make_filter<int, char>(tbb::filter_mode::parallel, [](int i) { return char('a' + i); }) &
                   tbb::make_filter<char, void>(tbb::filter_mode::serial_in_order, [&](char c) { text += c; }));
        printf("pipeline %s\n", text.c_str());

        tbb::concurrent_hash_map<int, int> map;
        tbb::parallel_for(0, 20000, [&](int i) {
            tbb::concurrent_hash_map<int, int>::accessor a;
            map.insert(a, i % 50);
            a->second++;
        });
        int all = 0;
        for (auto &e : map)
            all += e.second;
        printf("map %d in %zu\n", all, map.size());
        printf("fib %d\n", fib(22));

        try {
            tbb::parallel_for(0, 1000, [](int i) {
                if (i == 777)
                    throw std::string("thrown by one");
            });
        } catch (std::string &s) {
            printf("%s\n", s.c_str());
        }
    });

    tbb::concurrent_bounded_queue<int> q;
    q.set_capacity(4);
    tbb::task_group g;
    long got = 0;
    g.run([&] {
        for (int i = 1; i <= 1000; i++)
            q.push(i);
        q.push(0);
    });
    for (int i; q.pop(i), i;)
        got += i;
    g.wait();
    printf("queue %ld\n", got);

    tbb::flow::graph graph;
    std::atomic<int> total{ 0 };
    tbb::flow::function_node<int, int> square(graph, tbb::flow::unlimited, [](int i) { return i * i; });
    tbb::flow::function_node<int> add(graph, tbb::flow::serial, [&](int i) { total += i; });
    tbb::flow::make_edge(square, add);
    for (int i = 0; i < 100; i++)
        square.try_put(i);
    graph.wait_for_all();
    printf("graph %d\n", total.load());
}
