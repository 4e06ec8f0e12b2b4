/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi_rules.h - the rules of one place of code, as a program of call frame instructions sets them,
 * and the row that says the same.
 *
 * Of the registers only rbp and the return address are kept: no row has room for others. DWARF
 * expressions are not evaluated but recognised, by their shape.
 */
#ifndef PROFD_CFI_RULES_H
#define PROFD_CFI_RULES_H

#include "dwarf_cursor.h"
#include "unwind_row.h"

/* DWARF's numbers of registers: System V ABI for x86-64, figure 3.36. */
#define CFI_REGISTER_RBP  6
#define CFI_REGISTER_RSP  7
#define CFI_REGISTERS_MAX 16 /* general ones: 0 to 15 */

/* Where the caller's value of a register is. */
enum cfi_place {
	CFI_PLACE_UNSET = 0, /* nothing was said of it */
	CFI_PLACE_SAME,	     /* still in the register */
	CFI_PLACE_CFA,	     /* in memory at CFA + number */
	CFI_PLACE_FP,	     /* in memory at rbp + number */
	CFI_PLACE_REGISTER,  /* in the register of that number */
	CFI_PLACE_UNDEFINED, /* nowhere */
	CFI_PLACE_OTHER,     /* somewhere that no row can say */
};

struct cfi_rule {
	enum cfi_place place;
	int64_t number;
};

struct cfi_rules {
	bool has_cfa;
	bool is_sp_elsewhere; /* rsp of the caller is not the CFA */
	bool is_expression;   /* then the row's kind and cfa, else register + offset */
	uint8_t expression_kind;
	uint16_t expression_cfa;
	uint64_t cfa_register;
	int64_t cfa_offset;
	struct cfi_rule fp, ra;
};

/* DW_CFA_def_cfa_expression: sets what is known of the CFA, which may be that no row can say it. */
void cfi_rules_set_cfa_expression(struct cfi_rules *rules, struct dwarf_cursor expression);

/* DW_CFA_expression, of any register: the value is in memory where the expression says. */
struct cfi_rule cfi_rule_of_expression(struct dwarf_cursor expression);

/*
 * The row for these rules. Rows that end a walk or fail it say nothing of rbp.
 * UNWIND_CFA_UNSUPPORTED is the answer to
 *  - a CFA at an offset that is no multiple of 8, below zero or above 8 * 65535, or, with other
 *    registers than rsp and rbp, not in the range of a signed byte of words; of no general
 * register;
 *  - a CFA of an expression that is not the PLT's and not "*(rsp or rbp + a) + b";
 *  - a return address that is not at CFA-8, nor in a general register with a CFA of rsp;
 *  - rsp of the caller that is not the CFA.
 */
struct unwind_row cfi_rules_row(const struct cfi_rules *rules, uint32_t pc);

#endif
