/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "abi/image.h"
#include "host/commands.h"
#include "host/config.h"
#include "host/image.h"
#include "host/msg.h"
#include "host/options.h"
#include "host/size.h"
#include <json-c/json.h>
#include <sys/stat.h>

struct inspect_options {
    bool json, help;
};

#define O(field) offsetof(struct inspect_options, field)
static const struct option_row rows[] = {
    { 0, "json", NULL, OPTION_FLAG, O(json), "print one JSON object" },
    { 'h', "help", NULL, OPTION_FLAG, O(help), "this text" },
    { 0 },
};

static int help(void)
{
    printf("Usage: proa inspect [OPTIONS] IMAGE\n\n"
           "Lists an image's configuration and files.\n\nOptions:\n");
    options_help(rows);
    return 0;
}

static char type_letter(mode_t mode)
{
    return S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISREG(mode) ? '-' : '?';
}

static void mode_text(mode_t mode, char out[11])
{
    static const char bits[] = "rwxrwxrwx";

    out[0] = type_letter(mode);
    for (int i = 0; i < 9; i++)
        out[i + 1] = mode & (0400 >> i) ? bits[i] : '-';
    if (mode & 04000)
        out[3] = mode & 0100 ? 's' : 'S';
    if (mode & 02000)
        out[6] = mode & 010 ? 's' : 'S';
    if (mode & 01000)
        out[9] = mode & 01 ? 't' : 'T';
    out[10] = 0;
}

static void print_file(const struct image_file *f, void *arg)
{
    char mode[11];

    mode_text(f->mode, mode);
    printf("%s %5u %5u %10llu %s%s%s\n", mode, f->uid, f->gid, (unsigned long long)f->size, f->path,
           f->target ? " -> " : "", f->target ? f->target : "");
}

struct totals {
    unsigned long long files, folders, links, bytes;
};

static void count_file(const struct image_file *f, void *arg)
{
    struct totals *t = arg;

    t->files += S_ISREG(f->mode);
    t->folders += S_ISDIR(f->mode);
    t->links += S_ISLNK(f->mode);
    t->bytes += S_ISREG(f->mode) ? f->size : 0;
}

static void json_file(const struct image_file *f, void *arg)
{
    json_object *o = json_object_new_object();
    const char *type = S_ISDIR(f->mode)   ? "dir"
                       : S_ISLNK(f->mode) ? "link"
                       : S_ISREG(f->mode) ? "file"
                                          : "other";

    json_object_object_add(o, "path", json_object_new_string(f->path));
    json_object_object_add(o, "type", json_object_new_string(type));
    json_object_object_add(o, "mode", json_object_new_int(f->mode & 07777));
    json_object_object_add(o, "uid", json_object_new_int64(f->uid));
    json_object_object_add(o, "gid", json_object_new_int64(f->gid));
    json_object_object_add(o, "size", json_object_new_uint64(f->size));
    json_object_object_add(o, "mtime", json_object_new_int64(f->mtime));
    if (f->target)
        json_object_object_add(o, "target", json_object_new_string(f->target));
    if (f->compressed)
        json_object_object_add(o, "compressed", json_object_new_boolean(true));
    json_object_array_add(arg, o);
}

static int print_json(struct image *im, const struct config *config)
{
    json_object *o = json_object_new_object(), *files = json_object_new_array();

    json_object_object_add(o, "config", json_object_get(config->doc));
    json_object_object_add(o, "bytes", json_object_new_uint64(image_bytes(im)));
    json_object_object_add(o, "files", files);
    int err = image_walk(im, json_file, files);

    if (!err)
        printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
    return err;
}

static void print_list(const char *what, const struct strv *list)
{
    printf("%s", what);
    for (size_t i = 0; i < list->n; i++)
        printf(" %s", list->v[i]);
    printf("\n");
}

static int print_text(struct image *im, const char *path, const struct config *config)
{
    _cleanup_strv_ struct strv args = { 0 };
    struct totals t = { 0 };
    char size[16], content[16];

    if (image_walk(im, count_file, &t))
        return -1;
    config_args(config, &args);
    printf("image      %s\n", path);
    printf("size       %s: %llu files (%s), %llu folders, %llu links\n", size_format(image_bytes(im), size),
           t.files, size_format(t.bytes, content), t.folders, t.links);
    print_list("arguments ", &args);
    printf("folder     %s\n", config_cwd(config) ? config_cwd(config) : "/");
    printf("host name  %s\n", config_hostname(config) ? config_hostname(config) : "");
    _cleanup_strv_ struct strv env = { 0 };

    config_env_list(config, &env);
    for (size_t i = 0; i < env.n; i++)
        printf("%s %s\n", i ? "          " : "variables ", env.v[i]);
    printf("\n");
    return image_walk(im, print_file, NULL);
}

int cmd_inspect(int argc, char **argv)
{
    struct inspect_options o = { 0 };
    int first = options_parse(rows, argc, argv, &o);
    _cleanup_config_ struct config config = { 0 };
    _cleanup_buf_ struct buf text = { 0 };

    if (first < 0)
        return EXIT_FAILED;
    if (o.help)
        return help();
    if (first != argc - 1) {
        msg_error("expected one IMAGE; see proa inspect --help");
        return EXIT_FAILED;
    }
    struct image *im = image_open(argv[first]);
    int err = im ? image_read(im, IMAGE_CONFIG, IMAGE_CONFIG_MAX, &text) : -1;

    if (!err)
        err = config_parse(&config, text.p, text.len, argv[first]);
    if (!err)
        err = o.json ? print_json(im, &config) : print_text(im, argv[first], &config);
    image_close(im);
    return err ? EXIT_FAILED : 0;
}
