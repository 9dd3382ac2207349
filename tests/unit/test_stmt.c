/* test_stmt.c - words, blocks and positions; every syntax error with its place and remedy. */
#include "lib/stmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena *arena;
static struct stmt_errors errors;

/* Print what was read in one line: words in brackets by kind, blocks in braces. */
static void
show(struct text *out, const struct stmt *s)
{
	static const char form[] = { [STMT_BARE] = 'b', [STMT_STRING] = 's', [STMT_BRACKET] = 'k',
		[STMT_COMMA] = 'c' };

	for (size_t i = 0; i < s->words; i++)
		text_addf(out, "%s%c:%s", i == 0 ? "" : " ", form[s->word[i].kind],
		s->word[i].text);
	if (s->has_block) {
		text_add(out, " {");
		for (size_t i = 0; i < s->block_count; i++)
			show(out, s->block[i]);
		text_add(out, "}");
	} else {
		text_add(out, ";");
	}
}

static void
check_n(const char *in, size_t n, const char *want, const char *want_errors)
{
	struct stmt_reader *r;
	struct text out = { 0 };
	struct stmt *s;

	arena = arena_new(1 << 20);
	r = stmt_open("f", bytes_of(in, n), &errors);
	while ((s = stmt_next(r, arena)) != NULL)
		show(&out, s);
	assert_null(stmt_next(r, arena));
	stmt_close(r);
	assert_string_equal(text_str(&out), want);
	assert_string_equal(text_str(&errors.text), want_errors);
	assert_int_equal(errors.count != 0, want_errors[0] != '\0');
	stmt_errors_free(&errors);
	text_free(&out);
	arena_free(arena);
}

static void
check(const char *in, const char *want, const char *want_errors)
{
	check_n(in, strlen(in), want, want_errors);
}

static void
words_of_all_kinds(void **state)
{
	(void)state;
	check("", "", "");
	check("\xef\xbb\xbf# only a comment", "", "");
	check("add 10.0.0.1 fe80::1%lo esp 0x1000 -E 3des-cbc \"a b;{#\";",
		"b:add b:10.0.0.1 b:fe80::1%lo b:esp b:0x1000 b:-E b:3des-cbc s:a b;{#;", "");
	check("spdadd 1.1.1.1/32[500] 2.2.2.2[ any ] any -P out ipsec "
		"esp/tunnel/1.1.1.1-2.2.2.2/use;",
		"b:spdadd b:1.1.1.1/32 k:500 b:2.2.2.2 k:any b:any b:-P b:out b:ipsec "
		"b:esp/tunnel/1.1.1.1-2.2.2.2/use;", "");
	check("a b,c , d;", "b:a b:b c:, b:c c:, b:d;", "");
	check("s \"\" \"x\"\"y\";", "b:s s: s:x s:y;", "");
}

static void
comments(void **state)
{
	(void)state;
	check("#!/usr/sbin/setkey -f\nflush;\n", "b:flush;", "");
	check("hash md5; #sha1;\nx;#y\nz # q ;\n;", "b:hash b:md5;b:x;b:z;", "");
	check("rule unique#5 ,#c\n a;", "b:rule b:unique#5 c:, b:a;", "");
	check("a { # {\n b; # }\n}", "b:a {b:b;}", "");
	check("k \"#no\"#yes\n;", "b:k s:#no;", "");
}

static void
blocks(void **state)
{
	(void)state;
	check("remote anonymous{ a; proposal { b 1; } } c;",
		"b:remote b:anonymous {b:a;b:proposal {b:b b:1;}}b:c;", "");
	check("x { };;; y {}; z;", "b:x {}b:y {}b:z;", "");
	check("a{b{c{d{e{f{g{h{i;}}}}}}}}", "b:a {b:b {b:c {b:d {b:e {b:f {b:g {b:h {b:i;}}}}}}}}",
		"");
	check("a{b{c{d{e{f{g{h{i{j;}}}}}}}}}z;",
		"b:a {b:b {b:c {b:d {b:e {b:f {b:g {b:h {}}}}}}}}b:z;",
		"f:1:18: blocks are nested more than 8 deep\n");
}

