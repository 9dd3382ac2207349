/* test_text.c - limits are kept, words compare without a locale. */
#include "lib/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void
grows_and_clears(void **state)
{
	struct text t = { 0 };

	(void)state;
	assert_string_equal(text_str(&t), "");
	for (int i = 0; i < 1000; i++)
		text_addf(&t, "%d,", i % 10);
	assert_int_equal(t.n, 2000);
	assert_int_equal(strlen(text_str(&t)), 2000);
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
	text_add_n(&t, "a\0b", 3);
	assert_int_equal(t.n, 3);
	text_add_hex(&t, bytes_of("\x01\xff", 2));
	assert_memory_equal(t.p, "a\0b01ff", 8);
	assert_false(t.failed);
	text_free(&t);
	assert_null(t.p);
}

static void
limit_is_sticky(void **state)
{
	struct text t = { .limit = 5 };

	(void)state;
	text_add(&t, "1234");
	text_add(&t, "56");
	assert_true(t.failed);
	text_add(&t, "5");
	assert_string_equal(text_str(&t), "1234");
	text_clear(&t);
	text_addf(&t, "%s", "12345");
	assert_false(t.failed);
	assert_string_equal(text_str(&t), "12345");
	text_add_hex(&t, bytes_str("x"));
	assert_true(t.failed);
	text_free(&t);
	assert_int_equal(t.limit, 5);
}

static void
words(void **state)
{
	static const char *const list[] = { "exchange_mode", "encryption_algorithm", "dpd_delay",
		"on", "off", NULL };

	(void)state;
	assert_true(text_same("Flush", "FLUSH"));
	assert_false(text_same("flush", "flus"));
	assert_true(text_prefix("ESTA", "establish"));
	assert_true(text_prefix("", "x"));
	assert_false(text_prefix("xy", "x"));
	assert_string_equal(text_nearest("exchnage_mode", list), "exchange_mode");
	assert_string_equal(text_nearest("encryption_algoritm", list), "encryption_algorithm");
	assert_string_equal(text_nearest("DPD_DELAY", list), "dpd_delay");
	assert_string_equal(text_nearest("of", list), "off");
	assert_string_equal(text_nearest("enc", list), "encryption_algorithm");
	assert_null(text_nearest("-q", (const char *const[]){ "-E", "-A", NULL }));
	assert_null(text_nearest("lifetime", list));
	assert_null(text_nearest("x", list));
	assert_null(text_nearest("", list));
	assert_null(text_nearest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		list));
}

/* A word that is three edits away, of any kind and anywhere, is found; nothing is four away. */
static void
near_words(void **state)
{
	static const char word[] = "proposal_check";
	static const char *const list[] = { "x", "a_word_far_too_long_to_be_meant", word, NULL };
	const size_t n = sizeof(word) - 1;
	char typed[2 * sizeof(word)];

	(void)state;
	for (size_t i = 0; i + 2 < n; i++) {
		memcpy(typed, word, sizeof(word)); /* other characters */
		memcpy(typed + i, "XYZ", 3);
		assert_ptr_equal(text_nearest(typed, list), word);
		typed[i < n / 2 ? n - 1 : 0] = '7';
		assert_null(text_nearest(typed, list));
		memcpy(typed, word, i); /* fewer */
		memcpy(typed + i, word + i + 3, n - i - 2);
		assert_ptr_equal(text_nearest(typed, list), word);
		memcpy(typed, word, i); /* more */
		memcpy(typed + i, "~~~", 3);
		memcpy(typed + i + 3, word + i, n - i + 1);
		assert_ptr_equal(text_nearest(typed, list), word);
		typed[n + 3] = '~';
		typed[n + 4] = '\0';
		assert_null(text_nearest(typed, list));
		memcpy(typed, word, sizeof(word)); /* neighbours swapped */
		typed[i] = word[i + 1];
		typed[i + 1] = word[i];
		assert_ptr_equal(text_nearest(typed, list), word);
	}
}

static void
globs(void **state)
{
	char many[200];

	(void)state;
	assert_true(text_glob("*", "", false));
	assert_true(text_glob("multinet_*", "MULTINET_ROOT", false));
	assert_true(text_glob("a?c*e", "abcdde", false));
	assert_false(text_glob("a?c", "ac", false));
	assert_false(text_glob("a%c", "abc", false));
	assert_true(text_glob("a%c", "abc", true));
	assert_false(text_glob("", "a", false));
	assert_true(text_glob("**a", "bba", false));
	/* No exponential backtracking. */
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_false(text_glob("*a*a*a*a*a*a*a*a*a*a*b", many, false));
}

static void
utf8(void **state)
{
	(void)state;
	assert_int_equal(text_utf8("a", 1), 1);
	assert_int_equal(text_utf8("\xc3\xa9", 2), 2);
	assert_int_equal(text_utf8("\xe2\x80\x9c", 3), 3);
	assert_int_equal(text_utf8("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(text_utf8("\xc3", 1), 0);
	assert_int_equal(text_utf8("\xc0\x80", 2), 0);
	assert_int_equal(text_utf8("\xe0\x80\x80", 3), 0);
	assert_int_equal(text_utf8("\xed\xa0\x80", 3), 0);
	assert_int_equal(text_utf8("\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(text_utf8("\x80", 1), 0);
	assert_int_equal(text_utf8("", 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_clears),
		cmocka_unit_test(limit_is_sticky),
		cmocka_unit_test(words),
		cmocka_unit_test(near_words),
		cmocka_unit_test(globs),
		cmocka_unit_test(utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
