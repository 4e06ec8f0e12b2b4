/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzip_buffer.h - a protobuf-c buffer whose bytes are compressed into a file as they come, so that
 * a large profile is never in memory twice.
 */
#ifndef PROFD_GZIP_BUFFER_H
#define PROFD_GZIP_BUFFER_H

#include <stdio.h>

#include <protobuf-c/protobuf-c.h>
#include <zlib.h>

struct gzip_buffer {
	ProtobufCBuffer base; /* first: protobuf-c knows only this */
	z_stream stream;
	FILE *file; /* borrowed */
	int error;  /* the first one, negative errno */
};

/* Returns 0 or -ENOMEM; then gzip_buffer_finish() must follow. */
int gzip_buffer_init(struct gzip_buffer *buffer, FILE *file);

/* Writes what is left and releases everything but the file. Returns 0, or -EIO when the file could
 * not be written (its error indicator is set). */
int gzip_buffer_finish(struct gzip_buffer *buffer);

#endif
