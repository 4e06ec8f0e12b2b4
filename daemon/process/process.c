// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process.c - see process.h.
 */
#include "process/process.h"

#include "hash_index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SWEEPS_KEPT	  6
#define MAPS_BYTES_MAX	  (16u << 20)
#define STAT_BYTES_MAX	  16384
#define REREAD_FIRST_NS	  10000000ull
#define REREAD_CALLER_NS  1000000000ull
#define REREAD_MAX_NS	  60000000000ull
#define FILES_AT_ONCE_MAX 64
#define STAT_NAME	  2 /* fields of /proc/PID/stat, proc(5) */
#define STAT_STARTTIME	  22

struct process_table {
	char *proc;
	struct files *files;
	struct process *processes; /* [0] is unused; a free slot has pid 0 */
	uint32_t n, n_slots, capacity;
	struct hash_index by_key;
	char *text; /* what a file of /proc is read into */
	size_t text_capacity;
	uint64_t ns_per_tick;
	struct process_counters counters;
};

int process_table_new(const char *proc, struct files *files, struct process_table **ret)
{
	struct process_table *table = calloc(1, sizeof(*table));
	long ticks = sysconf(_SC_CLK_TCK);

	if (!table)
		return -ENOMEM;
	table->proc = strdup(proc);
	if (!table->proc) {
		free(table);
		return -ENOMEM;
	}
	table->files = files;
	table->ns_per_tick = 1000000000ull / (uint64_t)(ticks > 0 ? ticks : 100);
	*ret = table;
	return 0;
}

static void process_done(struct process *process)
{
	mappings_done(&process->mappings);
	if (process->exe && *process->exe)
		free((char *)(uintptr_t)process->exe);
	*process = (struct process){};
}

struct process_table *process_table_free(struct process_table *table)
{
	if (!table)
		return NULL;
	for (uint32_t i = 1; i <= table->n_slots; i++)
		process_done(&table->processes[i]);
	hash_index_done(&table->by_key);
	free(table->processes);
	free(table->text);
	free(table->proc);
	free(table);
	return NULL;
}

/* Reads all of `fd` into table->text, with a NUL. Returns its length. */
static ssize_t read_text(struct process_table *table, int fd, size_t max)
{
	size_t len = 0;
	ssize_t n;

	do {
		if (table->text_capacity - len < 4096) {
			size_t capacity = table->text_capacity ? table->text_capacity * 2 : 16384;
			char *larger = capacity > max * 2 ? NULL : realloc(table->text, capacity);

			if (!larger)
				return -ENOMEM;
			table->text = larger;
			table->text_capacity = capacity;
		}
		n = read(fd, table->text + len, table->text_capacity - len - 1);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n > 0);
	table->text[len] = '\0';
	return (ssize_t)len;
}

/* The fields of /proc/PID/stat from the one behind the name on; the name may hold anything. */
static int parse_stat(const char *text, uint64_t *ret_ticks, uint64_t *ret_start_code,
		      uint64_t *ret_end_code)
{
	const char *field = strrchr(text, ')');

	for (int i = STAT_NAME; field && i < STAT_STARTTIME; i++) {
		field = strchr(field, ' ');
		field = field ? field + 1 : NULL;
	}
	if (!field || sscanf(field, "%" SCNu64 " %*u %*d %*u %" SCNu64 " %" SCNu64, ret_ticks,
			     ret_start_code, ret_end_code) != 3)
		return -ESRCH;
	return 0;
}

/*
 * Whether /proc/PID, opened as `dir_fd`, is the process that was sampled and not a later one, with
 * the image that was sampled and not the next: between a sample and its reading lie milliseconds,
 * and that is when a shell's child becomes its program.
 */
static int check_identity(struct process_table *table, int dir_fd, const struct process_key *key)
{
	_cleanup_close_ int fd = openat(dir_fd, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -ESRCH : read_text(table, fd, STAT_BYTES_MAX);
	uint64_t ticks, start_code, end_code;
	int r;

	if (n < 0)
		return (int)n;
	r = parse_stat(table->text, &ticks, &start_code, &end_code);
	if (r < 0 || ticks != key->start_boot_ns / table->ns_per_tick)
		return -ESRCH;
	/* Without permission the kernel shows 1 and 1 (fs/proc/array.c, do_task_stat()). */
	if (start_code > 1 && key->start_code &&
	    (start_code != key->start_code || end_code != key->end_code))
		return -ESRCH;
	return 0;
}

static void take_exe(struct process *process, int dir_fd)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, "exe", path, sizeof(path) - 1);
	char *copy;

	if (n <= 0)
		return;
	path[n] = '\0';
	if ((size_t)n > strlen(deleted) && strcmp(path + n - strlen(deleted), deleted) == 0)
		path[(size_t)n - strlen(deleted)] = '\0';
	copy = strdup(path);
	if (!copy)
		return;
	if (process->exe && *process->exe)
		free((char *)(uintptr_t)process->exe);
	process->exe = copy;
}

