/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library_burn.c - the shared library of the workload library_user: the function to be found there.
 */
#include "burn.h"

DEFINE_BURNER(burn_in_library, 6364136223846793005ull);
