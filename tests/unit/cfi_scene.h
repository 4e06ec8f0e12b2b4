/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi_scene.h - ELF files with call frame information that is made byte by byte.
 *
 * The text of a scene begins at SCENE_TEXT, which is the base of its table: a row's pc is an offset
 * in the text. Entries are written with scene_cie() and scene_fde(), or by hand between
 * scene_begin() and scene_end().
 */
#ifndef CFI_SCENE_H
#define CFI_SCENE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind_row.h"

#define SCENE_TEXT	 0x401000u
#define SCENE_TEXT_BYTES 0x20000u
#define SCENE_CFI	 0x800000u /* address of the section */
#define SCENE_HDR	 0x7ff000u /* of .eh_frame_hdr */
#define SCENE_GOT	 0x900000u
#define SCENE_CFI_BYTES	 0x40000u

enum scene_sections {
	SCENE_EH_FRAME,	   /* .eh_frame, .text and .got */
	SCENE_DEBUG_FRAME, /* .debug_frame */
	SCENE_STRIPPED,	   /* no section headers, but .eh_frame_hdr */
};

struct cfi_scene {
	enum scene_sections sections;
	uint8_t text[SCENE_TEXT_BYTES];
	uint8_t cfi[SCENE_CFI_BYTES];
	uint32_t n_cfi;
	uint64_t entry;		/* entry point; 0: none */
	uint32_t hdr_count;	/* of FDEs, in .eh_frame_hdr */
	uint32_t section_flags; /* of the section */
	uint16_t type, machine;
};

/* Arguments for a pointer and a size. */
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define NO_BYTES   NULL, 0

/* Rows in short: pc, kind of CFA, cfa, kind of rbp, fp. */
#define ROW(pc_, cfa_kind, cfa_, fp_kind, fp_)                                                     \
	(struct unwind_row)                                                                        \
	{                                                                                          \
		.pc = (pc_), .cfa = (uint16_t)(cfa_),                                              \
		.kind = UNWIND_CFA_##cfa_kind | UNWIND_FP_##fp_kind << 4, .fp = (fp_)              \
	}
#define SP1(pc)	 ROW(pc, SP, 1, SAME, 0)
#define SP2(pc)	 ROW(pc, SP, 2, SAME, 0)
#define GAP(pc)	 ROW(pc, NONE, 0, SAME, 0)
#define STOP(pc) ROW(pc, STOP, 0, SAME, 0)
#define SIG(pc)	 ROW(pc, SIGNAL, 0, SAME, 0)
#define BAD(pc)	 ROW(pc, UNSUPPORTED, 0, SAME, 0)
#define ROWS(...)                                                                                  \
	(const struct unwind_row[]){__VA_ARGS__},                                                  \
		sizeof((const struct unwind_row[]){__VA_ARGS__}) / sizeof(struct unwind_row)
#define TWO(low, high) ((uint8_t)(low) | (uint8_t)(high) << 8)

struct cfi_scene *scene_new(enum scene_sections sections);
struct cfi_scene *scene_free(struct cfi_scene *scene);

void scene_put(struct cfi_scene *scene, const void *bytes, size_t len);
void scene_number(struct cfi_scene *scene, uint64_t value, size_t size);
/* A distance from where it stands to `vaddr`, in four bytes. */
void scene_distance(struct cfi_scene *scene, uint64_t vaddr);

/* Returns the offset of the entry; the end fills up with nops and writes the length. */
uint32_t scene_begin(struct cfi_scene *scene);
void scene_end(struct cfi_scene *scene, uint32_t entry);

/*
 * A CIE with the usual alignments and return address, "CFA is rsp+8, RA at CFA-8", and what
 * `program` has besides. Returns its offset.
 */
uint32_t scene_cie(struct cfi_scene *scene, uint8_t version, const char *augmentation,
		   const uint8_t *data, size_t data_len, const uint8_t *program, size_t len);
/* The usual one: version 1, "zR", distances of four bytes. */
uint32_t scene_plain_cie(struct cfi_scene *scene);
/* An FDE of a CIE whose pointers are distances of four bytes; `start` is an offset in the text. */
void scene_fde(struct cfi_scene *scene, uint32_t cie, uint32_t start, uint32_t size,
	       const uint8_t *program, size_t len);
/* What stands before the range: the pointer to the CIE. */
void scene_cie_pointer(struct cfi_scene *scene, uint32_t cie);

/* The file, in a descriptor that the caller closes. */
int scene_file(const struct cfi_scene *scene);
/* Reads the table of the file; returns what unwind_table_read() does, and checks what it promises.
 */
int scene_read(const struct cfi_scene *scene, struct unwind_table *ret);
int checked_read(int fd, struct unwind_table *ret);

/* Reads it, compares rows and the number of broken FDEs, and frees the scene. */
void expect_scene(const char *what, struct cfi_scene *scene, uint32_t n_broken,
		  const struct unwind_row *rows, size_t n);
/* The table has exactly these rows; releases it. */
void expect_rows(const char *what, struct unwind_table *table, const struct unwind_row *rows,
		 size_t n);

#endif
