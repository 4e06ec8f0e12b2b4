// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_status.c - see control_status.h.
 */
#include "control_status.h"

#include "json_text.h"

static void put_losses(struct json_text *json, const struct control_status *status)
{
	json_open_object(json, "losses");
	for (uint32_t i = 0; i < status->n_losses; i++) {
		const struct profile_loss *loss = &status->losses[i];

		json_open_object(json, loss->name);
		json_put_uint(json, "count", loss->count);
		json_put_uint(json, "weight_ns", loss->weight_ns);
		json_close_object(json);
	}
	json_close_object(json);
}

static void put_unwind(struct json_text *json, const struct control_status *status)
{
	json_open_object(json, "unwind");
	json_put_uint(json, "budget_bytes", status->unwind_budget_bytes);
	json_put_uint(json, "used_bytes", status->unwind_used_bytes);
	json_put_uint(json, "memory_bytes", status->unwind_memory_bytes);
	json_put_uint(json, "files_installed", status->n_unwind_installed);
	json_put_uint(json, "files_evicted", status->n_unwind_evicted);
	json_close_object(json);
}

static void put_offcpu(struct json_text *json, const struct control_status *status)
{
	json_open_object(json, "offcpu");
	json_put_string(json, "refusal", status->offcpu_refusal);
	json_put_uint(json, "open_waits", status->n_open_waits);
	json_put_uint(json, "captures", status->n_wait_stacks);
	json_put_uint(json, "pass_ns", status->pass_ns);
	json_close_object(json);
}

static void put_blockio(struct json_text *json, const struct control_status *status)
{
	json_open_object(json, "blockio");
	json_put_string(json, "refusal", status->blockio_refusal);
	json_put_uint(json, "samples", status->n_io_samples);
	json_close_object(json);
}

void control_status_reply(struct control_call call, const struct control_status *status)
{
	_cleanup_json_ struct json_text json = {};

	json_open_object(&json, NULL);
	json_put_bool(&json, "ok", true);
	json_put_string(&json, "version", status->version);
	json_put_int(&json, "pid", status->pid);
	json_put_uint(&json, "since_ns", status->since_real_ns);
	json_put_uint(&json, "frequency_hz", status->frequency_hz);
	json_put_uint(&json, "cpus", status->n_cpus);
	json_put_uint(&json, "bucket_ns", status->bucket_ns);
	json_put_string(&json, "store", status->store);
	json_put_uint(&json, "buckets_written", status->n_buckets_written);
	json_put_uint(&json, "buckets_waiting", status->n_buckets_waiting);
	put_losses(&json, status);
	json_put_string(&json, "last_error", status->last_error);
	json_put_string(&json, "safe_mode", status->safe_mode);
	json_put_uint(&json, "processes", status->n_processes);
	json_put_string(&json, "follows_processes",
			status->follows_by_sideband ? "sideband" : "proc");
	put_unwind(&json, status);
	put_offcpu(&json, status);
	put_blockio(&json, status);
	json_close_object(&json);
	control_reply(call, json_text_end(&json));
}
