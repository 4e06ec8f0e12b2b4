// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel_symbols.c - see kernel_symbols.h. 120,000 lines of text become 12 bytes a function and a
 * block of names, because the snapshot stays in memory for as long as profd runs.
 */
#include "symbols/kernel_symbols.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_MAX	4096
#define SYMBOLS_MAX	(4u << 20)
#define NAME_LEN_MAX	511 /* KSYM_NAME_LEN less the NUL */
#define BPF_IMAGE_BYTES 4096
#define MODULE_KERNEL	0
#define MODULE_BPF	1
#define TEXT_LEN_MAX	(256u << 20)

struct module {
	char *name; /* with brackets */
	uint64_t start, end;
};

struct symbol {
	uint64_t addr;
	uint32_t name; /* offset in names */
	uint16_t module;
	uint16_t rank; /* of equal addresses the lowest is kept */
};

struct kernel_symbols {
	struct module *modules; /* [0] the kernel, [1] BPF programs */
	size_t n_modules;
	struct symbol *symbols; /* by address, one per address */
	size_t n_symbols, capacity;
	char *names;
	size_t names_len, names_capacity;
	struct bpf_program_range *programs; /* by address */
	size_t n_programs;
};

struct kernel_symbols *kernel_symbols_free(struct kernel_symbols *ks)
{
	if (!ks)
		return NULL;
	for (size_t i = 0; i < ks->n_modules; i++)
		free(ks->modules[i].name);
	free(ks->modules);
	free(ks->symbols);
	free(ks->names);
	free(ks->programs);
	free(ks);
	return NULL;
}

