// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frame_name.c - what stands where a function or module has no name of its own.
 */
#include "frame_name.h"

#include <stdio.h>
#include <string.h>

void frame_name_unknown(enum unknown_reason reason, char buf[FRAME_NAME_MAX])
{
	const char *text = unknown_reason_text(reason);

	(void)snprintf(buf, FRAME_NAME_MAX, "[unknown%s%s]", *text ? ": " : "", text);
}

const char *frame_name_module(const char *path)
{
	const char *slash = strrchr(path, '/');

	return path[0] == '/' && slash[1] != '\0' ? slash + 1 : path;
}
