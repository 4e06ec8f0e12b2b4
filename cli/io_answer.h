/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_answer.h - the answer of profctl io, as a table, JSON lines or CSV.
 */
#ifndef PROFD_IO_ANSWER_H
#define PROFD_IO_ANSWER_H

#include "io_rows.h"
#include "output.h"

struct io_answer {
	const struct query *query;
	const struct io_query *io;
	const struct io_rows *rows;
	size_t n_shown; /* of the rows */
	enum io_by by;
};

/* "sync,meta" */
#define IO_FLAGS_TEXT_MAX 32
void io_answer_flags(uint32_t flags, char buf[IO_FLAGS_TEXT_MAX]);

/* 0 or -ENOMEM. */
int io_answer_json(const struct io_answer *answer);
int io_answer_csv(const struct io_answer *answer);
int io_answer_table(const struct io_answer *answer);

#endif
