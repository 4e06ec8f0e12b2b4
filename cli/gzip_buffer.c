// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gzip_buffer.c - a protobuf-c buffer whose bytes are compressed into a file as they come.
 */
#include "gzip_buffer.h"

#include <errno.h>

#define GZIP_WRAPPER 16 /* added to the window bits: a gzip header, not a zlib one */
#define MEMORY_LEVEL 8	/* zlib's default */

static void compress_bytes(struct gzip_buffer *buffer, size_t len, const uint8_t *data, int flush)
{
	uint8_t out[16384];

	do {
		/* avail_in has 32 bits. */
		size_t chunk = len < 1u << 30 ? len : 1u << 30;

		/* zlib does not write to its input, it only lacks the const. */
		buffer->stream.next_in = (z_const Bytef *)(uintptr_t)data;
		buffer->stream.avail_in = (uInt)chunk;
		len -= chunk;
		data += chunk;
		do {
			size_t n;

			buffer->stream.next_out = out;
			buffer->stream.avail_out = sizeof(out);
			(void)deflate(&buffer->stream, len > 0 ? Z_NO_FLUSH : flush);
			n = sizeof(out) - buffer->stream.avail_out;
			if (!buffer->error && fwrite(out, 1, n, buffer->file) != n)
				buffer->error = -EIO;
		} while (buffer->stream.avail_out == 0);
	} while (len > 0);
}

static void append(ProtobufCBuffer *base, size_t len, const uint8_t *data)
{
	struct gzip_buffer *buffer = (struct gzip_buffer *)base;

	if (len > 0)
		compress_bytes(buffer, len, data, Z_NO_FLUSH);
}

int gzip_buffer_init(struct gzip_buffer *buffer, FILE *file)
{
	*buffer = (struct gzip_buffer){.base.append = append, .file = file};
	if (deflateInit2(&buffer->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
			 MAX_WBITS + GZIP_WRAPPER, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	return 0;
}

int gzip_buffer_finish(struct gzip_buffer *buffer)
{
	static const uint8_t nothing = 0; /* NULL plus 0 is undefined */
	compress_bytes(buffer, 0, &nothing, Z_FINISH);
	(void)deflateEnd(&buffer->stream);
	return buffer->error;
}
