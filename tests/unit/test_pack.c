// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_pack.c - blobs packed and unpacked: what does not shrink stays raw, and a frame's claims are
 * checked before room is made for them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "pack.h"

static void test_pack(void **state)
{
	static const size_t sizes[] = {0, 1, 5, 100, 5000, 200000};
	struct packer *packer = NULL;
	struct unpacker *unpacker = NULL;
	struct byte_buf out = {};

	(void)state;
	srandom(4);
	assert_int_equal(packer_new(&packer), 0);
	assert_int_equal(unpacker_new(&unpacker), 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i / 2], packed_len;
		_cleanup_free_ unsigned char *data = malloc(size + 1), *kept = NULL;
		const void *packed;
		enum pack_enc enc;

		assert_non_null(data);
		for (size_t k = 0; k < size; k++)
			data[k] = i % 2 ? (unsigned char)random() : (unsigned char)(k / 100);
		assert_int_equal(packer_pack(packer, data, size, &enc, &packed, &packed_len), 0);
		/* What does not get smaller stays as it is. */
		assert_true(packed_len <= size);
		assert_int_equal(enc, packed_len < size ? PACK_ZSTD : PACK_RAW);
		if (size >= 5000 && i % 2 == 0)
			assert_true(packed_len < size / 10);
		/* Of just this size, so that ASan tells of a read past it. */
		kept = malloc(packed_len ? packed_len : 1);
		assert_non_null(kept);
		memcpy(kept, packed, packed_len);
		assert_int_equal(unpacker_unpack(unpacker, enc, kept, packed_len, &out), 0);
		assert_int_equal(out.len, size);
		if (size)
			assert_memory_equal(out.data, data, size);
		if (enc == PACK_ZSTD)
			assert_int_equal(unpacker_unpack(unpacker, enc, kept, packed_len - 1, &out),
					 -EBADMSG);
	}
	byte_buf_done(&out);
	packer_free(packer);
	unpacker_free(unpacker);
}

static void test_unpack_limits(void **state)
{
	/* Frames of zstd that claim 65 MiB, an unknown size, and no frame at all. */
	static const unsigned char huge[] = {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0,
					     0,	   0x10, 0x04, 1,    0,	   0};
	static const unsigned char unknown[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 1, 0, 0};
	struct unpacker *unpacker = NULL;
	struct byte_buf out = {};

	(void)state;
	assert_int_equal(unpacker_new(&unpacker), 0);
	assert_int_equal(unpacker_unpack(unpacker, PACK_ZSTD, huge, sizeof(huge), &out), -EBADMSG);
	assert_int_equal(unpacker_unpack(unpacker, PACK_ZSTD, unknown, sizeof(unknown), &out),
			 -EBADMSG);
	assert_int_equal(unpacker_unpack(unpacker, PACK_ZSTD, "text", 4, &out), -EBADMSG);
	assert_int_equal(unpacker_unpack(unpacker, 7, "text", 4, &out), -EBADMSG);
	/* None of them made room for what it claimed. */
	assert_in_range(out.capacity, 0, 4096);
	byte_buf_done(&out);
	unpacker_free(unpacker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_unpack_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
