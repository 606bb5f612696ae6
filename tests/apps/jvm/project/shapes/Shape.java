// SPDX-License-Identifier: BSD-2-Clause
package shapes;

public sealed interface Shape permits Circle, Square {
    double area();

    default String name() {
        return getClass().getSimpleName().toLowerCase();
    }
}
