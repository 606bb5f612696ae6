# stress-ng's stressors that check themselves, a few rounds each: WHAT INSTANCES ROUNDS [OPTION...]
while read -r what instances rounds more; do
    stress-ng --verify --temp-path /tmp --timeout 100 --$what $instances --$what-ops $rounds $more >log 2>&1; status=$?
    echo $what $status
    [ $status = 0 ] && ! grep -E 'fail|warn' log || cat log
done <<END
cpu 2 100
vm 2 100 --vm-bytes 4m
futex 2 1000
switch 2 1000
pipe 2 1000
mmap 2 5 --mmap-bytes 2m
timer 2 50
signal 2 500
sigq 2 500
sigfd 2 100
sigchld 1 50
sigsegv 1 50
epoll 2 50
eventfd 2 500
poll 2 50
fork 2 50
vfork 2 50
clone 1 50
daemon 1 20
spawn 1 10
exec 1 10
wait 1 50
kill 1 500
zombie 1 50
session 1 20
mutex 1 500
pthread 1 50
shm 1 4
shm-sysv 1 4 --shm-sysv-bytes 1m
sockpair 1 50
fifo 1 50
flock 2 50
locka 1 50
memfd 1 4
mremap 1 5
fault 1 50
context 1 50
END
