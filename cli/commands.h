/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commands.h - profctl's subcommands: each parses its own arguments with argp, answers, and returns
 * the program's exit code. argv[0] is the name for messages, e.g. "profctl top".
 */
#ifndef PROFD_COMMANDS_H
#define PROFD_COMMANDS_H

#include "exit_code.h"

enum exit_code cmd_top(int argc, char **argv);
enum exit_code cmd_stat(int argc, char **argv);
enum exit_code cmd_ps(int argc, char **argv);
enum exit_code cmd_threads(int argc, char **argv);
enum exit_code cmd_units(int argc, char **argv);
enum exit_code cmd_export(int argc, char **argv);
enum exit_code cmd_io(int argc, char **argv);
enum exit_code cmd_latency(int argc, char **argv);
enum exit_code cmd_status(int argc, char **argv);

#endif
