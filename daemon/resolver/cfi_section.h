/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi_section.h - the entries of .eh_frame or .debug_frame: which code has which program of call
 * frame instructions. What the programs say is in cfi_program.h. Bytes in, entries out; no file.
 *
 * Sources: DWARF 5, section 6.4.1; Linux Standard Base 5.0, "Exception Frames" (.eh_frame, pointer
 * encodings); binutils, binutils/dwarf.c, for what neither says.
 */
#ifndef PROFD_CFI_SECTION_H
#define PROFD_CFI_SECTION_H

#include "cfi_rules.h"

#define CFI_SECTION_MAX (256u << 20) /* bytes; those of Chrome have some 30 MB */
#define CFI_CIES_MAX	(1u << 18)

/* What relative pointers are relative to. */
struct cfi_bases {
	uint64_t text, data;
	bool has_text, has_data;
};

struct cfi_section {
	const uint8_t *bytes; /* borrowed */
	uint64_t size;	      /* not above CFI_SECTION_MAX */
	uint64_t vaddr;	      /* of the first byte */
	bool is_debug_frame;
	/*
	 * The end of the section is not known: it is at a terminator, or at what is no entry, once
	 * there were as many FDEs as the table for searching has. Without it a terminator is just
	 * skipped, for it may come from the middle of what was linked.
	 */
	bool is_open_ended;
	uint64_t n_fdes_min;
	struct cfi_bases bases;
};

/* A common information entry. */
struct cfi_cie {
	uint32_t offset;
	bool has_ranges;       /* else its FDEs cannot be read: version or augmentation unknown */
	bool has_rules;	       /* else its own instructions are broken */
	bool is_signal_frame;  /* 'S' */
	bool has_augmentation; /* 'z': a length and data in each FDE */
	uint8_t encoding;      /* 'R': of pointers in FDEs */
	uint64_t code_align, ra_register;
	int64_t data_align;
	struct cfi_rules rules; /* after its own instructions: where each FDE begins */
};

struct cfi_cies {
	struct cfi_cie *cies; /* by offset */
	uint32_t n, capacity;
};

/* A frame description entry. */
struct cfi_fde {
	uint64_t start, size; /* addresses of code; the sum may overflow */
	uint32_t program_offset, program_size;
	uint32_t cie; /* index */
};

struct cfi_fde_visitor {
	/* Each FDE whose range could be read. A negative errno ends the reading. */
	int (*fde)(void *ctx, const struct cfi_fde *fde);
	void *ctx;
	uint32_t n_fdes, n_unreadable; /* set by cfi_section_read() */
};

/*
 * A pointer at the cursor, whose bytes begin at address `vaddr`. Returns false when it is cut
 * short, of an unknown encoding, indirect, or relative to what is not known.
 */
bool cfi_read_pointer(struct dwarf_cursor *cursor, uint8_t encoding, uint64_t vaddr,
		      const struct cfi_bases *bases, uint64_t *ret);

/*
 * Reads all entries: first each CIE, once, then each FDE, in their order. Returns 0; -EBADMSG when
 * the entries are not a chain of entries, or an FDE names what is no CIE; -EFBIG beyond
 * CFI_CIES_MAX; -ENOMEM; what `visitor` returned. The caller frees `ret->cies` in any case.
 */
int cfi_section_read(const struct cfi_section *section, struct cfi_fde_visitor *visitor,
		     struct cfi_cies *ret);

#endif
