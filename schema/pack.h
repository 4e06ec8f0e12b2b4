/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pack.h - a blob as it lies in the database: raw, or one zstd frame where that is smaller. The
 * size an untrusted frame claims is checked against a limit before anything is allocated.
 */
#ifndef PROFD_PACK_H
#define PROFD_PACK_H

#include "bytes.h"

/* Stored; never renumber. */
enum pack_enc {
	PACK_RAW = 0,
	PACK_ZSTD = 1,
};

#define PACK_BYTES_MAX (64u << 20) /* of one unpacked blob */

struct packer;
int packer_new(struct packer **ret);
struct packer *packer_free(struct packer *packer);

/*
 * Packs `len` bytes. *ret_data points into `data` or into the packer, until its next use. Returns
 * 0, -E2BIG beyond PACK_BYTES_MAX, or -ENOMEM.
 */
int packer_pack(struct packer *packer, const void *data, size_t len, enum pack_enc *ret_enc,
		const void **ret_data, size_t *ret_len);

struct unpacker;
int unpacker_new(struct unpacker **ret);
struct unpacker *unpacker_free(struct unpacker *unpacker);

/*
 * Replaces the content of `out` by the unpacked bytes. Returns 0, -EBADMSG for an unknown encoding,
 * a broken frame or one beyond PACK_BYTES_MAX, or -ENOMEM.
 */
int unpacker_unpack(struct unpacker *unpacker, int enc, const void *data, size_t len,
		    struct byte_buf *out);

#endif
