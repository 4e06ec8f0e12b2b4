// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config.c - one table of keys; each knows its range, so that the message can name it.
 */
#include "config.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_FILE_MAX (64 * 1024)

enum key_type { KEY_NUMBER, KEY_DIVISOR, KEY_PATH, KEY_PATH_OR_NONE, KEY_PATTERNS, KEY_SWITCH };

static const struct key {
	const char *section, *name;
	enum key_type type;
	bool is_live; /* a reload may change it */
	size_t offset;
	uint32_t min, max;
	uint32_t initial;
	uint32_t divides; /* KEY_DIVISOR: the value must divide it */
	const char *unit;
} keys[] = {
	{"blockio", "enabled", KEY_SWITCH, false, offsetof(struct config, blockio_enabled), 0, 1, 1,
	 0, NULL},
	{"blockio", "stacks_per_s", KEY_NUMBER, false,
	 offsetof(struct config, blockio_stacks_per_s), 10, 1000, 50, 0, "stacks"},
	{"cpu", "frequency_hz", KEY_NUMBER, true, offsetof(struct config, frequency_hz),
	 CONFIG_FREQUENCY_MIN_HZ, CONFIG_FREQUENCY_MAX_HZ, 49, 0, "Hz"},
	{"filter", "exclude_units", KEY_PATTERNS, true, offsetof(struct config, exclude_units), 0,
	 0, 0, 0, NULL},
	{"filter", "exclude_comms", KEY_PATTERNS, true, offsetof(struct config, exclude_comms), 0,
	 0, 0, 0, NULL},
	{"offcpu", "enabled", KEY_SWITCH, false, offsetof(struct config, offcpu_enabled), 0, 1, 1,
	 0, NULL},
	{"offcpu", "stacks_per_s", KEY_NUMBER, false, offsetof(struct config, offcpu_stacks_per_s),
	 10, 1000, 50, 0, "stacks"},
	{"offcpu", "wakers", KEY_SWITCH, false, offsetof(struct config, offcpu_wakers), 0, 1, 0, 0,
	 NULL},
	{"service", "control_directory", KEY_PATH, false,
	 offsetof(struct config, control_directory), 0, 0, 0, 0, NULL},
	/* A divisor of an hour, so that hours and midnight fall on the border of buckets. */
	{"store", "bucket_s", KEY_DIVISOR, false, offsetof(struct config, bucket_s), 1, 600, 10,
	 3600, "seconds"},
	{"store", "max_nodes", KEY_NUMBER, true, offsetof(struct config, max_nodes), 10000,
	 16000000, 1000000, 0, "nodes"},
	{"store", "max_mb", KEY_NUMBER, true, offsetof(struct config, max_mb), 16, 1048576, 1024, 0,
	 "MiB"},
	{"store", "directory", KEY_PATH, false, offsetof(struct config, directory), 0, 0, 0, 0,
	 NULL},
	{"unwind", "budget_mb", KEY_NUMBER, false, offsetof(struct config, unwind_budget_mb), 8,
	 512, 64, 0, "MiB"},
	{"unwind", "max_frames", KEY_NUMBER, false, offsetof(struct config, unwind_max_frames), 16,
	 1023, 1023, 0, "frames"},
	{"unwind", "cache_directory", KEY_PATH_OR_NONE, false,
	 offsetof(struct config, cache_directory), 0, 0, 0, 0, NULL},
};

__attribute__((format(printf, 2, 3))) static int fail(struct config_error *error,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -EINVAL;
}

/* Members of a config are found by the table, as bytes. */
static const void *member(const struct config *config, const struct key *key)
{
	return (const char *)config + key->offset;
}

static void *member_to_set(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

void config_init(struct config *config)
{
	*config = (struct config){.directory = "/var/lib/profd",
				  .control_directory = "/run/profd",
				  .cache_directory = "/var/cache/profd"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].type == KEY_NUMBER || keys[i].type == KEY_DIVISOR ||
		    keys[i].type == KEY_SWITCH)
			*(uint32_t *)member_to_set(config, &keys[i]) = keys[i].initial;
}

static int set_number(struct config *config, const struct key *key, const char *value,
		      const char *where, struct config_error *error)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || number < key->min ||
	    number > key->max || (key->divides && key->divides % number)) {
		if (key->divides)
			return fail(error,
				    "%s: %s = '%s': accepted are %u to %u %s, divisors of %u",
				    where, key->name, value, key->min, key->max, key->unit,
				    key->divides);
		return fail(error, "%s: %s = '%s': accepted are %u to %u %s", where, key->name,
			    value, key->min, key->max, key->unit);
	}
	*(uint32_t *)member_to_set(config, key) = (uint32_t)number;
	return 0;
}

static int set_switch(struct config *config, const struct key *key, const char *value,
		      const char *where, struct config_error *error)
{
	bool on = strcmp(value, "yes") == 0;

	if (!on && strcmp(value, "no") != 0)
		return fail(error, "%s: %s = '%s': accepted are yes and no", where, key->name,
			    value);
	*(uint32_t *)member_to_set(config, key) = on;
	return 0;
}

static int set_path(struct config *config, const struct key *key, const char *value,
		    const char *where, struct config_error *error)
{
	bool none = key->type == KEY_PATH_OR_NONE && !*value;

	if ((value[0] != '/' && !none) || strlen(value) >= CONFIG_PATH_MAX)
		return fail(error,
			    "%s: %s = '%s': accepted is an absolute path of at most %d bytes%s",
			    where, key->name, value, CONFIG_PATH_MAX - 1,
			    key->type == KEY_PATH_OR_NONE ? ", or nothing" : "");
	(void)snprintf(member_to_set(config, key), CONFIG_PATH_MAX, "%s", value);
	return 0;
}

