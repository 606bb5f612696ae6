/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/service.h"
#include "host/msg.h"
#include <ctype.h>
#include <json-c/json.h>

static const char *const policies[] = {
    [RESTART_NO] = "no",
    [RESTART_ON_FAILURE] = "on-failure",
    [RESTART_ALWAYS] = "always",
};

int service_parse_restart(const char *s, struct service *v)
{
    size_t len = strlen(policies[RESTART_ON_FAILURE]);
    char *end;

    if (!strcmp(s, "no")) {
        v->restart = RESTART_NO;
    } else if (!strcmp(s, "always") || !strcmp(s, "unless-stopped")) {
        /* docker's two differ in what happens when its daemon starts */
        v->restart = RESTART_ALWAYS;
    } else if (!strncmp(s, policies[RESTART_ON_FAILURE], len) && (!s[len] || s[len] == ':')) {
        v->restart = RESTART_ON_FAILURE;
        v->max_restarts = s[len] ? strtoul(s + len + 1, &end, 10) : 0;
        if (s[len] && (!isdigit((unsigned char)s[len + 1]) || *end))
            return msg_error("--restart %s: expected a number after the colon", s);
    } else {
        return msg_error("--restart %s: expected no, on-failure[:N] or always", s);
    }
    return 0;
}

/* ---- writing ---- */

static void put_string(json_object *o, const char *key, const char *s)
{
    if (s)
        json_object_object_add(o, key, json_object_new_string(s));
}

static void put_number(json_object *o, const char *key, int64_t n)
{
    json_object_object_add(o, key, json_object_new_int64(n));
}

static void put_flag(json_object *o, const char *key, bool set)
{
    json_object_object_add(o, key, json_object_new_boolean(set));
}

static void put_strings(json_object *o, const char *key, const struct strv *s)
{
    json_object *a = json_object_new_array();

    for (size_t i = 0; i < s->n; i++)
        json_object_array_add(a, json_object_new_string(s->v[i]));
    json_object_object_add(o, key, a);
}

static json_object *vmm_object(const struct vmm_spec *s)
{
    json_object *o = json_object_new_object();

    put_number(o, "machine", s->machine);
    put_string(o, "qemu", s->qemu);
    put_string(o, "accel", s->accel);
    put_string(o, "kernel", s->kernel);
    put_string(o, "image", s->image);
    put_number(o, "memory", s->memory);
    put_number(o, "cpus", s->cpus);
    put_number(o, "vsock", s->vsock.cid);
    put_string(o, "vsockSocket", s->vsock.socket);
    put_strings(o, "kernelArgs", &s->kernel_args);
    put_strings(o, "userArgs", &s->user_args);
    return o;
}

/* The network as the options that would make it. */
static json_object *network_object(const struct net *net)
{
    json_object *o = json_object_new_object();
    _cleanup_net_options_ struct net_options n = { 0 };

    net_options_of(net, &n);
    put_strings(o, "networks", &n.networks);
    put_strings(o, "ports", &n.ports);
    put_strings(o, "dns", &n.dns);
    put_string(o, "hostname", net->hostname);
    put_string(o, "pcap", net->pcap);
    return o;
}

char *service_text(const struct service *v)
{
    json_object *o = json_object_new_object();

    put_string(o, "id", v->id);
    put_string(o, "name", v->name);
    put_string(o, "program", v->program);
    put_strings(o, "command", &v->command);
    put_number(o, "created", v->created);
    put_string(o, "restart", policies[v->restart]);
    put_number(o, "maxRestarts", v->max_restarts);
    put_flag(o, "remove", v->remove);
    put_flag(o, "quiet", v->quiet);
    put_flag(o, "verbose", v->verbose);
    json_object_object_add(o, "vmm", vmm_object(&v->spec));
    json_object_object_add(o, "network", network_object(&v->net));
    put_string(o, "config", v->config);
    char *text = xasprintf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
                                                                         JSON_C_TO_STRING_SPACED |
                                                                         JSON_C_TO_STRING_NOSLASHESCAPE));

    json_object_put(o);
    return text;
}

