/* test_json.c - what is written is JSON, or the writer is bad. */
#include "lib/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
nesting_and_commas(void **state)
{
	struct text out = { 0 };
	struct json j = json_to(&out);

	(void)state;
	json_object(&j, NULL);
	json_string(&j, "schema", "x.1");
	json_array(&j, "list");
	json_int(&j, NULL, -1);
	json_uint(&j, NULL, UINT64_MAX);
	json_object(&j, NULL);
	json_end(&j);
	json_end(&j);
	json_bool(&j, "on", true);
	json_string(&j, "none", NULL);
	json_stringf(&j, "who", "%s[%d]", "10.0.0.1", 500);
	json_end(&j);
	assert_false(j.bad);
	assert_int_equal(j.depth, 0);
	assert_string_equal(text_str(&out),
		"{\"schema\":\"x.1\",\"list\":[-1,18446744073709551615,{}],\"on\":true,"
		"\"none\":null,\"who\":\"10.0.0.1[500]\"}");
	text_free(&out);
}

static void
escapes(void **state)
{
	struct text out = { 0 };
	struct json j = json_to(&out);

	(void)state;
	json_string(&j, NULL, "a\"b\\c\n\x01\x7f\xc3\xa9\xff");
	assert_string_equal(text_str(&out), "\"a\\\"b\\\\c\\n\\u0001\\u007f\xc3\xa9\\ufffd\"");
	text_free(&out);
}

static void
bad_use_is_told(void **state)
{
	struct text out = { 0 }, small = { .limit = 4 };
	struct json j = json_to(&out);
	char longer[2000];

	(void)state;
	json_end(&j);
	assert_true(j.bad);
	j = json_to(&out);
	for (int i = 0; i < JSON_NESTING_MAX + 4; i++)
		json_array(&j, NULL);
	assert_true(j.bad);
	json_end(&j);
	j = json_to(&small);
	json_string(&j, NULL, "too long for it");
	json_int(&j, NULL, 1);
	assert_true(j.bad);
	text_free(&small);
	text_clear(&out);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	j = json_to(&out);
	json_stringf(&j, NULL, "%s", longer);
	assert_int_equal(out.n, sizeof(longer) + 1);
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting_and_commas),
		cmocka_unit_test(escapes),
		cmocka_unit_test(bad_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
