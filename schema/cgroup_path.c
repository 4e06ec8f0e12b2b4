// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup_path.c - a cgroup v2 path taken apart, one component after the other from the root on.
 */
#include "cgroup_path.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "cleanup.h"

#define UNIT_NAME_SIZE 256 /* with the NUL: UNIT_NAME_MAX of src/basic/unit-name.h */
#define ID_DIGITS      64  /* of a container: 256 random bits */

/* A piece of a string, without a NUL of its own. */
struct piece {
	const char *text;
	size_t len;
};

static struct piece piece_of(const char *text)
{
	return (struct piece){text, strlen(text)};
}

/* The next component of *path, which is moved behind it; false at the end. */
static bool next_component(const char **path, struct piece *ret)
{
	const char *text = *path + strspn(*path, "/");

	*ret = (struct piece){text, strcspn(text, "/")};
	*path = text + ret->len;
	return ret->len > 0;
}

static bool equals(struct piece piece, const char *text)
{
	return piece.len == strlen(text) && memcmp(piece.text, text, piece.len) == 0;
}

/* Cuts `prefix` off when something is left then. */
static bool cut_prefix(struct piece *piece, const char *prefix)
{
	size_t len = strlen(prefix);

	if (piece->len <= len || memcmp(piece->text, prefix, len) != 0)
		return false;
	*piece = (struct piece){piece->text + len, piece->len - len};
	return true;
}

/* The same at the end. */
static bool cut_suffix(struct piece *piece, const char *suffix)
{
	size_t len = strlen(suffix);

	if (piece->len <= len || memcmp(piece->text + piece->len - len, suffix, len) != 0)
		return false;
	piece->len -= len;
	return true;
}

static bool cut_both(struct piece *piece, const char *prefix, const char *suffix)
{
	return cut_prefix(piece, prefix) && cut_suffix(piece, suffix);
}

/* All of a piece is made of these characters. */
static bool made_of(struct piece piece, const char *characters)
{
	for (size_t i = 0; i < piece.len; i++)
		if (!memchr(characters, piece.text[i], strlen(characters)))
			return false;
	return true;
}

static void copy(struct piece piece, char *buf, size_t size)
{
	size_t len = piece.len < size ? piece.len : size - 1;

	memcpy(buf, piece.text, len);
	buf[len] = '\0';
}

