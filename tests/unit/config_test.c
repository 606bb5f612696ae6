/* SPDX-License-Identifier: BSD-2-Clause */
/* The run's configuration: what is read of it, what is refused, and that no allocation failure goes unnoticed. */
#include "linux/config.c"
#include "shim.h"
#include "test.h"

static int parse(struct config *c, const char *text)
{
    return config_parse(c, text, strlen(text));
}

static bool refused(const char *text)
{
    struct config c;
    int err = parse(&c, text);

    config_free(&c);
    return err == -EINVAL;
}

static const char whole[] =
    "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"/bin/a\",\"two words\"],\"env\":[\"A=1\"],\"cwd\":\"/w\","
    "\"user\":{\"uid\":7,\"gid\":8,\"additionalGids\":[9,10]},\"consoleSize\":{\"height\":24,\"width\":80},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":5,\"hard\":6}]},\"root\":{\"path\":\".\",\"readonly\":true},"
    "\"hostname\":\"h\",\"annotations\":{\"other\":\"x\"}}";

TEST(each_field_is_read_and_others_are_passed_over)
{
    struct config c;

    CHECK(parse(&c, whole) == 0);
    CHECK(c.args.count == 2 && !strcmp(c.args.buf, "/bin/a") && !strcmp(c.args.buf + 7, "two words"));
    CHECK(c.env.count == 1 && !strcmp(c.env.buf, "A=1"));
    CHECK(!strcmp(c.cwd, "/w") && !strcmp(c.hostname, "h") && !c.exec);
    CHECK(c.uid == 7 && c.gid == 8 && c.nr_groups == 2 && c.groups[0] == 9 && c.groups[1] == 10);
    CHECK(c.rows == 24 && c.cols == 80 && c.readonly_root);
    CHECK(c.nr_rlimits == 1 && c.rlimits[0].which == RLIMIT_NOFILE);
    CHECK(c.rlimits[0].soft == 5 && c.rlimits[0].hard == 6);
    config_free(&c);
}

/* A name means something only in its own object, also after objects within that one. */
TEST(fields_belong_to_their_object)
{
    struct config c;

    CHECK(
        parse(&c,
              "{\"uid\":3,\"process\":{\"user\":{\"uid\":1,\"cwd\":\"/no\"},\"args\":[\"a\"],\"uid\":4}}") ==
        0);
    CHECK(c.uid == 1 && !c.cwd && c.args.count == 1);
    config_free(&c);
}

TEST(what_is_wrong_is_refused)
{
    CHECK(refused(""));
    CHECK(refused("[]"));
    CHECK(refused("{}"));
    CHECK(refused("{\"process\":{\"args\":[]}}"));
    CHECK(refused("{\"process\":[]}"));
    CHECK(refused("{\"process\":{\"args\":\"a\"}}"));
    CHECK(refused("{\"process\":{\"args\":[\"a\"],\"user\":{\"uid\":4294967296}}}"));
    CHECK(refused("{\"process\":{\"args\":[\"a\"],\"rlimits\":[{\"type\":\"RLIMIT_NONE\"}]}}"));
    CHECK(refused("{\"process\":{\"args\":[\"a\"],\"rlimits\":[{}]}}"));
    for (size_t n = 0; n + 1 < sizeof(whole) - 1; n++) { /* cut off anywhere */
        struct config c;

        CHECK(config_parse(&c, whole, n) == -EINVAL);
        config_free(&c);
    }
}

/* Out of memory is an error, never a field that is missing. */
TEST(parsing_survives_every_oom)
{
    long objects = shim_live_objects;
    struct config c;
    int n = 0, err;

    do {
        fail_alloc_at(n++);
        err = parse(&c, whole);
        CHECK(err == -EINVAL || (err == 0 && c.cwd && c.hostname && c.args.count == 2 && c.env.count == 1));
        config_free(&c);
        CHECK(shim_live_objects == objects);
    } while (err);
    fail_alloc_at(-1);
    CHECK(n > 4);
}
