# SPDX-License-Identifier: BSD-2-Clause
# `proa run` against fake-vmm: streams, status, signals, terminal, and VMMs that end badly.
export PROA_QEMU=$here/fake-vmm
run() { timeout 20 "$proa" run /bin/true "$@"; }

ok "exit status 0" run true
status() { run exit "$1"; same $? "$1"; }
for n in 1 42 137 255; do ok "exit status $n" status $n; done
ok "standard output and error are separate" eval 'same "$(run both 2>/dev/null)" "to stdout" && same "$(run both 2>&1 >/dev/null)" "to stderr"'
head -c 2000000 /dev/urandom >"$T/random"
ok "binary data from a file to a file" eval 'run cat <"$T/random" >"$T/back" && cmp "$T/random" "$T/back"'
ok "binary data through pipes" eval 'cat "$T/random" | run cat | cmp - "$T/random"'
ok "a slow reader" eval 'run cat <"$T/random" | (sleep 1; cmp - "$T/random")'
ok "no input" eval 'same "$(run cat </dev/null)" ""'
ok "closed input" eval 'same "$(run cat <&-)" ""'
ok "closed output" eval 'run both >&-; [ $? = 0 ]'
flood() { run flood | head -c 5 >/dev/null; same "${PIPESTATUS[0]}" 141; }
ok "a reader that goes away" flood
ok "a full disk" eval 'run both 2>&1 >/dev/full | grep -q "No space left"'

config() { run config | jq -e "$@"; }
ok "arguments reach the guest" config '.process.args == ["/bin/true", "config"]'
ok "a bare name is argv[0]" eval '"$proa" run true config | jq -e ".process.args[0] == \"true\" and (.annotations[\"org.proa.exec\"] | endswith(\"/bin/true\"))"'
conf() { "$proa" run "$@" /bin/true config; }
ok "-e" eval 'conf -e A=1 -e "B=x y" | jq -e ".process.env | index(\"A=1\") and index(\"B=x y\")"'
ok "-e NAME takes the host's value" eval 'FROM_HOST=7 conf -e FROM_HOST -e NOT_THERE | jq -e ".process.env | index(\"FROM_HOST=7\") and (map(startswith(\"NOT_THERE\")) | any | not)"'
ok "-e replaces a default" eval 'conf -e HOME=/h | jq -e "[.process.env[] | select(startswith(\"HOME=\"))] == [\"HOME=/h\"]"'
printf '# comment\n\nX=1\r\nY=a b\n' >"$T/env"
ok "--env-file" eval 'conf --env-file "$T/env" | jq -e ".process.env | index(\"X=1\") and index(\"Y=a b\")"'
ok "-w, -u, --hostname" eval 'conf -w /tmp -u 5:6 --hostname h | jq -e ".process.cwd == \"/tmp\" and .process.user.uid == 5 and .process.user.gid == 6 and .hostname == \"h\""'
ok "--name is the host name" eval 'conf --name box | jq -e ".hostname == \"box\""'
ok "no terminal in pipes" eval 'conf | cat | jq -e ".process.terminal == false and (.annotations | has(\"org.proa.tty\") | not)"'
ok "--entrypoint" eval '"$proa" run --entrypoint /bin/other /bin/true config >"$T/ep"; "$proa" run --dry-run --entrypoint /bin/other /bin/true a | grep -o "[^ ]*json" | xargs jq -e ".process.args == [\"/bin/other\", \"a\"]"'
"$proa" build -q -o "$T/run.img" -e IN=image -w /srv /bin/true config
ok "an image runs with its own configuration" eval '"$proa" run "$T/run.img" | jq -e ".process.args[1] == \"config\" and .process.cwd == \"/srv\" and (.process.env | index(\"IN=image\"))"'
ok "options change it for one run" eval '"$proa" run -e IN=run "$T/run.img" config more | jq -e ".process.args[2] == \"more\" and (.process.env | index(\"IN=run\"))"'
ok "options may end with --" eval '"$proa" run -- /bin/true config --not-ours | jq -e ".process.args[2] == \"--not-ours\""'
ok "docker's -it and --rm are accepted" eval '"$proa" run --rm -it /bin/true exit 0'

args() { "$proa" run "$@" /bin/true args; }
ok "memory and CPUs reach the VMM" eval 'args -m 64m --cpus 3 | tr "\n" " " | grep -q -- "-m size=65536k -smp 3 "'
ok "kernel arguments" eval 'args --kernel-arg one --kernel-arg two=2 | grep -Eq "loglevel=5 .*epoch_ns=[0-9]{19} one two=2$"'
ok "--verbose asks for all kernel messages" eval 'args --verbose 2>/dev/null | grep -q loglevel=8'
ok "--vmm qemu:q35" eval 'args --vmm qemu:q35 | grep -q "virtio-blk-pci,disable-legacy=on"'
ok "--vmm qemu:pc" eval 'args --vmm=qemu:pc | grep -qx pc'
ok "--accel" eval 'args --accel kvm | grep -qx host'
ok "--accel with properties" eval 'args --accel tcg,thread=single | tr "\n" " " | grep -q -- "-accel tcg,thread=single -cpu max "'
ok "--dry-run prints a command and runs nothing" eval '"$proa" run --dry-run /bin/true broken | grep -q "^[^ ]*fake-vmm .*-kernel .* -initrd "'
ok "a dry run's configuration is there" eval '"$proa" run --dry-run /bin/true x | grep -o "[^ ]*json" | xargs jq -e ".process.args[1] == \"x\""'
ok "names with commas" eval 'args --name a,b | grep -q "^a,,b,"'

