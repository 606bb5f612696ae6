// SPDX-License-Identifier: BSD-2-Clause
// Threads that allocate, wait for each other, share maps and queues, and are interrupted. All output is deterministic.
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

class Load {
    record Tree(Tree left, Tree right) {
        static Tree make(int depth) {
            return depth == 0 ? new Tree(null, null) : new Tree(make(depth - 1), make(depth - 1));
        }

        int count() {
            return left == null ? 1 : 1 + left.count() + right.count();
        }
    }

    static int each(int threads, int depth, int rounds) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<Integer>> parts = new ArrayList<>();
        for (int t = 0; t < threads; t++)
            parts.add(pool.submit(() -> {
                Tree kept = Tree.make(depth);
                int sum = 0;
                for (int i = 0; i < rounds; i++)
                    sum += Tree.make(depth - 2).count();
                return sum + kept.count();
            }));
        int sum = 0;
        for (Future<Integer> f : parts)
            sum += f.get();
        pool.shutdown();
        return sum;
    }

    static int turns = 0;

    /** Two threads take turns on one monitor. */
    static int pingPong(int n) throws Exception {
        Object lock = new Object();
        Thread[] both = new Thread[2];
        for (int who = 0; who < 2; who++) {
            int me = who;
            both[who] = new Thread(() -> {
                for (int i = 0; i < n; i++)
                    synchronized (lock) {
                        while (turns % 2 != me)
                            try {
                                lock.wait();
                            } catch (InterruptedException e) {
                                return;
                            }
                        turns++;
                        lock.notifyAll();
                    }
            });
            both[who].start();
        }
        for (Thread t : both)
            t.join();
        return turns;
    }

    static String interrupted() throws Exception {
        CountDownLatch asleep = new CountDownLatch(1);
        String[] how = new String[1];
        Thread t = new Thread(() -> {
            asleep.countDown();
            try {
                Thread.sleep(1000000);
                how[0] = "slept";
            } catch (InterruptedException e) {
                how[0] = "interrupted";
            }
        });
        t.start();
        asleep.await();
        t.interrupt();
        t.join();
        return how[0];
    }

    /** Implicit null checks and stack banging are signals. */
    static String faults() {
        int nulls = 0;
        Tree none = turns < 0 ? Tree.make(1) : null;
        for (int i = 0; i < 3; i++)
            try {
                nulls += none.left() == null ? 1 : 0;
            } catch (NullPointerException e) {
                nulls += 10;
            }
        try {
            deeper(1);
        } catch (StackOverflowError e) {
            return nulls + " overflow";
        }
        return "none";
    }

    static int deeper(int n) {
        return n == 0 ? 0 : 1 + deeper(n + 1);
    }

    public static void main(String[] args) throws Exception {
        int scale = args.length > 0 ? Integer.parseInt(args[0]) : 1;
        System.out.println("trees " + each(4, 12, 40 * scale));
        System.out.println("turns " + pingPong(500 * scale));
        System.out.println("sleep " + interrupted());
        System.out.println("faults " + faults());
        System.out.println("stream " + IntStream.range(0, 100000).parallel().mapToObj(Integer::toString)
                .mapToInt(String::length).sum());
        ConcurrentHashMap<Integer, LongAdder> map = new ConcurrentHashMap<>();
        IntStream.range(0, 50000).parallel().forEach(i -> map.computeIfAbsent(i % 100, k -> new LongAdder()).increment());
        System.out.println("map " + map.values().stream().mapToLong(LongAdder::sum).sum() + " in " + map.size());
        BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(8);
        CompletableFuture<Long> taken = CompletableFuture.supplyAsync(() -> {
            long sum = 0;
            try {
                for (int n; (n = queue.take()) >= 0;)
                    sum += n;
            } catch (InterruptedException e) {
                return -1L;
            }
            return sum;
        });
        for (int i = 0; i < 2000; i++)
            queue.put(i);
        queue.put(-1);
        System.out.println("queue " + taken.get());
        ScheduledExecutorService clock = Executors.newScheduledThreadPool(1);
        AtomicInteger ticks = new AtomicInteger();
        CountDownLatch five = new CountDownLatch(5);
        clock.scheduleAtFixedRate(() -> { ticks.incrementAndGet(); five.countDown(); }, 1, 2, TimeUnit.MILLISECONDS);
        System.out.println("ticks " + five.await(60, TimeUnit.SECONDS) + " " + (ticks.get() >= 5));
        clock.shutdownNow();
        System.gc();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
    }
}
