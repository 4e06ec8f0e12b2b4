// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process.c - the samples' half of the table; see process.h.
 */
#include "process/process.h"

#include "process/process_table.h"
#include "process/unwind_spaces.h"

#include <errno.h>

#define REREAD_FIRST_NS	  10000000ull
#define REREAD_CALLER_NS  1000000000ull
#define REREAD_MAX_NS	  60000000000ull
#define HEAL_AGAIN_NS	  2000000000ull
#define FILES_AT_ONCE_MAX 64
#define AHEAD_NS	  500000000ull /* longer than a record waits for its turn */
#define NUMBER_TRIES_MAX  64

void process_table_set_boot_offset(struct process_table *table, uint64_t offset_ns)
{
	table->boot_offset_ns = offset_ns;
}

void process_table_set_unwind(struct process_table *table, struct unwind_spaces *unwind)
{
	table->unwind = unwind;
}

const char *process_exe(const struct process *process)
{
	return process->space ? process->space->exe : "";
}

/* Whether both are the same program in the same process: an exec counts the one up and, at
 * slightly another time, moves the other. */
static bool is_same_image(const struct process_key *a, const struct process_key *b)
{
	return a->exec_id == b->exec_id ||
	       (a->start_code && a->start_code == b->start_code && a->end_code == b->end_code);
}

/* The file of a mapping. One of a process that is gone is not noted: the mapping may be shared with
 * a parent that lives, whose file it is not known to be. */
static uint32_t number_file(struct process_table *table, uint32_t pid, struct address_space *space,
			    struct mapping *mapping)
{
	uint32_t number = files_number(table->files, (pid_t)pid, mapping,
				       mappings_path(&space->mappings, mapping));

	if (number && !files_is_of_gone(table->files, number)) {
		mapping->file = number;
		space->changes++;
	}
	return number;
}

/* While the process lives, its files can be reached; a later sample may be read after its end. */
static void find_files(struct process_table *table, uint32_t pid, struct address_space *space)
{
	struct mappings *m = &space->mappings;
	uint32_t n_asked = 0;
	size_t i;

	for (i = 0; i < m->n && n_asked < FILES_AT_ONCE_MAX; i++) {
		if (m->entries[i].file || m->entries[i].kind == MAPPING_ANON)
			continue;
		(void)number_file(table, pid, space, &m->entries[i]);
		n_asked++;
	}
	/* The rest with its next sample; one that gets no number is not asked for ever. */
	space->n_numbered_tries++;
	space->numbered = i == m->n || space->n_numbered_tries > NUMBER_TRIES_MAX;
}

static int read_space(struct process_table *table, const struct process_key *key,
		      struct address_space **ret)
{
	int r;

	table->counters.n_read++;
	r = proc_pid_read(table->proc, key, ret);
	if (r < 0)
		return r;
	table->counters.n_mappings_dropped += (*ret)->mappings.n_dropped;
	return 0;
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
	process->tried_mono_ns = now_mono_ns;
}

static bool may_read_again(const struct process *process, bool is_leaf, uint64_t now_mono_ns)
{
	uint64_t wait_ns = process->reread_wait_ns;

	if (!is_leaf && wait_ns < REREAD_CALLER_NS)
		wait_ns = REREAD_CALLER_NS;
	return now_mono_ns - process->tried_mono_ns >= wait_ns;
}

/* Tells the walker what is mapped, when that has changed; without room for it, with the next
 * sample. */
static void publish(struct process_table *table, struct process *process,
		    const struct process_key *key, const struct address_space *space,
		    uint64_t now_mono_ns)
{
	table->now_mono_ns = now_mono_ns;
	if (!table->unwind || !space ||
	    (process->published == space && process->published_changes == space->changes &&
	     process->published_exec_id == key->exec_id &&
	     process->published_start_code == key->start_code))
		return;
	if (unwind_spaces_publish(table->unwind, key, &space->mappings, now_mono_ns) < 0)
		return;
	process->published = space;
	process->published_changes = space->changes;
	process->published_exec_id = key->exec_id;
	process->published_start_code = key->start_code;
}

