# SPDX-License-Identifier: BSD-2-Clause
# Perl's interpreter threads: shared variables, queues, conditions, semaphores, exceptions.
use strict;
use warnings;
use threads;
use threads::shared;
use Thread::Queue;
use Thread::Semaphore;

my ($in, $out) = (Thread::Queue->new, Thread::Queue->new);
my @workers = map { threads->create(sub { while (defined(my $n = $in->dequeue)) { $out->enqueue($n * $n) } }) } 1 .. 3;
$in->enqueue(1 .. 200);
$in->end;
$_->join for @workers;
my $sum = 0;
$sum += $out->dequeue for 1 .. 200;
print "squares $sum\n";

my %table : shared;
my $turn : shared = 0;
my @pair = map { my $me = $_; threads->create(sub {
    for (1 .. 100) {
        lock $turn;
        cond_wait($turn) while $turn % 2 != $me;
        $turn++;
        $table{$me}++;
        cond_broadcast($turn);
    }
}) } 0, 1;
$_->join for @pair;
print "turns $turn ", join(",", map { "$_=$table{$_}" } sort keys %table), "\n";

my $two = Thread::Semaphore->new(2);
my $t = threads->create({ context => 'list' }, sub { $two->down; $two->up; return (1, [2, 3], 'x') });
my @back = $t->join;
print "back $back[0] $back[1][1] $back[2]\n";
my $dies = threads->create(sub { local $SIG{__WARN__} = sub { }; die "on purpose\n" });
$dies->join;
print "error ", $dies->error;
my $ready = Thread::Semaphore->new(0);
my $sleeper = threads->create(sub { local $SIG{KILL} = sub { threads->exit }; $ready->up; sleep 1 while 1 });
$ready->down;
$sleeper->kill('KILL')->join;
my $late : shared;
{
    lock $late;
    print "timed ", cond_timedwait($late, time + 1) ? 1 : 0, "\n";
}
print "left ", scalar(threads->list), "\n";
exit 3;
