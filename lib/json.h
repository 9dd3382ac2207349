/*
 * json.h - a JSON writer: commas, escapes and nesting are its business.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

enum { JSON_NESTING_MAX = 16 };

struct json {
	struct text *out;
	unsigned depth;
	bool comma[JSON_NESTING_MAX];
	char closer[JSON_NESTING_MAX];
	bool bad; /* nesting exceeded or text failed */
};

struct json json_to(struct text *out);
/* key is NULL inside arrays and at the top. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end(struct json *j); /* closes the innermost object or array */
void json_string(struct json *j, const char *key, const char *value); /* NULL value: null */
void json_stringf(struct json *j, const char *key, const char *fmt, ...) ATTR_PRINTF(3, 4);
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);

#endif
