// SPDX-License-Identifier: BSD-2-Clause
package shapes;

public record Square(double side) implements Shape {
    public double area() {
        return side * side;
    }
}