static void
positions(void **state)
{
	static const char in[] = "one;\n\ttwo [5] \"x\"\n  three { four; }\n";
	struct stmt_reader *r;
	struct stmt *s;

	(void)state;
	arena = arena_new(1 << 16);
	r = stmt_open("dir/file", bytes_str(in), &errors);
	s = stmt_next(r, arena);
	assert_int_equal(s->pos.line, 1);
	assert_int_equal(s->end.column, 4);
	s = stmt_next(r, arena);
	stmt_close(r);
	assert_string_equal(s->pos.file, "dir/file");
	assert_int_equal(s->pos.line, 2);
	assert_int_equal(s->pos.column, 2);
	assert_int_equal(s->word[1].pos.column, 6);
	assert_int_equal(s->word[2].pos.column, 10);
	assert_int_equal(s->word[3].pos.line, 3);
	assert_int_equal(s->word[3].pos.column, 3);
	assert_int_equal(s->block[0]->pos.column, 11);
	assert_int_equal(s->end.column, 17);
	stmt_errors_free(&errors);
	arena_free(arena);
}

static void
missing_ends(void **state)
{
	(void)state;
	check("flush", "",
		"f:1:6: expected \";\" after \"flush\" at line 1, found the end of the file\n");
	check("a {\n b 5 }\nc;", "b:a {}b:c;",
		"f:2:6: expected \";\" after \"5\" at line 2, found \"}\"\n");
	check("a;\nremote x {\n b;\n", "b:a;",
		"f:4:1: expected \"}\": the block \"remote\" opened at line 2 is not closed\n");
	check("a; } b;", "b:a;b:b;",
		"f:1:4: \"}\" closes nothing: is a \"{\" missing before it?\n");
	check("{ a; } b;", "b:b;", "f:1:1: \"{\" without a keyword before it\n");
	check("k \"abc;\nx { y; }\nz;", "b:z;",
		"f:1:3: string is not closed on its line: expected \"\"\"\n");
	check("k a[5;\nx; z;", "b:z;",
		"f:1:4: bracket is not closed on its line: expected \"]\"\n");
	check("k ] a; b;", "b:b;", "f:1:3: \"]\" without \"[\"\n");
}

static void
foreign_characters(void **state)
{
	(void)state;
	check("k \xe2\x80\x9c" "abc def\xe2\x80\x9d x; b;", "b:b;",
		"f:1:3: typographic quote \"\xe2\x80\x9c\": use straight double quotes (\")\n");
	check("k \xe2\x80\x9d" "abc\xe2\x80\x9d; b;", "b:b;",
		"f:1:3: typographic quote \"\xe2\x80\x9d\": use straight double quotes (\")\n");
	check("k \xe2\x80\x9c" "abc\"; b;", "b:b;",
		"f:1:3: typographic quote \"\xe2\x80\x9c\": use straight double quotes (\")\n");
	check("k \xe2\x80\x93P out; b;", "b:b;",
		"f:1:3: typographic dash \"\xe2\x80\x93\": use a hyphen (-)\n");
	check("k 1.1.1.1\xe2\x80\x93" "2.2.2.2; b;", "b:b;",
		"f:1:10: typographic dash \"\xe2\x80\x93\": use a hyphen (-)\n");
	check("k\xc2\xa0" "a; b;", "b:b;", "f:1:2: no-break space: use a blank\n");
	check("k \xff\xfe x; b;", "b:b;",
		"f:1:3: unexpected octet 0xff: only ASCII is allowed outside \"strings\" and "
		"comments\n");
	check("k \"\xe2\x80\x9c\"; # \xe2\x80\x9c\nb;", "b:k s:\xe2\x80\x9c;b:b;", "");
	check_n("k \0 a; b;", 9, "b:b;",
		"f:1:3: unexpected octet 0x00: only ASCII is allowed outside \"strings\" and "
		"comments\n");
}

