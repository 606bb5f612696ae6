# Redis: a snapshot and a rewritten log by a child process while the data changes, and a start from the snapshot.
redis-server --port 6390 --save '' --dir . --dbfilename d.rdb --daemonize no --logfile log --enable-debug-command yes &
until redis-cli -p 6390 ping >/dev/null 2>&1; do sleep 0.1; done
seq 1 5000 | sed 's/.*/set k& value&/' | redis-cli -p 6390 >/dev/null
redis-cli -p 6390 bgsave
seq 1 100 | sed 's/.*/set k& changed&/' | redis-cli -p 6390 | sort | uniq -c
while redis-cli -p 6390 info persistence | grep -q 'rdb_bgsave_in_progress:1'; do sleep 0.1; done
redis-cli -p 6390 info persistence | grep rdb_last_bgsave_status
redis-cli -p 6390 bgrewriteaof
while redis-cli -p 6390 info persistence | grep -q 'aof_rewrite_in_progress:1\|aof_rewrite_scheduled:1'; do sleep 0.1; done
redis-cli -p 6390 info persistence | grep aof_last_bgrewrite_status
redis-cli -p 6390 shutdown nosave; wait $!; echo stopped $?
redis-server --port 6390 --save '' --dir . --dbfilename d.rdb --daemonize no --logfile log &
until redis-cli -p 6390 ping 2>/dev/null | grep -q PONG; do sleep 0.1; done
redis-cli -p 6390 dbsize
redis-cli -p 6390 get k4321
kill -TERM $!; wait $!; echo ended $?
