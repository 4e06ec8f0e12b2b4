// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * online_cpus.c - see online_cpus.h.
 */
#include "capture/online_cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define TEXT_MAX 4096 /* a page, which is what sysfs shows at most */

struct online_cpus {
	int fd;
	struct cpu_list list;
	char text[TEXT_MAX];
	size_t len;
};

static bool take_number(const char **next, const char *end, uint32_t *ret)
{
	const char *start = *next;
	uint32_t value = 0;

	for (; *next < end && **next >= '0' && **next <= '9'; (*next)++) {
		value = value * 10 + (uint32_t)(**next - '0');
		if (value >= CPU_LIST_MAX)
			return false;
	}
	*ret = value;
	return *next > start;
}

static void add_cpu(struct cpu_list *list, uint32_t cpu)
{
	if (cpu_list_has(list, cpu))
		return;
	list->bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
	list->n++;
}

int cpu_list_parse(const char *text, size_t len, struct cpu_list *ret)
{
	const char *next = text, *end = text + len;

	*ret = (struct cpu_list){};
	if (next < end && end[-1] == '\n')
		end--;
	while (next < end) {
		uint32_t first, last;

		if (!take_number(&next, end, &first))
			return -EINVAL;
		last = first;
		if (next < end && *next == '-') {
			next++;
			if (!take_number(&next, end, &last) || last < first)
				return -EINVAL;
		}
		for (uint32_t cpu = first; cpu <= last; cpu++)
			add_cpu(ret, cpu);
		if (next == end)
			return 0;
		if (*next++ != ',' || next == end)
			return -EINVAL;
	}
	return 0;
}

bool cpu_list_has(const struct cpu_list *list, uint32_t cpu)
{
	return cpu < CPU_LIST_MAX && (list->bits[cpu / 64] >> cpu % 64 & 1);
}

int online_cpus_new(const char *path, struct online_cpus **ret)
{
	_cleanup_(online_cpus_freep) struct online_cpus *online = calloc(1, sizeof(*online));
	int r;

	if (!online)
		return -ENOMEM;
	online->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (online->fd < 0)
		return -errno;
	r = online_cpus_read(online);
	if (r < 0)
		return r;
	*ret = take_ptr(online);
	return 0;
}

struct online_cpus *online_cpus_free(struct online_cpus *online)
{
	if (!online)
		return NULL;
	close_p(&online->fd);
	free(online);
	return NULL;
}

int online_cpus_read(struct online_cpus *online)
{
	struct cpu_list list;
	char text[TEXT_MAX];
	ssize_t len = pread(online->fd, text, sizeof(text), 0);
	int r;

	if (len < 0)
		return -errno;
	if ((size_t)len == online->len && memcmp(text, online->text, online->len) == 0 && len > 0)
		return 0;
	r = cpu_list_parse(text, (size_t)len, &list);
	if (r < 0)
		return r;
	if (!list.n)
		return -EINVAL;
	memcpy(online->text, text, (size_t)len);
	online->len = (size_t)len;
	online->list = list;
	return 1;
}

const struct cpu_list *online_cpus_list(const struct online_cpus *online)
{
	return &online->list;
}
