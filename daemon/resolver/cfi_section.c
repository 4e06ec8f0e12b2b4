// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_section.c - see cfi_section.h. Each entry is looked at twice at most, each CIE taken apart
 * once, so the time is in proportion to the section whatever it says.
 */
#include "cfi_section.h"

#include <errno.h>
#include <stdlib.h>

#include "cfi_program.h"

#define LENGTH_IS_64 0xffffffffu

/* LSB 5.0, "DWARF Exception Header Encoding": low four bits, the next three, the highest. */
enum {
	FORMAT_ABSOLUTE = 0x00,
	FORMAT_ULEB = 0x01,
	FORMAT_U2 = 0x02,
	FORMAT_U4 = 0x03,
	FORMAT_U8 = 0x04,
	FORMAT_SLEB = 0x09,
	FORMAT_S2 = 0x0a,
	FORMAT_S4 = 0x0b,
	FORMAT_S8 = 0x0c,
	FORMAT_MASK = 0x0f,
	RELATIVE_PC = 0x10,
	RELATIVE_TEXT = 0x20,
	RELATIVE_DATA = 0x30,
	ALIGNED = 0x50,
	RELATIVE_MASK = 0x70,
	INDIRECT = 0x80,
	OMITTED = 0xff,
};

struct entry {
	uint32_t offset;
	uint64_t id_offset, id;
	bool is_cie;
	struct dwarf_cursor content; /* behind the id */
};

static uint64_t read_number(struct dwarf_cursor *cursor, uint8_t format)
{
	switch (format) {
	case FORMAT_ULEB:
		return dwarf_uleb(cursor);
	case FORMAT_SLEB:
		return (uint64_t)dwarf_sleb(cursor);
	case FORMAT_U2:
		return dwarf_fixed(cursor, 2);
	case FORMAT_U4:
		return dwarf_fixed(cursor, 4);
	case FORMAT_S2:
		return (uint64_t)(int16_t)dwarf_fixed(cursor, 2);
	case FORMAT_S4:
		return (uint64_t)(int32_t)dwarf_fixed(cursor, 4);
	case FORMAT_ABSOLUTE:
	case FORMAT_U8:
	case FORMAT_S8:
		return dwarf_fixed(cursor, 8);
	default:
		dwarf_fail(cursor);
		return 0;
	}
}

bool cfi_read_pointer(struct dwarf_cursor *cursor, uint8_t encoding, uint64_t vaddr,
		      const struct cfi_bases *bases, uint64_t *ret)
{
	uint64_t base = 0;

	switch (encoding & RELATIVE_MASK) {
	case 0:
		break;
	case RELATIVE_PC:
		base = vaddr;
		break;
	case RELATIVE_TEXT:
		if (!bases->has_text)
			return false;
		base = bases->text;
		break;
	case RELATIVE_DATA:
		if (!bases->has_data)
			return false;
		base = bases->data;
		break;
	default:
		return false;
	}
	if (encoding & INDIRECT)
		return false;
	*ret = base + read_number(cursor, encoding & FORMAT_MASK);
	return !cursor->failed;
}

static uint64_t vaddr_of(const struct cfi_section *section, const struct dwarf_cursor *cursor)
{
	return section->vaddr + (uint64_t)(cursor->at - section->bytes);
}

/* The entry at *offset, and moves on. Returns 1; 0 for a terminator; -EBADMSG. */
static int next_entry(const struct cfi_section *section, uint64_t *offset, struct entry *ret)
{
	struct dwarf_cursor c = {section->bytes + *offset, section->bytes + section->size, false};
	size_t id_size = 4;
	uint64_t length;

	ret->offset = (uint32_t)*offset;
	length = dwarf_fixed(&c, 4);
	if (length == LENGTH_IS_64) {
		length = dwarf_fixed(&c, 8);
		if (section->is_debug_frame)
			id_size = 8; /* in .eh_frame it has four bytes all the same */
	}
	ret->content = dwarf_take(&c, length);
	if (c.failed || (length && length < id_size))
		return -EBADMSG;
	*offset = (uint64_t)(c.at - section->bytes);
	if (!length)
		return 0;
	ret->id_offset = (uint64_t)(ret->content.at - section->bytes);
	ret->id = dwarf_fixed(&ret->content, id_size);
	if (section->is_debug_frame)
		ret->is_cie = ret->id == (id_size == 8 ? UINT64_MAX : UINT32_MAX);
	else
		ret->is_cie = ret->id == 0;
	return 1;
}

/* Skips the personality routine of a CIE. */
static bool skip_personality(const struct cfi_section *section, struct dwarf_cursor *data)
{
	uint8_t encoding = dwarf_u8(data);

	if (encoding == OMITTED)
		return !data->failed;
	if ((encoding & RELATIVE_MASK) == ALIGNED) {
		dwarf_skip(data, -vaddr_of(section, data) & 7);
		encoding = FORMAT_ABSOLUTE;
	}
	(void)read_number(data, encoding & FORMAT_MASK);
	return !data->failed;
}

/* What the letters behind 'z' announce. */
static bool read_augmentation(const struct cfi_section *section, const char *letters,
			      struct dwarf_cursor data, struct cfi_cie *cie)
{
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			cie->encoding = dwarf_u8(&data);
			break;
		case 'L':
			(void)dwarf_u8(&data);
			break;
		case 'P':
			if (!skip_personality(section, &data))
				return false;
			break;
		case 'S':
			cie->is_signal_frame = true;
			break;
		case 'B':
			break;
		default:
			return false;
		}
	}
	return !data.failed;
}

