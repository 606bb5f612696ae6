# SPDX-License-Identifier: BSD-2-Clause
# The scripts of segments (tcp/) against a guest over a tap, in real time: segments.py plays all other hosts. Needs root.
segns=proaseg$$
if [ $mode = host ]; then
    skip segments "there is no guest"
elif ! wanted segments python3; then
    :
elif [ "$(id -u)" != 0 ] || ! ip netns add $segns 2>/dev/null; then
    skip segments "no root, or no network namespaces"
elif ! gcc -O1 -static -D_GNU_SOURCE -o "$T/actor" "$here/actor.c"; then
    ok "segments: actor.c builds" false
    ip netns del $segns
else
    ip -n $segns tuntap add dev seg0 mode tap
    ip -n $segns link set seg0 up
    for cpus in 1 2; do
        # shellcheck disable=SC2086
        ok "segments: the scripts, $cpus CPUs" ip netns exec $segns python3 "$here/segments.py" seg0 52:54:00:00:00:77 10.80.0.2 "$here"/tcp/*.tcp -- \
            "$proa" run -q --no-packages --cpus $cpus --network tap=seg0,ip=10.80.0.2/24,mac=52:54:00:00:00:77 $PROA_NET_OPTS "$T/actor"
    done
    ip netns del $segns
fi
