// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json_text.c - see json_text.h. RFC 8259 says what is escaped.
 */
#include "json_text.h"

#include <inttypes.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void put(struct json_text *json, const char *text, size_t len)
{
	if (len > JSON_TEXT_MAX - json->buf.len)
		json->failed = true;
	else
		byte_buf_put(&json->buf, text, len);
}

static void put_text(struct json_text *json, const char *text)
{
	put(json, text, strlen(text));
}

/* Bytes of the UTF-8 sequence at `p`, or 0: Unicode's table 3-7, well-formed sequences. */
static size_t utf8_length(const unsigned char *p)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0; /* shorter forms exist */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

static void put_quoted(struct json_text *json, const char *value)
{
	const unsigned char *p = (const unsigned char *)value;

	put_text(json, "\"");
	while (*p && !json->failed) {
		size_t len = utf8_length(p);
		char escape[8];

		if (len == 0) {
			put_text(json, REPLACEMENT);
			p++;
			continue;
		}
		if (*p == '"' || *p == '\\') {
			escape[0] = '\\';
			escape[1] = (char)*p;
			put(json, escape, 2);
		} else if (*p < 0x20 || *p == 0x7f) {
			(void)snprintf(escape, sizeof(escape), "\\u%04x", *p);
			put_text(json, escape);
		} else {
			put(json, (const char *)p, len);
		}
		p += len;
	}
	put_text(json, "\"");
}

/* What comes between the value before, if there is one in this object or array, and the next. */
static void begin_value(struct json_text *json, const char *key)
{
	unsigned char last = json->buf.len ? json->buf.data[json->buf.len - 1] : '[';

	if (last != '{' && last != '[')
		put_text(json, ",");
	if (key) {
		put_quoted(json, key);
		put_text(json, ":");
	}
}

void json_open_object(struct json_text *json, const char *key)
{
	begin_value(json, key);
	put_text(json, "{");
}

void json_close_object(struct json_text *json)
{
	put_text(json, "}");
}

void json_open_array(struct json_text *json, const char *key)
{
	begin_value(json, key);
	put_text(json, "[");
}

void json_close_array(struct json_text *json)
{
	put_text(json, "]");
}

void json_put_string(struct json_text *json, const char *key, const char *value)
{
	begin_value(json, key);
	if (value)
		put_quoted(json, value);
	else
		put_text(json, "null");
}

void json_put_uint(struct json_text *json, const char *key, uint64_t value)
{
	char text[24];

	begin_value(json, key);
	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	put_text(json, text);
}

void json_put_int(struct json_text *json, const char *key, int64_t value)
{
	char text[24];

	begin_value(json, key);
	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	put_text(json, text);
}

void json_put_bool(struct json_text *json, const char *key, bool value)
{
	begin_value(json, key);
	put_text(json, value ? "true" : "false");
}

void json_put_null(struct json_text *json, const char *key)
{
	begin_value(json, key);
	put_text(json, "null");
}

const char *json_text_end(struct json_text *json)
{
	byte_buf_put(&json->buf, "", 1);
	return json->failed || json->buf.failed ? NULL : (const char *)json->buf.data;
}
