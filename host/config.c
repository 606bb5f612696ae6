/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/config.h"
#include "abi/image.h"
#include "host/msg.h"
#include <json-c/json.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static json_object *get(const json_object *o, const char *key, json_type type)
{
    json_object *v = NULL;

    if (!o || !json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, type))
        return NULL;
    return v;
}

static json_object *get_or_add(json_object *o, const char *key, json_type type)
{
    json_object *v = get(o, key, type);

    if (!v) {
        v = type == json_type_array ? json_object_new_array() : json_object_new_object();
        json_object_object_add(o, key, v);
    }
    return v;
}

static json_object *process(const struct config *c)
{
    return get_or_add(c->doc, "process", json_type_object);
}

static void set_string(json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static const char *get_string(const json_object *o, const char *key)
{
    json_object *v = get(o, key, json_type_string);

    return v ? json_object_get_string(v) : NULL;
}

void config_new(struct config *c)
{
    c->doc = json_object_new_object();
    set_string(c->doc, "ociVersion", OCI_VERSION);
    config_set_terminal(c, false, 0, 0);
    config_set_user(c, 0, 0);
    config_set_args(c, &(struct strv){ 0 });
    config_set_env(c, DEFAULT_PATH);
    config_set_env(c, "HOME=/root");
    config_set_cwd(c, "/");
    json_object *root = get_or_add(c->doc, "root", json_type_object);

    set_string(root, "path", ".");
    json_object_object_add(root, "readonly", json_object_new_boolean(false));
    config_set_hostname(c, "proa");
    config_set_annotation(c, ANNOTATION_CREATED_BY, "proa " PROA_VERSION);
}

static int invalid(const char *what, const char *why)
{
    return msg_error("%s: not a valid configuration: %s", what, why);
}

static bool all_strings(const json_object *array)
{
    for (size_t i = 0; array && i < json_object_array_length(array); i++)
        if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_string))
            return false;
    return array != NULL;
}

int config_parse(struct config *c, const char *text, size_t len, const char *what)
{
    json_tokener *tok = json_tokener_new();
    json_object *p;

    c->doc = json_tokener_parse_ex(tok, text, len);
    enum json_tokener_error err = json_tokener_get_error(tok);

    json_tokener_free(tok);
    if (err != json_tokener_success)
        return invalid(what, json_tokener_error_desc(err));
    if (!json_object_is_type(c->doc, json_type_object))
        return invalid(what, "it is no JSON object");
    p = get(c->doc, "process", json_type_object);
    if (!p)
        return invalid(what, "it has no \"process\"");
    if (!all_strings(get(p, "args", json_type_array)))
        return invalid(what, "process.args is no list of strings");
    if (json_object_object_get_ex(p, "env", NULL) && !all_strings(get(p, "env", json_type_array)))
        return invalid(what, "process.env is no list of strings");
    return 0;
}

void config_free(struct config *c)
{
    json_object_put(c->doc);
    c->doc = NULL;
}

char *config_text(const struct config *c, bool pretty)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
                (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN);

    return xasprintf("%s\n", json_object_to_json_string_ext(c->doc, flags));
}

static void strings(const struct config *c, const char *key, struct strv *out)
{
    json_object *a = get(process(c), key, json_type_array);

    for (size_t i = 0; a && i < json_object_array_length(a); i++)
        strv_add(out, json_object_get_string(json_object_array_get_idx(a, i)));
}

void config_args(const struct config *c, struct strv *args)
{
    strings(c, "args", args);
}

void config_env_list(const struct config *c, struct strv *env)
{
    strings(c, "env", env);
}

void config_set_args(struct config *c, const struct strv *args)
{
    json_object *a = json_object_new_array();

    for (size_t i = 0; i < args->n; i++)
        json_object_array_add(a, json_object_new_string(args->v[i]));
    json_object_object_add(process(c), "args", a);
}

static ssize_t env_index(json_object *env, const char *name, size_t len)
{
    for (size_t i = 0; env && i < json_object_array_length(env); i++) {
        const char *s = json_object_get_string(json_object_array_get_idx(env, i));

        if (!strncmp(s, name, len) && s[len] == '=')
            return i;
    }
    return -1;
}

const char *config_env(const struct config *c, const char *name)
{
    json_object *env = get(process(c), "env", json_type_array);
    ssize_t i = env_index(env, name, strlen(name));

    return i < 0 ? NULL : json_object_get_string(json_object_array_get_idx(env, i)) + strlen(name) + 1;
}

void config_set_env(struct config *c, const char *assignment)
{
    json_object *env = get_or_add(process(c), "env", json_type_array);
    ssize_t i = env_index(env, assignment, strcspn(assignment, "="));

    if (i < 0)
        json_object_array_add(env, json_object_new_string(assignment));
    else
        json_object_array_put_idx(env, i, json_object_new_string(assignment));
}

const char *config_cwd(const struct config *c)
{
    return get_string(process(c), "cwd");
}

void config_set_cwd(struct config *c, const char *cwd)
{
    set_string(process(c), "cwd", cwd);
}

const char *config_hostname(const struct config *c)
{
    return get_string(c->doc, "hostname");
}

void config_set_hostname(struct config *c, const char *name)
{
    set_string(c->doc, "hostname", name);
}

void config_set_user(struct config *c, unsigned uid, unsigned gid)
{
    json_object *user = get_or_add(process(c), "user", json_type_object);

    json_object_object_add(user, "uid", json_object_new_int64(uid));
    json_object_object_add(user, "gid", json_object_new_int64(gid));
}

void config_set_annotation(struct config *c, const char *name, const char *value)
{
    json_object *a = get_or_add(c->doc, "annotations", json_type_object);

    if (value)
        set_string(a, name, value);
    else
        json_object_object_del(a, name);
}

void config_set_terminal(struct config *c, bool terminal, unsigned rows, unsigned cols)
{
    json_object_object_add(process(c), "terminal", json_object_new_boolean(terminal));
    json_object_object_del(process(c), "consoleSize");
    if (!rows)
        return;
    json_object *size = get_or_add(process(c), "consoleSize", json_type_object);

    json_object_object_add(size, "height", json_object_new_int64(rows));
    json_object_object_add(size, "width", json_object_new_int64(cols));
}
