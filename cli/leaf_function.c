// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * leaf_function.c - see leaf_function.h.
 */
#include "leaf_function.h"

#include <errno.h>

int leaf_function_of(const struct dictionary *dictionary, uint32_t node, struct totals_key *ret)
{
	const struct dictionary_location *location;

	if (node >= dictionary->n_nodes)
		return -EBADMSG;
	*ret = (struct totals_key){
		.function = "", .module = "", .source = "", .reason = UNKNOWN_NO_MAPPING};
	if (node == 0)
		return 0;
	location = &dictionary->locations[dictionary->nodes[node].location];
	if (location->kind == LOCATION_SYNTHETIC) {
		enum synthetic synthetic = (enum synthetic)location->offset;

		if (synthetic_is_truncation(synthetic))
			return 0;
		ret->function = synthetic_name(synthetic);
		ret->reason = UNKNOWN_NONE;
		return 0;
	}
	ret->module = dictionary->files[location->file].path;
	if (location->n_frames > 0) {
		uint32_t id = dictionary->frames[location->first_frame].function;

		ret->function = dictionary->functions[id].name;
		ret->source = dictionary->functions[id].source;
		ret->reason = UNKNOWN_NONE;
	} else {
		ret->reason = location->unknown ? location->unknown : UNKNOWN_PENDING;
	}
	return 0;
}
