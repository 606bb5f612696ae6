// SPDX-License-Identifier: BSD-2-Clause
import java.nio.file.*;
import java.util.*;
import javax.tools.*;

/** Compiles the sources under args[0] by args[1] threads at once, each all of them into a folder of its own. */
public class ParallelJavac {
    static List<Path> sources(String root) throws Exception {
        try (var all = Files.walk(Path.of(root))) {
            return all.filter(p -> p.toString().endsWith(".java")).sorted().toList();
        }
    }

    public static void main(String[] args) throws Exception {
        var files = sources(args[0]);
        var threads = new ArrayList<Thread>();
        var good = new boolean[Integer.parseInt(args[1])];
        var start = System.nanoTime();
        for (int i = 0; i < good.length; i++) {
            int id = i;
            var t = new Thread(() -> {
                try {
                    var out = Files.createDirectories(Path.of("/tmp/out" + id));
                    var compiler = ToolProvider.getSystemJavaCompiler();
                    var manager = compiler.getStandardFileManager(null, null, null);
                    var options = List.of("-d", out.toString(), "-proc:none", "-nowarn", "-implicit:none");
                    good[id] = compiler.getTask(null, manager, null, options, null,
                        manager.getJavaFileObjectsFromPaths(files)).call();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            });
            t.start();
            threads.add(t);
        }
        for (var t : threads)
            t.join();
        for (boolean g : good)
            if (!g)
                System.exit(1);
        System.out.printf("JAVAC files=%d threads=%d ms=%d%n", files.size(), good.length, (System.nanoTime() - start) / 1000000);
    }
}
