/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cleanup.h - scope-bound release of locals, and two macros the language lacks.
 *
 * A module defines one cleanup per type with DEFINE_CLEANUP(struct x *, x_free), a user writes
 * `_cleanup_(x_freep) struct x *p = NULL;` and disarms it with take_ptr() or take_fd() when
 * ownership moves on. Every *_free() accepts NULL and returns NULL.
 */
#ifndef PROFD_CLEANUP_H
#define PROFD_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define DEFINE_CLEANUP(type, func)                                                                 \
	static inline void func##p(type *p)                                                        \
	{                                                                                          \
		if (*p)                                                                            \
			(void)func(*p);                                                            \
	}                                                                                          \
	struct cleanup_swallow_semicolon

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hands a pointer's value on and forgets it, so that its cleanup does nothing. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) take_ptr_value = (p);                                                \
		(p) = NULL;                                                                        \
		take_ptr_value;                                                                    \
	})

static inline int take_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline void close_p(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void fclose_p(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

#define _cleanup_free_	 _cleanup_(free_p)
#define _cleanup_close_	 _cleanup_(close_p)
#define _cleanup_fclose_ _cleanup_(fclose_p)

#endif
