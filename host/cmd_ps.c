/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "host/commands.h"
#include "host/msg.h"
#include "host/options.h"
#include "host/statedir.h"
#include <json-c/json.h>
#include <time.h>

struct ps_options {
    bool all, quiet, no_trunc, help;
    const char *format;
};

#define O(field) offsetof(struct ps_options, field)
static const struct option_row rows[] = {
    { 'a', "all", NULL, OPTION_FLAG, O(all), "also those that have ended" },
    { 0, "format", "table|json", OPTION_STRING, O(format), "a table (default), or an object a line" },
    { 0, "no-trunc", NULL, OPTION_FLAG, O(no_trunc), "whole commands" },
    { 'q', "quiet", NULL, OPTION_FLAG, O(quiet), "ids alone" },
    { 'h', "help", NULL, OPTION_FLAG, O(help), "this text" },
    { 0 },
};

/* "5 seconds", "3 hours": whole units, as docker. */
static void span(int64_t seconds, char *buf, size_t size)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
    size_t i = 0;

    if (seconds < 1) {
        snprintf(buf, size, "less than a second");
        return;
    }
    while (seconds < units[i].seconds)
        i++;
    int64_t n = seconds / units[i].seconds;

    snprintf(buf, size, "%lld %s%s", (long long)n, units[i].name, n == 1 ? "" : "s");
}

/* One word, as docker's State. A supervisor that was killed could note nothing. */
static const char *state_word(const struct vm *vm)
{
    if (vm->damaged)
        return "damaged";
    if (vm->alive)
        return vm->state.status == VM_RESTARTING ? "restarting"
               : vm->state.status == VM_CREATED  ? "created"
                                                 : "running";
    return vm->state.status == VM_EXITED ? "exited" : vm->state.status == VM_CREATED ? "created" : "dead";
}

static char *status_text(const struct vm *vm)
{
    const char *word = state_word(vm);
    char since[40];

    if (!strcmp(word, "running")) {
        span(time(NULL) - vm->state.started, since, sizeof(since));
        return xasprintf("Up %s", since);
    }
    if (!strcmp(word, "exited") || !strcmp(word, "restarting")) {
        span(time(NULL) - vm->state.finished, since, sizeof(since));
        return xasprintf("%c%s (%d) %s ago", *word - 32, word + 1, vm->state.exit, since);
    }
    return xasprintf("%c%s", *word - 32, word + 1);
}

static char *ports_text(const struct vm *vm)
{
    struct buf b = { 0 };
    char text[24];

    for (size_t i = 0; i < vm->service.net.ports.n; i++) {
        const struct port *p = &vm->service.net.ports.v[i];

        buf_addf(&b, "%s%s->%u/%s", i ? ", " : "", port_host_text(p, text), p->guest, p->udp ? "udp" : "tcp");
    }
    return b.p ? b.p : xstrdup("");
}

static char *command_text(const struct vm *vm)
{
    struct buf b = { 0 };

    for (size_t i = 0; i < vm->service.command.n; i++)
        buf_addf(&b, "%s%s", i ? " " : "", vm->service.command.v[i]);
    return b.p ? b.p : xstrdup("");
}

static void print_json(const struct vm *vm)
{
    _cleanup_free_ char *status = status_text(vm), *ports = ports_text(vm), *command = command_text(vm);
    json_object *o = json_object_new_object();
    time_t created = vm->service.created;
    struct tm tm;
    char when[40];

    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&created, &tm));
    json_object_object_add(o, "ID", json_object_new_string(vm->service.id));
    json_object_object_add(o, "Image", json_object_new_string(vm->service.program));
    json_object_object_add(o, "Command", json_object_new_string(command));
    json_object_object_add(o, "CreatedAt", json_object_new_string(when));
    json_object_object_add(o, "State", json_object_new_string(state_word(vm)));
    json_object_object_add(o, "Status", json_object_new_string(status));
    json_object_object_add(o, "ExitCode", json_object_new_int(vm->state.exit));
    json_object_object_add(o, "Restarts", json_object_new_int64(vm->state.restarts));
    json_object_object_add(o, "Pid", json_object_new_int(vm->alive ? vm->state.pid : 0));
    json_object_object_add(o, "Ports", json_object_new_string(ports));
    json_object_object_add(o, "Names", json_object_new_string(vm->service.name));
    printf("%s\n",
           json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

#define COLUMNS 7

struct table {
    char *(*cells)[COLUMNS];
    size_t n;
};

static void add_row(struct table *t, char *cells[COLUMNS])
{
    t->cells = xrealloc(t->cells, (t->n + 1) * sizeof(*t->cells));
    memcpy(t->cells[t->n++], cells, sizeof(*t->cells));
}

static void add_vm(struct table *t, const struct vm *vm, bool whole)
{
    _cleanup_free_ char *command = command_text(vm);
    char age[40];

    span(time(NULL) - vm->service.created, age, sizeof(age));
    add_row(t,
            (char *[COLUMNS]){ xstrdup(vm->service.id), xstrdup(vm->service.program),
                               xasprintf(whole ? "\"%s\"" : "\"%.20s\"", command), xasprintf("%s ago", age),
                               status_text(vm), ports_text(vm), xstrdup(vm->service.name) });
}

static void print_table(struct table *t)
{
    size_t width[COLUMNS] = { 0 };

    for (size_t i = 0; i < t->n; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            if (strlen(t->cells[i][c]) > width[c])
                width[c] = strlen(t->cells[i][c]);
    for (size_t i = 0; i < t->n; i++) {
        for (size_t c = 0; c < COLUMNS; c++) {
            bool last = c + 1 == COLUMNS;

            printf("%-*s%s", last ? 0 : (int)width[c], t->cells[i][c], last ? "\n" : "   ");
            free(t->cells[i][c]);
        }
    }
    free(t->cells);
}

int cmd_ps(int argc, char **argv)
{
    struct ps_options o = { 0 };
    int first = options_parse(rows, argc, argv, &o);
    struct table table = { 0 };
    struct vm *all;

    if (first < 0)
        return EXIT_FAILED;
    if (o.help) {
        printf("Usage: proa ps [OPTIONS]\n\nLists the VMs started with `proa run -d`.\n\nOptions:\n");
        options_help(rows);
        return 0;
    }
    bool json = o.format && !strcmp(o.format, "json");

    if (first < argc || (o.format && !json && strcmp(o.format, "table"))) {
        msg_error(first < argc ? "ps takes no arguments" : "--format: expected table or json");
        return EXIT_FAILED;
    }
    size_t n = vm_list(&all);

    if (!o.quiet && !json)
        add_row(&table, (char *[COLUMNS]){ xstrdup("VM ID"), xstrdup("PROGRAM"), xstrdup("COMMAND"),
                                           xstrdup("CREATED"), xstrdup("STATUS"), xstrdup("PORTS"),
                                           xstrdup("NAME") });
    for (size_t i = n; i-- > 0; vm_free(&all[i])) { /* newest first */
        if (!o.all && !all[i].alive)
            continue;
        if (o.quiet)
            printf("%s\n", all[i].service.id);
        else if (json)
            print_json(&all[i]);
        else
            add_vm(&table, &all[i], o.no_trunc);
    }
    print_table(&table);
    free(all);
    return *state_dir() ? 0 : EXIT_FAILED;
}
