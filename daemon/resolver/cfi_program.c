// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_program.c - see cfi_program.h. An instruction takes one byte or more and adds one row or
 * none, so neither time nor rows outgrow the program.
 */
#include "cfi_program.h"

#include <errno.h>

#define STATES_MAX 16 /* remembered at once; compilers nest them hardly ever */

/* DWARF 5, table 7.29; the GNU ones: LSB 5.0, "DWARF Extensions". */
enum {
	CFA_ADVANCE_LOC = 0x40, /* these three: an operand in the low six bits */
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_ADVANCE_LOC8 = 0x1d, /* of MIPS, but GNU as knows it everywhere */
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct run {
	const struct cfi_cie *cie;
	const struct cfi_section *section;
	const struct cfi_rules *initial; /* NULL while the CIE's own instructions run */
	struct dwarf_cursor program;
	struct cfi_rules rules;
	struct cfi_rules *states; /* STATES_MAX */
	uint32_t n_states;
	uint64_t pc, end, base;
	struct unwind_rows *rows;
};

/* What an instruction, or the run, comes to. */
#define GO_ON  0
#define AT_END 1 /* or a negative errno */

static int add_row(struct run *run)
{
	return unwind_rows_add(run->rows,
			       cfi_rules_row(&run->rules, (uint32_t)(run->pc - run->base)));
}

/* Moves forwards by `delta` bytes; what held until there becomes a row. */
static int advance_by(struct run *run, uint64_t delta)
{
	int r;

	if (!run->initial || run->program.failed)
		return -EBADMSG;
	if (!delta)
		return GO_ON;
	r = add_row(run);
	if (r < 0)
		return r;
	if (delta >= run->end - run->pc)
		return AT_END;
	run->pc += delta;
	return GO_ON;
}

static int advance(struct run *run, uint64_t count)
{
	uint64_t delta;

	if (__builtin_mul_overflow(count, run->cie->code_align, &delta))
		delta = UINT64_MAX;
	return advance_by(run, delta);
}

static int set_location(struct run *run)
{
	uint64_t vaddr = run->section->vaddr + (uint64_t)(run->program.at - run->section->bytes);
	uint64_t pc;

	if (!cfi_read_pointer(&run->program, run->cie->encoding, vaddr, &run->section->bases,
			      &pc) ||
	    pc < run->pc)
		return -EBADMSG;
	return advance_by(run, pc - run->pc);
}

static void set_rule(struct run *run, uint64_t reg, enum cfi_place place, int64_t number)
{
	if (reg == CFI_REGISTER_RBP)
		run->rules.fp = (struct cfi_rule){place, number};
	else if (reg == run->cie->ra_register)
		run->rules.ra = (struct cfi_rule){place, number};
	else if (reg == CFI_REGISTER_RSP)
		run->rules.is_sp_elsewhere = true;
}

static int64_t factored(const struct run *run, uint64_t count)
{
	/* Wraps, as no sane offset does: what comes out is too large or wrong, like its source. */
	return (int64_t)(count * (uint64_t)run->cie->data_align);
}

/* In a CIE, where there is no rule yet to go back to, it takes the rule away, as in libgcc. */
static void restore_rule(struct run *run, uint64_t reg)
{
	static const struct cfi_rules none;
	const struct cfi_rules *initial = run->initial ? run->initial : &none;

	if (reg == CFI_REGISTER_RBP)
		run->rules.fp = initial->fp;
	else if (reg == run->cie->ra_register)
		run->rules.ra = initial->ra;
	else if (reg == CFI_REGISTER_RSP)
		run->rules.is_sp_elsewhere = initial->is_sp_elsewhere;
}

static int remember_state(struct run *run)
{
	if (run->n_states == STATES_MAX)
		return -EBADMSG;
	run->states[run->n_states++] = run->rules;
	return GO_ON;
}

static int restore_state(struct run *run)
{
	if (!run->n_states)
		return -EBADMSG;
	run->rules = run->states[--run->n_states];
	return GO_ON;
}

static void define_cfa(struct run *run, uint64_t reg, int64_t offset)
{
	run->rules.has_cfa = true;
	run->rules.is_expression = false;
	run->rules.cfa_register = reg;
	run->rules.cfa_offset = offset;
}

/* Rules of registers. Returns GO_ON, also for what is broken: the cursor knows. */
static int step_register(struct run *run, uint8_t op)
{
	struct dwarf_cursor *p = &run->program;
	uint64_t reg = dwarf_uleb(p);
	struct cfi_rule rule;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		set_rule(run, reg, CFI_PLACE_CFA, factored(run, dwarf_uleb(p)));
		return GO_ON;
	case CFA_OFFSET_EXTENDED_SF:
		set_rule(run, reg, CFI_PLACE_CFA, factored(run, (uint64_t)dwarf_sleb(p)));
		return GO_ON;
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		set_rule(run, reg, CFI_PLACE_CFA, factored(run, -dwarf_uleb(p)));
		return GO_ON;
	case CFA_RESTORE_EXTENDED:
		restore_rule(run, reg);
		return GO_ON;
	case CFA_UNDEFINED:
		set_rule(run, reg, CFI_PLACE_UNDEFINED, 0);
		return GO_ON;
	case CFA_SAME_VALUE:
		set_rule(run, reg, CFI_PLACE_SAME, 0);
		return GO_ON;
	case CFA_REGISTER:
		set_rule(run, reg, CFI_PLACE_REGISTER, (int64_t)dwarf_uleb(p));
		return GO_ON;
	case CFA_EXPRESSION:
		rule = cfi_rule_of_expression(dwarf_take(p, dwarf_uleb(p)));
		set_rule(run, reg, rule.place, rule.number);
		return GO_ON;
	case CFA_VAL_EXPRESSION:
		(void)dwarf_take(p, dwarf_uleb(p));
		set_rule(run, reg, CFI_PLACE_OTHER, 0);
		return GO_ON;
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF: /* zero is zero, signed or not; GHC says so of rsp, which is no news
				 */
		if (dwarf_uleb(p) != 0 || reg != CFI_REGISTER_RSP)
			set_rule(run, reg, CFI_PLACE_OTHER, 0);
		else
			run->rules.is_sp_elsewhere = false;
		return GO_ON;
	default:
		return -EBADMSG;
	}
}

