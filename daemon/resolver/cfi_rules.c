// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_rules.c - see cfi_rules.h.
 */
#include "cfi_rules.h"

#define RA_OFFSET -8 /* where a call pushes it, seen from the CFA */

/* DWARF 5, section 7.7.1. */
enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
};

/* A number of 8-byte words that fits into a signed byte. */
static bool to_words(int64_t bytes, int8_t *ret)
{
	if (bytes % 8 || bytes / 8 < INT8_MIN || bytes / 8 > INT8_MAX)
		return false;
	*ret = (int8_t)(bytes / 8);
	return true;
}

static uint16_t two_bytes(int8_t low, int8_t high)
{
	return (uint16_t)((uint8_t)low | (unsigned int)(uint8_t)high << 8);
}

/*
 * breg7 8; breg16 0; lit15; and; litN; ge; lit3; shl; plus: the CFA in a PLT entry, whose push is
 * done from byte N of its 16 on. ld writes 11 or 10 (binutils, bfd/elfxx-x86.c and elf64-x86-64.c).
 */
static bool is_plt(const struct dwarf_cursor *c, uint16_t *ret_threshold)
{
	static const uint8_t before[] = {0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a};
	static const uint8_t after[] = {0x2a, 0x33, 0x24, 0x22};
	const uint8_t *threshold = c->at + sizeof(before);

	if (dwarf_left(c) != sizeof(before) + 1 + sizeof(after) ||
	    memcmp(c->at, before, sizeof(before)) != 0 ||
	    memcmp(threshold + 1, after, sizeof(after)) != 0 || *threshold < OP_LIT0 ||
	    *threshold > OP_LIT0 + 15)
		return false;
	*ret_threshold = *threshold - OP_LIT0;
	return true;
}

/* Reads one "plus_uconst n" or "push n; plus". */
static bool read_add(struct dwarf_cursor *c, int64_t *ret)
{
	uint8_t op = dwarf_u8(c);

	if (op == OP_PLUS_UCONST) {
		*ret = (int64_t)dwarf_uleb(c);
		return !c->failed;
	}
	if (op >= OP_LIT0 && op <= OP_LIT31)
		*ret = op - OP_LIT0;
	else if (op == OP_CONST1U)
		*ret = dwarf_u8(c);
	else if (op == OP_CONST1S)
		*ret = (int8_t)dwarf_u8(c);
	else if (op == OP_CONST2U)
		*ret = (uint16_t)dwarf_fixed(c, 2);
	else if (op == OP_CONST2S)
		*ret = (int16_t)dwarf_fixed(c, 2);
	else if (op == OP_CONSTU)
		*ret = (int64_t)dwarf_uleb(c);
	else if (op == OP_CONSTS)
		*ret = dwarf_sleb(c);
	else
		return false;
	return dwarf_u8(c) == OP_PLUS && !c->failed;
}

/* breg r, offset; [deref]; any number of adds */
struct address {
	unsigned int reg;
	int64_t offset; /* before the deref, or all when there is none */
	bool is_deref;
	int64_t add; /* behind the deref */
};

static bool read_address(struct dwarf_cursor c, struct address *ret)
{
	uint8_t op = dwarf_u8(&c);

	if (op < OP_BREG0 || op > OP_BREG31)
		return false;
	*ret = (struct address){.reg = op - OP_BREG0, .offset = dwarf_sleb(&c)};
	while (!c.failed && dwarf_left(&c)) {
		int64_t *sum = ret->is_deref ? &ret->add : &ret->offset, add;

		if (*c.at == OP_DEREF && !ret->is_deref) {
			ret->is_deref = true;
			c.at++;
		} else if (!read_add(&c, &add) || __builtin_add_overflow(*sum, add, sum)) {
			return false;
		}
	}
	return !c.failed;
}

void cfi_rules_set_cfa_expression(struct cfi_rules *rules, struct dwarf_cursor expression)
{
	struct address address;
	int8_t low, high;

	rules->has_cfa = true;
	rules->is_expression = true;
	rules->expression_kind = UNWIND_CFA_UNSUPPORTED;
	rules->expression_cfa = 0;
	if (is_plt(&expression, &rules->expression_cfa)) {
		rules->expression_kind = UNWIND_CFA_PLT;
	} else if (!read_address(expression, &address)) {
		return;
	} else if (!address.is_deref) {
		rules->is_expression = false;
		rules->cfa_register = address.reg;
		rules->cfa_offset = address.offset;
	} else if ((address.reg == CFI_REGISTER_RSP || address.reg == CFI_REGISTER_RBP) &&
		   to_words(address.offset, &low) && to_words(address.add, &high)) {
		rules->expression_kind =
			address.reg == CFI_REGISTER_RSP ? UNWIND_CFA_DEREF_SP : UNWIND_CFA_DEREF_FP;
		rules->expression_cfa = two_bytes(low, high);
	}
}