ok "--bootchart" eval '"$proa" run --bootchart /bin/true chart 2>&1 | grep -q "exec .* 900 us .* 780 us"'
ok "--stats" eval '"$proa" run --stats "$T/stats" /bin/true chart && grep -qx boot_ms=0.900 "$T/stats" && grep -qx memory_peak_kb=1234 "$T/stats" && grep -qx status=0 "$T/stats"'
ok "kernel messages are shown" eval 'same "$(run log 2>&1)" "$(printf "proa: kernel: <4> first line\nproa: kernel: second line")"'
ok "-q hides them" eval 'same "$("$proa" run -q /bin/true log 2>&1)" ""'
ok "a kernel panic" fails 125 'kernel: panic: no such thing' "$proa" run /bin/true panic
ok "a kernel panic, quietly" fails 125 'kernel: panic: no such thing' "$proa" run -q /bin/true panic
ok "a VMM that fails" fails 125 'vmm: device is not there' "$proa" run /bin/true broken
ok "a guest that says nothing" fails 125 "without saying its program's exit status" "$proa" run /bin/true off
ok "a VMM that is killed" fails 125 'killed by signal 9' "$proa" run /bin/true suicide
ok "garbage on the control port" eval 'run garbage; same $? 3'
ok "a VMM that does not end" eval 'run linger; same $? 5'
printf 'not a program' >"$T/notvmm" && chmod +x "$T/notvmm"
ok "a VMM that is no program" fails 125 'Exec format' env PROA_QEMU="$T/notvmm" "$proa" run /bin/true

wait_for() { for _ in $(seq 100); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.05; done; echo "no $1"; return 1; }
signals() { # SIGNAL NUMBER STATUS
    local pid
    : >"$T/sig"
    "$proa" run /bin/true signals "$2" >"$T/sig" 2>&1 &
    pid=$!
    wait_for ready "$T/sig" && kill -"$1" $pid
    wait $pid
    same $? "$3" && grep -q "^signal $2$" "$T/sig"
}
for s in "TERM 15" "HUP 1" "QUIT 3" "USR1 10" "USR2 12"; do
    # shellcheck disable=SC2086
    set -- $s
    ok "SIG$1 reaches the program" signals "$1" "$2" $((128 + $2))
done
start_deaf() {
    : >"$T/deaf"
    "$proa" run /bin/true deaf >"$T/deaf" 2>"$T/deaf.err" &
    pid=$!
    wait_for '[0-9]' "$T/deaf" && vmm=$(cat "$T/deaf")
}
twice() { start_deaf && kill -TERM $pid && sleep 0.3 && kill -0 $pid && kill -TERM $pid; wait $pid; same $? 143 && gone "$vmm"; }
ok "a second SIGTERM ends a VM that does not listen" twice
orphan() { start_deaf && kill -KILL $pid; wait $pid 2>/dev/null; gone "$vmm"; }
ok "the VMM dies with the tool" orphan
killed() { start_deaf && kill -KILL "$vmm"; wait $pid; same $? 125 && grep -q 'VMM was killed by signal 9' "$T/deaf.err"; }
ok "the VMM killed from outside" killed

# The same on a terminal: pty-run gives one, of 40 rows and 100 columns, types its input, and prints what came.
pty() { timeout 20 "$here/pty-run" "$@"; }
ok "the terminal's size and streams are named" eval 'pty "" "$proa" run /bin/true config | tr -d "\r" | grep "^{" | jq -e ".process.terminal and .annotations[\"org.proa.tty\"] == \"stdin,stdout,stderr\" and .process.consoleSize.height == 40 and .process.consoleSize.width == 100"'
ok "TERM" eval 'TERM=vt100 pty "" "$proa" run /bin/true config | grep -q "TERM=vt100"'
ok "the terminal is raw: Ctrl-C is a byte" eval 'pty "ab\\x03" "$proa" run /bin/true line | tr -d "\r" | grep -Fx "b'"'ab\\\\x03'"'"'
ok "a new size reaches the guest" eval 'pty resize "$proa" run /bin/true winsize | grep -q "winsize 50 120"'
ok "the terminal is restored" eval 'pty "x\r" sh -c "stty -a >$T/before; \"$proa\" run /bin/true line; stty -a >$T/after" >/dev/null; cmp "$T/before" "$T/after"'
ok "restored when the VMM is killed" eval 'pty "" sh -c "stty -a >$T/before; \"$proa\" run /bin/true suicide; stty -a >$T/after" >/dev/null; cmp "$T/before" "$T/after"'
ok "Ctrl-] three times ends it" eval 'pty "\\x1d\\x1d\\x1d" sh -c "\"$proa\" run /bin/true deaf; echo status \$?" | grep -q "status 125"'
