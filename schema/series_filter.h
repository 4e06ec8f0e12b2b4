/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * series_filter.h - which series pass a struct store_filter (store.h): its half that is not the
 * window. Private to schema/.
 */
#ifndef PROFD_SERIES_FILTER_H
#define PROFD_SERIES_FILTER_H

#include "store.h"

/* Whether anything is asked of a series. */
bool series_filter_is_set(const struct store_filter *filter);

bool series_filter_passes(const struct store_filter *filter, const struct profile_series *series);

#endif
