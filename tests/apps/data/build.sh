# make -j with gcc on a small project, ps, pgrep, kill and xargs -P.
mkdir src; for i in $(seq 6); do echo "int f$i(void) { return $i; }" >src/f$i.c; echo "int f$i(void);" >>src/all.h; done
cat >src/main.c <<END
#include "all.h"
#include <stdio.h>
int main(void) { printf("sum %d\n", f1() + f2() + f3() + f4() + f5() + f6()); return 3; }
END
printf 'main: main.o f1.o f2.o f3.o f4.o f5.o f6.o\n\tgcc -o $@ $^\n%%.o: %%.c all.h\n\tgcc -O1 -c $<\n' >src/Makefile
make -s -C src -j4; echo make $?
src/main; echo main $?
make -s -C src -j4 -q; echo nothing to do $?
echo 'int wrong(' >src/f3.c; make -s -C src -j2 2>/dev/null; echo an error $?
seq 20 | xargs -P 4 -n 1 sh -c 'echo $(($1 * $1))' sh | sort -n | tail -3
seq 3 | xargs -P 2 -n 1 sh -c 'exit $1' sh; echo xargs $?
sleep 61 & sleep 62 & sleep 63 &
ps -o ppid=,stat=,args= --ppid $$ | sed "s/^ *$$ /me /" | grep sleep
pgrep -P $$ -x sleep | wc -l; pgrep -P $$ -af 'sleep 62' | cut -d' ' -f2-
pkill -P $$ -f 'sleep 62'; kill -INT %1 2>/dev/null; kill $!; wait $!; echo killed $?
pkill -KILL -P $$ sleep; wait; pgrep -P $$ sleep; echo none $?
