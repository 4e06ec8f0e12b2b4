/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_version.h - which kernel this really is, and whether it is one that profd refuses.
 *
 * The one place where profd goes by a version: kernels 5.19 to 6.1.35, 6.2 and 6.3.0 to 6.3.9 may
 * freeze when bpf_probe_read_user() runs in an interrupt, and that cannot be probed for without
 * freezing. (copy_from_user_nofault() of mm/maccess.c called find_vmap_area(), which takes a lock,
 * by way of check_object_size(); fixed by d319f344 "mm: Fix copy_from_user_nofault()".)
 * Everything else is decided by feature probes.
 */
#ifndef PROFD_KERNEL_VERSION_H
#define PROFD_KERNEL_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kernel_version_source {
	KERNEL_VERSION_UNKNOWN,
	KERNEL_VERSION_SIGNATURE, /* /proc/version_signature: Ubuntu's kernels */
	KERNEL_VERSION_DEBIAN,	  /* "Debian x.y.z" in uname -v */
	KERNEL_VERSION_RELEASE,	  /* uname -r */
};

struct kernel_version {
	uint32_t major, minor, patch; /* of the stable release it was built from */
	enum kernel_version_source source;
};

/*
 * The version by the last word of `signature`, else by what follows "Debian" in `uname_v` (Debian's
 * uname -r says 6.1.0 for every 6.1.y, Ubuntu's likewise), else by the beginning of `uname_r`. Each
 * may be NULL or anything; one that holds no version is passed over. A release candidate counts as
 * the release. Pure. Returns 0, or -EINVAL when none of them holds a version; *ret is all 0 then,
 * which is a kernel that is not refused.
 */
int kernel_version_parse(const char *signature, const char *uname_v, const char *uname_r,
			 struct kernel_version *ret);

/* The same of the running kernel. Returns what the other does, or -errno of uname(2). */
int kernel_version_read(struct kernel_version *ret);

/* Whether it is one of those that freeze. */
bool kernel_version_freezes(const struct kernel_version *version);

/* For the user, of a kernel that freezes: what is refused, why, and what to do; a sentence without
 * a newline, cut to `size`. */
void kernel_version_refusal(const struct kernel_version *version, char *buf, size_t size);

#endif
