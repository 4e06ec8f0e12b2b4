/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc_status.c - reading /proc; see proc_status.h.
 */
#include "proc_status.h"

#include "cleanup.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define THREADS_MAX 64

static uint64_t status_value(pid_t pid, pid_t tid, const char *key, int base)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];
	size_t len = strlen(key);

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, base);
	fail_msg("%s has no %s", path, key);
	return 0;
}

uint64_t proc_status_set(pid_t pid, pid_t tid, const char *key)
{
	return status_value(pid, tid, key, 16);
}

uint64_t proc_status_number(pid_t pid, pid_t tid, const char *key)
{
	return status_value(pid, tid, key, 10);
}

unsigned int proc_threads(pid_t pid, pid_t *ret, unsigned int max)
{
	char path[64];
	struct dirent *entry;
	unsigned int n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) && n < max)
		if (entry->d_name[0] != '.')
			ret[n++] = atoi(entry->d_name);
	(void)closedir(dir);
	return n;
}

pid_t proc_only_child(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	int child = 0, other = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	assert_non_null(f);
	if (fscanf(f, "%d %d", &child, &other) == 2)
		fail_msg("%d has more than one child", pid);
	return child;
}

static bool is_named(pid_t pid, const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], text[64] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, name) == 0 && proc_lives(pid);
}

pid_t proc_child_named(pid_t pid, const char *name)
{
	pid_t threads[THREADS_MAX];
	unsigned int n = proc_threads(pid, threads, THREADS_MAX);

	for (unsigned int i = 0; i < n; i++) {
		_cleanup_fclose_ FILE *f = NULL;
		char path[64];
		int child;

		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, threads[i]);
		f = fopen(path, "re");
		while (f && fscanf(f, "%d", &child) == 1)
			if (is_named(child, name))
				return child;
	}
	return 0;
}

bool proc_lives(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], text[512] = "", *state;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return false;
	state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

char *proc_descriptors(pid_t pid)
{
	char path[64], target[PATH_MAX], *text = NULL;
	struct dirent *entry;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	assert_true(out && dir);
	while ((entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n > 0)
			fprintf(out, "%.*s\n", (int)n, target);
	}
	(void)closedir(dir);
	(void)fclose(out);
	return text;
}

int sysctl_read(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	int value = 0;

	if (!f || fscanf(f, "%d", &value) != 1)
		fail_msg("%s cannot be read", path);
	return value;
}

void sysctl_write(const char *path, int value)
{
	FILE *f = fopen(path, "we");
	bool written = f && fprintf(f, "%d\n", value) > 0;

	if (!f || fclose(f) != 0 || !written)
		fail_msg("%s cannot be set to %d", path, value);
}
