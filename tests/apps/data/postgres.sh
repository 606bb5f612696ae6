# PostgreSQL as its own user: a cluster, clients at once, queries in several processes, a crash and its recovery.
PGHOST=$(mktemp -d) || exit
trap 'cd /; rm -rf "$PGHOST"' EXIT
export PATH=$PATH:/usr/lib/postgresql/15/bin PGHOST PGDATA=$PGHOST/data PGUSER=postgres
cd "$PGHOST" || exit
start() { pg_ctl -w -t 100 -l log -o "-c unix_socket_directories=$PGHOST -c listen_addresses=" start >start.log; echo started $?; }
sql() { psql -qAt -v ON_ERROR_STOP=1; }
initdb -A trust -U postgres --no-locale -E UTF8 >init.log; echo initdb $?
start
sql <<END
create table t (i int primary key, s text);
insert into t select g, 'row ' || g from generate_series(1, 5000) g;
create table hits (n int);
insert into hits values (0);
END
for client in 1 2 3 4; do
    (for i in $(seq 25); do echo 'begin; update hits set n = n + 1; insert into t values ('$((client * 10000 + i))", 'x'); commit;"; done | sql) &
    clients="$clients $!"
done
for pid in $clients; do wait $pid; echo client $?; done
sql <<END
select n from hits;
select count(*), sum(i), max(s) from t;
set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
explain (costs off) select sum(i), count(*) from t where s like '%7%';
select sum(i), count(*) from t where s like '%7%';
create index on t (s);
vacuum analyze t;
select i from t where s = 'row 4321';
\copy t to 't.csv' csv
END
wc -l <t.csv
psql -qAtc 'select 1/0' 2>&1
psql -qAtc "set statement_timeout = 50; select pg_sleep(60)" 2>&1
psql -qAtc "select pg_terminate_backend(pg_backend_pid())" >/dev/null 2>&1; echo terminated $?
pg_ctl -w -m immediate stop; echo stopped $?
start
psql -qAtc 'select n from hits'
read -r master <"$PGDATA/postmaster.pid"; kill -KILL "$master"
for i in $(seq 100); do kill -0 "$master" 2>/dev/null || break; sleep 0.1; done
for i in $(seq 20); do start 2>/dev/null | grep -q ' 0' && break; sleep 0.5; done
psql -qAtc 'select count(*) from t'
pg_ctl -w -m fast stop; echo stopped $?
! grep PANIC log
