/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_header.h - whether the tables that an ELF header promises are of a size that libelf may see.
 *
 * libelf allocates for every section of which a header speaks, before anything of it is read: with
 * the extended numbering (gABI, "ELF Header": e_shnum 0, e_phnum PN_XNUM) a sparse file of a few
 * kilobytes makes it take hundreds of megabytes.
 */
#ifndef PROFD_ELF_HEADER_H
#define PROFD_ELF_HEADER_H

#define ELF_HEADER_COUNT_MAX 65535u /* of sections, and of program headers */

/*
 * To be asked before elf_begin(3). Returns 0; -EBADMSG no little-endian ELF file, or its section 0
 * cannot be read; -EFBIG more sections or program headers than ELF_HEADER_COUNT_MAX; -EIO. Reads by
 * pread(2).
 */
int elf_header_check(int fd);

#endif
