// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * window_json.c - see window_json.h.
 */
#include "window_json.h"

#include "output.h"
#include "units.h"

static json_t *known(bool is_known, uint64_t ns)
{
	return is_known ? output_json_uint(ns) : json_null();
}

int window_json(const char *command, const struct query *query, const struct store_summary *summary,
		const struct window_parts *parts)
{
	static const struct window_parts nothing;
	const struct window_parts *p = parts ? parts : &nothing;
	const struct store_summary *s = summary;
	const struct store_filter *asked = &query->filter;
	bool empty = s->n_buckets == 0;
	json_t *o = json_object();
	char tier[24];
	int r = 0;

	units_format_span(query->span.bucket_ns, tier, sizeof(tier));
	output_json_set(o, "schema", json_integer(1), &r);
	output_json_set(o, "kind", json_string("window"), &r);
	output_json_set(o, "command", json_string(command), &r);
	output_json_set(o, "event", json_string(event_name(query->event)), &r);
	output_json_set(o, "since_ns", output_json_uint(empty ? asked->since_real_ns : s->since_ns),
			&r);
	output_json_set(o, "until_ns", output_json_uint(empty ? asked->until_real_ns : s->until_ns),
			&r);
	output_json_set(o, "tier", json_string(tier), &r);
	output_json_set(o, "samples", output_json_uint(query_whole_samples(s->count)), &r);
	output_json_set(o, "total_ns", output_json_uint(s->value), &r);
	output_json_set(o, "machine_total_ns", output_json_uint(s->machine_value), &r);
	output_json_set(o, "lost_ns", output_json_uint(s->lost_ns), &r);
	output_json_set(o, "truncated_ns", known(p->has_stacks, p->truncated_ns), &r);
	output_json_set(o, "unnamed_ns", known(p->has_stacks, p->unnamed_ns), &r);
	output_json_set(o, "not_sampled_ns", known(p->has_ledger, p->not_sampled_ns), &r);
	if (p->resolution_pct > 0)
		output_json_set(o, "resolution_pct", json_real(p->resolution_pct), &r);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}
