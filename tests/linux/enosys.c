/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers without a call: ENOSYS, whatever the arguments. */
#include "report.h"

int main(void)
{
    static const long numbers[] = { 340, 380, 423, 600, 1000, 4096, 65536, 0x7fffffff, -1, -2 };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        errno = 0;
        long r = syscall(numbers[i], -1, -1, -1, -1, -1, -1);
        report(r == -1 && errno == ENOSYS, "number %ld", numbers[i]);
    }
    /* the x32 and the 32-bit entries are not for this program */
    CHECK_ERR(syscall(0x40000000 + 39), ENOSYS);
    /* calls that Linux once had */
    static const int gone[] = {
        134, 156, 174, 177, 178, 180, 181, 182, 183, 184, 185, 205, 211, 214, 215, 236
    };
    for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++) {
        errno = 0;
        long r = syscall(gone[i], 0, 0, 0, 0, 0, 0);
        report(r == -1 && errno == ENOSYS, "removed call %d", gone[i]);
    }
    /* the number's upper half does not count */
    CHECK(syscall(0x700000000l + SYS_getpid) == -1 || syscall(0x700000000l + SYS_getpid) == getpid());
    return report_done();
}
