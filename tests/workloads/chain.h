/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain.h - the two halves of a recursion, each in a library of its own.
 */
#ifndef PROFD_CHAIN_H
#define PROFD_CHAIN_H

/* The last one spins for a moment, at the far end; what is returned depends on all of them, so that
 * no call is a tail call. */
unsigned long chain_even(unsigned depth, unsigned long seed);
unsigned long chain_odd(unsigned depth, unsigned long seed);

#endif