/* ---- ahead of the sample's turn ---- */

static bool is_known(const struct process *process, const struct process_key *key)
{
	return process->key.start_boot_ns == key->start_boot_ns && !process->image_open &&
	       is_same_image(&process->key, key) && (process->space || process->gone);
}

/* In the middle of exec, which gives a program its id before its mappings and tells where its code
 * is at the end (fs/binfmt_elf.c, load_elf_binary()), it was tried too early. */
static bool was_tried(const struct process *process, const struct process_key *key)
{
	const struct process_key *tried = &process->ahead.key;

	return tried->pid && tried->start_boot_ns == key->start_boot_ns &&
	       is_same_image(tried, key) && (tried->start_code || !key->start_code);
}

/* Reads what is mapped by now, for the walker alone: the sample's turn comes with the records. JIT
 * code that lies nowhere is asked for over and over, hence the doubling wait. */
static void refresh(struct process_table *table, struct process *process,
		    const struct process_key *key, uint64_t now_mono_ns)
{
	struct process_ahead *ahead = &process->ahead;
	struct address_space *space;
	bool same;

	if (now_mono_ns - process->refresh_mono_ns < process->refresh_wait_ns)
		return;
	process->refresh_mono_ns = now_mono_ns;
	if (!process->refresh_wait_ns)
		process->refresh_wait_ns = REREAD_FIRST_NS;
	if (read_space(table, key, &space) < 0)
		return;
	same = address_space_carry_files(ahead->space ? ahead->space : process->space, space);
	process->refresh_wait_ns = same ? process->refresh_wait_ns * 2 : REREAD_FIRST_NS;
	if (process->refresh_wait_ns > REREAD_MAX_NS)
		process->refresh_wait_ns = REREAD_MAX_NS;
	find_files(table, key->pid, space);
	publish(table, process, key, space, now_mono_ns);
	process->ahead_until_ns = now_mono_ns + AHEAD_NS;
	process->published = NULL; /* what comes after it is another one */
	ahead->space = address_space_unref(ahead->space);
	*ahead = (struct process_ahead){.space = space, .key = *key, .read_mono_ns = now_mono_ns};
}

void process_table_look_ahead(struct process_table *table, const struct process_key *key,
			      bool unknown_code, uint64_t now_mono_ns)
{
	struct process *process = process_table_find(table, key->pid);
	struct address_space *space;
	int r;

	process_table_trim(table);
	if (process && is_known(process, key)) {
		if (process->space && !process->space->numbered) /* what it mapped since */
			find_files(table, key->pid, process->space);
		if (unknown_code && process->space && !process->ahead.space)
			refresh(table, process, key, now_mono_ns);
		if (now_mono_ns >= process->ahead_until_ns)
			publish(table, process, key, process->space, now_mono_ns);
		return;
	}
	if (process && was_tried(process, key)) {
		if (unknown_code && process->ahead.space) /* its libraries, as a rule */
			refresh(table, process, key, now_mono_ns);
		publish(table, process, key, process->ahead.space, now_mono_ns);
		return;
	}
	if (!process)
		process = process_table_add(table, key);
	if (!process)
		return;
	process->ahead.space = address_space_unref(process->ahead.space);
	process->ahead.key = *key;
	r = read_space(table, key, &space);
	process->ahead.gone = r == -ESRCH;
	if (r < 0)
		return;
	process->ahead.space = space;
	process->ahead.read_mono_ns = now_mono_ns;
	find_files(table, key->pid, space);
	publish(table, process, key, space, now_mono_ns);
}

/* ---- the sample's turn ---- */

/* Between exec's record and its last steps a program has no text yet. */
static bool is_in_exec(const struct process *process, const struct process_key *key)
{
	return process->image_open && !key->start_code;
}

