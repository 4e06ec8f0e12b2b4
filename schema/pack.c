// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pack.c - zstd around the blobs. The contexts are kept between blobs: making one costs more than
 * packing a few kilobytes.
 */
#include "pack.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#define PACK_LEVEL 3

struct packer {
	ZSTD_CCtx *zstd;
	struct byte_buf buf;
};

struct unpacker {
	ZSTD_DCtx *zstd;
};

int packer_new(struct packer **ret)
{
	struct packer *packer = calloc(1, sizeof(*packer));

	if (!packer)
		return -ENOMEM;
	packer->zstd = ZSTD_createCCtx();
	if (!packer->zstd) {
		free(packer);
		return -ENOMEM;
	}
	*ret = packer;
	return 0;
}

struct packer *packer_free(struct packer *packer)
{
	if (!packer)
		return NULL;
	ZSTD_freeCCtx(packer->zstd);
	byte_buf_done(&packer->buf);
	free(packer);
	return NULL;
}

int packer_pack(struct packer *packer, const void *data, size_t len, enum pack_enc *ret_enc,
		const void **ret_data, size_t *ret_len)
{
	size_t n;

	if (len > PACK_BYTES_MAX)
		return -E2BIG;
	byte_buf_clear(&packer->buf);
	if (!byte_buf_reserve(&packer->buf, ZSTD_compressBound(len)))
		return -ENOMEM;
	n = ZSTD_compressCCtx(packer->zstd, packer->buf.data, packer->buf.capacity, data, len,
			      PACK_LEVEL);
	if (ZSTD_isError(n))
		return -ENOMEM;
	*ret_enc = n < len ? PACK_ZSTD : PACK_RAW;
	*ret_data = n < len ? packer->buf.data : data;
	*ret_len = n < len ? n : len;
	return 0;
}

int unpacker_new(struct unpacker **ret)
{
	struct unpacker *unpacker = calloc(1, sizeof(*unpacker));

	if (!unpacker)
		return -ENOMEM;
	unpacker->zstd = ZSTD_createDCtx();
	if (!unpacker->zstd) {
		free(unpacker);
		return -ENOMEM;
	}
	*ret = unpacker;
	return 0;
}

struct unpacker *unpacker_free(struct unpacker *unpacker)
{
	if (!unpacker)
		return NULL;
	ZSTD_freeDCtx(unpacker->zstd);
	free(unpacker);
	return NULL;
}

int unpacker_unpack(struct unpacker *unpacker, int enc, const void *data, size_t len,
		    struct byte_buf *out)
{
	unsigned long long size;
	unsigned char *p;
	size_t n;

	byte_buf_clear(out);
	if (enc == PACK_RAW) {
		if (len > PACK_BYTES_MAX)
			return -EBADMSG;
		byte_buf_put(out, data, len);
		return out->failed ? -ENOMEM : 0;
	}
	if (enc != PACK_ZSTD)
		return -EBADMSG;
	/* The two error values of this call are above the limit as well. */
	size = ZSTD_getFrameContentSize(data, len);
	if (size > PACK_BYTES_MAX)
		return -EBADMSG;
	p = byte_buf_reserve(out, size + 1);
	if (!p)
		return -ENOMEM;
	n = ZSTD_decompressDCtx(unpacker->zstd, p, size, data, len);
	if (ZSTD_isError(n) || n != size)
		return -EBADMSG;
	out->len = size;
	return 0;
}
