// SPDX-License-Identifier: GPL-2.0-or-later
// Recursion, and callbacks out of V8's own sort. Runs until it is killed.
function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
for (;;) {
  const numbers = Array.from({ length: 50 }, (_, i) => (i * 7919) % 50);
  numbers.sort((a, b) => fib(10 + (a % 5)) - fib(10 + (b % 5)));
}