/* Takes a CIE apart. What cannot be understood costs its FDEs only. */
static void read_cie(const struct cfi_section *section, struct dwarf_cursor c, struct cfi_cie *cie)
{
	uint8_t version = dwarf_u8(&c);
	const char *letters = (const char *)c.at;
	const uint8_t *nul = memchr(c.at, 0, dwarf_left(&c));
	struct dwarf_cursor data;

	if ((version != 1 && version != 3 && version != 4) || !nul)
		return;
	c.at = nul + 1;
	if (strcmp(letters, "eh") == 0)
		dwarf_skip(&c, 8); /* GCC 2: a pointer */
	else if (*letters && *letters != 'z')
		return;
	if (version == 4 && (dwarf_u8(&c) != 8 || dwarf_u8(&c) != 0))
		return; /* sizes of an address and of a segment selector */
	cie->code_align = dwarf_uleb(&c);
	cie->data_align = dwarf_sleb(&c);
	cie->ra_register = version == 1 ? dwarf_u8(&c) : dwarf_uleb(&c);
	if (*letters == 'z') {
		cie->has_augmentation = true;
		data = dwarf_take(&c, dwarf_uleb(&c));
		if (!read_augmentation(section, letters + 1, data, cie))
			return;
	}
	cie->has_ranges = !c.failed;
	cie->has_rules = cie->has_ranges && (cie->is_signal_frame ||
					     cfi_program_begin(cie, section, c, &cie->rules) == 0);
}

static int add_cie(const struct cfi_section *section, const struct entry *entry,
		   struct cfi_cies *cies)
{
	if (cies->n == cies->capacity) {
		uint32_t capacity = cies->capacity ? cies->capacity * 2 : 16;
		struct cfi_cie *larger;

		if (cies->capacity >= CFI_CIES_MAX)
			return -EFBIG;
		larger = reallocarray(cies->cies, capacity, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		cies->cies = larger;
		cies->capacity = capacity;
	}
	cies->cies[cies->n] = (struct cfi_cie){.offset = entry->offset};
	read_cie(section, entry->content, &cies->cies[cies->n]);
	cies->n++;
	return 0;
}

/* All CIEs, and where the entries end. */
static int read_cies(const struct cfi_section *section, struct cfi_cies *cies, uint64_t *ret_end)
{
	uint64_t offset = 0, n_fdes = 0;
	struct entry entry;
	int r = 0;

	while (r == 0 && offset < section->size) {
		uint64_t here = offset;
		int kind = next_entry(section, &offset, &entry);

		if (kind <= 0 && section->is_open_ended && n_fdes >= section->n_fdes_min) {
			*ret_end = here;
			return 0;
		}
		if (kind < 0)
			return kind;
		if (kind && entry.is_cie)
			r = add_cie(section, &entry, cies);
		else if (kind)
			n_fdes++;
	}
	*ret_end = offset;
	return r;
}

/* The CIE of an FDE: most often that of the one before. Returns its index or -ENOENT. */
static int64_t find_cie(const struct cfi_section *section, const struct cfi_cies *cies,
			const struct entry *entry, uint32_t last)
{
	uint64_t offset =
		section->is_debug_frame ? entry->id : entry->id_offset - entry->id; /* may wrap */
	uint32_t low = 0, high = cies->n;

	if (last < cies->n && cies->cies[last].offset == offset)
		return last;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (cies->cies[middle].offset == offset)
			return middle;
		if (cies->cies[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return -ENOENT;
}

/* Range and program of an FDE. */
static bool read_fde(const struct cfi_section *section, const struct cfi_cie *cie,
		     struct dwarf_cursor c, struct cfi_fde *ret)
{
	if (!cie->has_ranges || !cfi_read_pointer(&c, cie->encoding, vaddr_of(section, &c),
						  &section->bases, &ret->start))
		return false;
	ret->size = read_number(&c, cie->encoding & FORMAT_MASK);
	if (cie->has_augmentation)
		dwarf_skip(&c, dwarf_uleb(&c));
	ret->program_offset = (uint32_t)(c.at - section->bytes);
	ret->program_size = (uint32_t)dwarf_left(&c);
	return !c.failed;
}

int cfi_section_read(const struct cfi_section *section, struct cfi_fde_visitor *visitor,
		     struct cfi_cies *ret)
{
	uint64_t offset = 0, end;
	struct cfi_fde fde = {};
	struct entry entry;
	int r = read_cies(section, ret, &end);

	visitor->n_fdes = visitor->n_unreadable = 0;
	while (r == 0 && offset < end) {
		int64_t cie;

		if (next_entry(section, &offset, &entry) == 0 || entry.is_cie)
			continue;
		cie = find_cie(section, ret, &entry, fde.cie);
		if (cie < 0)
			return section->is_open_ended && visitor->n_fdes >= section->n_fdes_min
				       ? 0
				       : -EBADMSG;
		fde.cie = (uint32_t)cie;
		visitor->n_fdes++;
		if (read_fde(section, &ret->cies[cie], entry.content, &fde))
			r = visitor->fde(visitor->ctx, &fde);
		else
			visitor->n_unreadable++;
	}
	return r;
}
