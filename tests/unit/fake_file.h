/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_file.h - a file that tells fake_resolver.c what to do, and the programs of these tests.
 */
#ifndef TEST_FAKE_FILE_H
#define TEST_FAKE_FILE_H

#include "symbols/resolver_program.h"

#include <stdint.h>

/* Opens the real program, or the fake one. */
void open_real(struct resolver_program *program);
void open_fake(struct resolver_program *program);

/* A file in memory with this text; the caller closes it. */
int fake_file(const char *word);

/* This program as a file, and the offset of one of its functions in it. */
int own_file(void);
uint64_t own_offset(const void *function);

#endif
