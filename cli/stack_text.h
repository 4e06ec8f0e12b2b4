/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_text.h - a stack of a stack table as names of its frames, leaf first, those of inlined
 * calls too.
 */
#ifndef PROFD_STACK_TEXT_H
#define PROFD_STACK_TEXT_H

#include <jansson.h>

#include "stack_table.h"

/* An array of names; NULL when memory is short. */
json_t *stack_text_json(const struct stack_table *table, uint32_t node);

/* "leaf; caller; ...": all frames, for CSV. The caller frees *ret. Returns 0 or -ENOMEM. */
int stack_text_all(const struct stack_table *table, uint32_t node, char **ret);

/* "leaf < caller < ...", the first few of them. As above. */
int stack_text_few(const struct stack_table *table, uint32_t node, char **ret);

#endif