/* ---- units ---- */

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool cut_unit_type(struct piece *piece)
{
	/* src/basic/unit-def.c */
	static const char *const types[] = {
		".service", ".socket", ".target", ".device", ".mount", ".automount",
		".swap",    ".timer",  ".path",	  ".slice",  ".scope",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (cut_suffix(piece, types[i]))
			return true;
	return false;
}

/* The unit that a component stands for, without the escape; false when it stands for none. */
static bool get_unit(struct piece component, struct piece *ret)
{
	struct piece name, stem;

	(void)cut_prefix(&component, "_");
	name = stem = component;
	if (!cut_unit_type(&stem) || name.len >= UNIT_NAME_SIZE)
		return false;
	/* A name that ends in '@' is a template, of which nothing runs. */
	if (stem.text[0] == '@' || stem.text[stem.len - 1] == '@' ||
	    !made_of(name, LETTERS_DIGITS ":-_.\\@"))
		return false;
	*ret = name;
	return true;
}

static bool is_slice(struct piece unit)
{
	return cut_suffix(&unit, ".slice");
}

/* "session-3.scope" right below "user-1000.slice", as cg_path_get_session() has it. */
static bool get_session(struct piece unit, struct piece parent, struct piece *ret)
{
	if (!cut_both(&unit, "session-", ".scope") || !made_of(unit, LETTERS_DIGITS) ||
	    !cut_both(&parent, "user-", ".slice"))
		return false;
	*ret = unit;
	return true;
}

/* ---- containers ---- */

static bool contains(struct piece piece, const char *text)
{
	return memmem(piece.text, piece.len, text, strlen(text)) != NULL;
}

/*
 * The id in "docker-ID.scope", "cri-containerd-ID.scope", "crio-ID", "libpod-ID.scope",
 * "kubepods-pod1.slice:cri-containerd:ID" or "ID". conmon watches a container of CRI-O or Podman
 * from outside, in a scope that has the container's id.
 */
static bool get_id(struct piece component, struct piece *ret)
{
	struct piece prefix;

	(void)cut_suffix(&component, ".scope");
	if (component.len < ID_DIGITS)
		return false;
	prefix = (struct piece){component.text, component.len - ID_DIGITS};
	*ret = (struct piece){component.text + prefix.len, ID_DIGITS};
	if (!made_of(*ret, "0123456789abcdef"))
		return false;
	return prefix.len == 0 ||
	       (strchr("-:", prefix.text[prefix.len - 1]) && !contains(prefix, "conmon-"));
}

static bool get_name(struct piece component, struct piece parent, bool machines, struct piece *ret)
{
	*ret = component;
	if (machines && cut_both(ret, "machine-", ".scope"))
		return true;
	*ret = component;
	if (cut_both(ret, "systemd-nspawn@", ".service"))
		return true;
	*ret = component;
	if (cut_prefix(ret, "lxc.payload."))
		return true;
	*ret = component;
	return equals(parent, "lxc") || equals(parent, "lxc.payload");
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/* The character that "\x2d" stands for; 0 for what is no such escape, or not of one visible
 * character: no name of a machine needs others. */
static char unescape(struct piece piece)
{
	int high, low, c;

	if (piece.len < 4 || piece.text[0] != '\\' || piece.text[1] != 'x')
		return 0;
	high = hex_digit(piece.text[2]);
	low = hex_digit(piece.text[3]);
	c = high < 0 || low < 0 ? 0 : high * 16 + low;
	return c > ' ' && c < 0x7f ? (char)c : 0;
}

/* Undoes unit_name_escape(), but for '-' in place of '/', which no machine has in its name. */
static void copy_unescaped(struct piece piece, char *buf, size_t size)
{
	size_t used = 0;

	while (piece.len > 0 && used < size - 1) {
		char c = unescape(piece);
		size_t step = c ? 4 : 1;

		buf[used++] = c ? c : piece.text[0];
		piece = (struct piece){piece.text + step, piece.len - step};
	}
	buf[used] = '\0';
}

/* ---- paths ---- */

void cgroup_path_parse(const char *path, struct cgroup_names *ret)
{
	struct piece component, found, parent = {"", 0};
	bool machines = false;

	*ret = (struct cgroup_names){};
	for (; next_component(&path, &component); parent = component) {
		if (!ret->container[0] &&
		    (get_id(component, &found) || get_name(component, parent, machines, &found)))
			copy_unescaped(found, ret->container, sizeof(ret->container));
		if (!get_unit(component, &found))
			continue;
		machines = machines || equals(found, "machine.slice");
		if (is_slice(found)) {
			copy(found, ret->slice, sizeof(ret->slice));
			continue;
		}
		copy(found, ret->unit, sizeof(ret->unit));
		if (get_session(found, parent, &found))
			copy(found, ret->session, sizeof(ret->session));
	}
	if (!ret->unit[0])
		memcpy(ret->unit, ret->slice, sizeof(ret->unit));
}

bool cgroup_unit_matches(const char *unit, const char *pattern)
{
	struct piece type = piece_of(pattern), stem = piece_of(unit);
	char name[UNIT_NAME_SIZE];

	if (fnmatch(pattern, unit, FNM_NOESCAPE) == 0)
		return true;
	if (cut_unit_type(&type) || !cut_suffix(&stem, ".service") || stem.len >= sizeof(name))
		return false;
	copy(stem, name, sizeof(name));
	return fnmatch(pattern, name, FNM_NOESCAPE) == 0;
}

bool cgroup_path_has_unit(const char *path, const char *pattern)
{
	struct piece component, unit;
	char name[UNIT_NAME_SIZE];

	while (next_component(&path, &component)) {
		if (!get_unit(component, &unit))
			continue;
		copy(unit, name, sizeof(name));
		if (cgroup_unit_matches(name, pattern))
			return true;
	}
	return false;
}