static void
limits(void **state)
{
	struct text in = { 0 };
	struct stmt_reader *r;

	(void)state;
	for (int i = 0; i < STMT_WORDS_MAX + 1; i++)
		text_add(&in, "w ");
	text_add(&in, "; ok;");
	check(text_str(&in), "b:ok;",
		"f:1:8193: statement has more than 4096 words: is a \";\" missing?\n");
	text_clear(&in);
	for (int i = 0; i < STMT_WORD_MAX + 1; i++)
		text_add(&in, "w");
	text_add(&in, "; ok;");
	check(text_str(&in), "b:ok;", "f:1:1: word is too long: at most 4096 octets are allowed\n");
	text_clear(&in);
	for (int i = 0; i < 1000; i++)
		text_add(&in, "] ; ");
	arena = arena_new(1 << 20);
	r = stmt_open("f", bytes_str(text_str(&in)), &errors);
	assert_null(stmt_next(r, arena));
	stmt_close(r);
	assert_true(errors.count > STMT_ERRORS_MAX && errors.count < STMT_ERRORS_MAX + 5);
	assert_non_null(strstr(text_str(&errors.text), "too many messages"));
	stmt_errors_free(&errors);
	arena_free(arena);
	arena = arena_new(64);
	r = stmt_open("f", bytes_str("a b c d e f g h i j k;"), &errors);
	assert_null(stmt_next(r, arena));
	assert_non_null(strstr(text_str(&errors.text), "too large"));
	stmt_close(r);
	stmt_errors_free(&errors);
	arena_free(arena);
	text_free(&in);
}

static void
numbers(void **state)
{
	struct stmt_word w = { STMT_BARE, "0x10", { "f", 1, 2 } };
	int64_t v = 0;

	(void)state;
	assert_true(stmt_number(&w, 0, 100, &v, &errors));
	assert_int_equal(v, 16);
	w.text = "-5";
	assert_true(stmt_number(&w, -5, 100, &v, &errors));
	assert_int_equal(v, -5);
	w.kind = STMT_BRACKET;
	w.text = "500";
	assert_true(stmt_number(&w, 0, 65535, &v, &errors));
	w.text = "65536";
	assert_false(stmt_number(&w, 0, 65535, &v, &errors));
	w.text = "9223372036854775807";
	assert_true(stmt_number(&w, 0, INT64_MAX, &v, &errors));
	w.text = "9223372036854775808";
	assert_false(stmt_number(&w, 0, INT64_MAX, &v, &errors));
	w.text = "12x";
	assert_false(stmt_number(&w, 0, 100, &v, &errors));
	w.text = "0x";
	assert_false(stmt_number(&w, 0, 100, &v, &errors));
	w.kind = STMT_STRING;
	w.text = "5";
	assert_false(stmt_number(&w, 0, 100, &v, &errors));
	assert_int_equal(errors.count, 5);
	assert_true(strncmp(text_str(&errors.text),
		"f:1:2: 65536 is out of range: expected a number from 0 to 65535\n", 62) == 0);
	stmt_warn(&errors, w.pos, "careful");
	assert_string_equal(text_str(&errors.warnings), "f:1:2: careful\n");
	assert_int_equal(errors.warning_count, 1);
	stmt_errors_free(&errors);
	assert_int_equal(errors.count, 0);
}

static void
files(void **state)
{
	char name[] = "/tmp/test_stmt.XXXXXX";
	int fd = mkstemp(name);
	struct text out = { 0 };
	char why[256];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a;\0b", 4), 4);
	close(fd);
	assert_int_equal(stmt_load(name, &out, why, sizeof(why)), ST_NORMAL);
	assert_int_equal(out.n, 4);
	assert_memory_equal(out.p, "a;\0b", 4);
	unlink(name);
	assert_int_equal(stmt_load(name, &out, why, sizeof(why)), ST_NOFILE);
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(stmt_load("/tmp", &out, why, sizeof(why)), ST_NOFILE);
	assert_non_null(strstr(why, "directory"));
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_all_kinds),
		cmocka_unit_test(comments),
		cmocka_unit_test(blocks),
		cmocka_unit_test(positions),
		cmocka_unit_test(missing_ends),
		cmocka_unit_test(foreign_characters),
		cmocka_unit_test(limits),
		cmocka_unit_test(numbers),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
