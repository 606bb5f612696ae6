# SPDX-License-Identifier: BSD-2-Clause
# Detached VMs against fake-vmm: ps, logs, stop, kill, rm, wait, start, restart, port; crashes, races, full disks.
export PROA_QEMU=$here/fake-vmm XDG_STATE_HOME=$T/state
vms=$T/state/proa/vms
run_d() { timeout 20 "$proa" run -d "$@"; }
state() { "$proa" ps -a --format json | jq -r "select(.Names == \"$1\") | .$2"; }
# NAME PATTERN: until its log has it
logged() { for _ in $(seq 200); do timeout 5 "$proa" logs "$1" 2>&1 | grep -q -- "$2" && return; sleep 0.05; done; "$proa" logs "$1"; return 1; }
until_state() { for _ in $(seq 200); do [ "$(state "$1" State)" = "$2" ] && return; sleep 0.05; done; "$proa" ps -a; return 1; }
none_left() { "$proa" ps -aq | grep . && return 1; [ -z "$(ls -A "$vms")" ]; }

for command in ps logs port stop kill wait start restart rm; do ok "help of $command" eval '"$proa" $command --help | grep -q -- --help'; done
ok "ps of nothing" eval '"$proa" ps | grep -q "^VM ID .*NAME$" && same "$("$proa" ps | wc -l)" 1'

ok "run -d prints an id of 12 digits" eval 'run_d --name one /bin/true signals 15 | grep -Eqx "[0-9a-f]{12}"'
ok "ps lists it" eval '"$proa" ps | grep -Eq "^[0-9a-f]{12}   /bin/true   \"/bin/true signals 15\"   .* Up .* one$"'
ok "ps as JSON" eval '"$proa" ps --format json | jq -e "select(.Names == \"one\" and .State == \"running\" and .Pid > 1 and .Image == \"/bin/true\" and .Command == \"/bin/true signals 15\")"'
ok "ps -q" eval '"$proa" ps -q | grep -Eqx "[0-9a-f]{12}"'
ok "a name is taken once" fails 125 'name one is taken by [0-9a-f]{12} .running.; `proa rm -f one` frees it' "$proa" run -d --name one /bin/true true
ok "rm of a running one" fails 125 'one: it runs; stop it first' "$proa" rm one
ok "kill -s" eval '"$proa" kill -s USR1 one && logged one "^signal 10$" && "$proa" kill -s SIGWINCH one && logged one "^signal 28$" && "$proa" kill -s 34 one && logged one "^signal 34$" && same "$(state one State)" running'
ok "an unknown signal" fails 125 'no such signal' "$proa" kill -s FOO one
ok "stop sends SIGTERM" eval '"$proa" stop one && logged one "^signal 15$" && same "$(state one State) $(state one ExitCode)" "exited 143"'
ok "ps leaves out what has ended" eval '! "$proa" ps -q | grep .'
ok "ps -a tells how" eval '"$proa" ps -a | grep -Eq " Exited \(143\) .* ago .* one$"'
ok "stop again" "$proa" stop one
ok "kill again" fails 125 'one: it does not run' "$proa" kill one
ok "wait prints the status" same "$("$proa" wait one)" 143
ok "start by the id's beginning" eval '"$proa" start "$("$proa" ps -aq | head -c 6)" && until_state one running && same "$("$proa" logs one | grep -c ready)" 2'
ok "restart" eval '"$proa" restart -t 5 one && same "$(state one State)" running && same "$("$proa" logs one | grep -c ready)" 3'
ok "rm -f" eval '"$proa" rm -f one && none_left'
ok "rm of nothing" fails 125 'one: no such VM' "$proa" rm one
ok "logs of nothing" fails 125 'one: no such VM' "$proa" logs one

ok "a program that does not listen is switched off" eval 'run_d --name deaf /bin/true deaf >/dev/null && logged deaf "[0-9]" && SECONDS=0 && "$proa" stop -t 1 deaf && [ $SECONDS -le 4 ] && same "$(state deaf ExitCode)" 137 && gone "$("$proa" logs deaf)"'
ok "kill switches off" eval '"$proa" start deaf && logged deaf "[0-9]" && "$proa" kill deaf && same "$(state deaf ExitCode)" 137'
ok "rm" eval '"$proa" rm deaf && none_left'

