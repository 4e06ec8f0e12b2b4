// SPDX-License-Identifier: GPL-2.0-or-later

// A goroutine that calls itself ten levels deep and burns there. Runs until it is killed.
package main

//go:noinline
func burn(rounds int) (x int) {
	for i := 0; i < rounds; i++ {
		x = x*2862933555777941757 + i
	}
	return x
}

//go:noinline
func recurse(depth int) int {
	if depth == 0 {
		return burn(300000)
	}
	return recurse(depth-1) + 1
}

func run() {
	for {
		recurse(10)
	}
}

func main() {
	go run()
	select {}
}
