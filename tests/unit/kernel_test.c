/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers, clock, random numbers, log, boot arguments, deferred frees. */
#include "test.h"

#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "lib/string.h"
#include "shim.h"

static uint64_t seed = 777;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- timers ---- */

static struct model_timer {
    struct timer t;
    uint64_t want; /* deadline, 0: not armed */
    unsigned fired;
} timers[100];

static uint64_t last_fired;

static void fired(struct timer *t)
{
    struct model_timer *m = container_of(t, struct model_timer, t);

    CHECK(m->want && clock_mono_ns() >= m->want && shim_irqs_off);
    CHECK(m->want >= last_fired);
    last_fired = m->want;
    m->want = 0;
    m->fired++;
}

TEST(timers_fire_in_order_and_on_time)
{
    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
        timer_init(&timers[i].t, fired);
    for (int step = 0; step < 20000; step++) {
        struct model_timer *m = &timers[rnd() % ARRAY_SIZE(timers)];

        switch (rnd() % 4) {
        case 0:
        case 1:
            m->want = clock_mono_ns() + rnd() % NSEC_PER_MS;
            timer_arm(&m->t, m->want);
            break;
        case 2:
            CHECK(timer_cancel(&m->t) == !!m->want);
            m->want = 0;
            break;
        default:
            last_fired = 0;
            shim_advance(rnd() % (20 * NSEC_PER_US));
        }
        for (unsigned i = 0; step % 64 == 0 && i < ARRAY_SIZE(timers); i++)
            CHECK(!timers[i].want || timers[i].want >= clock_mono_ns() || timers[i].want > last_fired);
    }
    last_fired = 0;
    shim_advance(NSEC_PER_SEC);
    unsigned total = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
        CHECK(!timers[i].want);
        total += timers[i].fired;
    }
    CHECK(total > 1000);
    CHECK(shim_timer_ns == TIME_NEVER);
}

static unsigned ticks;
static void again(struct timer *t)
{
    if (++ticks < 10)
        timer_arm(t, clock_mono_ns() + 100);
}

TEST(a_timer_may_rearm_itself)
{
    struct timer t;

    ticks = 0;
    timer_init(&t, again);
    timer_arm(&t, clock_mono_ns() + 100);
    shim_advance(10000);
    CHECK(ticks == 10 && !timer_cancel(&t));
}

TEST(the_hardware_is_set_only_to_come_earlier)
{
    struct timer a, b;
    uint64_t sets, now = clock_mono_ns();

    timer_init(&a, again);
    timer_init(&b, again);
    ticks = 10;
    timer_arm(&a, now + 1000);
    sets = shim_timer_sets;
    timer_arm(&b, now + 2000);
    CHECK(shim_timer_sets == sets);
    timer_cancel(&a);
    CHECK(shim_timer_sets == sets && shim_timer_ns == now + 1000);
    shim_advance(1000);
    CHECK(shim_timer_ns == now + 2000);
    shim_advance(1000);
    CHECK(shim_timer_ns == TIME_NEVER && ticks == 12 - 1);
}

TEST(real_time_is_set_and_goes_on)
{
    clock_init();
    CHECK(clock_real_ns() == 1700000000ull * NSEC_PER_SEC + clock_mono_ns());
    clock_set_real(5 * NSEC_PER_SEC);
    shim_advance(7);
    CHECK(clock_real_ns() == 5 * NSEC_PER_SEC + 7);
    CHECK(clock_real_offset_ns() == clock_real_ns() - clock_mono_ns());
}

/* ---- random numbers ---- */

TEST(random_numbers_differ_and_are_balanced)
{
    static uint8_t buf[4096], other[4096];
    unsigned bits = 0, same = 0;

    random_init();
    CHECK(random_ready());
    random_bytes(buf, sizeof(buf));
    for (unsigned i = 0; i < sizeof(other); i += 37)
        random_bytes(other + i, MIN(37u, (unsigned)sizeof(other) - i));
    for (unsigned i = 0; i < sizeof(buf); i++) {
        bits += __builtin_popcount(buf[i]) + __builtin_popcount(other[i]);
        same += buf[i] == other[i];
    }
    CHECK(bits > 4096 * 8 - 1200 && bits < 4096 * 8 + 1200);
    CHECK(same < 60);
    CHECK(random_u64() != random_u64());
    for (unsigned len = 0; len < 100; len++) {
        uint8_t *p = malloc(len); /* ASan watches the end */

        random_bytes(p, len);
        free(p);
    }
    uint64_t a = random_u64();

    random_add(&a, sizeof(a), 64);
    CHECK(random_u64() != a);
}

/* ---- the log ---- */