static void learn_image(struct process *process, const struct process_key *key)
{
	process->key.exec_id = key->exec_id;
	process->key.start_code = key->start_code;
	process->key.end_code = key->end_code;
	process->image_open = is_in_exec(process, key) && process->space && !process->read_mono_ns;
}

static void take_space(struct process_table *table, struct process *process,
		       struct address_space *take, uint64_t read_mono_ns)
{
	process_forget_space(process);
	process->space = take;
	process->read_mono_ns = process->tried_mono_ns = read_mono_ns;
	process->n_gaps = table->n_gaps;
	process->gone = false;
}

/* What was read ahead, if it was of this image. */
static bool take_ahead(struct process_table *table, struct process *process,
		       const struct process_key *key)
{
	struct process_ahead *ahead = &process->ahead;

	if (!ahead->space || !was_tried(process, key))
		return false;
	take_space(table, process, take_ptr(ahead->space), ahead->read_mono_ns);
	return true;
}

/* A child that is gone and never executed a program has had what its parent still has, if that
 * still runs what it ran then: the child's text lies where the parent's does. */
static bool take_from_parent(struct process_table *table, struct process *process,
			     const struct process_key *key, uint64_t now_mono_ns)
{
	struct process *parent =
		process->parent_pid ? process_table_find(table, process->parent_pid) : NULL;
	struct address_space *space;

	if (parent && parent->space &&
	    (!parent->key.start_code || !key->start_code ||
	     (parent->key.start_code == key->start_code &&
	      parent->key.end_code == key->end_code))) {
		take_space(table, process, address_space_ref(parent->space), 0);
		return true;
	}
	if (!process->parent_pid)
		return false;
	table->counters.n_read++;
	if (proc_pid_read_parent(table->proc, process->parent_pid, key, &space) < 0)
		return false;
	find_files(table, process->parent_pid, space);
	take_space(table, process, space, now_mono_ns);
	return true;
}

/* Finds out what it runs; without memory for that it is tried again with the next sample. */
static void find_space(struct process_table *table, struct process *process,
		       const struct process_key *key, uint64_t now_mono_ns)
{
	struct address_space *space;
	int r;

	if (take_ahead(table, process, key))
		return;
	r = process->ahead.gone && was_tried(process, key) ? -ESRCH
							   : read_space(table, key, &space);
	if (r == 0) {
		take_space(table, process, space, now_mono_ns);
		find_files(table, key->pid, space);
		process->reread_wait_ns = REREAD_FIRST_NS;
	} else if (r == -ESRCH && !take_from_parent(table, process, key, now_mono_ns)) {
		process->gone = true;
		table->counters.n_gone++;
	} else if (r != -ESRCH) { /* not allowed to, say: not with every sample again */
		wait_longer(process, true, now_mono_ns);
	}
}

/* Records were lost since it was known: what /proc shows is right, if it is there. */
static void heal(struct process_table *table, struct process *process,
		 const struct process_key *key, uint64_t now_mono_ns)
{
	struct address_space *space;

	/* Reading costs time in which more is lost: losses must not feed themselves. */
	if (process->healed_mono_ns && now_mono_ns - process->healed_mono_ns < HEAL_AGAIN_NS)
		return;
	process->healed_mono_ns = now_mono_ns;
	process->n_gaps = table->n_gaps;
	table->counters.n_healed++;
	if (take_ahead(table, process, key)) /* it may be gone by now */
		return;
	if (read_space(table, key, &space) < 0)
		return;
	(void)address_space_carry_files(process->space, space);
	take_space(table, process, space, now_mono_ns);
	find_files(table, key->pid, space);
}

/* Numbers of files that were found ahead of the records, once those of the program are there. */
static void take_numbers(struct process *process, const struct process_key *key)
{
	struct process_ahead *ahead = &process->ahead;

	if (!ahead->space || !was_tried(process, key) || is_in_exec(process, key))
		return;
	(void)address_space_carry_files(ahead->space, process->space);
	process->space->changes++;
	if (!*process->space->exe)
		address_space_set_exe(process->space, ahead->space->exe);
	process->space->numbered = ahead->space->numbered;
	ahead->space = address_space_unref(ahead->space);
}

