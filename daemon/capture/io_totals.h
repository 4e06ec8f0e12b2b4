/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_totals.h - what block devices did since they were looked at last, out of what the kernel's
 * side counts since its start, per CPU. It is given what the map holds.
 */
#ifndef PROFD_IO_TOTALS_H
#define PROFD_IO_TOTALS_H

#include "capture/io_devices.h"
#include "record/bucket.h"
#include "wire.h"

struct io_totals;

/* `devices` are borrowed. */
int io_totals_new(struct io_devices *devices, struct io_totals **ret);
struct io_totals *io_totals_free(struct io_totals *totals);
DEFINE_CLEANUP(struct io_totals *, io_totals_free);

/* One look at all entries: begin, one add for each, end. */
void io_totals_begin(struct io_totals *totals);

/*
 * Adds to the bucket what that entry has more than at the look before; `sums` are those of `n`
 * CPUs. Returns 0, or -EBADMSG (an operation that is none), -ENOMEM, -ENOSPC or -ERANGE of the
 * bucket: then it comes with the next look.
 */
int io_totals_add(struct io_totals *totals, const struct wire_io_key *key,
		  const struct wire_io_sums *sums, uint32_t n, struct bucket *bucket);

/* Forgets the entries that this look did not bring: they are gone, and one of their key begins at
 * 0. */
void io_totals_end(struct io_totals *totals);

/* That entry was removed: one of its key begins at 0, also before the next look. */
void io_totals_forget(struct io_totals *totals, const struct wire_io_key *key);

/* Whether nothing was added to that entry in the last `n_looks` looks. */
bool io_totals_is_idle(const struct io_totals *totals, const struct wire_io_key *key,
		       uint32_t n_looks);

#endif
