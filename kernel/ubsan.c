/* SPDX-License-Identifier: BSD-2-Clause */
/* What -fsanitize=undefined calls (the layouts are those of GCC's and clang's runtime interface): log and stop. */
#include "kernel/log.h"

#if UBSAN

struct location {
    const char *file;
    uint32_t line, column;
};

/* Every report's data starts with the location. */
static void report(const char *what, const struct location *at)
{
    panic("undefined behaviour: %s at %s:%u:%u", what, at->file, at->line, at->column);
}

#define HANDLER1(name, text)                         \
    void __ubsan_handle_##name(struct location *at); \
    void __ubsan_handle_##name(struct location *at)  \
    {                                                \
        report(text, at);                            \
    }
#define HANDLER2(name, text)                                  \
    void __ubsan_handle_##name(struct location *at, void *a); \
    void __ubsan_handle_##name(struct location *at, void *a)  \
    {                                                         \
        report(text, at);                                     \
    }
#define HANDLER3(name, text)                                           \
    void __ubsan_handle_##name(struct location *at, void *a, void *b); \
    void __ubsan_handle_##name(struct location *at, void *a, void *b)  \
    {                                                                  \
        report(text, at);                                              \
    }

HANDLER3(add_overflow, "addition overflows")
HANDLER3(sub_overflow, "subtraction overflows")
HANDLER3(mul_overflow, "multiplication overflows")
HANDLER2(negate_overflow, "negation overflows")
HANDLER3(divrem_overflow, "division overflows or is by zero")
HANDLER3(shift_out_of_bounds, "shift out of bounds")
HANDLER2(out_of_bounds, "index out of bounds")
HANDLER2(type_mismatch_v1, "null or misaligned pointer, or too small an object")
HANDLER2(load_invalid_value, "invalid value for the type")
HANDLER2(vla_bound_not_positive, "array of no size")
HANDLER3(pointer_overflow, "pointer arithmetic overflows")
HANDLER1(builtin_unreachable, "unreachable code reached")
HANDLER1(missing_return, "function ends without a value")
HANDLER2(invalid_builtin, "bad argument to a builtin")
HANDLER1(nonnull_arg, "null passed where it must not be")
HANDLER2(nonnull_return_v1, "null returned where it must not be")
HANDLER3(implicit_conversion, "implicit conversion changes the value")
HANDLER3(alignment_assumption, "an assumed alignment does not hold")
HANDLER2(function_type_mismatch, "call through a pointer of the wrong type")
HANDLER2(float_cast_overflow, "conversion overflows")

#endif
