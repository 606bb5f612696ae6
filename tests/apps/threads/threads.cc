// SPDX-License-Identifier: BSD-2-Clause
// C++20's threads: async, conditions with and without time, shared and timed mutexes, call_once, thread_local,
// semaphores, barriers, stop tokens, atomic waits, exceptions across threads.
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static thread_local int mine = 5;
static std::atomic<int> destroyed;

struct at_exit {
    ~at_exit()
    {
        destroyed++;
    }
};
static thread_local at_exit noticed;

static void producers()
{
    std::mutex m;
    std::condition_variable not_empty, not_full;
    std::vector<int> items;
    long sum = 0;
    std::vector<std::jthread> all;

    for (int p = 0; p < 4; p++)
        all.emplace_back([&, p] {
            for (int i = 0; i < 500; i++) {
                std::unique_lock l(m);
                not_full.wait(l, [&] { return items.size() < 8; });
                items.push_back(p * 500 + i);
                not_empty.notify_one();
            }
        });
    for (int n = 0; n < 2000; n++) {
        std::unique_lock l(m);
        not_empty.wait(l, [&] { return !items.empty(); });
        sum += items.back();
        items.pop_back();
        not_full.notify_one();
    }
    all.clear();
    printf("produced %ld\n", sum);
}

static void times()
{
    std::mutex m;
    std::timed_mutex held;
    std::condition_variable cv;
    std::unique_lock l(m);
    auto start = std::chrono::steady_clock::now();

    printf("wait_for %d\n", cv.wait_for(l, 20ms) == std::cv_status::timeout);
    printf("late %d\n", std::chrono::steady_clock::now() - start >= 20ms);
    printf("wait_until %d\n", cv.wait_until(l, std::chrono::system_clock::now() + 5ms) == std::cv_status::timeout);
    held.lock();
    std::jthread([&] { printf("try_lock_for %d\n", held.try_lock_for(10ms)); }).join();
    held.unlock();
}

static void shared()
{
    std::shared_mutex m;
    std::atomic<int> bad{ 0 };
    int a = 0, b = 0;
    {
        std::vector<std::jthread> all;
        for (int t = 0; t < 4; t++)
            all.emplace_back([&, t] {
                for (int i = 0; i < 1000; i++)
                    if ((i + t) % 5) {
                        std::shared_lock l(m);
                        bad += a != b;
                    } else {
                        std::unique_lock l(m);
                        a++;
                        b++;
                    }
            });
    }
    printf("shared %d %d bad %d\n", a, b, bad.load());
}

int main()
{
    auto f = std::async(std::launch::async, [] { return std::string("from another thread"); });
    auto late = std::async(std::launch::deferred, [] { return std::this_thread::get_id(); });
    auto bad = std::async(std::launch::async, []() -> int { throw std::runtime_error("carried over"); });

    printf("%s %d\n", f.get().c_str(), late.get() == std::this_thread::get_id());
    try {
        bad.get();
    } catch (std::exception &e) {
        printf("%s\n", e.what());
    }
    producers();
    times();
    shared();

    std::once_flag once;
    int times_called = 0;
    std::counting_semaphore<2> two(2);
    std::atomic<int> inside{ 0 }, worst{ 0 }, phases{ 0 };
    std::barrier step(4, [&]() noexcept { phases++; });
    std::latch start(1);
    {
        std::vector<std::jthread> all;
        for (int t = 0; t < 4; t++)
            all.emplace_back([&, t] {
                (void)&noticed;
                start.wait();
                std::call_once(once, [&] { times_called++; });
                mine += t;
                two.acquire();
                int n = ++inside, w = worst;
                while (n > w && !worst.compare_exchange_weak(w, n))
                    ;
                inside--;
                two.release();
                for (int i = 0; i < 50; i++)
                    step.arrive_and_wait();
            });
        start.count_down();
    }
    printf("once %d tls %d inside %d phases %d destroyed %d\n", times_called, mine, worst <= 2, phases.load(),
           destroyed.load());

    std::atomic<int> turn{ 0 };
    std::jthread other([&] {
        for (int i = 0; i < 500; i++) {
            turn.wait(2 * i);
            turn++;
            turn.notify_one();
        }
    });
    for (int i = 0; i < 500; i++) {
        turn++;
        turn.notify_one();
        turn.wait(2 * i + 1);
    }
    other.join();
    printf("turns %d\n", turn.load());

    std::atomic<bool> stopped{ false };
    std::jthread endless([&](std::stop_token s) {
        std::mutex m;
        std::condition_variable_any cv;
        std::unique_lock l(m);
        cv.wait(l, s, [] { return false; });
        stopped = true;
    });
    endless.request_stop();
    endless.join();
    printf("stopped %d\n", stopped.load());
}
