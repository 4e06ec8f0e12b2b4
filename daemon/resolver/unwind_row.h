/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_row.h - one unwind rule in 8 bytes, and the table of them that is made of a file.
 *
 * A row holds from its address to that of the next one, and is all that is needed to go from a
 * frame to its caller: where the canonical frame address (CFA, the stack pointer of the caller
 * before its call) is and where the caller's rbp was saved. The return address lies at CFA-8, as on
 * x86-64 it does wherever a call pushed it. What a row cannot say is a row that says so.
 *
 * The walker reads the same format (bpf/unwind_table.h); daemon/process asserts that both agree.
 * Words: DWARF 5, section 6.4; System V ABI for x86-64, section 3.7 (register numbers).
 */
#ifndef PROFD_UNWIND_ROW_H
#define PROFD_UNWIND_ROW_H

#include <stdint.h>

enum unwind_cfa {
	UNWIND_CFA_NONE = 0,	    /* no call frame information here: the frame pointer may help */
	UNWIND_CFA_SP = 1,	    /* rsp + 8 * cfa */
	UNWIND_CFA_FP = 2,	    /* rbp + 8 * cfa */
	UNWIND_CFA_PLT = 3,	    /* rsp + 8 + ((rip & 15) >= cfa ? 8 : 0) */
	UNWIND_CFA_DEREF_SP = 4,    /* *(rsp + 8 * low) + 8 * high */
	UNWIND_CFA_DEREF_FP = 5,    /* *(rbp + 8 * low) + 8 * high */
	UNWIND_CFA_SIGNAL = 6,	    /* the kernel's signal frame: all registers are in it */
	UNWIND_CFA_STOP = 7,	    /* the outermost frame */
	UNWIND_CFA_UNSUPPORTED = 8, /* a rule that no row can say */
	UNWIND_CFA_REGISTER = 9,    /* register number high, + 8 * low; of the leaf only */
	UNWIND_CFA_RA_REGISTER = 10, /* rsp + 8 * low; return address in register high; leaf only */
	UNWIND_CFA_MAX
};

/* How rbp of the caller is found. */
enum unwind_fp {
	UNWIND_FP_SAME = 0,    /* it was not changed */
	UNWIND_FP_CFA = 1,     /* *(CFA + 8 * fp) */
	UNWIND_FP_FP = 2,      /* *(rbp + 8 * fp) */
	UNWIND_FP_UNKNOWN = 3, /* a rule that no row can say, or it is lost */
	UNWIND_FP_MAX
};

struct unwind_row {
	uint32_t pc;  /* first byte it holds for, less the table's base */
	uint16_t cfa; /* a number, or a signed byte low and a (signed) byte high */
	uint8_t kind; /* enum unwind_cfa | enum unwind_fp << 4 */
	int8_t fp;
};
_Static_assert(sizeof(struct unwind_row) == 8, "layout of a row");

/* A part of the file that is mapped executable (PT_LOAD with PF_X). */
struct unwind_segment {
	uint64_t offset, vaddr, size;
};

#define UNWIND_SEGMENTS_MAX 16
#define UNWIND_ROWS_MAX	    (16u << 20)	 /* 128 MB; Chrome has some 5 M */
#define UNWIND_VADDR_END    (1ull << 47) /* of user space (Linux, mm.rst of x86_64) */

enum unwind_source {
	UNWIND_SOURCE_NONE = 0, /* the file has no call frame information */
	UNWIND_SOURCE_EH_FRAME = 1,
	UNWIND_SOURCE_EH_FRAME_HDR = 2, /* found by the program header: sections are stripped */
	UNWIND_SOURCE_DEBUG_FRAME = 3,
};

struct unwind_table {
	uint64_t base; /* virtual address of the first executable byte, rounded down to 256 */
	enum unwind_source source;
	struct unwind_segment segments[UNWIND_SEGMENTS_MAX];
	uint32_t n_segments;
	uint32_t n_fdes, n_fdes_broken, n_unsupported; /* n_unsupported: rows */
	uint32_t n_rows;
	struct unwind_row *rows; /* by pc, no pc twice, no neighbours that say the same */
};

/*
 * Compiles the call frame information of the ELF file behind `fd` (borrowed; read, not mapped).
 * Returns 0, also for a file without any: it has rows only for the code that a signal handler
 * returns to and for the entry point, which are known without. -EBADMSG no x86-64 program or
 * library, or a broken one, and then no rows; -EFBIG beyond a limit; -ENOMEM; -EIO. Takes time and
 * memory in proportion to the size of its call frame information, whatever that says, and reads
 * 256 MB at most of each executable segment.
 */
int unwind_table_read(int fd, struct unwind_table *ret);
void unwind_table_done(struct unwind_table *table);

#endif
