/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_text.h - one JSON object or array on one line, written from front to back.
 *
 * For the few answers that profd itself gives (control socket, --probe); it reads no JSON. Whatever
 * bytes a string has, the text is valid UTF-8 and valid JSON. Failure is remembered and told once,
 * by json_text_end(). Balanced open and close calls are the caller's duty.
 */
#ifndef PROFD_JSON_TEXT_H
#define PROFD_JSON_TEXT_H

#include "bytes.h"
#include "cleanup.h"

#define JSON_TEXT_MAX (64 * 1024)

struct json_text {
	struct byte_buf buf;
	bool failed; /* longer than JSON_TEXT_MAX */
};

static inline void json_text_done(struct json_text *json)
{
	byte_buf_done(&json->buf);
}

#define _cleanup_json_ _cleanup_(json_text_done)

/* In what follows `key` is NULL inside an array and for the outermost value. */

void json_open_object(struct json_text *json, const char *key);
void json_close_object(struct json_text *json);
void json_open_array(struct json_text *json, const char *key);
void json_close_array(struct json_text *json);

/* NULL is written as null; bytes that are not UTF-8 as U+FFFD. */
void json_put_string(struct json_text *json, const char *key, const char *value);
void json_put_uint(struct json_text *json, const char *key, uint64_t value);
void json_put_int(struct json_text *json, const char *key, int64_t value);
void json_put_bool(struct json_text *json, const char *key, bool value);
void json_put_null(struct json_text *json, const char *key);

/* The text, which stays `json`'s; NULL when it became too long or memory was short. */
const char *json_text_end(struct json_text *json);

#endif
