// SPDX-License-Identifier: BSD-2-Clause
import java.util.List;
import shapes.*;

class Main {
    public static void main(String[] args) {
        List<Shape> all = List.of(new Circle(2), new Square(3));
        for (Shape s : all)
            System.out.printf("%s %.2f%n", s.name(), s.area());
    }
}