static char console[20000];
static size_t console_len;
static void console_write(const char *buf, size_t len)
{
    memcpy(console + console_len, buf, len);
    console_len += len;
    console[console_len] = 0;
}
static struct log_sink sink = { console_write, NULL };

TEST(the_log_keeps_the_newest_and_shows_the_severe)
{
    static char buf[20000], small[100];

    log_set_level(LOG_WARN);
    log_info("quiet %d", 1);
    log_warn("loud %d", 2);
    CHECK(!console_len);
    log_add_sink(&sink);
    CHECK(strstr(console, "] loud 2\n") && !strstr(console, "quiet"));
    log_err("now %s", "here");
    CHECK(strstr(console, "] now here\n"));
    size_t n = log_read(buf, sizeof(buf) - 1);

    buf[n] = 0;
    CHECK(strstr(buf, "<6>[") && strstr(buf, "] quiet 1\n<4>[") && strstr(buf, "] now here\n"));
    for (int i = 0; i < 3000; i++)
        log_info("line %d of many", i);
    n = log_read(buf, sizeof(buf) - 1);
    buf[n] = 0;
    CHECK(!strstr(buf, "line 100 of") && strstr(buf, "line 2999 of many\n") && strstr(buf, "line 2900 of"));
    CHECK(!strncmp(buf, "<6>[", 4));
    CHECK(log_read(small, sizeof(small)) == sizeof(small));
    CHECK(!memcmp(small, buf + n - sizeof(small), sizeof(small)));
    char line[1000];

    memset(line, 'x', sizeof(line));
    line[999] = 0;
    log_info("%s", line);
    CHECK(log_read(buf, sizeof(buf)) > 1000);
}

TEST(a_message_is_shown_the_first_time)
{
    uint64_t seen[2] = { 0 };

    CHECK(log_first(seen, 3) && !log_first(seen, 3) && log_first(seen, 100) && !log_first(seen, 100));
}

/* ---- the command line ---- */

TEST(boot_arguments)
{
    char buf[32];

    str_copy(boot_info.cmdline, " quiet loglevel=5 dev=a dev=\"b c\" mem=64M xdev=no n=0x10 bad=1z -- dev=z",
             BOOT_CMDLINE);
    CHECK(boot_arg("quiet", 0, buf, sizeof(buf)) && !*buf);
    CHECK(boot_arg("dev", 0, buf, sizeof(buf)) && !strcmp(buf, "a"));
    CHECK(boot_arg("dev", 1, buf, sizeof(buf)) && !strcmp(buf, "b c"));
    CHECK(!boot_arg("dev", 2, buf, sizeof(buf)));
    CHECK(!boot_arg("de", 0, buf, sizeof(buf)));
    CHECK(boot_arg_u64("loglevel", 9) == 5 && boot_arg_u64("mem", 0) == 64 << 20 &&
          boot_arg_u64("n", 0) == 16);
    CHECK(boot_arg_u64("bad", 9) == 9 && boot_arg_u64("none", 9) == 9);
    CHECK(boot_arg("dev", 1, buf, 2) && !strcmp(buf, "b"));
    boot_info.cmdline[0] = 0;

    CHECK(!boot_arg("dev", 0, buf, sizeof(buf)));
}

/* ---- deferred frees ---- */

static unsigned freed;
static void free_it(struct rcu_head *h)
{
    freed++;
}

TEST(deferred_frees_wait_for_a_quiescent_state)
{
    static struct rcu_head heads[200];

    freed = 0;
    rcu_defer(&heads[0], free_it);
    rcu_defer(&heads[1], free_it);
    CHECK(freed == 0);
    schedule();
    CHECK(freed == 2);
    freed = 0;
    current->work = 0;
    for (unsigned i = 0; i < 200; i++)
        rcu_defer(&heads[i], free_it);
    CHECK(freed == 0 &&
          (current->work & WORK_RESCHED)); /* many: the way back to user mode looks after them */
    cond_resched();
    CHECK(freed == 200 && !current->work);
    rcu_wait();
}

TEST(deferred_frees_wait_for_other_cpus)
{
    static struct cpu second;
    static struct thread other;
    static struct rcu_head h;

    second.id = 1;
    second.online = 1;
    second.curr = second.idle = &other;
    cpus[1] = &second;
    nr_cpus = 2;
    freed = 0;
    rcu_defer(&h, free_it);
    schedule();
    schedule();
    CHECK(freed == 0 && (other.work & WORK_RESCHED));
    rcu_quiescent(&second);
    CHECK(freed == 0);
    schedule();
    CHECK(freed == 1);
    second.idling = 1; /* an idle CPU need not be asked */
    rcu_defer(&h, free_it);
    schedule();
    CHECK(freed == 2);
    nr_cpus = 1;
}
