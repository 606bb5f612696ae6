// SPDX-License-Identifier: BSD-2-Clause
package shapes;

public record Circle(double radius) implements Shape {
    public double area() {
        return Math.PI * radius * radius;
    }
}
