// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * elf_symbols.c - see elf_symbols.h. libelf takes the file apart, with read() and not mmap(): a
 * mapped file that is cut short kills its reader. What libelf returns is still untrusted: counts
 * and sizes are limited here, and the index holds no pointers into the file.
 */
#include "elf_symbols.h"

#include "elf_header.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOLS_MAX	  (2u << 20) /* librustc_driver has 1 M; 50 MB of a file, 32 of memory */
#define SEGMENTS_MAX	  64
#define SECTIONS_MAX	  65536
#define UNSIZED_REACH_MAX 256 /* bytes that a symbol without a size may cover */

struct segment {
	uint64_t offset, size, vaddr;
};

struct symbol {
	uint64_t vaddr;
	uint32_t size;
	uint32_t name; /* offset in the string table */
};

struct elf_symbols {
	int fd;
	struct segment segments[SEGMENTS_MAX];
	size_t n_segments;
	uint64_t strings_offset, strings_size; /* of the string table, in the file */
	struct symbol *symbols;		       /* by address, one for each */
	size_t n_symbols;
};

struct elf_symbols *elf_symbols_free(struct elf_symbols *symbols)
{
	if (symbols)
		free(symbols->symbols);
	free(symbols);
	return NULL;
}

size_t elf_symbols_bytes(const struct elf_symbols *symbols)
{
	return sizeof(*symbols) + symbols->n_symbols * sizeof(struct symbol);
}

static int read_segments(Elf *elf, struct elf_symbols *s)
{
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n && s->n_segments < SEGMENTS_MAX; i++) {
		GElf_Phdr program;

		if (!gelf_getphdr(elf, (int)i, &program))
			return -EBADMSG;
		if (program.p_type == PT_LOAD)
			s->segments[s->n_segments++] = (struct segment){
				program.p_offset, program.p_filesz, program.p_vaddr};
	}
	return s->n_segments ? 0 : -EBADMSG;
}

/* The section of that type with its header, or NULL. */
static Elf_Scn *find_section(Elf *elf, GElf_Word type, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;

	for (int i = 0; i < SECTIONS_MAX && (section = elf_nextscn(elf, section)); i++) {
		if (!gelf_getshdr(section, ret_header))
			return NULL;
		if (ret_header->sh_type == type)
			return section;
	}
	return NULL;
}

static bool is_function(const GElf_Sym *symbol)
{
	int type = GELF_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF &&
	       symbol->st_value && symbol->st_name;
}

/* By address; at one address the sized before the unsized, then the earlier in the table. */
static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	if (!x->size != !y->size)
		return x->size ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int copy_functions(struct elf_symbols *s, Elf_Data *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		if (!is_function(&symbol))
			continue;
		s->symbols[s->n_symbols++] = (struct symbol){
			.vaddr = symbol.st_value,
			.size = symbol.st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)symbol.st_size,
			.name = symbol.st_name};
	}
	return 0;
}

static void keep_one_an_address(struct elf_symbols *s)
{
	size_t kept = 0;

	qsort(s->symbols, s->n_symbols, sizeof(*s->symbols), compare_symbols);
	for (size_t i = 0; i < s->n_symbols; i++)
		if (!kept || s->symbols[kept - 1].vaddr != s->symbols[i].vaddr)
			s->symbols[kept++] = s->symbols[i];
	s->n_symbols = kept;
}

static int read_symbols(Elf *elf, struct elf_symbols *s, uint64_t file_size)
{
	GElf_Shdr table, strings;
	Elf_Scn *section = find_section(elf, SHT_SYMTAB, &table), *strings_section;
	struct symbol *smaller;
	Elf_Data *data;
	size_t n;

	if (!section)
		section = find_section(elf, SHT_DYNSYM, &table);
	if (!section)
		return 0; /* a file without symbols is not broken */
	strings_section = elf_getscn(elf, table.sh_link);
	if (!strings_section || !gelf_getshdr(strings_section, &strings) ||
	    strings.sh_type != SHT_STRTAB || strings.sh_offset > file_size ||
	    strings.sh_size > file_size - strings.sh_offset || table.sh_size > file_size ||
	    table.sh_entsize != gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT))
		return -EBADMSG;
	s->strings_offset = strings.sh_offset;
	s->strings_size = strings.sh_size;
	n = table.sh_size / table.sh_entsize;
	if (n > SYMBOLS_MAX)
		return -EFBIG;
	data = elf_getdata(section, NULL);
	if (!data || !n)
		return n ? -EBADMSG : 0;
	s->symbols = calloc(n, sizeof(*s->symbols));
	if (!s->symbols)
		return -ENOMEM;
	(void)copy_functions(s, data, n);
	keep_one_an_address(s);
	smaller = realloc(s->symbols, (s->n_symbols ? s->n_symbols : 1) * sizeof(*s->symbols));
	if (smaller)
		s->symbols = smaller;
	return 0;
}

int elf_symbols_new(int fd, struct elf_symbols **ret)
{
	struct elf_symbols *s;
	struct stat st;
	Elf *elf;
	int r;

	if (fstat(fd, &st) < 0)
		return -EIO;
	r = elf_header_check(fd);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = fd;
	(void)elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	r = elf && elf_kind(elf) == ELF_K_ELF ? read_segments(elf, s) : -EBADMSG;
	if (r == 0)
		r = read_symbols(elf, s, (uint64_t)st.st_size);
	elf_end(elf);
	if (r < 0) {
		elf_symbols_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int offset_to_vaddr(const struct elf_symbols *s, uint64_t offset, uint64_t *ret)
{
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct segment *g = &s->segments[i];

		if (offset >= g->offset && offset - g->offset < g->size) {
			*ret = g->vaddr + (offset - g->offset);
			return 0;
		}
	}
	return -ENOENT;
}

/* The symbol at the greatest address not above `vaddr`, or NULL. */
static const struct symbol *last_not_above(const struct elf_symbols *s, uint64_t vaddr)
{
	size_t low = 0, high = s->n_symbols;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->symbols[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &s->symbols[low - 1] : NULL;
}

static bool covers(const struct symbol *symbol, uint64_t vaddr)
{
	return vaddr - symbol->vaddr < (symbol->size ? symbol->size : UNSIZED_REACH_MAX);
}

int elf_symbols_find(const struct elf_symbols *s, uint64_t offset,
		     char name[static ELF_SYMBOL_NAME_MAX])
{
	const struct symbol *symbol;
	uint64_t vaddr, left;
	ssize_t n;
	int r = offset_to_vaddr(s, offset, &vaddr);

	if (r < 0)
		return r;
	symbol = last_not_above(s, vaddr);
	if (!symbol || !covers(symbol, vaddr))
		return -ENOENT;
	if (symbol->name >= s->strings_size)
		return -EBADMSG;
	left = s->strings_size - symbol->name;
	n = pread(s->fd, name, left < ELF_SYMBOL_NAME_MAX ? left : ELF_SYMBOL_NAME_MAX,
		  (off_t)(s->strings_offset + symbol->name));
	if (n <= 1 || !memchr(name, '\0', (size_t)n) || !name[0])
		return -EBADMSG;
	return 0;
}
