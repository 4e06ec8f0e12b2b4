/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_symbols.h - kernel addresses to function, module and offset, from /proc/kallsyms.
 *
 * An object is a snapshot and never changes; modules and BPF programs that come later are in the
 * next snapshot. Offsets are from the start of the module, or of the kernel's text, so that a
 * location survives the kernel's address randomisation.
 */
#ifndef PROFD_KERNEL_SYMBOLS_H
#define PROFD_KERNEL_SYMBOLS_H

#include "cleanup.h"
#include "profile.h"
#include "symbols/bpf_programs.h"

struct kernel_symbols;

/*
 * Parses the text of /proc/kallsyms and of /proc/modules (may be ""), as fs/proc and
 * kernel/kallsyms.c and kernel/module/procfs.c write them; lines that do not parse are passed over.
 * `programs` (copied) says where BPF programs end: without any, each ends at the next symbol, and
 * after a page at the latest. Pure.
 * Returns 0; -EPERM when all addresses are hidden (kptr_restrict, no CAP_SYSLOG); -ENOENT when
 * there is no function; -ENOMEM.
 */
int kernel_symbols_parse(const char *kallsyms, size_t len, const char *modules,
			 const struct bpf_program_range *programs, size_t n_programs,
			 struct kernel_symbols **ret);
/* The same from this machine's /proc; also -errno of reading. Takes about 0.1 s. */
int kernel_symbols_load(struct kernel_symbols **ret);
struct kernel_symbols *kernel_symbols_free(struct kernel_symbols *symbols);
DEFINE_CLEANUP(struct kernel_symbols *, kernel_symbols_free);

struct kernel_place {
	enum file_kind kind;  /* FILE_KERNEL, FILE_MODULE or FILE_BPF */
	const char *module;   /* "[kernel]", "[xfs]", "[bpf]"; lives as long as the snapshot */
	uint64_t offset;      /* from the module's start */
	const char *function; /* NULL when no symbol covers the address; lives likewise */
};

/* Where a kernel address lies. Returns 0, or -ENOENT for one in no known module. */
int kernel_symbols_find(const struct kernel_symbols *symbols, uint64_t addr,
			struct kernel_place *ret);

#endif
