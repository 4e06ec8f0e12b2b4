/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vforker.c - a workload: a loop of vfork(2); each child burns a little on its parent's stack, and
 * every eighth executes /bin/true.
 *
 * Usage: vforker     runs until it is killed
 */
#define _DEFAULT_SOURCE
#include "burn.h"

#include <sys/wait.h>
#include <unistd.h>

DEFINE_BURNER(child_burn, 5985129184823907693ull);
DEFINE_BURNER(parent_burn, 4768777513237032717ull);

int one_child(int execute);
KEPT_FUNCTION int one_child(int execute)
{
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		uint64_t x = child_burn(1000000);

		__asm__ volatile("" : : "r"(x));
		if (execute)
			(void)execl("/bin/true", "true", (char *)NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(void)
{
	for (int i = 0;; i++) {
		uint64_t x = parent_burn(1000000);

		__asm__ volatile("" : : "r"(x));
		if (one_child(i % 8 == 7) < 0)
			return 1;
	}
}
