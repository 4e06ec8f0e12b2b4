/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi_program.h - runs the call frame instructions of an entry (DWARF 5, section 6.4.2, and the
 * GNU ones of LSB 5.0), and makes rows of what they say.
 */
#ifndef PROFD_CFI_PROGRAM_H
#define PROFD_CFI_PROGRAM_H

#include "cfi_section.h"
#include "unwind_rows.h"

/* The rules that a CIE's own instructions set. Returns 0 or -EBADMSG. */
int cfi_program_begin(const struct cfi_cie *cie, const struct cfi_section *section,
		      struct dwarf_cursor program, struct cfi_rules *ret);

/*
 * Adds the rows of an FDE for addresses from its start to `end`, as addresses less `base`. Stops at
 * `end`, whatever follows. Returns 0; -EBADMSG, and then some rows may have been added; what
 * unwind_rows_add() returns.
 */
int cfi_program_run(const struct cfi_cie *cie, const struct cfi_section *section,
		    const struct cfi_fde *fde, uint64_t end, uint64_t base,
		    struct unwind_rows *rows);

#endif
