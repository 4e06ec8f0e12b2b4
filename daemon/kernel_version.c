// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel_version.c - see kernel_version.h.
 */
#include "kernel_version.h"

#include "cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#define SIGNATURE_PATH "/proc/version_signature"
#define SIGNATURE_MAX  256
#define NUMBER_MAX     99999u
#define BLANKS	       " \t\n"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_number(const char **text, uint32_t *ret)
{
	const char *p = *text;
	uint32_t n = 0;

	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++) {
		n = n * 10 + (uint32_t)(*p - '0');
		if (n > NUMBER_MAX)
			return false;
	}
	*text = p;
	*ret = n;
	return true;
}

/* "6.1.27", "6.1" and whatever follows it, as in "6.3~rc7-1" or "5.15.90.1-microsoft". */
static bool parse_triple(const char *text, enum kernel_version_source source,
			 struct kernel_version *ret)
{
	struct kernel_version version = {.source = source};

	if (!take_number(&text, &version.major) || *text++ != '.' ||
	    !take_number(&text, &version.minor))
		return false;
	if (text[0] == '.' && is_digit(text[1])) {
		text++;
		if (!take_number(&text, &version.patch))
			return false;
	}
	*ret = version;
	return true;
}

/* "Ubuntu 5.15.0-91.101-generic 5.15.131": the package, and last the stable release in it. */
static bool parse_signature(const char *signature, struct kernel_version *ret)
{
	size_t end = strlen(signature), start;

	while (end && strchr(BLANKS, signature[end - 1]))
		end--;
	for (start = end; start && !strchr(BLANKS, signature[start - 1]);)
		start--;
	return parse_triple(signature + start, KERNEL_VERSION_SIGNATURE, ret);
}

/* "#1 SMP PREEMPT_DYNAMIC Debian 6.1.27-1 (2023-05-08)"; Raspberry Pi's has an epoch, "1:6.1.63".
 */
static bool parse_debian(const char *uname_v, struct kernel_version *ret)
{
	static const char word[] = "Debian ";
	const char *found = strstr(uname_v, word), *version;
	uint32_t epoch;

	if (!found || (found != uname_v && found[-1] != ' '))
		return false;
	found += sizeof(word) - 1;
	version = found;
	if (take_number(&version, &epoch) && *version == ':')
		found = version + 1;
	return parse_triple(found, KERNEL_VERSION_DEBIAN, ret);
}

int kernel_version_parse(const char *signature, const char *uname_v, const char *uname_r,
			 struct kernel_version *ret)
{
	*ret = (struct kernel_version){};
	if ((signature && parse_signature(signature, ret)) ||
	    (uname_v && parse_debian(uname_v, ret)) ||
	    (uname_r && parse_triple(uname_r, KERNEL_VERSION_RELEASE, ret)))
		return 0;
	return -EINVAL;
}

int kernel_version_read(struct kernel_version *ret)
{
	_cleanup_fclose_ FILE *file = fopen(SIGNATURE_PATH, "re");
	char signature[SIGNATURE_MAX];
	struct utsname name;

	*ret = (struct kernel_version){};
	if (uname(&name) < 0)
		return -errno;
	/* Only Ubuntu's kernels have the file. */
	if (!file || !fgets(signature, sizeof(signature), file))
		signature[0] = '\0';
	return kernel_version_parse(signature, name.version, name.release, ret);
}

bool kernel_version_freezes(const struct kernel_version *version)
{
	if (version->major == 5)
		return version->minor >= 19;
	if (version->major != 6)
		return false;
	switch (version->minor) {
	case 0:
	case 2:
		return true;
	case 1:
		return version->patch <= 35;
	case 3:
		return version->patch <= 9;
	default:
		return false;
	}
}

void kernel_version_refusal(const struct kernel_version *version, char *buf, size_t size)
{
	static const char *const sources[] = {
		[KERNEL_VERSION_UNKNOWN] = "an unknown source",
		[KERNEL_VERSION_SIGNATURE] = SIGNATURE_PATH,
		[KERNEL_VERSION_DEBIAN] = "uname -v",
		[KERNEL_VERSION_RELEASE] = "uname -r",
	};

	(void)snprintf(
		buf, size,
		"Linux %u.%u.%u (by %s) is refused: kernels 5.19 to 6.1.35, 6.2 and 6.3.0 to "
		"6.3.9 can freeze the machine when a BPF program reads the stack of a "
		"program from an interrupt; boot 6.1.36 or a later 6.1, 6.3.10 or a later "
		"6.3, or 6.4 or later (on Debian and Ubuntu: apt update, apt full-upgrade, "
		"reboot), and start profd again",
		version->major, version->minor, version->patch, sources[version->source]);
}
