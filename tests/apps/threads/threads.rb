# SPDX-License-Identifier: BSD-2-Clause
# Ruby's threads: queues, conditions, timeouts, exceptions, signals, fibers, the collector.
require 'timeout'
queue = SizedQueue.new(4)
makers = 4.times.map { |i| Thread.new { 250.times { |k| queue << k * i } } }
takers = 2.times.map { Thread.new { s = 0; while (n = queue.pop) >= 0 do s += n end; s } }
makers.each(&:join)
2.times { queue << -1 }
puts "queue #{takers.sum(&:value)}"

lock, cond, turn = Mutex.new, ConditionVariable.new, 0
2.times.map { |me| Thread.new { 200.times { lock.synchronize {
  cond.wait(lock) while turn % 2 != me
  turn += 1
  cond.broadcast
} } } }.each(&:join)
puts "turns #{turn}"
begin
  Timeout.timeout(0.05) { loop { } }
rescue Timeout::Error => e
  puts "timeout #{e.class}"
end
t = Thread.new { Thread.current.report_on_exception = false; raise ArgumentError, 'on purpose' }
puts((t.value rescue "#{$!.class}: #{$!.message}"))
sleeper = Thread.new { sleep }
sleep 0.01 until sleeper.stop?
sleeper.kill
puts "killed #{sleeper.join.status.inspect}"
r, w = IO.pipe
reader = Thread.new { r.gets }
sleep 0.01
w.puts 'through a pipe'
puts reader.value
fibers = 3.times.map { |i| Fiber.new { 2.times { |k| Fiber.yield i * 10 + k }; nil } }
puts fibers.flat_map { |f| [f.resume, f.resume] }.inspect
words = 8.times.map { |i| Thread.new { (1..2000).map { |k| "#{i}:#{k}" }.uniq.size } }.sum(&:value)
GC.start
puts "words #{words}"
trap(:USR1) { queue << 9 }
Process.kill(:USR1, Process.pid)
puts "signal #{queue.pop}"
exit 6