/* ---- reading ---- */

static const char *get_string(const json_object *o, const char *key)
{
    json_object *v;

    return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : NULL;
}

/* A string that lives as long as the service. */
static const char *keep(struct service *v, const json_object *o, const char *key)
{
    const char *s = get_string(o, key);

    if (!s)
        return NULL;
    strv_add(&v->strings, s);
    return v->strings.v[v->strings.n - 1];
}

static int64_t get_number(const json_object *o, const char *key)
{
    json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

static void get_strings(const json_object *o, const char *key, struct strv *out)
{
    json_object *a;

    if (!json_object_object_get_ex(o, key, &a) || !json_object_is_type(a, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(a); i++) {
        const char *s = json_object_get_string(json_object_array_get_idx(a, i));

        strv_add(out, s ? s : "");
    }
}

static bool read_vmm(struct service *v, const json_object *o)
{
    struct vmm_spec *s = &v->spec;

    s->machine = get_number(o, "machine");
    s->qemu = keep(v, o, "qemu");
    s->accel = keep(v, o, "accel");
    s->kernel = keep(v, o, "kernel");
    s->image = keep(v, o, "image");
    s->memory = get_number(o, "memory");
    s->cpus = get_number(o, "cpus");
    s->vsock.cid = get_number(o, "vsock");
    s->vsock.socket = keep(v, o, "vsockSocket");
    s->name = v->name;
    get_strings(o, "kernelArgs", &s->kernel_args);
    get_strings(o, "userArgs", &s->user_args);
    return s->machine <= VMM_PC && s->qemu && s->accel && s->kernel && s->image && s->memory && s->cpus;
}

static bool read_network(struct service *v, const json_object *o)
{
    _cleanup_net_options_ struct net_options n = { .pcap = get_string(o, "pcap") };

    get_strings(o, "networks", &n.networks);
    get_strings(o, "ports", &n.ports);
    get_strings(o, "dns", &n.dns);
    v->spec.net = &v->net;
    return !net_parse(&n, get_string(o, "hostname"), v->spec.cpus, &v->net);
}

static bool read_all(struct service *v, const json_object *o)
{
    const char *id = get_string(o, "id"), *name = get_string(o, "name"), *program = get_string(o, "program");
    const char *policy = get_string(o, "restart"), *config = get_string(o, "config");
    json_object *vmm, *network;

    if (!id || strlen(id) != SERVICE_ID_LEN || !name || !program || !policy || !config ||
        !json_object_object_get_ex(o, "vmm", &vmm) || !json_object_object_get_ex(o, "network", &network))
        return false;
    memcpy(v->id, id, sizeof(v->id));
    v->name = xstrdup(name);
    v->program = xstrdup(program);
    v->config = xstrdup(config);
    get_strings(o, "command", &v->command);
    v->created = get_number(o, "created");
    v->max_restarts = get_number(o, "maxRestarts");
    v->remove = get_number(o, "remove");
    v->quiet = get_number(o, "quiet");
    v->verbose = get_number(o, "verbose");
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        if (!strcmp(policy, policies[i]))
            v->restart = i;
    return read_vmm(v, vmm) && read_network(v, network);
}

int service_parse(struct service *v, const char *text, size_t len, const char *what)
{
    json_tokener *tok = json_tokener_new();
    json_object *o = json_tokener_parse_ex(tok, text, len);
    bool good = json_object_is_type(o, json_type_object) && read_all(v, o);

    json_tokener_free(tok);
    json_object_put(o);
    return good ? 0 : msg_error("%s: damaged; `proa rm -f` removes this VM", what);
}

void service_free(struct service *v)
{
    free(v->name);
    free(v->program);
    free(v->config);
    strv_free(&v->command);
    strv_free(&v->strings);
    strv_free(&v->spec.kernel_args);
    strv_free(&v->spec.user_args);
    net_free(&v->net);
    *v = (struct service){ 0 };
}
