# SPDX-License-Identifier: BSD-2-Clause
# Redis' own tests (Debian's source package), which run here, against a server on this machine and against one in a guest:
# each test must come out alike. Left out are
# - what the suite leaves out by itself for a server that it did not start: restarts, replication, TLS, the cluster
# - what needs a second process: BGSAVE, BGREWRITEAOF, an append-only file (it begins with a rewrite)
# - what looks at the server's process from outside, and the slow stress of data types, which is Redis' own arithmetic
redis_units="printver dump auth protocol keyspace scan info info-command type/string type/incr type/list type/list-2 type/list-3
    type/set type/zset type/hash type/stream type/stream-cgroups sort expire multi quit acl acl-v2 latency-monitor pubsub
    pubsubshard slowlog scripting functions maxmemory introspection introspection-2 limits obuf-limits bitops bitfield geo
    memefficiency hyperloglog lazyfree wait pause querybuf pendingquerybuf tracking networking violations replybufsize
    cluster-scripting"
redis_source() { # the suite, as it is run: build/tests/source/redis keeps what was fetched
    local source=$PWD/build/tests/source/redis
    [ -e "$source/.complete" ] || { "$PWD/tools/fetch-source" redis "$source" && touch "$source/.complete"; } || return
    mkdir -p "$T/redis/src" && cp -r "$source/tests" "$source/runtest" "$T/redis" || return
    ln -s "$(command -v redis-cli)" "$(command -v redis-benchmark)" "$T/redis/src"
    find "$T/redis/tests/unit" -name '*.tcl' -exec sed -i -E '/start_server.*appendonly \{?yes/s/tags \{("?)/tags {\1external:skip /' {} +
    printf '%s\n' 'SRANDMEMBER with a dict containing long chain' '/AOF' '/(BG|bg)(SAVE|save|REWRITE|rewrite)' >"$T/redis/skip"
}
redis_suite() { # HOST PORT RESULTS: the suite's status; the results are the tests and how they came out
    local unit units=() status
    for unit in $redis_units; do units+=(--single "unit/$unit"); done
    (cd "$T/redis" && timeout 1500 ./runtest --host "$1" --port "$2" --baseport $((RANDOM % 10000 + 30000)) --durable --no-latency "${units[@]}" \
        --single integration/redis-cli --single integration/redis-benchmark --skipfile "$T/redis/skip" \
        --tags '-needs:repl -needs:save -slow -large-memory' >"$3.log" 2>&1 </dev/null)
    status=$?
    sed 's/\x1b\[[0-9;]*m//g' "$3.log" | grep -E '^\[(ok|err|exception|timeout|skip)\]' | sed -E 's/ \([0-9]+ ms\)$//' | sort >"$3"
    [ $status = 0 ] || { grep -aE '\[.*(err|exception|timeout)' "$3.log"; tail -5 "$3.log"; return 1; }
}
redis_options=(--bind 0.0.0.0 --protected-mode no --save '' --enable-debug-command yes --daemonize no)
if wanted redis-suite redis-server redis-cli redis-benchmark tclsh; then
    if redis_source >"$T/source.log" 2>&1; then
        redis-server --port 46381 --dir "$T" "${redis_options[@]}" >/dev/null 2>&1 </dev/null &
        jobs+=($!)
        within 10 redis-cli -p 46381 ping >/dev/null 2>&1
        ok "redis-suite: on Linux" redis_suite 127.0.0.1 46381 "$T/redis/linux"
        kill "${jobs[-1]}"
        if [ $mode = proa ]; then
            serve redis-suite 6381 -m 512m -- redis-server --port 6381 "${redis_options[@]}"
            within 20 redis-cli -h "$host" -p "$p" ping >/dev/null 2>&1
            ok "redis-suite: in Proa" redis_suite "$host" "$p" "$T/redis/proa" || said
            ok "redis-suite: the same tests" diff "$T/redis/linux" "$T/redis/proa"
            stop
        fi
    else
        skip redis-suite "no source: $(tail -1 "$T/source.log")"
    fi
fi