/* Adds the patterns of `value`, which are separated by blanks. */
static int add_patterns(struct config *config, const struct key *key, const char *value,
			const char *where, struct config_error *error)
{
	struct config_patterns *patterns = member_to_set(config, key);

	while (*(value += strspn(value, " \t"))) {
		size_t len = strcspn(value, " \t");

		if (patterns->n == CONFIG_PATTERNS_MAX ||
		    len >= sizeof(patterns->text) - patterns->used)
			return fail(error,
				    "%s: %s: accepted are %d shell patterns, separated by blanks, "
				    "of %d bytes together",
				    where, key->name, CONFIG_PATTERNS_MAX,
				    CONFIG_PATTERNS_BYTES_MAX);
		memcpy(patterns->text + patterns->used, value, len);
		patterns->text[patterns->used + len] = '\0';
		patterns->used += (uint32_t)len + 1;
		patterns->n++;
		value += len;
	}
	return 0;
}

/* " [cpu] frequency_hz, [store] bucket_s, ..." */
static void list_keys(char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(keys) && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s[%s] %s", i ? ", " : "",
					 keys[i].section, keys[i].name);
}

int config_set(struct config *config, const char *section, const char *name, const char *value,
	       const char *where, struct config_error *error)
{
	char known[CONFIG_ERROR_MAX - 128];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key *key = &keys[i];

		if (strcmp(key->section, section) != 0 || strcmp(key->name, name) != 0)
			continue;
		if (key->type == KEY_PATH || key->type == KEY_PATH_OR_NONE)
			return set_path(config, key, value, where, error);
		if (key->type == KEY_PATTERNS)
			return add_patterns(config, key, value, where, error);
		if (key->type == KEY_SWITCH)
			return set_switch(config, key, value, where, error);
		return set_number(config, key, value, where, error);
	}
	list_keys(known, sizeof(known));
	return fail(error, "%s: unknown key '%s' in section [%s]; known are %s", where, name,
		    section, known);
}

/* What inih's callbacks share; the text is consumed line by line. */
struct parse {
	struct config *config;
	const char *name;
	const char *next, *end;
	int line;
	int result;
	struct config_error *error;
};

/* inih's reader: like fgets(), and counts the lines, which inih does not tell its handler. */
static char *read_line(char *buf, int size, void *stream)
{
	struct parse *parse = stream;
	size_t left = (size_t)(parse->end - parse->next), n;
	const char *newline;

	if (!left || parse->result < 0)
		return NULL;
	newline = memchr(parse->next, '\n', left);
	n = newline ? (size_t)(newline - parse->next) + 1 : left;
	parse->line++;
	if (n >= (size_t)size || memchr(parse->next, '\0', n)) {
		parse->result = fail(parse->error,
				     "%s:%d: the line is longer than %d bytes or "
				     "has a NUL byte",
				     parse->name, parse->line, size - 1);
		return NULL;
	}
	memcpy(buf, parse->next, n);
	buf[n] = '\0';
	parse->next += n;
	return buf;
}

static int handle_key(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;
	char where[CONFIG_ERROR_MAX / 2];

	(void)snprintf(where, sizeof(where), "%s:%d", parse->name, parse->line);
	parse->result = config_set(parse->config, section, name, value, where, parse->error);
	return parse->result == 0;
}

int config_parse(struct config *config, const char *text, size_t len, const char *name,
		 struct config_error *error)
{
	struct config draft = *config;
	struct parse parse = {
		.config = &draft, .name = name, .next = text, .end = text + len, .error = error};
	int line = ini_parse_stream(read_line, &parse, handle_key, &parse);

	if (parse.result < 0)
		return parse.result;
	if (line != 0)
		return fail(error, "%s:%d: neither a [section] nor key = value", name, line);
	*config = draft;
	return 0;
}

int config_read(struct config *config, const char *path, struct config_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0) {
		int r = -errno;

		(void)fail(error, "%s: %s; give a file that profd may read", path, strerror(-r));
		return r;
	}
	text = malloc(CONFIG_FILE_MAX + 1);
	if (!text) {
		(void)fail(error, "%s: out of memory", path);
		return -ENOMEM;
	}
	while (used <= CONFIG_FILE_MAX &&
	       (n = read(fd, text + used, CONFIG_FILE_MAX + 1 - used)) > 0)
		used += (size_t)n;
	if (n < 0) {
		int r = -errno;

		(void)fail(error, "%s: %s; give a file that profd may read", path, strerror(-r));
		return r;
	}
	if (used > CONFIG_FILE_MAX)
		return fail(error, "%s: larger than %d bytes", path, CONFIG_FILE_MAX);
	return config_parse(config, text, used, path, error);
}

static bool differs(const struct key *key, const struct config *now, const struct config *next)
{
	switch (key->type) {
	case KEY_PATH:
	case KEY_PATH_OR_NONE:
		return strcmp(member(now, key), member(next, key)) != 0;
	case KEY_PATTERNS:
		return memcmp(member(now, key), member(next, key),
			      sizeof(struct config_patterns)) != 0;
	case KEY_NUMBER:
	case KEY_DIVISOR:
	case KEY_SWITCH:
		break;
	}
	return *(const uint32_t *)member(now, key) != *(const uint32_t *)member(next, key);
}

int config_reloadable(const struct config *now, const struct config *next, char *text, size_t size)
{
	char names[CONFIG_ERROR_MAX / 2] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!keys[i].is_live && differs(&keys[i], now, next) && used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s[%s] %s",
						 used ? ", " : "", keys[i].section, keys[i].name);
	if (!used)
		return 0;
	(void)snprintf(text, size,
		       "not reloaded, the configuration of before stays in force: %s changed, "
		       "which needs a restart of profd",
		       names);
	return -EBUSY;
}