struct cfi_rule cfi_rule_of_expression(struct dwarf_cursor expression)
{
	struct address address;

	if (!read_address(expression, &address) || address.is_deref ||
	    address.reg != CFI_REGISTER_RBP)
		return (struct cfi_rule){CFI_PLACE_OTHER, 0};
	return (struct cfi_rule){CFI_PLACE_FP, address.offset};
}

/* Kind of the CFA, or UNWIND_CFA_UNSUPPORTED. */
static enum unwind_cfa cfa_of(const struct cfi_rules *rules, uint16_t *ret)
{
	int64_t offset = rules->cfa_offset;
	int8_t low;

	if (rules->is_expression) {
		*ret = rules->expression_cfa;
		return rules->expression_kind;
	}
	if (rules->cfa_register == CFI_REGISTER_RSP || rules->cfa_register == CFI_REGISTER_RBP) {
		if (offset < 0 || offset % 8 || offset / 8 > UINT16_MAX)
			return UNWIND_CFA_UNSUPPORTED;
		*ret = (uint16_t)(offset / 8);
		return rules->cfa_register == CFI_REGISTER_RSP ? UNWIND_CFA_SP : UNWIND_CFA_FP;
	}
	if (rules->cfa_register >= CFI_REGISTERS_MAX || !to_words(offset, &low))
		return UNWIND_CFA_UNSUPPORTED;
	*ret = two_bytes(low, (int8_t)rules->cfa_register);
	return UNWIND_CFA_REGISTER;
}

/* The same with the return address in a register, as behind a pop of it (vfork of glibc). */
static enum unwind_cfa ra_register_of(const struct cfi_rules *rules, uint16_t *ret)
{
	int8_t low;

	if (rules->is_expression || rules->cfa_register != CFI_REGISTER_RSP ||
	    rules->ra.number < 0 || rules->ra.number >= CFI_REGISTERS_MAX ||
	    !to_words(rules->cfa_offset, &low))
		return UNWIND_CFA_UNSUPPORTED;
	*ret = two_bytes(low, (int8_t)rules->ra.number);
	return UNWIND_CFA_RA_REGISTER;
}

static enum unwind_fp fp_of(const struct cfi_rule *rule, int8_t *ret)
{
	switch (rule->place) {
	case CFI_PLACE_UNSET:
	case CFI_PLACE_SAME:
		return UNWIND_FP_SAME;
	case CFI_PLACE_CFA:
		return to_words(rule->number, ret) ? UNWIND_FP_CFA : UNWIND_FP_UNKNOWN;
	case CFI_PLACE_FP:
		return to_words(rule->number, ret) ? UNWIND_FP_FP : UNWIND_FP_UNKNOWN;
	case CFI_PLACE_REGISTER:
		return rule->number == CFI_REGISTER_RBP ? UNWIND_FP_SAME : UNWIND_FP_UNKNOWN;
	default:
		return UNWIND_FP_UNKNOWN;
	}
}

struct unwind_row cfi_rules_row(const struct cfi_rules *rules, uint32_t pc)
{
	struct unwind_row row = {.pc = pc};
	enum unwind_cfa cfa = UNWIND_CFA_UNSUPPORTED;
	enum unwind_fp fp;

	if (rules->ra.place == CFI_PLACE_UNDEFINED) {
		row.kind = UNWIND_CFA_STOP;
		return row;
	}
	if (!rules->has_cfa || rules->is_sp_elsewhere)
		cfa = UNWIND_CFA_UNSUPPORTED; /* setjmp and what else changes stacks */
	else if (rules->ra.place == CFI_PLACE_CFA && rules->ra.number == RA_OFFSET)
		cfa = cfa_of(rules, &row.cfa);
	else if (rules->ra.place == CFI_PLACE_REGISTER)
		cfa = ra_register_of(rules, &row.cfa);
	if (cfa == UNWIND_CFA_UNSUPPORTED) {
		row.cfa = 0;
		row.kind = UNWIND_CFA_UNSUPPORTED;
		return row;
	}
	fp = fp_of(&rules->fp, &row.fp);
	row.kind = (uint8_t)(cfa | fp << 4);
	return row;
}
