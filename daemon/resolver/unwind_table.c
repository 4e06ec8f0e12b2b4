// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_table.c - see unwind_row.h: the table of a file, from its entries in order.
 *
 * Where entries overlap, one holds up to the start of the next; of several with the same start the
 * first in the section counts. So does the search that libgcc does in .eh_frame_hdr: the entry with
 * the last start not above the address is the only one that is asked.
 */
#include "unwind_row.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cfi_program.h"
#include "cfi_section.h"
#include "elf_frames.h"
#include "elf_header.h"
#include "signal_return.h"
#include "unwind_rows.h"
#include "unwind_segments.h"

#define PADDING_MAX    15 /* bytes between functions that are taken for alignment */
#define ENTRY_STUB_MAX 64 /* bytes; musl's _start has 22 */

/* An entry that is of use: addresses are less the table's base. */
struct range {
	uint32_t start, end;
	uint32_t program_offset, program_size;
	uint32_t cie;
};

struct builder {
	struct unwind_table *table;
	struct elf_frames frames;
	struct cfi_cies cies;
	struct range *ranges;
	uint32_t n_ranges, ranges_capacity;
	const struct unwind_segment *segment; /* that the last entry was in */
	bool is_in_order;
	struct unwind_rows rows;
	uint64_t entry; /* the file's entry point */
};

static bool is_in(const struct unwind_segment *segment, uint64_t vaddr)
{
	return vaddr - segment->vaddr < segment->size;
}

static const struct unwind_segment *find_segment(const struct unwind_table *table, uint64_t vaddr)
{
	for (uint32_t i = 0; i < table->n_segments; i++)
		if (is_in(&table->segments[i], vaddr))
			return &table->segments[i];
	return NULL;
}

static int add_segment(struct unwind_table *table, const GElf_Phdr *program)
{
	uint64_t end;

	if (program->p_type != PT_LOAD || !(program->p_flags & PF_X) || !program->p_filesz)
		return 0;
	if (__builtin_add_overflow(program->p_vaddr, program->p_filesz, &end) ||
	    end > UNWIND_VADDR_END ||
	    __builtin_add_overflow(program->p_offset, program->p_filesz, &end))
		return -EBADMSG;
	if (table->n_segments == UNWIND_SEGMENTS_MAX)
		return -EFBIG;
	table->segments[table->n_segments++] =
		(struct unwind_segment){program->p_offset, program->p_vaddr, program->p_filesz};
	return 0;
}

static int read_segments(Elf *elf, struct unwind_table *table)
{
	const struct unwind_segment *last;
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr program;
		int r;

		if (!gelf_getphdr(elf, (int)i, &program))
			return -EBADMSG;
		r = add_segment(table, &program);
		if (r < 0)
			return r;
	}
	if (!table->n_segments)
		return 0;
	unwind_segments_sort(table->segments, table->n_segments);
	table->base = table->segments[0].vaddr / UNWIND_BASE_ALIGN * UNWIND_BASE_ALIGN;
	last = &table->segments[table->n_segments - 1];
	if (last->vaddr + last->size - table->base > UINT32_MAX)
		return -EFBIG;
	return unwind_segments_are_right(table->segments, table->n_segments, table->base)
		       ? 0
		       : -EBADMSG;
}

/* Keeps an entry for code of this file: linkers leave those of dropped functions in .debug_frame.
 */
