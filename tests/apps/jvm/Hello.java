// SPDX-License-Identifier: BSD-2-Clause
class Hello {
    public static void main(String[] args) {
        System.out.println("Hello from Java, " + String.join(" ", args));
        System.exit(args.length);
    }
}
