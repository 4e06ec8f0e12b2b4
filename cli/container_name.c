// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_name.c - see container_name.h.
 */
#include "container_name.h"

#include <stdio.h>
#include <string.h>

const char *container_name_short(const char *container, char buf[CONTAINER_NAME_DIGITS + 1])
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(container) != 64 || strspn(container, digits) != 64)
		return container;
	(void)snprintf(buf, CONTAINER_NAME_DIGITS + 1, "%.*s", CONTAINER_NAME_DIGITS, container);
	return buf;
}