ok "output and error are separate in the log" eval 'run_d --name both /bin/true both >/dev/null && same "$("$proa" wait both)" 0 && same "$("$proa" logs both 2>/dev/null)" "to stdout" && same "$("$proa" logs both 2>&1 >/dev/null)" "to stderr"'
ok "logs -t" eval '"$proa" logs -t both 2>&1 | grep -Eqx "20[0-9-]{8}T[0-9:]{8}\.[0-9]{9}Z to (stdout|stderr)"'
ok "logs to a full device" fails 125 'standard output' sh -c "exec '$proa' logs both >/dev/full"
ok "lines" eval 'run_d --name lines /bin/true lines 100000 >/dev/null && same "$("$proa" wait lines)" 0 && "$proa" logs lines | cmp - <(seq 1 100000)'
ok "logs --tail" eval '"$proa" logs --tail 3 lines | cmp - <(seq 99998 100000) && same "$("$proa" logs -n 0 lines)" "" && "$proa" logs --tail all lines | cmp - <(seq 1 100000)'
ok "logs -f ends with the VM" eval 'run_d --name slow /bin/true slow 5 >/dev/null && timeout 20 "$proa" logs -f slow | cmp - <(seq 1 5)'
ok "logs -f of one that has ended" eval 'timeout 5 "$proa" logs -f slow | cmp - <(seq 1 5)'
ok "binary output and long lines" eval 'run_d --name long /bin/true long 100000 >/dev/null && same "$("$proa" wait long)" 0 && same "$("$proa" logs long | wc -c)" 100001'
ok "no input" eval 'run_d --name cat /bin/true cat >/dev/null && same "$("$proa" wait cat)" 0'
ok "a status" eval 'run_d --name seven /bin/true exit 7 >/dev/null && same "$("$proa" wait seven)" 7'
ok "wait for several" eval 'same "$("$proa" wait seven cat)" "$(printf "7\n0")"'
ok "rm of several" eval '"$proa" rm both lines slow long cat seven && none_left'

ok "--rm" eval 'run_d --rm --name gone /bin/true slow 3 >/dev/null && same "$(state gone State)" running && "$proa" wait gone >/dev/null && none_left'
ok "the VM's name by default" eval 'run_d --rm /bin/true slow 2 >/dev/null && "$proa" ps --format json | jq -r .Names | grep -Eqx "true-[0-9a-f]{4}"'
ok "run -d leaves nothing open" eval 'timeout 5 sh -c "\"$proa\" run --rm -d /bin/true slow 20 | cat" && "$proa" rm -f $("$proa" ps -q) >/dev/null'
ok "nothing is left of all that" eval 'for _ in $(seq 100); do none_left >/dev/null && break; sleep 0.05; done; none_left'

ok "--restart on-failure:2" eval 'run_d --restart on-failure:2 --name fails /bin/true exit 3 >/dev/null && same "$("$proa" wait fails)" 3 && same "$(state fails Restarts)" 2'
ok "--restart on-failure and success" eval 'run_d --restart on-failure --name good /bin/true exit 0 >/dev/null && same "$("$proa" wait good)" 0 && same "$(state good Restarts)" 0'
ok "--restart always, until it is stopped" eval 'run_d --restart always --name always /bin/true exit 0 >/dev/null && for _ in $(seq 100); do [ "$(state always Restarts)" -ge 2 ] && break; sleep 0.1; done; [ "$(state always Restarts)" -ge 2 ] && timeout 5 "$proa" stop always && same "$(state always State)" exited'
ok "a killed VMM is started again" eval 'run_d --restart on-failure --name crash /bin/true deaf >/dev/null && logged crash "[0-9]" && kill -KILL $("$proa" logs crash) && for _ in $(seq 100); do [ "$("$proa" logs crash 2>/dev/null | wc -l)" = 2 ] && break; sleep 0.1; done; same "$(state crash Restarts)" 1 && "$proa" logs crash 2>&1 | grep -q "killed by signal 9"'
ok "rm -f ends a policy" eval '"$proa" rm -f fails good always crash && none_left'
for bad in sometimes on-failure:x on-failure: always:3; do ok "--restart $bad" fails 125 "--restart $bad" "$proa" run -d --restart "$bad" true; done
ok "--restart without -d" fails 125 'only with -d' "$proa" run --restart always true
ok "--restart and --rm" fails 125 'contradict' "$proa" run -d --rm --restart always true
ok "a bad name" fails 125 '--name a/b: expected' "$proa" run -d --name a/b true
ok "a name that looks like an option" fails 125 '--name -x' "$proa" run -d --name -x true

ok "a VMM that fails at once" eval 'fails 125 "vmm: device is not there" "$proa" run -d --name broken /bin/true broken && none_left'
ok "a VMM that is no program" eval 'printf x >"$T/notvmm" && chmod +x "$T/notvmm" && PROA_QEMU=$T/notvmm fails 125 "Exec format|VMM failed" "$proa" run -d /bin/true x && none_left'
ok "ports" eval 'run_d --name web -p 127.0.0.1::80 -p 53/udp /bin/true deaf >/dev/null 2>&1 && "$proa" port web | grep -Eqx "80/tcp -> 127.0.0.1:[0-9]+" && "$proa" port web 80 | grep -Eqx "127.0.0.1:[0-9]+" && "$proa" port web 53/udp | grep -Eqx "0.0.0.0:[0-9]+" && fails 125 "leads to port 81" "$proa" port web 81 && "$proa" ps | grep -Eq "127.0.0.1:[0-9]+->80/tcp, 0.0.0.0:[0-9]+->53/udp"'
ok "a port stays the same" eval 'before=$("$proa" port web) && "$proa" restart -t 0 web && same "$("$proa" port web)" "$before"'
ok "rm of that" "$proa" rm -f web

