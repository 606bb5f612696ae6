/* SPDX-License-Identifier: BSD-2-Clause */
#include "test.h"

#include "lib/json.h"

static struct json j;

/* The text in a heap block of its exact size, so that ASan sees a read past its end. */
static char *block;
static void start(const char *text)
{
    size_t len = strlen(text);

    free(block);
    block = malloc(len ? len : 1);
    memcpy(block, text, len);
    json_init(&j, block, len);
}

static bool skips(const char *text)
{
    start(text);
    return json_skip(&j) && json_done(&j);
}

TEST(an_object_is_read_member_by_member)
{
    char key[16], s[16];
    uint64_t u = 0;
    int64_t i = 0;
    bool b = false;
    unsigned items = 0;

    start(" { \"name\" : \"x\\ty\", \"n\":18446744073709551615,\"list\":[1, 2,3],\n\"skip\":{\"a\":[{}]},"
          "\"neg\":-9223372036854775808, \"yes\":true }  ");
    CHECK(json_object(&j));
    CHECK(json_key(&j, key, sizeof(key)) && !strcmp(key, "name"));
    CHECK(json_peek(&j) == JSON_STRING && json_string(&j, s, sizeof(s)) == 3 && !strcmp(s, "x\ty"));
    CHECK(json_key(&j, key, sizeof(key)) && json_u64(&j, &u) && u == UINT64_MAX);
    CHECK(json_key(&j, key, sizeof(key)) && json_array(&j));
    while (json_item(&j))
        CHECK(json_u64(&j, &u) && u == ++items);
    CHECK(items == 3);
    CHECK(json_key(&j, key, sizeof(key)) && json_skip(&j));
    CHECK(json_key(&j, key, sizeof(key)) && json_i64(&j, &i) && i == INT64_MIN);
    CHECK(json_key(&j, key, sizeof(key)) && json_bool(&j, &b) && b);
    CHECK(!json_key(&j, key, sizeof(key)));
    CHECK(json_done(&j));
}

TEST(valid_texts)
{
    static const char *good[] = { "0",
                                  "-0",
                                  "1.5e-3",
                                  "[]",
                                  "{}",
                                  "[[],[]]",
                                  "null",
                                  " true ",
                                  "\"\"",
                                  "\"\\u00e9\\ud83d\\ude00\\/\"",
                                  "[1,{\"a\":null,\"b\":[false]},\"x\"]",
                                  "{\"a\":{\"b\":{\"c\":[1,2,3]}}}",
                                  "\"\x80\xff\"" };

    for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (!skips(good[i])) {
            printf("    %s: %s\n", good[i], j.error);
            test_failures++;
        }
}

TEST(malformed_texts)
{
    static const char *bad[] = { "",
                                 " ",
                                 "[",
                                 "]",
                                 "{",
                                 "}",
                                 "[1",
                                 "[1,",
                                 "[1,]",
                                 "[,1]",
                                 "[1 2]",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{1:2}",
                                 "{\"a\":1 \"b\":2}",
                                 "01",
                                 "-",
                                 "+1",
                                 "1.",
                                 ".5",
                                 "1e",
                                 "1e+",
                                 "0x10",
                                 "nul",
                                 "nulll",
                                 "tru",
                                 "True",
                                 "\"",
                                 "\"\\\"",
                                 "\"\\x\"",
                                 "\"\\u12\"",
                                 "\"\\u12g4\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\udc00\"",
                                 "\"\\u0000\"",
                                 "\"\n\"",
                                 "1 2",
                                 "[]]",
                                 "{}}",
                                 "[1}",
                                 "{\"a\":1]",
                                 "'a'",
                                 "[1,,2]",
                                 "//",
                                 "NaN" };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (skips(bad[i])) {
            printf("    accepted: %s\n", bad[i]);
            test_failures++;
        }
}

TEST(depth_is_limited)
{
    char text[200];
    unsigned n = JSON_MAX_DEPTH;

    memset(text, '[', n);
    memset(text + n, ']', n);
    text[2 * n] = 0;
    CHECK(skips(text));
    n++;
    memset(text, '[', n);
    memset(text + n, ']', n);
    text[2 * n] = 0;
    CHECK(!skips(text) && j.at == JSON_MAX_DEPTH);
}

TEST(strings_decode_and_do_not_overflow)
{
    char s[8];

    start("\"a\\u20acb\\ud83d\\ude00\"");
    char *buf = malloc(10);

    CHECK(json_string(&j, buf, 10) == 9 && !strcmp(buf, "a\xe2\x82\xac"
                                                        "b\xf0\x9f\x98\x80"));
    free(buf);
    start("\"12345678\"");
    CHECK(json_string(&j, s, sizeof(s)) == -1 && j.error);
    start("\"1234567\"");
    CHECK(json_string(&j, s, sizeof(s)) == 7 && !strcmp(s, "1234567"));
    start("{\"longer than the buffer\":1}");
    json_object(&j);
    CHECK(json_key(&j, s, sizeof(s)) && !strcmp(s, "longer "));
}

TEST(numbers_keep_to_their_range)
{
    uint64_t u;
    int64_t i;

    start("18446744073709551616");
    CHECK(!json_u64(&j, &u));
    start("-1");
    CHECK(!json_u64(&j, &u));
    start("9223372036854775808");
    CHECK(!json_i64(&j, &i));
    start("1.0");
    CHECK(!json_u64(&j, &u) && !strcmp(j.error, "an integer was expected"));
    start("1e3");
    CHECK(!json_i64(&j, &i));
}

TEST(the_first_error_sticks)
{
    uint64_t u;
    char s[4];

    start("[1,x,2]");
    CHECK(json_array(&j) && json_item(&j) && json_u64(&j, &u) && json_item(&j));
    CHECK(!json_u64(&j, &u) && j.at == 3);
    const char *error = j.error;

    CHECK(!json_item(&j) && json_string(&j, s, 4) == -1 && !json_skip(&j) && !json_done(&j));
    CHECK(j.error == error && j.at == 3);
}

TEST(random_texts_end)
{
    static const char alphabet[] = "[]{},:\"\\u0a1-.eE \ntrfalsn";
    unsigned x = 1;

    for (int n = 0; n < 50000; n++) {
        char text[24];
        unsigned len = n % 23;

        for (unsigned i = 0; i < len; i++)
            text[i] =
                alphabet[(x = x * 1103515245 + 12345) >> 16 & 0x7fff ? (x >> 16) % (sizeof(alphabet) - 1)
                                                                     : 0];
        text[len] = 0;
        skips(text);
        CHECK(j.p <= j.end);
    }
}
