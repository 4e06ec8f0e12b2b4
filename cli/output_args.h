/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output_args.h - the argp child with --output table|json|csv, for all commands whose answer is
 * rows. A command sets the default before parsing; export and status have formats of their own.
 */
#ifndef PROFD_OUTPUT_ARGS_H
#define PROFD_OUTPUT_ARGS_H

#include <argp.h>

#include "output.h"

/* Its input is the enum output_format to set. */
extern const struct argp output_argp;

#endif
