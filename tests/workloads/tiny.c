/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tiny.c - the functions that plt_heavy.c calls.
 */
unsigned int tiny_one(unsigned int x);
unsigned int tiny_two(unsigned int x);

unsigned int tiny_one(unsigned int x)
{
	return x * 3 + 1;
}

unsigned int tiny_two(unsigned int x)
{
	return x ^ 5;
}
