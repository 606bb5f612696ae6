/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/bootchart.h"
#include "host/msg.h"
#include <errno.h>
#include <json-c/json.h>

static void print_steps(json_object *steps)
{
    int64_t before = 0;

    msg_text("  guest, from its entry point      at       took");
    for (size_t i = 0; i < json_object_array_length(steps); i++) {
        json_object *s = json_object_array_get_idx(steps, i);

        if (!json_object_is_type(s, json_type_array) || json_object_array_length(s) < 2)
            continue;
        int64_t at = json_object_get_int64(json_object_array_get_idx(s, 1));

        msg_text("  %-24s %8lld us %7lld us", json_object_get_string(json_object_array_get_idx(s, 0)),
                 (long long)at, (long long)(at - before));
        before = at;
    }
}

static void print_memory(json_object *memory)
{
    json_object_object_foreach(memory, key, value)
        msg_text("  memory %-17s %8lld", key, (long long)json_object_get_int64(value));
}

void bootchart_print(const struct relay_result *res, uint64_t packing_us)
{
    json_object *boot = res->boot ? json_tokener_parse(res->boot) : NULL;
    json_object *memory = res->memory ? json_tokener_parse(res->memory) : NULL;

    msg_text("boot chart");
    msg_text("  host: image and set-up   %8llu us", (unsigned long long)packing_us);
    msg_text("  host: starting the VMM   %8llu us", (unsigned long long)res->start_us);
    if (res->output_us)
        msg_text("  VMM: to first output     %8llu us", (unsigned long long)res->output_us);
    msg_text("  VMM: to its end          %8llu us", (unsigned long long)res->end_us);
    if (json_object_is_type(boot, json_type_array))
        print_steps(boot);
    if (json_object_is_type(memory, json_type_object))
        print_memory(memory);
    if (!boot)
        msg_text("  (the guest sent no steps)");
    json_object_put(boot);
    json_object_put(memory);
}

static void write_guest_figures(const struct relay_result *res, FILE *f)
{
    json_object *boot = res->boot ? json_tokener_parse(res->boot) : NULL;
    json_object *memory = res->memory ? json_tokener_parse(res->memory) : NULL;
    size_t n = json_object_is_type(boot, json_type_array) ? json_object_array_length(boot) : 0;
    json_object *last = n ? json_object_array_get_idx(boot, n - 1) : NULL;

    if (json_object_is_type(last, json_type_array) && json_object_array_length(last) > 1)
        fprintf(f, "boot_ms=%.3f\n", json_object_get_int64(json_object_array_get_idx(last, 1)) / 1000.0);
    if (json_object_is_type(memory, json_type_object)) {
        json_object_object_foreach(memory, key, value)
            fprintf(f, "memory_%s=%lld\n", key, (long long)json_object_get_int64(value));
    }
    json_object_put(boot);
    json_object_put(memory);
}

int bootchart_write(const struct relay_result *res, const char *path)
{
    FILE *f = fopen(path, "we");

    if (!f)
        return msg_error("--stats %s: %s", path, strerror(errno));
    fprintf(f, "status=%d\n", res->status);
    if (res->output_us)
        fprintf(f, "first_output_ms=%.3f\n", res->output_us / 1000.0);
    fprintf(f, "total_ms=%.3f\n", res->end_us / 1000.0);
    write_guest_figures(res, f);
    return fclose(f) ? msg_error("--stats %s: %s", path, strerror(errno)) : 0;
}
