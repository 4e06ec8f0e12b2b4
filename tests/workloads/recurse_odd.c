/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recurse_odd.c - half of a recursion through two libraries; see recurse.c.
 */
#include "recurse_half.h"

DEFINE_BURNER(odd_burn, 1181783497276652981ull);
DEFINE_RECURSE_HALF(recurse_odd, recurse_even, odd_burn)
