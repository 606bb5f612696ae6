/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.c: what the host says (signals, the terminal's size) and what it is told (boot steps, memory, exit).
 */
#include "linux/control.h"
#include "abi/control.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/port.h"
#include "lib/json.h"
#include "lib/string.h"
#include "linux/process.h"
#include "linux/stdio.h"

static struct port *control;

/* Takes len bytes whole, waiting for room: reports are few and short. */
static void say(const char *text, size_t len)
{
    while (len) {
        ssize_t n = control->ops->write(control, text, len);

        if (n < 0)
            return;
        if (n == 0) {
            control->ops->drain(control);
            if (!control->ops->can_write(control))
                return; /* nobody has opened it at the other end */
        }
        text += n;
        len -= n;
    }
}

static void handle_signal(struct json *j)
{
    int64_t sig;

    if (json_i64(j, &sig) && sig > 0 && sig <= NR_SIGNALS && init_process)
        signal_send_process(init_process, sig, NULL);
}

static void handle_winsize(struct json *j)
{
    int64_t v[2] = { 0 };
    unsigned n = 0;

    for (json_array(j); json_item(j);) {
        if (n < 2 && json_i64(j, &v[n]))
            n++;
        else
            json_skip(j);
    }
    if (n == 2 && v[0] >= 0 && v[0] <= UINT16_MAX && v[1] >= 0 && v[1] <= UINT16_MAX)
        stdio_set_winsize(v[0], v[1]);
}

static void handle_line(const char *line, size_t len)
{
    struct json j;
    char key[16];

    json_init(&j, line, len);
    for (json_object(&j); json_key(&j, key, sizeof(key));) {
        if (!strcmp(key, "signal"))
            handle_signal(&j);
        else if (!strcmp(key, "winsize"))
            handle_winsize(&j);
        else
            json_skip(&j);
    }
    if (!json_done(&j))
        log_warn("control: %s at byte %zu", j.error, j.at);
}

/* The listening thread: exists only once the host has said something (see first_word). */
static void listen(void *unused)
{
    static char line[CONTROL_LINE_MAX];
    size_t have = 0;

    for (;;) {
        char *end;
        ssize_t n;

        wait_event(&control->readable, control->ops->can_read(control));
        n = control->ops->read(control, line + have, sizeof(line) - have);
        if (n == -EPIPE)
            return; /* the host closed the port: it will kill the VM or let it run */
        if (n <= 0)
            continue;
        have += n;
        while ((end = memchr(line, '\n', have))) {
            handle_line(line, end - line);
            have -= end + 1 - line;
            memmove(line, end + 1, have);
        }
        if (have == sizeof(line)) {
            log_warn("control: line longer than %u bytes dropped", CONTROL_LINE_MAX);
            have = 0;
        }
    }
}

/* Most runs never get a command: the thread is made by the first one. */
static bool first_word(struct waiter *w, uint32_t flags)
{
    list_remove(&w->link);
    if (!kthread_new("control", listen, NULL))
        log_err("control: out of memory");
    return false;
}

void control_init(void)
{
    static struct waiter first = { .func = first_word };

    control = port_find(PORT_CONTROL);
    if (!control)
        return;
    waitq_add(&control->readable, &first);
    control->ops->listen(control); /* after the waiter is there: what comes before would wake nobody */
}

static void report_boot(void)
{
    char buf[96];
    const char *sep = "{\"boot\":[";

    for (unsigned i = 0; i < boot_info.nr_steps; i++) {
        uint64_t us = arch_ticks_ns(boot_info.steps[i].ticks - boot_info.entry_ticks) / 1000;

        say(buf, snprintf(buf, sizeof(buf), "%s[\"%s\",%lu]", sep, boot_info.steps[i].name, us));
        sep = ",";
    }
    say("]}\n", 3);
}

static void report_memory(void)
{
    struct page_stats s;
    char buf[160];

    page_get_stats(&s);
    say(buf, snprintf(buf, sizeof(buf),
                      "{\"memory\":{\"total_kb\":%lu,\"peak_kb\":%lu,\"free_kb\":%lu,\"cache_kb\":%lu,"
                      "\"slab_kb\":%lu}}\n",
                      s.total * 4, s.peak_used * 4, s.free * 4, s.cache * 4, s.slab * 4));
}

void control_report_exit(int status)
{
    char buf[32];

    stdio_drain();
    if (!control)
        arch_poweroff(status);
    if (boot_arg("bootchart", 0, buf, sizeof(buf))) {
        report_boot();
        report_memory();
    }
    say(buf, snprintf(buf, sizeof(buf), "{\"exit\":%d}\n", status));
    control->ops->drain(control);
    arch_poweroff(DEBUG_EXIT_OK);
}