static int add_module(struct kernel_symbols *ks, const char *name, size_t len, uint64_t start,
		      uint64_t end)
{
	struct module *larger;
	char *copy;

	if (ks->n_modules >= MODULES_MAX)
		return 0; /* its functions stay unnamed */
	larger = reallocarray(ks->modules, ks->n_modules + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	ks->modules = larger;
	if (asprintf(&copy, "[%.*s]", (int)len, name) < 0)
		return -ENOMEM;
	ks->modules[ks->n_modules++] = (struct module){copy, start, end};
	return 0;
}

/* Lines "xfs 1781760 1 - Live 0xffffffffc0a00000". */
static int parse_modules(struct kernel_symbols *ks, const char *text)
{
	for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
		char name[65];
		unsigned long long size, start;

		if (sscanf(line, "%64s %llu %*s %*s %*s %llx", name, &size, &start) == 3 && start) {
			int r = add_module(ks, name, strlen(name), start, start + size);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int find_module(const struct kernel_symbols *ks, const char *name, size_t len)
{
	if (len >= 3 && strncmp(name, "bpf", 3) == 0)
		return MODULE_BPF; /* [bpf]; since 5.9 also what trampolines are listed under */
	for (size_t i = MODULE_BPF + 1; i < ks->n_modules; i++)
		if (strlen(ks->modules[i].name) == len + 2 &&
		    strncmp(ks->modules[i].name + 1, name, len) == 0)
			return (int)i;
	return -ENOENT;
}

static int add_symbol(struct kernel_symbols *ks, uint64_t addr, int module, uint16_t rank,
		      const char *name, size_t len)
{
	if (ks->n_symbols == ks->capacity) {
		size_t capacity = ks->capacity ? ks->capacity * 2 : 16384;
		struct symbol *larger = reallocarray(ks->symbols, capacity, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		ks->symbols = larger;
		ks->capacity = capacity;
	}
	if (ks->names_len + len + 1 > ks->names_capacity) {
		size_t capacity = ks->names_capacity ? ks->names_capacity * 2 : 512 * 1024;
		char *larger = realloc(ks->names, capacity);

		if (!larger)
			return -ENOMEM;
		ks->names = larger;
		ks->names_capacity = capacity;
	}
	ks->symbols[ks->n_symbols++] = (struct symbol){.addr = addr,
						       .name = (uint32_t)ks->names_len,
						       .module = (uint16_t)module,
						       .rank = rank};
	memcpy(ks->names + ks->names_len, name, len);
	ks->names_len += len;
	ks->names[ks->names_len++] = '\0';
	return 0;
}

/* What a line of kallsyms says: "ffffffff81000000 T _stext", "... t xfs_foo\t[xfs]". */
struct kallsyms_line {
	uint64_t addr;
	char type;
	const char *name, *module;
	size_t name_len, module_len;
};

static bool parse_hex(const char **p, const char *end, uint64_t *ret)
{
	const char *start = *p;
	uint64_t value = 0;

	for (; *p < end && *p - start <= 16; (*p)++) {
		char c = **p;
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;

		if (digit == 16)
			break;
		value = value << 4 | digit;
	}
	*ret = value;
	return *p > start && *p - start <= 16;
}

static bool parse_line(const char *line, const char *end, struct kallsyms_line *ret)
{
	const char *p = line, *tab;

	if (!parse_hex(&p, end, &ret->addr) || end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return false;
	ret->type = p[1];
	ret->name = p + 3;
	tab = memchr(ret->name, '\t', (size_t)(end - ret->name));
	ret->name_len = (size_t)((tab ? tab : end) - ret->name);
	ret->module = NULL;
	ret->module_len = 0;
	if (tab && end - tab > 3 && tab[1] == '[' && end[-1] == ']') {
		ret->module = tab + 2;
		ret->module_len = (size_t)(end - 1 - ret->module);
	}
	return ret->name_len > 0 && ret->name_len <= NAME_LEN_MAX;
}

/* A global name before a local, a plain one before those with underscores or weak ones. */
static uint16_t rank_of(const struct kallsyms_line *line)
{
	uint16_t rank = 0;

	rank += line->type == 'w' || line->type == 'W' ? 4 : 0;
	rank += line->type == 't' ? 2 : 0;
	rank += line->name[0] == '_' ? 1 : 0;
	return rank;
}

static void note_kernel_bounds(struct kernel_symbols *ks, const struct kallsyms_line *line)
{
	struct module *kernel = &ks->modules[MODULE_KERNEL];

	if (line->module)
		return;
	if (line->name_len == 6 && memcmp(line->name, "_stext", 6) == 0)
		kernel->start = line->addr;
	if (line->name_len == 6 && memcmp(line->name, "_etext", 6) == 0)
		kernel->end = line->addr;
}

static int take_line(struct kernel_symbols *ks, const struct kallsyms_line *line)
{
	int module = MODULE_KERNEL;

	note_kernel_bounds(ks, line);
	if (!strchr("tTwW", line->type))
		return 0;
	if (line->module) {
		module = find_module(ks, line->module, line->module_len);
		if (module < 0)
			return 0; /* loaded after /proc/modules was read */
	}
	return add_symbol(ks, line->addr, module, rank_of(line), line->name, line->name_len);
}

static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (int)x->rank - (int)y->rank;
}

/* The text is in order of addresses but for modules; sorting takes longer than to look. */
static bool is_sorted(const struct kernel_symbols *ks)
{
	for (size_t i = 1; i < ks->n_symbols; i++)
		if (ks->symbols[i - 1].addr > ks->symbols[i].addr)
			return false;
	return true;
}

static void keep_one_an_address(struct kernel_symbols *ks)
{
	size_t kept = 0;

	if (!is_sorted(ks))
		qsort(ks->symbols, ks->n_symbols, sizeof(*ks->symbols), compare_symbols);
	for (size_t i = 0; i < ks->n_symbols; i++) {
		struct symbol *last = kept ? &ks->symbols[kept - 1] : NULL;

		if (!last || last->addr != ks->symbols[i].addr)
			ks->symbols[kept++] = ks->symbols[i];
		else if (ks->symbols[i].rank < last->rank)
			*last = ks->symbols[i];
	}
	ks->n_symbols = kept;
}

static void give_back_memory(struct kernel_symbols *ks)
{
	struct symbol *symbols =
		reallocarray(ks->symbols, ks->n_symbols ? ks->n_symbols : 1, sizeof(*symbols));
	char *names = realloc(ks->names, ks->names_len ? ks->names_len : 1);

	if (symbols)
		ks->symbols = symbols;
	if (names)
		ks->names = names;
}

static int copy_programs(struct kernel_symbols *ks, const struct bpf_program_range *programs,
			 size_t n)
{
	if (!n)
		return 0;
	ks->programs = reallocarray(NULL, n, sizeof(*programs));
	if (!ks->programs)
		return -ENOMEM;
	memcpy(ks->programs, programs, n * sizeof(*programs));
	ks->n_programs = n;
	return 0;
}

int kernel_symbols_parse(const char *kallsyms, size_t len, const char *modules,
			 const struct bpf_program_range *programs, size_t n_programs,
			 struct kernel_symbols **ret)
{
	_cleanup_(kernel_symbols_freep) struct kernel_symbols *ks = calloc(1, sizeof(*ks));
	const char *end = kallsyms + len, *next;
	bool any_address = false;
	int r;

	if (!ks)
		return -ENOMEM;
	r = add_module(ks, "kernel", 6, 0, 0);
	if (r == 0)
		r = add_module(ks, "bpf", 3, 0, 0);
	if (r == 0)
		r = parse_modules(ks, modules);
	if (r == 0)
		r = copy_programs(ks, programs, n_programs);
	for (const char *line = kallsyms; r == 0 && line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		struct kallsyms_line parsed;

		next = newline ? newline + 1 : end;
		if (!parse_line(line, newline ? newline : end, &parsed))
			continue;
		any_address |= parsed.addr != 0;
		if (ks->n_symbols < SYMBOLS_MAX && parsed.addr)
			r = take_line(ks, &parsed);
	}
	if (r < 0)
		return r;
	if (!ks->n_symbols)
		return len && !any_address ? -EPERM : -ENOENT;
	keep_one_an_address(ks);
	if (!ks->modules[MODULE_KERNEL].start)
		ks->modules[MODULE_KERNEL].start = ks->symbols[0].addr;
	if (!ks->modules[MODULE_KERNEL].end)
		ks->modules[MODULE_KERNEL].end = ks->symbols[ks->n_symbols - 1].addr;
	give_back_memory(ks);
	*ret = take_ptr(ks);
	return 0;
}

/* A whole file of /proc, with a NUL behind it; sizes are not known before. */
static int read_proc_file(const char *path, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0, capacity = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		if (capacity - len < 64 * 1024) {
			char *larger;

			capacity = capacity ? capacity * 2 : 256 * 1024;
			if (capacity > TEXT_LEN_MAX)
				return -EFBIG;
			larger = realloc(text, capacity);
			if (!larger)
				return -ENOMEM;
			text = larger;
		}
		n = read(fd, text + len, capacity - len - 1);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n > 0);
	text[len] = '\0';
	*ret = take_ptr(text);
	*ret_len = len;
	return 0;
}

int kernel_symbols_load(struct kernel_symbols **ret)
{
	_cleanup_free_ char *kallsyms = NULL, *modules = NULL;
	_cleanup_free_ struct bpf_program_range *programs = NULL;
	size_t len, modules_len, n_programs;
	int r;

	/* Modules first: one that is loaded in between is left out, not taken for another. */
	if (read_proc_file("/proc/modules", &modules, &modules_len) < 0)
		modules_len = 0; /* a kernel without modules */
	r = read_proc_file("/proc/kallsyms", &kallsyms, &len);
	if (r < 0)
		return r;
	/* After the text: a program loaded in between has a range and no name. */
	if (bpf_program_ranges(&programs, &n_programs) < 0)
		n_programs = 0;
	return kernel_symbols_parse(kallsyms, len, modules_len ? modules : "", programs, n_programs,
				    ret);
}

static const struct symbol *last_not_above(const struct kernel_symbols *ks, uint64_t addr)
{
	size_t low = 0, high = ks->n_symbols;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ks->symbols[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &ks->symbols[low - 1] : NULL;
}

/* Whether `addr` is in the program that the last symbol before it names. What else is listed as
 * BPF, trampolines and dispatchers, has a page of its own (kernel/bpf/trampoline.c). Where programs
 * end is told with CAP_SYS_ADMIN only; without, a page is what nearly all of them fit into. */
static bool in_bpf(const struct kernel_symbols *ks, const struct symbol *symbol, uint64_t addr)
{
	size_t low = 0, high = ks->n_programs;

	if (!ks->n_programs ||
	    strncmp(ks->names + symbol->name, "bpf_prog_", strlen("bpf_prog_")) != 0)
		return addr - symbol->addr < BPF_IMAGE_BYTES;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ks->programs[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ks->n_programs && ks->programs[low].start <= addr &&
	       symbol->addr >= ks->programs[low].start;
}

int kernel_symbols_find(const struct kernel_symbols *ks, uint64_t addr, struct kernel_place *ret)
{
	const struct symbol *symbol = last_not_above(ks, addr);
	const struct module *kernel = &ks->modules[MODULE_KERNEL], *module = NULL;
	size_t i;

	if (addr >= kernel->start && addr < kernel->end) {
		module = kernel;
		i = MODULE_KERNEL;
	} else {
		for (i = MODULE_BPF + 1; i < ks->n_modules; i++)
			if (addr >= ks->modules[i].start && addr < ks->modules[i].end) {
				module = &ks->modules[i];
				break;
			}
	}
	if (!module && symbol && symbol->module == MODULE_BPF && in_bpf(ks, symbol, addr)) {
		module = &ks->modules[MODULE_BPF];
		i = MODULE_BPF;
	}
	if (!module)
		return -ENOENT;
	*ret = (struct kernel_place){
		.kind = i == MODULE_KERNEL ? FILE_KERNEL
			: i == MODULE_BPF  ? FILE_BPF
					   : FILE_MODULE,
		.module = module->name,
		/* BPF programs have no start in common; the kernel's makes theirs relative. */
		.offset = addr - (i == MODULE_BPF ? kernel->start : module->start),
		.function = symbol && symbol->module == i ? ks->names + symbol->name : NULL,
	};
	return 0;
}