/* Keeps the file numbers of mappings that are still the same. */
static bool carry_files_over(const struct mappings *from, struct mappings *to)
{
	bool same = from->n == to->n;

	for (size_t i = 0; i < to->n; i++) {
		struct mapping *mapping = &to->entries[i];
		const struct mapping *before = mappings_find(from, mapping->start);

		if (before && before->start == mapping->start && before->end == mapping->end &&
		    before->inode == mapping->inode && before->kind == mapping->kind &&
		    before->file_offset == mapping->file_offset)
			mapping->file = before->file;
		else
			same = false;
	}
	return same;
}

/* While the process lives, its files can be reached; a later sample may be read after its end. */
static void find_files(struct process_table *table, struct process *process)
{
	struct mappings *m = &process->mappings;

	for (size_t i = 0; i < m->n && i < FILES_AT_ONCE_MAX; i++)
		if (!m->entries[i].file && m->entries[i].kind == MAPPING_FILE)
			m->entries[i].file =
				files_number(table->files, (pid_t)process->key.pid, &m->entries[i],
					     mappings_path(m, &m->entries[i]));
}

static int read_mappings(struct process_table *table, int dir_fd, struct mappings *ret)
{
	_cleanup_close_ int fd = openat(dir_fd, "maps", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	r = mappings_query(fd, ret);
	if (r != -ENOTTY && r != -EINVAL)
		return r;
	n = read_text(table, fd, MAPS_BYTES_MAX);
	if (n <= 0) /* a zombie has no memory left; neither has a kernel thread, which needs none */
		return n < 0 ? (int)n : -ESRCH;
	return mappings_parse(table->text, (size_t)n, ret);
}

/* A process whose loader runs maps something every millisecond, one that is up hardly ever, and a
 * walk without frame pointers asks for addresses that never were in a mapping. */
static void wait_longer(struct process *process, bool nothing_new, uint64_t now_mono_ns)
{
	if (!process->reread_wait_ns)
		process->reread_wait_ns = REREAD_FIRST_NS;
	else if (nothing_new)
		process->reread_wait_ns *= 2;
	if (process->reread_wait_ns > REREAD_MAX_NS)
		process->reread_wait_ns = REREAD_MAX_NS;
	process->read_mono_ns = now_mono_ns;
}

/* Reads /proc/PID. The directory's descriptor stays with the process whatever the pid becomes. */
static int read_process(struct process_table *table, struct process *process, uint64_t now_mono_ns)
{
	_cleanup_close_ int dir_fd = -1;
	struct mappings mappings;
	char path[64];
	int r;

	table->counters.n_read++;
	(void)snprintf(path, sizeof(path), "%s/%u", table->proc, process->key.pid);
	dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = check_identity(table, dir_fd, &process->key);
	if (r < 0)
		return r;
	r = read_mappings(table, dir_fd, &mappings);
	if (r < 0)
		return r;
	wait_longer(process, carry_files_over(&process->mappings, &mappings), now_mono_ns);
	mappings_done(&process->mappings);
	process->mappings = mappings;
	table->counters.n_mappings_dropped += mappings.n_dropped;
	find_files(table, process);
	take_exe(process, dir_fd);
	return 0;
}

static bool is_process(const void *ctx, uint32_t id, const void *key)
{
	const struct process_table *table = ctx;
	const struct process_key *wanted = key;
	const struct process_key *have = &table->processes[id].key;

	return have->pid == wanted->pid && have->start_boot_ns == wanted->start_boot_ns;
}

static uint64_t hash_key(const struct process_key *key)
{
	return hash_u64(key->pid, key->start_boot_ns);
}

static uint32_t free_slot(struct process_table *table)
{
	struct process *larger;
	uint32_t capacity;

	if (table->n < table->n_slots)
		for (uint32_t i = 1; i <= table->n_slots; i++)
			if (!table->processes[i].key.pid)
				return i;
	if (table->n_slots + 2 > table->capacity) {
		capacity = table->capacity ? table->capacity * 2 : 64;
		if (capacity > PROCESSES_MAX * 2)
			return 0;
		larger = reallocarray(table->processes, capacity, sizeof(*larger));
		if (!larger)
			return 0;
		table->processes = larger;
		table->capacity = capacity;
	}
	return table->n_slots < PROCESSES_MAX ? table->n_slots + 1 : 0;
}

static struct process *add_process(struct process_table *table, const struct process_key *key)
{
	uint32_t slot = free_slot(table);

	if (!slot || hash_index_insert(&table->by_key, hash_key(key), slot) < 0) {
		table->counters.n_refused++;
		return NULL;
	}
	if (slot > table->n_slots)
		table->n_slots = slot;
	table->n++;
	table->processes[slot] = (struct process){.key = *key, .exe = ""};
	return &table->processes[slot];
}

struct process *process_table_get(struct process_table *table, const struct process_key *key,
				  uint64_t now_mono_ns)
{
	uint32_t slot = hash_index_find(&table->by_key, hash_key(key), is_process, table, key);
	struct process *process;
	int r;

	if (slot && table->processes[slot].key.exec_id == key->exec_id) {
		table->processes[slot].idle = 0;
		return &table->processes[slot];
	}
	process = slot ? &table->processes[slot] : add_process(table, key);
	if (!process)
		return NULL;
	if (slot) { /* another program in the same process: nothing of the old one holds */
		process_done(process);
		*process = (struct process){.key = *key, .exe = ""};
	}
	r = read_process(table, process, now_mono_ns);
	if (r == -ESRCH || r == -ENOENT) {
		process->gone = true;
		table->counters.n_gone++;
	} else if (r < 0) { /* no memory or descriptor: tried again when an address is asked for */
		wait_longer(process, true, now_mono_ns);
	}
	return process;
}

static bool may_read_again(const struct process *process, bool is_leaf, uint64_t now_mono_ns)
{
	uint64_t wait_ns = process->reread_wait_ns;

	if (!is_leaf && wait_ns < REREAD_CALLER_NS)
		wait_ns = REREAD_CALLER_NS;
	return now_mono_ns - process->read_mono_ns >= wait_ns;
}

int process_locate(struct process_table *table, struct process *process, uint64_t addr,
		   bool is_leaf, uint64_t now_mono_ns, struct process_place *ret)
{
	struct mapping *mapping = mappings_find(&process->mappings, addr);

	if (!mapping && process->gone)
		return -ESRCH;
	if (!mapping && may_read_again(process, is_leaf, now_mono_ns)) {
		/* What was read before stays valid when the process has ended meanwhile. */
		if (read_process(table, process, now_mono_ns) < 0)
			wait_longer(process, true, now_mono_ns);
		mapping = mappings_find(&process->mappings, addr);
	}
	if (!mapping)
		return -ENOENT;
	if (!mapping->file)
		mapping->file = files_number(table->files, (pid_t)process->key.pid, mapping,
					     mappings_path(&process->mappings, mapping));
	if (mapping->kind == MAPPING_ANON)
		*ret = (struct process_place){LOCATION_JIT, mapping->file, addr};
	else
		*ret = (struct process_place){LOCATION_FILE, mapping->file,
					      addr - mapping->start + mapping->file_offset};
	return 0;
}

void process_table_sweep(struct process_table *table)
{
	for (uint32_t i = 1; i <= table->n_slots; i++) {
		struct process *process = &table->processes[i];

		if (!process->key.pid || ++process->idle <= SWEEPS_KEPT)
			continue;
		(void)hash_index_remove(&table->by_key, hash_key(&process->key), i);
		process_done(process);
		table->n--;
	}
}

void process_table_sweep_files(struct process_table *table)
{
	for (uint32_t i = 1; i <= table->n_slots; i++) {
		const struct mappings *m = &table->processes[i].mappings;

		for (size_t k = 0; k < m->n; k++)
			if (m->entries[k].file)
				files_keep(table->files, m->entries[k].file);
	}
	files_sweep(table->files);
}

const struct process_counters *process_table_counters(const struct process_table *table)
{
	return &table->counters;
}
