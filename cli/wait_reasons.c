// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_reasons.c - see wait_reasons.h.
 */
#include "wait_reasons.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOT_ASKED 0xff
_Static_assert(WAIT_REASON_MAX < NOT_ASKED, "reasons are kept in a byte each");

struct wait_reasons {
	const struct dictionary *dictionary;
	uint8_t *locations, *nodes; /* enum wait_reason, or NOT_ASKED */
	uint8_t *switches;	    /* by location: whether it only gives the CPU up */
};

int wait_reasons_new(const struct dictionary *dictionary, struct wait_reasons **ret)
{
	_cleanup_(wait_reasons_freep) struct wait_reasons *reasons = calloc(1, sizeof(*reasons));

	if (!reasons)
		return -ENOMEM;
	reasons->dictionary = dictionary;
	/* One more, so that malloc() returns NULL for want of memory only. */
	reasons->locations = malloc((size_t)dictionary->n_locations + 1);
	reasons->nodes = malloc((size_t)dictionary->n_nodes + 1);
	reasons->switches = malloc((size_t)dictionary->n_locations + 1);
	if (!reasons->locations || !reasons->nodes || !reasons->switches)
		return -ENOMEM;
	memset(reasons->switches, NOT_ASKED, dictionary->n_locations);
	memset(reasons->locations, NOT_ASKED, dictionary->n_locations);
	memset(reasons->nodes, NOT_ASKED, dictionary->n_nodes);
	*ret = take_ptr(reasons);
	return 0;
}

struct wait_reasons *wait_reasons_free(struct wait_reasons *reasons)
{
	if (reasons) {
		free(reasons->locations);
		free(reasons->nodes);
		free(reasons->switches);
	}
	free(reasons);
	return NULL;
}

static enum wait_reason of_location(struct wait_reasons *reasons, uint32_t id)
{
	const struct dictionary *d = reasons->dictionary;
	const struct dictionary_location *location = &d->locations[id];
	enum wait_reason reason = WAIT_REASON_NONE;

	if (reasons->locations[id] != NOT_ASKED)
		return (enum wait_reason)reasons->locations[id];
	for (uint32_t i = 0; i < location->n_frames; i++) {
		uint32_t function = d->frames[location->first_frame + i].function;

		reason = wait_reason_add(reason,
					 wait_reason_of_function(d->functions[function].name));
	}
	reasons->locations[id] = (uint8_t)reason;
	return reason;
}

static enum wait_reason of_node(struct wait_reasons *reasons, uint32_t leaf)
{
	const struct dictionary *d = reasons->dictionary;
	enum wait_reason reason = WAIT_REASON_NONE;

	if (reasons->nodes[leaf] != NOT_ASKED)
		return (enum wait_reason)reasons->nodes[leaf];
	for (uint32_t node = leaf; node != 0; node = d->nodes[node].parent) {
		uint32_t location = d->nodes[node].location;

		/* The kernel's frames are the leaf-most ones. */
		if (d->locations[location].kind != LOCATION_KERNEL)
			break;
		reason = wait_reason_add(reason, of_location(reasons, location));
	}
	reasons->nodes[leaf] = (uint8_t)reason;
	return reason;
}

enum wait_reason wait_reasons_of(struct wait_reasons *reasons, enum sample_type type,
				 enum wait_state state, uint32_t node)
{
	if (type == SAMPLE_RUNQ)
		return WAIT_REASON_CPU;
	if (type != SAMPLE_OFFCPU || node >= reasons->dictionary->n_nodes)
		return WAIT_REASON_NONE;
	return wait_reason_of(state, of_node(reasons, node));
}

/* kernel/sched/core.c and kernel/entry: how a thread gives its CPU up, whatever for; and how
 * tracing programs are called there (kernel/trace/bpf_trace.c). A name that ends in '*' stands for
 * all that begin so. */
static bool is_switch(const char *name)
{
	static const char *const names[] = {
		"__schedule",	    "schedule",		  "preempt_schedule*",
		"__schedule_loop",  "__cond_resched",	  "schedule_preempt_disabled",
		"bpf_prog_*",	    "bpf_trampoline_*",	  "bpf_trace_run*",
		"__bpf_trace_run*", "__bpf_trace_sched*", "__traceiter_sched*",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);
		bool is_prefix = names[i][n - 1] == '*';

		if (is_prefix ? strncmp(name, names[i], n - 1) == 0 : strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool is_switch_location(struct wait_reasons *reasons, uint32_t id)
{
	const struct dictionary *d = reasons->dictionary;
	const struct dictionary_location *location = &d->locations[id];
	bool yes = location->kind == LOCATION_KERNEL && location->n_frames > 0;

	if (reasons->switches[id] != NOT_ASKED)
		return reasons->switches[id];
	for (uint32_t i = 0; yes && i < location->n_frames; i++) {
		uint32_t function = d->frames[location->first_frame + i].function;

		yes = is_switch(d->functions[function].name);
	}
	reasons->switches[id] = yes;
	return yes;
}

uint32_t wait_reasons_leaf(struct wait_reasons *reasons, uint32_t node)
{
	const struct dictionary_node *nodes = reasons->dictionary->nodes;

	while (node != 0 && node < reasons->dictionary->n_nodes && nodes[node].parent != 0 &&
	       is_switch_location(reasons, nodes[node].location))
		node = nodes[node].parent;
	return node;
}
