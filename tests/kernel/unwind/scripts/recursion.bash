#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recursion of a function, without processes of its own. Runs until it is killed.
fib() {
  local n=$1
  if ((n < 2)); then
    ((sum += n))
    return
  fi
  fib $((n - 1))
  fib $((n - 2))
}
while true; do
  sum=0
  fib 12
done
