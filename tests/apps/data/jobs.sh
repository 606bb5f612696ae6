# Pipes, subshells, background jobs, traps and job control, for bash and dash.
echo hello | tr a-z A-Z | sed s/L/x/
for i in 1 2 3; do (exit $i); echo $?; done
echo $(seq 1 1000 | sort -rn | head -3)
sleep 0.1 & sleep 0.2 & wait; echo waited
cat <<END | wc -l
a
b
END
trap 'echo term' TERM; kill $$
sleep 60 & kill -9 $!; wait $! 2>/dev/null; echo killed $?
(sleep 60 & kill $!; wait $!; echo inner $?) 2>/dev/null
(exec sh -c 'echo a new program; exit 5'); echo $?
mkfifo pipe; (echo through a fifo >pipe) & cat pipe; wait
x=$(yes | head -c 100000 | wc -c); echo $x
(trap '' PIPE; yes 2>/dev/null; true) | head -1
sh -c 'kill -STOP $$; echo went on' & while ! grep -q '^State:.*T' /proc/$!/status 2>/dev/null; do sleep 0.01; done
kill -CONT $!; wait; echo $?
(ulimit -v 50000; sh -c 'exit 7'); echo $?
for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.0$i; echo $i >>order) & done; wait; wc -l <order
exit 4
