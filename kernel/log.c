/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: a ring of records. A record keeps level and time as numbers; text is made of them when someone reads, so
 * that a line nobody reads costs its formatting only.
 */
#include "kernel/log.h"
#include "kernel/clock.h"
#include "kernel/lock.h"
#include "lib/string.h"

#define LINE_MAX 256

struct record {
    uint64_t ns;
    uint8_t level;
    uint8_t pad;
    uint16_t len; /* of the text that follows */
};

static struct spinlock log_lock = SPINLOCK_INIT(RANK_LOG);
static char ring[LOG_SIZE];    /* [log_lock] */
static uint64_t head, tail;    /* byte positions: next to write, oldest record [log_lock] */
static struct log_sink *sinks; /* [log_lock] */
static const char banner[] = "Proa " PROA_VERSION;
static enum log_level console_level = LOG_ERR;

static void ring_put(const void *src, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ring[head++ & (LOG_SIZE - 1)] = ((const char *)src)[i];
}

static void ring_get(uint64_t at, void *dst, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((char *)dst)[i] = ring[at++ & (LOG_SIZE - 1)];
}

/* Makes room by forgetting the oldest records. */
static void ring_reserve(size_t len)
{
    struct record r;

    while (head + len - tail > LOG_SIZE) {
        ring_get(tail, &r, sizeof(r));
        tail += sizeof(r) + r.len;
    }
}

/* "<6>[    1.234567] text\n", the form of /dev/kmsg's readers; without the level for people. */
static size_t format_record(char *buf, size_t size, uint64_t at, bool with_level)
{
    struct record r;
    char text[LINE_MAX];
    int n = 0;

    ring_get(at, &r, sizeof(r));
    ring_get(at + sizeof(r), text, r.len);
    text[r.len] = 0;
    if (with_level)
        n = snprintf(buf, size, "<%u>", r.level);
    n += snprintf(buf + n, size - n, "[%5llu.%06llu] %s\n", r.ns / NSEC_PER_SEC + 0ull,
                  r.ns % NSEC_PER_SEC / NSEC_PER_US + 0ull, text);
    return n;
}

static void sink_record(struct log_sink *s, uint64_t at)
{
    char line[LINE_MAX + 32];

    s->write(line, format_record(line, sizeof(line), at, false));
}

static void put_record(uint64_t ns, enum log_level level, const char *text, size_t len)
{
    struct record r = { ns, level, 0, len };

    ring_reserve(sizeof(r) + len);
    ring_put(&r, sizeof(r));
    ring_put(text, len);
}

/* log_lock held. The first record says who speaks: made when there is a second, or a reader. */
static void begin(void)
{
    if (!head)
        put_record(0, LOG_INFO, banner, sizeof(banner) - 1);
}

static void __printf(2, 0) log_vline(enum log_level level, const char *fmt, va_list ap)
{
    char text[LINE_MAX];
    int len = vsnprintf(text, sizeof(text), fmt, ap);
    unsigned long flags = spin_lock_irqsave(&log_lock);

    begin();
    uint64_t at = head;

    put_record(clock_mono_ns(), level, text, MIN(len, LINE_MAX - 1));
    if (level <= console_level)
        for (struct log_sink *s = sinks; s; s = s->next)
            sink_record(s, at);
    spin_unlock_irqrestore(&log_lock, flags);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vline(level, fmt, ap);
    va_end(ap);
}

bool log_first(uint64_t *seen, unsigned nr)
{
    uint64_t bit = 1ull << (nr & 63);

    return !(__atomic_fetch_or(&seen[nr / 64], bit, __ATOMIC_RELAXED) & bit);
}

void log_add_sink(struct log_sink *s)
{
    unsigned long flags = spin_lock_irqsave(&log_lock);
    struct record r;

    if (console_level >= LOG_INFO)
        begin();
    for (uint64_t at = tail; at != head; at += sizeof(r) + r.len) {
        ring_get(at, &r, sizeof(r));
        if (r.level <= console_level)
            sink_record(s, at);
    }
    s->next = sinks;
    sinks = s;
    spin_unlock_irqrestore(&log_lock, flags);
}

void log_set_level(enum log_level level)
{
    console_level = level;
}

size_t log_read(char *buf, size_t len)
{
    unsigned long flags = spin_lock_irqsave(&log_lock);
    char line[LINE_MAX + 32];
    size_t total = 0, used = 0;
    struct record r;

    begin();
    for (uint64_t at = tail; at != head; at += sizeof(r) + r.len) {
        ring_get(at, &r, sizeof(r));
        total += format_record(line, sizeof(line), at, true);
    }
    size_t skip = total > len ? total - len : 0;

    for (uint64_t at = tail; at != head; at += sizeof(r) + r.len) {
        ring_get(at, &r, sizeof(r));
        size_t n = format_record(line, sizeof(line), at, true), cut = MIN(n, skip);

        skip -= cut;
        memcpy(buf + used, line + cut, n - cut);
        used += n - cut;
    }
    spin_unlock_irqrestore(&log_lock, flags);
    return used;
}

/* The log's lock may be held by who panics: it is broken open. */
void log_panic_begin(void)
{
    log_lock.v = 0;
    console_level = LOG_DEBUG;
}
