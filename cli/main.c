// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - profctl: finds the command and hands over. It reads the files of a store and nothing
 * else: it never talks to profd, and needs no privilege beyond reading them.
 */
#include <argp.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "commands.h"
#include "output.h"

static const struct command {
	const char *name;
	enum exit_code (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"top", cmd_top, "where time went, by function, process or unit"},
	{"latency", cmd_latency, "how long threads waited, each time"},
	{"io", cmd_io, "what block devices did, and for whom"},
	{"stat", cmd_stat, "CPU, waiting, memory and reading and writing, in all"},
	{"ps", cmd_ps, "the same in columns, by process, thread or unit"},
	{"threads", cmd_threads, NULL}, /* listed with the one before */
	{"units", cmd_units, NULL},
	{"export", cmd_export, "stacks for pprof and flame graph tools"},
	{"status", cmd_status, "what the store holds, what was lost, is profd writing"},
};

static enum exit_code print_help(void)
{
	puts("profctl answers from profd's store, about any past window.");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char names[32];

		if (!commands[i].summary)
			continue;
		(void)snprintf(names, sizeof(names), "%s", commands[i].name);
		for (size_t k = i + 1; k < ARRAY_SIZE(commands) && !commands[k].summary; k++) {
			size_t len = strlen(names);

			(void)snprintf(names + len, sizeof(names) - len, ", %s", commands[k].name);
		}
		printf("  %-19s %s\n", names, commands[i].summary);
	}
	puts("Examples:\n"
	     "  profctl top --since 10m\n"
	     "  profctl export --pid 1234 > x.pb.gz && go tool pprof -top x.pb.gz\n"
	     "'profctl COMMAND --help' lists a command's options, 'man profctl' explains them.");
	return output_finish();
}

/* Edits needed to turn one word into the other, for words of a command's length. */
static size_t edit_distance(const char *a, const char *b)
{
	enum { MAX = 16 };
	size_t row[MAX + 1], len = strlen(b);

	if (strlen(a) > MAX || len > MAX)
		return MAX;
	for (size_t k = 0; k <= len; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= len; k++) {
			size_t replaced = diagonal + (a[i - 1] != b[k - 1]);
			size_t shorter = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;

			diagonal = row[k];
			row[k] = replaced < shorter ? replaced : shorter;
		}
	}
	return row[len];
}

static enum exit_code unknown_command(const char *name)
{
	const struct command *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t distance = edit_distance(name, commands[i].name);

		if (distance < best_distance) {
			best = &commands[i];
			best_distance = distance;
		}
	}
	if (best)
		return fail(EXIT_USAGE, "no command '%s'; did you mean 'profctl %s'?", name,
			    best->name);
	return fail(EXIT_USAGE, "no command '%s'; run 'profctl' for the list", name);
}

static bool is_option(const char *arg, const char *name, const char *letter)
{
	return strcmp(arg, name) == 0 || strcmp(arg, letter) == 0;
}

int main(int argc, char **argv)
{
	char name[32];

	/* For the width of characters only: numbers and dates stay as they are. */
	(void)setlocale(LC_CTYPE, "");
	argp_program_version = "profctl " PROFD_VERSION;
	argp_err_exit_status = EXIT_USAGE;

	if (argc < 2 || is_option(argv[1], "--help", "-h") || is_option(argv[1], "help", "-?"))
		return print_help();
	if (is_option(argv[1], "--version", "-V")) {
		puts(argp_program_version);
		return output_finish();
	}
	if (argv[1][0] == '-')
		return fail(EXIT_USAGE,
			    "unknown option '%s'; options come after the command, run 'profctl' "
			    "for the list",
			    argv[1]);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "profctl %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	return unknown_command(argv[1]);
}