static int keep_range(void *ctx, const struct cfi_fde *fde)
{
	struct builder *b = ctx;
	struct range range;
	uint64_t end;

	if (!b->segment || !is_in(b->segment, fde->start))
		b->segment = find_segment(b->table, fde->start);
	if (!b->segment || !fde->size)
		return 0;
	if (b->n_ranges == b->ranges_capacity) {
		uint32_t capacity = b->ranges_capacity ? b->ranges_capacity * 2 : 256;
		struct range *larger = reallocarray(b->ranges, capacity, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		b->ranges = larger;
		b->ranges_capacity = capacity;
	}
	end = b->segment->vaddr + b->segment->size;
	if (fde->size < end - fde->start)
		end = fde->start + fde->size;
	range = (struct range){
		.start = (uint32_t)(fde->start - b->table->base),
		.end = (uint32_t)(end - b->table->base),
		.program_offset = fde->program_offset,
		.program_size = fde->program_size,
		.cie = fde->cie,
	};
	if (b->n_ranges && b->ranges[b->n_ranges - 1].start > range.start)
		b->is_in_order = false;
	b->ranges[b->n_ranges++] = range;
	return 0;
}

/* By start, then by place in the section. */
static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->program_offset < y->program_offset ? -1 : x->program_offset > y->program_offset;
}

/* The rows of one entry, up to `end`. One that is broken has a row that says so. */
static int add_range(struct builder *b, const struct range *range, uint32_t end)
{
	const struct cfi_cie *cie = &b->cies.cies[range->cie];
	const struct cfi_fde fde = {
		.start = range->start + b->table->base,
		.program_offset = range->program_offset,
		.program_size = range->program_size,
	};
	struct unwind_row row = {.pc = range->start, .kind = UNWIND_CFA_SIGNAL};
	uint32_t n_before = b->rows.n;
	int r;

	if (cie->is_signal_frame)
		return unwind_rows_add(&b->rows, row);
	r = cie->has_rules ? cfi_program_run(cie, &b->frames.section, &fde, end + b->table->base,
					     b->table->base, &b->rows)
			   : -EBADMSG;
	if (r != -EBADMSG)
		return r;
	b->table->n_fdes_broken++;
	b->rows.n = n_before;
	row.kind = UNWIND_CFA_UNSUPPORTED;
	return unwind_rows_add(&b->rows, row);
}

/* Whether the bytes between two functions are there for alignment only. */
static bool is_padding(const struct builder *b, uint32_t from, uint32_t to)
{
	return to - from <= PADDING_MAX && b->entry - b->table->base - from >= to - from;
}

static int add_ranges(struct builder *b)
{
	uint32_t end = 0;
	int r = 0;

	if (!b->is_in_order)
		qsort(b->ranges, b->n_ranges, sizeof(*b->ranges), compare_ranges);
	for (uint32_t i = 0, next; r == 0 && i < b->n_ranges; i = next) {
		const struct range *range = &b->ranges[i];

		for (next = i + 1; next < b->n_ranges && b->ranges[next].start == range->start;)
			next++;
		if (i && !is_padding(b, end, range->start))
			r = unwind_rows_add(&b->rows, (struct unwind_row){.pc = end});
		end = range->end;
		if (next < b->n_ranges && b->ranges[next].start < end)
			end = b->ranges[next].start;
		if (r == 0)
			r = add_range(b, range, end);
	}
	if (r == 0 && b->n_ranges)
		r = unwind_rows_add(&b->rows, (struct unwind_row){.pc = end});
	return r;
}

/* Reads the first source that has entries for code of this file. */
static int read_frames(struct builder *b, Elf *elf, int fd)
{
	static const enum unwind_source sources[] = {
		UNWIND_SOURCE_EH_FRAME, UNWIND_SOURCE_EH_FRAME_HDR, UNWIND_SOURCE_DEBUG_FRAME};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct cfi_fde_visitor visitor = {.fde = keep_range, .ctx = b};
		int r = elf_frames_read(elf, fd, sources[i], &b->frames);

		if (r == -ENOENT)
			continue;
		b->cies.n = 0;
		if (r == 0)
			r = cfi_section_read(&b->frames.section, &visitor, &b->cies);
		if (r < 0)
			return r;
		if (b->n_ranges) {
			b->table->source = sources[i];
			b->table->n_fdes = visitor.n_fdes;
			b->table->n_fdes_broken = visitor.n_unreadable;
			return 0;
		}
		elf_frames_done(&b->frames);
	}
	return 0;
}

/*
 * A walker looks a return address up one byte before, and that of a signal handler is the first
 * byte of the code: the row begins before it, as the entry in glibc does.
 */
