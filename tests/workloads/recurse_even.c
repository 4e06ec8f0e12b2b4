/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recurse_even.c - half of a recursion through two libraries; see recurse.c.
 */
#include "recurse_half.h"

DEFINE_BURNER(even_burn, 2685821657736338717ull);
DEFINE_RECURSE_HALF(recurse_even, recurse_odd, even_burn)