orphaned() { # a supervisor that is killed takes its VMM along, and is seen to be dead
    run_d --name dead /bin/true deaf >/dev/null && logged dead '[0-9]' || return
    kill -KILL "$(state dead Pid)" && gone "$("$proa" logs dead)" && until_state dead dead && "$proa" ps -a | grep -q ' Dead ' &&
        same "$("$proa" wait dead)" 125 && "$proa" stop dead && fails 125 'does not run' "$proa" kill dead &&
        "$proa" start dead && same "$(state dead State)" running && "$proa" rm -f dead && none_left
}
ok "a supervisor that was killed" orphaned
reused() { # the number of a dead supervisor now means another process
    run_d --name stale /bin/true deaf >/dev/null && logged stale '[0-9]' || return
    kill -KILL "$(state stale Pid)" && until_state stale dead || return
    sleep 60 &
    local pid=$!
    sed -i "s/\"pid\":[0-9]*/\"pid\":$pid/" "$vms"/*/state
    "$proa" stop stale; "$proa" kill stale 2>/dev/null; "$proa" rm -f stale && kill -0 $pid && none_left
    local status=$?
    kill $pid
    wait $pid 2>/dev/null
    return $status
}
ok "a process number that came again" reused
damaged() {
    run_d --name hurt /bin/true exit 0 >/dev/null && "$proa" wait hurt >/dev/null || return
    local id
    id=$("$proa" ps -aq)
    echo '{' >"$vms/$id/config"
    "$proa" ps -a 2>/dev/null | grep -q Damaged && "$proa" start "$id" 2>&1 | grep -q damaged && "$proa" rm -f "$id" 2>/dev/null && none_left
}
ok "a damaged configuration" damaged
ok "a half-made folder is swept away" eval 'mkdir "$vms/.123456789abc" && touch "$vms/.123456789abc/config" && run_d --rm /bin/true exit 0 >/dev/null && for _ in $(seq 100); do none_left >/dev/null && break; sleep 0.05; done; none_left'
racers() { # one of many gets the name
    local i won=0
    for i in 1 2 3 4 5 6; do (run_d --name race /bin/true deaf >"$T/race.$i" 2>&1 && touch "$T/won.$i") & done
    wait
    for i in 1 2 3 4 5 6; do [ -e "$T/won.$i" ] && won=$((won + 1)); done
    same "$won $("$proa" ps -aq | wc -l)" "1 1"
}
ok "a race for a name" racers
removers() { # all want it gone, none complains of what another did half
    for _ in 1 2 3 4; do "$proa" rm -f race >>"$T/removers" 2>&1 & done
    wait
    cat "$T/removers"
    none_left && ! grep -Ev '^race$|no such VM|is no such VM any more|No such file|it runs' "$T/removers"
}
ok "a race to remove" removers
ok "the image outlives the cache" eval 'run_d --name kept /bin/true slow 1 >/dev/null && "$proa" wait kept >/dev/null && rm -rf "$T/cache/proa/images" && "$proa" start kept && same "$("$proa" wait kept)" 0 && "$proa" rm kept'
if [ "$(id -u)" = 0 ] && mkdir -p "$T/small" && mount -t tmpfs -o size=256k tmpfs "$T/small" 2>/dev/null; then
    full() {
        export XDG_STATE_HOME=$T/small
        run_d --name full "$T/full.img" lines 100000 >/dev/null && same "$("$proa" wait full)" 0 &&
            same "$(state full State)" exited && "$proa" logs full | head -50 | cmp - <(seq 1 50) && "$proa" rm full &&
            head -c 300000 /dev/zero >"$T/small/filler" 2>/dev/null
        fails 125 'No space left' "$proa" run -d --name nospace "$T/full.img" exit 0 && same "$("$proa" ps -aq)" ""
        local status=$?
        export XDG_STATE_HOME=$T/state
        return $status
    }
    "$proa" build -q -o "$T/full.img" /bin/true exit 0
    ok "a full disk" full
    umount "$T/small"
else
    skip "a full disk" "no tmpfs can be mounted"
fi
ok "an unwritable state folder" fails 125 'XDG_STATE_HOME names another place' env XDG_STATE_HOME=/proc "$proa" run -d /bin/true exit 0
# shellcheck disable=SC2046
[ -z "$("$proa" ps -q)" ] || "$proa" rm -f $("$proa" ps -q) >/dev/null
