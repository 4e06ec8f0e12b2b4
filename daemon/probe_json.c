// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe_json.c - a probe's result as one JSON object; see probe.h. By hand: it is the only JSON
 * that profd writes.
 */
#include "probe.h"

#include "capabilities.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A string with its quotes. What is not ASCII may not be UTF-8, and becomes a replacement
 * character. */
static void put_string(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			(void)fprintf(out, "\\%c", *c);
		else if (*c >= 0x80)
			(void)fputs("\\ufffd", out);
		else if (*c < 0x20 || *c == 0x7f)
			(void)fprintf(out, "\\u%04x", *c);
		else
			(void)fputc(*c, out);
	}
	(void)fputc('"', out);
}

/* ,"key": "text", or null for none. */
static void put_text(FILE *out, const char *key, const char *text)
{
	(void)fprintf(out, "  \"%s\": ", key);
	if (*text)
		put_string(out, text);
	else
		(void)fputs("null", out);
	(void)fputs(",\n", out);
}

static void put_number(FILE *out, const char *key, int32_t number)
{
	if (number == PROBE_UNKNOWN)
		(void)fprintf(out, "  \"%s\": null,\n", key);
	else
		(void)fprintf(out, "  \"%s\": %" PRId32 ",\n", key, number);
}

static void put_bool(FILE *out, const char *key, bool value)
{
	(void)fprintf(out, "  \"%s\": %s,\n", key, value ? "true" : "false");
}

/* {"ok": ..., "error": ...} */
static void put_outcome(FILE *out, int r)
{
	(void)fprintf(out, "{\"ok\": %s, \"error\": ", r < 0 ? "false" : "true");
	if (r < 0)
		put_string(out, strerror(-r));
	else
		(void)fputs("null", out);
	(void)fputc('}', out);
}

static void put_perf_events(FILE *out, const struct probe_result *result)
{
	(void)fputs("  \"perf_events\": {\n", out);
	for (int kind = 0; kind < PERF_EVENT_KIND_MAX; kind++) {
		(void)fprintf(out,
			      "    \"%s\": ", perf_event_kind_name((enum perf_event_kind)kind));
		put_outcome(out, result->perf_events[kind]);
		(void)fputs(kind + 1 < PERF_EVENT_KIND_MAX ? ",\n" : "\n", out);
	}
	(void)fputs("  },\n", out);
}

static void put_capabilities(FILE *out, uint64_t have)
{
	const struct capability *table;
	size_t n;

	table = capability_table(&n);
	(void)fputs("  \"capabilities\": [\n", out);
	for (size_t i = 0; i < n; i++) {
		(void)fprintf(out, "    {\"name\": \"%s\", \"have\": %s,\n", table[i].name,
			      have & CAPABILITY_BIT(table[i].number) ? "true" : "false");
		(void)fputs("     \"purpose\": ", out);
		put_string(out, table[i].purpose);
		(void)fputs(",\n     \"cost_if_missing\": ", out);
		put_string(out, table[i].cost);
		(void)fputs(i + 1 < n ? "},\n" : "}\n", out);
	}
	(void)fputs("  ],\n", out);
}

static void put_blockers(FILE *out, const struct probe_result *result)
{
	(void)fputs("  \"blockers\": [", out);
	for (unsigned i = 0; i < result->n_blockers; i++) {
		(void)fputs(i ? ",\n    " : "\n    ", out);
		put_string(out, result->blockers[i]);
	}
	(void)fputs(result->n_blockers ? "\n  ]\n" : "]\n", out);
}

int probe_print(const struct probe_result *result, FILE *out)
{
	(void)fputs("{\n  \"schema\": 1,\n  \"kind\": \"probe\",\n", out);
	put_text(out, "profd", PROFD_VERSION);
	put_text(out, "kernel_release", result->release);
	put_text(out, "kernel_build", result->build);
	put_text(out, "kernel_version", result->version);
	put_text(out, "arch", result->arch);
	put_number(out, "perf_event_paranoid", result->perf_event_paranoid);
	put_number(out, "kptr_restrict", result->kptr_restrict);
	put_number(out, "perf_event_max_stack", result->perf_event_max_stack);
	put_bool(out, "btf", result->btf);
	put_bool(out, "bpf_ring_buffer", result->ring_buffer);
	put_bool(out, "bpf_programs", result->programs);
	(void)fputs("  \"bpf_stats\": ", out);
	put_outcome(out, result->bpf_stats);
	(void)fputs(",\n", out);
	put_perf_events(out, result);
	put_bool(out, "procmap_query", result->procmap_query);
	put_text(out, "cgroup2", result->cgroup2);
	put_capabilities(out, result->capabilities);
	put_blockers(out, result);
	(void)fputs("}\n", out);
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}
