/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_symbols.h - the functions of one ELF file, found by offset in the file.
 *
 * Offsets, not virtual addresses, because that is what a mapping gives; the PT_LOAD segments turn
 * one into the other. `.symtab` is used when the file has one, else `.dynsym`.
 */
#ifndef PROFD_ELF_SYMBOLS_H
#define PROFD_ELF_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#define ELF_SYMBOL_NAME_MAX 4096 /* bytes, with the NUL */

struct elf_symbols;

/*
 * Indexes the functions of the file behind `fd`, which is borrowed and must stay open while the
 * index lives: names are read from it when they are asked for. Costs 16 bytes a function.
 * Errors: -EBADMSG no ELF file or a broken one; -EFBIG more symbols than the limit; -ENOMEM; -EIO.
 */
int elf_symbols_new(int fd, struct elf_symbols **ret);
struct elf_symbols *elf_symbols_free(struct elf_symbols *symbols);

/*
 * Writes the name (not demangled) of the function that covers `offset`. A function without a size
 * (assembler) reaches to the next one, for at most 256 bytes: never the name of a far neighbour.
 * Returns 0; -ENOENT when no function covers it; -EBADMSG when the name cannot be read.
 */
int elf_symbols_find(const struct elf_symbols *symbols, uint64_t offset,
		     char name[static ELF_SYMBOL_NAME_MAX]);

/* Memory of the index. */
size_t elf_symbols_bytes(const struct elf_symbols *symbols);

#endif