static int lay_signal_return(struct builder *b, const struct signal_return *found)
{
	uint64_t end = found->vaddr + found->len - b->table->base;
	uint64_t start = found->vaddr - b->table->base;
	const struct unwind_row *first, *last;

	if (start)
		start--;
	first = unwind_rows_find(&b->rows, (uint32_t)start);
	last = unwind_rows_find(&b->rows, (uint32_t)end - 1);
	if (first && first == last && first->kind == UNWIND_CFA_SIGNAL)
		return 0;
	return unwind_rows_lay(&b->rows, (uint32_t)start, (uint32_t)end, UNWIND_CFA_SIGNAL);
}

static int lay_signal_returns(struct builder *b, int fd)
{
	struct signal_return found[SIGNAL_RETURNS_MAX];

	for (uint32_t i = 0; i < b->table->n_segments; i++) {
		int n = signal_return_find(fd, &b->table->segments[i], found), r = 0;

		if (n < 0)
			return n;
		for (int k = 0; r == 0 && k < n; k++)
			r = lay_signal_return(b, &found[k]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The code at the entry point, where nothing says what it is, ends all stacks. */
static int lay_entry(struct builder *b)
{
	const struct unwind_segment *segment = find_segment(b->table, b->entry);
	const struct unwind_row *row;
	uint64_t end, left;
	uint32_t start;

	if (!b->entry || !segment)
		return 0;
	start = (uint32_t)(b->entry - b->table->base);
	row = unwind_rows_find(&b->rows, start);
	if (row && row->kind != UNWIND_CFA_NONE)
		return 0;
	left = segment->size - (b->entry - segment->vaddr);
	end = start + (left < ENTRY_STUB_MAX ? left : ENTRY_STUB_MAX);
	row = row ? row + 1 : b->rows.rows;
	if (row && row < b->rows.rows + b->rows.n && row->pc < end)
		end = row->pc;
	return unwind_rows_lay(&b->rows, start, (uint32_t)end, UNWIND_CFA_STOP);
}

static int check_header(Elf *elf, uint64_t *ret_entry)
{
	GElf_Ehdr header;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64 || (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return -EBADMSG;
	*ret_entry = header.e_entry;
	return 0;
}

static int build(struct builder *b, Elf *elf, int fd)
{
	int r = check_header(elf, &b->entry);

	if (r == 0)
		r = read_segments(elf, b->table);
	if (r == 0)
		r = read_frames(b, elf, fd);
	if (r == 0)
		r = add_ranges(b);
	if (r == 0)
		r = lay_signal_returns(b, fd);
	if (r == 0)
		r = lay_entry(b);
	return r;
}

/* Hands the rows over, in no more memory than they need. */
static void finish(struct unwind_rows *rows, struct unwind_table *table)
{
	struct unwind_row *smaller = NULL;

	for (uint32_t i = 0; i < rows->n; i++)
		table->n_unsupported += (rows->rows[i].kind & 15) == UNWIND_CFA_UNSUPPORTED;
	if (rows->n)
		smaller = reallocarray(rows->rows, rows->n, sizeof(*smaller));
	table->rows = smaller ? smaller : rows->rows;
	table->n_rows = rows->n;
}

int unwind_table_read(int fd, struct unwind_table *ret)
{
	struct builder b = {.table = ret, .is_in_order = true};
	Elf *elf;
	int r;

	*ret = (struct unwind_table){};
	r = elf_header_check(fd);
	if (r < 0)
		return r;
	(void)elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	r = build(&b, elf, fd);
	elf_end(elf);
	elf_frames_done(&b.frames);
	free(b.cies.cies);
	free(b.ranges);
	if (r < 0) {
		free(b.rows.rows);
		*ret = (struct unwind_table){};
		return r;
	}
	finish(&b.rows, ret);
	return 0;
}

void unwind_table_done(struct unwind_table *table)
{
	free(table->rows);
	*table = (struct unwind_table){};
}
