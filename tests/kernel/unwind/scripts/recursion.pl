# SPDX-License-Identifier: GPL-2.0-or-later
# Recursion below the comparison of sort. Runs until it is killed.
use strict;
use warnings;
no warnings 'recursion';

sub fib { my $n = shift; return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }

while (1) {
    my @sorted = sort { fib(8 + $a % 5) <=> fib(8 + $b % 5) || $a cmp $b } 1 .. 40;
}
