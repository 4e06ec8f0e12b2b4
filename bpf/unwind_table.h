/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_table.h - the tables that the daemon fills and the walker reads: the layout in the BPF
 * maps, and the kinds of rows. Only fixed-width types.
 *
 * All of it lies in slabs of 8-byte words that are mapped into the daemon: rows, the bucket index
 * of each file, and the mappings of each process. A word number counts over all slabs. A slab has
 * two chunks, and what belongs together never crosses from one to the next, so that the walker
 * needs one look-up for it and then plain loads.
 *
 *   process (pid)  -> its mappings, sorted by address  -> a file's slot and a bias
 *   file (slot)    -> its bucket index                 -> the rows of 256 bytes of text
 *
 * The daemon writes in the order rows, buckets, file, mappings, process, and takes away in the
 * opposite one. A walker that is under way meanwhile may read what is not there any more: it then
 * goes astray, which its checks of each step end, and memory is safe, because every index is
 * masked.
 */
#ifndef PROFD_UNWIND_TABLE_H
#define PROFD_UNWIND_TABLE_H

#include <linux/types.h>

#define UNWIND_CHUNK_SHIFT 19 /* 4 MB: the largest value that an array of any kernel may have */
#define UNWIND_CHUNK_WORDS (1u << UNWIND_CHUNK_SHIFT)
#define UNWIND_SLAB_CHUNKS 2u
#define UNWIND_SLAB_WORDS  (UNWIND_SLAB_CHUNKS * UNWIND_CHUNK_WORDS) /* 8 MB */
#define UNWIND_SLABS_MAX   64u					     /* 512 MB */

/* Where user space ends on x86-64 with four levels of page tables. */
#define UNWIND_USER_END 0x7ffffffff000ull

#define UNWIND_FILES_MAX     8192u
#define UNWIND_PROCESSES_MAX 8192u
#define UNWIND_MAPPINGS_MAX  4096u /* of a process */

/* Text of a bucket: 256 bytes, and more for a file whose index would not fit into a chunk. */
#define UNWIND_BUCKET_SHIFT_MIN 8u
#define UNWIND_BUCKET_SHIFT_MAX 12u

/* Kinds of a row, as daemon/resolver/unwind_row.h explains them. */
enum unwind_row_cfa {
	ROW_CFA_NONE = 0,
	ROW_CFA_SP = 1,
	ROW_CFA_FP = 2,
	ROW_CFA_PLT = 3,
	ROW_CFA_DEREF_SP = 4,
	ROW_CFA_DEREF_FP = 5,
	ROW_CFA_SIGNAL = 6,
	ROW_CFA_STOP = 7,
	ROW_CFA_UNSUPPORTED = 8,
	ROW_CFA_REGISTER = 9,
	ROW_CFA_RA_REGISTER = 10,
	ROW_CFA_MAX
};

enum unwind_row_fp {
	ROW_FP_SAME = 0,
	ROW_FP_CFA = 1,
	ROW_FP_FP = 2,
	ROW_FP_UNKNOWN = 3,
	ROW_FP_MAX
};

/* A row is one word: pc, cfa, kind and fp from the lowest bit on, as in struct unwind_row. */
#define ROW_PC(row)    ((__u32)(row))
#define ROW_CFA(row)   ((__u16)((row) >> 32))
#define ROW_KIND(row)  ((__u8)((row) >> 48) & 15)
#define ROW_FP(row)    ((__u8)((row) >> 52) & 15)
#define ROW_FP_AT(row) ((__s8)((row) >> 56))

/* A bucket is one word: the first row (a word number), which holds at the bucket's first byte, and
 * how many rows there are to search. */
#define BUCKET(first, n)      ((__u64)(first) | (__u64)(n) << 32)
#define BUCKET_FIRST(bucket)  ((__u32)(bucket))
#define BUCKET_N_ROWS(bucket) ((__u16)((bucket) >> 32))

/* What a process maps executable; 4 words. */
struct unwind_mapping {
	__u64 start, end;
	__u64 bias; /* an address less this is an offset in the file, as a row's pc is */
	__u32 file; /* slot; 0 = no file, as JIT code */
	__u32 zero;
};
#define UNWIND_MAPPING_WORDS 4u

/* A file's index in one word, so that it changes at once: where it begins (a word number), how many
 * buckets, and the shift. 0 = there is none. */
#define FILE_INDEX(first, n, shift) ((__u64)(first) | (__u64)(n) << 32 | (__u64)(shift) << 56)
#define FILE_INDEX_FIRST(index)	    ((__u32)(index))
#define FILE_INDEX_N(index)	    ((__u32)((index) >> 32) & 0xffffff)
#define FILE_INDEX_SHIFT(index)	    ((__u32)((index) >> 56))

struct unwind_file {
	__u64 index;
	__u32 used;  /* UNWIND_EPOCH of the last walk through it, also when it had no index */
	__u32 start; /* number of the first bucket: of what lies before it there is no index */
};
#define UNWIND_EPOCH(mono_ns) ((__u32)((mono_ns) >> 27)) /* about 0.13 s */

/* Which program in which process the mappings are of; others of the same pid do not use them. */
struct unwind_process {
	__u64 start_boot_ns; /* of the process */
	__u64 start_code;
	__u32 exec_id;
	__u32 mappings; /* word number */
	__u32 n_mappings;
	__u32 zero;
};

_Static_assert(sizeof(struct unwind_mapping) == UNWIND_MAPPING_WORDS * 8, "layout of a mapping");
_Static_assert(sizeof(struct unwind_file) == 16, "layout of a file");
_Static_assert(sizeof(struct unwind_process) == 32, "layout of a process");

#endif
