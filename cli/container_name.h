/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * container_name.h - a container as a table shows it.
 */
#ifndef PROFD_CONTAINER_NAME_H
#define PROFD_CONTAINER_NAME_H

#define CONTAINER_NAME_DIGITS 12 /* of an id, as docker prints it and --container takes it */

/* An id cut to its first digits, in `buf`; a name as it is. */
const char *container_name_short(const char *container, char buf[CONTAINER_NAME_DIGITS + 1]);

#endif
