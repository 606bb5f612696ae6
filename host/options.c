/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/options.h"
#include "host/msg.h"

static const struct option_row *by_letter(const struct option_row *rows, char letter)
{
    for (; rows->name; rows++)
        if (rows->letter == letter)
            return rows;
    return NULL;
}

static const struct option_row *by_name(const struct option_row *rows, const char *name, size_t len)
{
    for (; rows->name; rows++)
        if (strlen(rows->name) == len && !memcmp(rows->name, name, len))
            return rows;
    return NULL;
}

static size_t common_prefix(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static int unknown(const struct option_row *rows, const char *arg)
{
    const struct option_row *best = NULL;

    if (!strncmp(arg, "--", 2)) {
        size_t longest = 1;

        for (; rows->name; rows++) {
            size_t n = common_prefix(rows->name, arg + 2);

            if (rows->help && n > longest) {
                longest = n;
                best = rows;
            }
        }
    }
    if (best)
        return msg_error("unknown option %s; did you mean --%s?", arg, best->name);
    return msg_error("unknown option %s; --help lists them all", arg);
}

static void set(const struct option_row *row, void *values, const char *value)
{
    void *field = (char *)values + row->offset;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        break;
    case OPTION_STRING:
        *(const char **)field = value;
        break;
    case OPTION_LIST:
        strv_add(field, value);
        break;
    case OPTION_IGNORE:
        break;
    }
}

/* --name, --name=value, --name value. Returns how many arguments were taken, or -1. */
static int parse_long(const struct option_row *rows, int argc, char **argv, void *values)
{
    const char *name = argv[0] + 2, *equals = strchr(name, '=');
    const struct option_row *row = by_name(rows, name, equals ? (size_t)(equals - name) : strlen(name));

    if (!row)
        return unknown(rows, argv[0]);
    if (!row->arg) {
        if (equals)
            return msg_error("--%s takes no value", row->name);
        set(row, values, NULL);
        return 1;
    }
    if (equals) {
        set(row, values, equals + 1);
        return 1;
    }
    if (argc < 2)
        return msg_error("--%s needs a value: %s", row->name, row->arg);
    set(row, values, argv[1]);
    return 2;
}

static int parse_letters(const struct option_row *rows, int argc, char **argv, void *values)
{
    for (const char *p = argv[0] + 1; *p; p++) {
        const struct option_row *row = by_letter(rows, *p);

        if (!row)
            return unknown(rows, argv[0]);
        if (!row->arg) {
            set(row, values, NULL);
            continue;
        }
        if (p[1]) {
            set(row, values, p[1] == '=' ? p + 2 : p + 1);
            return 1;
        }
        if (argc < 2)
            return msg_error("-%c needs a value: %s", row->letter, row->arg);
        set(row, values, argv[1]);
        return 2;
    }
    return 1;
}

int options_parse(const struct option_row *rows, int argc, char **argv, void *values)
{
    int i = 0;

    while (i < argc && argv[i][0] == '-' && argv[i][1]) {
        if (!strcmp(argv[i], "--"))
            return i + 1;
        int n = argv[i][1] == '-' ? parse_long(rows, argc - i, argv + i, values)
                                  : parse_letters(rows, argc - i, argv + i, values);

        if (n < 0)
            return -1;
        i += n;
    }
    return i;
}

void options_help(const struct option_row *rows)
{
    for (; rows->name; rows++) {
        char left[64], letter[8] = "    ";

        if (!rows->help)
            continue;
        if (rows->letter)
            snprintf(letter, sizeof(letter), "-%c, ", rows->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, rows->name, rows->arg ? " " : "",
                 rows->arg ? rows->arg : "");
        printf("  %-32s %s\n", left, rows->help);
    }
}
