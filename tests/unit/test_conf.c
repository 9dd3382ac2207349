/* test_conf.c - directive tables: every generic setter, its errors, defaults and the dump. */
#include "lib/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct peer {
	int64_t delay, lifetime, mode;
	bool passive;
	const char *script;
	unsigned proposals;
};

static const struct conf_word modes[] = { { "main", 2 }, { "base", 1 }, { "aggressive", 4 }, { NULL,
	0 } };

static bool
set_proposal(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct peer *p = into;

	(void)ctx;
	(void)row;
	p->proposals += (unsigned)s->block_count;
	return true;
}

static const struct conf_row table[] = {
	{ .keyword = "dpd_delay", .shape = "number;", .set = conf_set_number,
		.offset = offsetof(struct peer, delay), .min = 0, .max = 86400, .def = 5 },
	{ .keyword = "lifetime", .shape = "number unit;", .set = conf_set_time,
		.offset = offsetof(struct peer, lifetime), .min = 1000, .max = 86400000,
		.def = 28800000 },
	{ .keyword = "exchange_mode", .shape = "main|base|aggressive;", .set = conf_set_word,
		.offset = offsetof(struct peer, mode), .words = modes, .def = 2 },
	{ .keyword = "passive", .shape = "on|off;", .set = conf_set_switch,
		.offset = offsetof(struct peer, passive) },
	{ .keyword = "script", .shape = "\"path\";", .set = conf_set_string,
		.offset = offsetof(struct peer, script) },
	{ .keyword = "proposal", .shape = "{ statements }", .set = set_proposal },
	{ .keyword = NULL },
};

static void
read_it(const char *in, struct peer *p, const char *want_dump, const char *want_errors)
{
	struct stmt_errors errors = { 0 };
	struct conf_ctx ctx = { .arena = arena_new(1 << 20), .errors = &errors };
	struct stmt_reader *r = stmt_open("f", bytes_str(in), &errors);
	struct stmt *stmts[32];
	size_t n = 0;
	struct text dump = { 0 };

	conf_defaults(table, p);
	while (n < ARRAY_LEN(stmts) && (stmts[n] = stmt_next(r, ctx.arena)) != NULL)
		n++;
	stmt_close(r);
	assert_int_equal(conf_read_block(&ctx, table, stmts, n, p), want_errors[0] == '\0');
	assert_string_equal(text_str(&errors.text), want_errors);
	conf_print(table, p, "\t", false, &dump);
	if (want_dump != NULL)
		assert_string_equal(text_str(&dump), want_dump);
	p->script = NULL;
	text_free(&dump);
	stmt_errors_free(&errors);
	arena_free(ctx.arena);
}

static void
values_and_dump(void **state)
{
	struct peer p = { 0 };
	struct text all = { 0 };

	(void)state;
	read_it("dpd_delay 0x1e; lifetime 90 min; exchange_mode base; passive yes;\n"
		"script \"a b\"; proposal { x; y; } proposal { z; }", &p,
		"\tdpd_delay 30;\n\tlifetime 90 min;\n\texchange_mode base;\n\tpassive on;\n"
		"\tscript \"a b\";\n", "");
	assert_int_equal(p.delay, 30);
	assert_int_equal(p.lifetime, 5400000);
	assert_int_equal(p.mode, 1);
	assert_true(p.passive);
	assert_int_equal(p.proposals, 3);
	read_it("", &p, "", "");
	assert_int_equal(p.lifetime, 28800000);
	assert_false(p.passive);
	conf_print(table, &p, "", true, &all);
	assert_string_equal(text_str(&all),
		"dpd_delay 5;\nlifetime 8 hour;\nexchange_mode main;\npassive off;\n");
	text_free(&all);
	read_it("lifetime 2 hours;", &p, "\tlifetime 2 hour;\n", "");
	read_it("lifetime 10min;", &p, "\tlifetime 10 min;\n", "");
	read_it("lifetime 61 secs;", &p, "\tlifetime 61 sec;\n", "");
}

static void
keyword_errors(void **state)
{
	struct peer p = { 0 };

	(void)state;
	read_it("dpd_dealy 5;\nfoo;\n\"passive\" on;", &p, "",
		"f:1:1: unknown keyword \"dpd_dealy\": did you mean \"dpd_delay\"?\n"
		"f:2:1: unknown keyword \"foo\": it is not one of this place's statements\n"
		"f:3:1: expected a keyword, found the string \"passive\"\n");
	read_it("passive on;\n passive off;", &p, "\tpassive on;\n",
		"f:2:2: \"passive\" is given twice: it is at line 1 already\n");
	read_it("passive { }", &p, "",
		"f:1:1: \"passive\" takes no block: expected \"passive on|off;\", is a \";\" "
		"missing?\n");
	read_it("proposal;", &p, "",
		"f:1:9: expected \"{\": the form is \"proposal { statements }\"\n");
}

static void
argument_errors(void **state)
{
	struct peer p = { 0 };

	(void)state;
	read_it("dpd_delay;", &p, "",
		"f:1:10: \"dpd_delay\" is incomplete: expected \"dpd_delay number;\"\n");
	read_it("dpd_delay 5 6;", &p, "",
		"f:1:13: unexpected \"6\": expected \"dpd_delay number;\"\n");
	read_it("dpd_delay 5\npassive on;", &p, "",
		"f:2:1: unexpected \"passive\": is a \";\" missing at the end of line 1?\n");
	read_it("dpd_delay 90000;", &p, "",
		"f:1:11: 90000 is out of range: expected a number from 0 to 86400\n");
	read_it("dpd_delay many;", &p, "", "f:1:11: \"many\": expected a number from 0 to 86400\n");
	read_it("exchange_mode agressive;", &p, "",
		"f:1:15: unknown word \"agressive\": did you mean \"aggressive\"? "
		"(expected main, base or aggressive)\n");
	read_it("passive maybe;", &p, "",
		"f:1:9: unknown word \"maybe\": expected on, off, yes or no\n");
	read_it("lifetime 5;", &p, "",
		"f:1:11: unit is missing: expected sec, min or hour after \"5\"\n");
	read_it("lifetime;", &p, "",
		"f:1:9: \"lifetime\" is incomplete: expected \"lifetime number unit;\"\n");
	read_it("lifetime 5m;", &p, "",
		"f:1:11: unknown word \"m\": expected hour, min, sec, hours, "
		"minute, minutes, mins, second, seconds or secs\n");
	read_it("lifetime 5sec 6;", &p, "",
		"f:1:15: unexpected \"6\": expected \"lifetime number unit;\"\n");
	read_it("lifetime 25 hour;", &p, "",
		"f:1:10: 25 hour is out of range: expected a time from 1 to 86400 seconds\n");
	read_it("lifetime 9223372036854775807 hour;", &p, "",
		"f:1:10: 9223372036854775807 hour is out of range: expected a time from 1 to "
		"86400 seconds\n");
	read_it("script [5];", &p, "", "f:1:8: expected \"script \"path\";\"\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_dump),
		cmocka_unit_test(keyword_errors),
		cmocka_unit_test(argument_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