/* All but the most frequent instructions. */
static int step_rare(struct run *run, uint8_t op)
{
	struct dwarf_cursor *p = &run->program;
	uint64_t reg;

	switch (op) {
	case CFA_SET_LOC:
		return set_location(run);
	case CFA_ADVANCE_LOC8:
		return advance(run, dwarf_fixed(p, 8));
	case CFA_DEF_CFA_SF:
		reg = dwarf_uleb(p);
		define_cfa(run, reg, factored(run, (uint64_t)dwarf_sleb(p)));
		return GO_ON;
	case CFA_DEF_CFA_OFFSET_SF:
		run->rules.cfa_offset = factored(run, (uint64_t)dwarf_sleb(p));
		return GO_ON;
	case CFA_DEF_CFA_EXPRESSION:
		cfi_rules_set_cfa_expression(&run->rules, dwarf_take(p, dwarf_uleb(p)));
		return GO_ON;
	case CFA_GNU_ARGS_SIZE:
		(void)dwarf_uleb(p);
		return GO_ON;
	default:
		return step_register(run, op);
	}
}

static int step(struct run *run)
{
	struct dwarf_cursor *p = &run->program;
	uint8_t op = dwarf_u8(p);
	uint64_t reg;

	switch (op & 0xc0) {
	case CFA_ADVANCE_LOC:
		return advance(run, op & 0x3f);
	case CFA_OFFSET:
		set_rule(run, op & 0x3f, CFI_PLACE_CFA, factored(run, dwarf_uleb(p)));
		return GO_ON;
	case CFA_RESTORE:
		restore_rule(run, op & 0x3f);
		return GO_ON;
	default:
		break;
	}
	switch (op) {
	case CFA_NOP:
		return GO_ON;
	case CFA_ADVANCE_LOC1:
		return advance(run, dwarf_u8(p));
	case CFA_ADVANCE_LOC2:
		return advance(run, dwarf_fixed(p, 2));
	case CFA_ADVANCE_LOC4:
		return advance(run, dwarf_fixed(p, 4));
	case CFA_DEF_CFA:
		reg = dwarf_uleb(p);
		define_cfa(run, reg, (int64_t)dwarf_uleb(p));
		return GO_ON;
	case CFA_DEF_CFA_REGISTER:
		define_cfa(run, dwarf_uleb(p), run->rules.cfa_offset);
		return GO_ON;
	case CFA_DEF_CFA_OFFSET:
		run->rules.cfa_offset = (int64_t)dwarf_uleb(p);
		return GO_ON;
	case CFA_REMEMBER_STATE:
		return remember_state(run);
	case CFA_RESTORE_STATE:
		return restore_state(run);
	default:
		return step_rare(run, op);
	}
}

static int run_all(struct run *run)
{
	int r = GO_ON;

	while (r == GO_ON && run->program.at < run->program.end)
		r = step(run);
	if (r >= 0 && run->program.failed)
		return -EBADMSG;
	return r;
}

int cfi_program_begin(const struct cfi_cie *cie, const struct cfi_section *section,
		      struct dwarf_cursor program, struct cfi_rules *ret)
{
	struct cfi_rules states[STATES_MAX];
	struct run run = {
		.cie = cie,
		.section = section,
		.program = program,
		.states = states,
	};
	int r = run_all(&run);

	if (r < 0)
		return r;
	*ret = run.rules;
	return 0;
}

int cfi_program_run(const struct cfi_cie *cie, const struct cfi_section *section,
		    const struct cfi_fde *fde, uint64_t end, uint64_t base,
		    struct unwind_rows *rows)
{
	const uint8_t *program = section->bytes + fde->program_offset;
	struct cfi_rules states[STATES_MAX];
	struct run run = {
		.cie = cie,
		.section = section,
		.initial = &cie->rules,
		.program = {program, program + fde->program_size, false},
		.rules = cie->rules,
		.states = states,
		.pc = fde->start,
		.end = end,
		.base = base,
		.rows = rows,
	};
	int r = run_all(&run);

	if (r == AT_END)
		return 0;
	return r < 0 ? r : add_row(&run);
}
