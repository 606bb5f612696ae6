/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "host/commands.h"
#include "host/msg.h"
#include "host/options.h"
#include "host/statedir.h"

struct port_options {
    bool help;
};

static const struct option_row rows[] = {
    { 'h', "help", NULL, OPTION_FLAG, offsetof(struct port_options, help), "this text" },
    { 0 },
};

/* "80", "80/udp" */
static bool matches(const struct port *p, const char *wanted)
{
    _cleanup_free_ char *text = xasprintf("%u/%s", p->guest, p->udp ? "udp" : "tcp");

    return !strcmp(wanted, text) || (!p->udp && !strchr(wanted, '/') && (unsigned)atoi(wanted) == p->guest);
}

int cmd_port(int argc, char **argv)
{
    struct port_options o = { 0 };
    int first = options_parse(rows, argc, argv, &o);
    _cleanup_vm_ struct vm vm = { 0 };
    bool found = false;

    if (first < 0)
        return EXIT_FAILED;
    if (o.help) {
        printf(
            "Usage: proa port NAME|ID [PORT[/tcp|/udp]]\n\nPrints which ports of the host lead to the VM.\n\nOptions:\n");
        options_help(rows);
        return 0;
    }
    const char *wanted = argc - first == 2 ? argv[first + 1] : NULL;

    if (argc - first < 1 || argc - first > 2) {
        msg_error("port needs the name or id of a VM, and perhaps a port of it");
        return EXIT_FAILED;
    }
    if (vm_find(argv[first], &vm))
        return EXIT_FAILED;
    for (size_t i = 0; i < vm.service.net.ports.n; i++) {
        const struct port *p = &vm.service.net.ports.v[i];
        char text[24];

        if (wanted && !matches(p, wanted))
            continue;
        found = true;
        if (wanted)
            printf("%s\n", port_host_text(p, text));
        else
            printf("%u/%s -> %s\n", p->guest, p->udp ? "udp" : "tcp", port_host_text(p, text));
    }
    if (wanted && !found)
        msg_error("%s: no port of the host leads to port %s", argv[first], wanted);
    return wanted && !found ? EXIT_FAILED : 0;
}