/* The entry of the sample's process, made when it is new; NULL when the table is full. */
static struct process *find_life(struct process_table *table, const struct process_key *key)
{
	struct process *process = process_table_find(table, key->pid);

	if (process && process->key.start_boot_ns > key->start_boot_ns) {
		table->nobody = (struct process){.key = *key, .gone = true};
		return &table->nobody;
	}
	if (process && process->key.start_boot_ns &&
	    process->key.start_boot_ns < key->start_boot_ns)
		process = process_table_renew(table, process, key);
	if (!process)
		process = process_table_add(table, key);
	if (process)
		process->key.start_boot_ns = key->start_boot_ns;
	return process;
}

struct process *process_table_get(struct process_table *table, const struct process_key *key,
				  uint64_t now_mono_ns)
{
	struct process *process;

	process_table_trim(table);
	process = find_life(table, key);
	if (!process || process == &table->nobody)
		return process;
	process->idle = 0;
	process->sampled = true;
	process->key.tid = key->tid;
	if (!process->image_open && !is_same_image(&process->key, key)) {
		/* Another program, of which no record came: nothing of the old one holds. */
		process_forget_space(process);
		process->gone = false;
		process->reread_wait_ns = 0;
	}
	if (!process->space && !process->gone && may_read_again(process, true, now_mono_ns))
		find_space(table, process, key, now_mono_ns);
	else if (process->space && process->n_gaps != table->n_gaps)
		heal(table, process, key, now_mono_ns);
	if (process->space)
		take_numbers(process, key);
	if (process->space || process->gone)
		learn_image(process, key);
	if (!process->image_open && now_mono_ns >= process->ahead_until_ns)
		publish(table, process, key, process->space, now_mono_ns);
	return process;
}

const char *process_table_exe(const struct process_table *table, uint32_t pid,
			      uint64_t start_boot_ns)
{
	const struct process *process = process_table_find(table, pid);

	/* One that was forked and not sampled has no start yet. */
	if (!process || (process->key.start_boot_ns && process->key.start_boot_ns != start_boot_ns))
		return "";
	return process_exe(process);
}

/* ---- where an address lies ---- */

/* What was known before stays valid when the process has ended meanwhile. */
static void read_again(struct process_table *table, struct process *process, uint64_t now_mono_ns)
{
	struct address_space *space;
	bool nothing_new = true;

	if (read_space(table, &process->key, &space) == 0) {
		nothing_new = process->space && address_space_carry_files(process->space, space);
		take_space(table, process, space, now_mono_ns);
		find_files(table, process->key.pid, space);
	}
	wait_longer(process, nothing_new, now_mono_ns);
}

int process_locate(struct process_table *table, struct process *process, uint64_t addr,
		   bool is_leaf, uint64_t now_mono_ns, struct process_place *ret)
{
	struct mapping *mapping =
		process->space ? mappings_find(&process->space->mappings, addr) : NULL;
	uint32_t number;

	if (!mapping && process->gone)
		return -ESRCH;
	/* In the middle of exec there is nothing yet, and /proc may show the program after the next
	 * one: it cannot be told which image it reads. */
	if (!mapping && !process->image_open && may_read_again(process, is_leaf, now_mono_ns)) {
		read_again(table, process, now_mono_ns);
		mapping = process->space ? mappings_find(&process->space->mappings, addr) : NULL;
	}
	if (!mapping)
		return -ENOENT;
	number = mapping->file;
	if (!number)
		number = number_file(table, process->key.pid, process->space, mapping);
	if (mapping->kind == MAPPING_ANON)
		*ret = (struct process_place){LOCATION_JIT, number, addr};
	else
		*ret = (struct process_place){LOCATION_FILE, number,
					      addr - mapping->start + mapping->file_offset};
	return 0;
}
