/* test_svc_edit.c - the services file edited as text: what is kept, refused, what differs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lib/svc_edit.h"

static struct svc_edit edit;
static struct stmt_errors errors;

static const char start[] =
	"# our services\n"
	"group wheel; # who may\n"
	"\n"
	"service IPSEC {\n"
	"\tprogram \"ipsecd\"; # the data path\n"
	"\targuments \"-F\";\n"
	"}\n"
	"\n"
	"# the key daemon\n"
	"service RACOON { program \"racoon\"; after IPSEC; }\n";

static int
setup(void **state)
{
	(void)state;
	return svc_edit_open(&edit, "file", bytes_str(start), &errors) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	svc_edit_close(&edit);
	stmt_errors_free(&errors);
	errors = (struct stmt_errors){ .count = 0 };
	return 0;
}

static const struct conf_row *
row_of(const char *service, const char *keyword)
{
	const struct conf_row *row =
		svc_rows(service != NULL ? svc_find(edit.file, service) : NULL);

	while (row->keyword != NULL && strcmp(row->keyword, keyword) != 0)
		row++;
	assert_non_null(row->keyword);
	return row;
}

static bool
set(const char *service, const char *keyword, const char *words, bool more)
{
	return svc_edit_set(&edit, service, row_of(service, keyword), words, more, &errors);
}

static void
has(const char *part)
{
	if (strstr(text_str(&edit.text), part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text_str(&edit.text));
}

static void
refused(const char *why)
{
	if (errors.count == 0 || strstr(text_str(&errors.text), why) == NULL)
		fail_msg("no \"%s\" in: %s", why, text_str(&errors.text));
	assert_false(svc_edit_changed(&edit));
	assert_string_equal(text_str(&edit.text), start);
}

static void
test_set_keeps_the_rest(void **state)
{
	(void)state;
	assert_true(set("IPSEC", "program", "\"/opt/ipsecd\"", false));
	has("service IPSEC {\n\tprogram \"/opt/ipsecd\"; # the data path\n\targuments \"-F\";\n");
	assert_true(set("IPSEC", "stop-time", "8 sec", false));
	has("\targuments \"-F\";\n\tstop-time 8 sec;\n}\n");
	assert_true(set("RACOON", "enable", "off", false));
	has("# the key daemon\nservice RACOON { program \"racoon\"; after IPSEC; enable off; }\n");
	assert_true(set(NULL, "group", "staff", false));
	has("# our services\ngroup staff; # who may\n");
	assert_true(set(NULL, "log-file", "\"/var/log/m\"", false));
	has("}\nlog-file \"/var/log/m\";\n");
	assert_int_equal(svc_find(edit.file, "IPSEC")->policy.stop_ms, 8000);
	assert_true(svc_edit_changed(&edit));
}

static void
test_default_takes_away(void **state)
{
	(void)state;
	assert_true(set("IPSEC", "arguments", NULL, false));
	has("# the data path\n}\n");
	assert_true(set("RACOON", "after", NULL, false));
	has("service RACOON { program \"racoon\";  }\n");
	assert_int_equal(svc_find(edit.file, "IPSEC")->arguments, 0);
	svc_edit_restore(&edit);
	assert_string_equal(text_str(&edit.text), start);
	assert_true(set("IPSEC", "backoff", NULL, false)); /* it had none: nothing changes */
	assert_false(svc_edit_changed(&edit));
}

static void
test_more_statements(void **state)
{
	(void)state;
	assert_true(set("NETCONTROL", "listen", "127.0.0.1 reader", false));
	has("\nservice NETCONTROL {\n\tlisten 127.0.0.1 reader;\n}\n");
	assert_true(set("NETCONTROL", "listen", "::1 [99] operator", true));
	assert_true(set("RACOON", "accept-hosts", "10.1.1.1", false));
	assert_true(set("RACOON", "accept-hosts", "::1", true));
	has("after IPSEC; accept-hosts 10.1.1.1; accept-hosts ::1; }\n");
	has("\tlisten 127.0.0.1 reader;\n\tlisten ::1 [99] operator;\n}\n");
	assert_int_equal(svc_find(edit.file, "NETCONTROL")->listens, 2);
	assert_true(set("NETCONTROL", "listen", "127.0.0.2 reader", false));
	has("service NETCONTROL {\n\tlisten 127.0.0.2 reader;\n}\n");
	assert_int_equal(svc_find(edit.file, "NETCONTROL")->listens, 1);
	assert_true(svc_edit_delete(&edit, "NETCONTROL", &errors));
	assert_true(svc_find(edit.file, "NETCONTROL")->implied);
}

static void
test_refused(void **state)
{
	(void)state;
	assert_false(set("IPSEC", "restart", "sometimes", false));
	refused("never");
	assert_false(set("IPSEC", "ready-time", "2 hour", false));
	refused("hour");
	assert_false(set("IPSEC", "program", NULL, false));
	refused("has no program");
	assert_false(set("RACOON", "after", "NOBODY", false));
	refused("no service NOBODY");
	assert_false(set("IPSEC", "after", "RACOON", false));
	refused("after itself");
	assert_false(set("NETCONTROL", "listen", "192.0.2.1 reader", false));
	refused("loopback");
	assert_false(svc_edit_delete(&edit, "IPSEC", &errors));
	refused("no service IPSEC");
	assert_false(svc_edit_delete(&edit, "NETCONTROL", &errors));
	refused("has no stanza");
	assert_false(svc_edit_copy(&edit, "LOGICALS", "L2", &errors));
	refused("has no stanza");
	assert_false(svc_edit_add(&edit, "ipsec", "x", &errors));
	refused("given twice");
	assert_false(svc_edit_add(&edit, "A { } service B", "x", &errors));
	refused("no name of a service");
	assert_false(svc_edit_copy(&edit, "IPSEC", "A;B", &errors));
	refused("no name of a service");
	assert_false(svc_edit_add(&edit, "A", "x\"; enable off; #", &errors));
	refused("quote");
	assert_false(svc_edit_open(&edit, "other", bytes_str("service X { }\n"), &errors));
	refused("other:1:13: service X has no program");
}

static void
test_add_copy_delete(void **state)
{
	(void)state;
	assert_true(svc_edit_add(&edit, "NEW", "newd", &errors));
	has("\n\nservice NEW {\n\tprogram \"newd\";\n}\n");
	assert_true(svc_edit_copy(&edit, "IPSEC", "IPSEC2", &errors));
	has("service IPSEC2 {\n\tprogram \"ipsecd\"; # the data path\n\targuments \"-F\";\n}\n");
	assert_true(svc_edit_delete(&edit, "RACOON", &errors));
	has("}\n\n# the key daemon\n\nservice NEW");
	assert_null(svc_find(edit.file, "RACOON"));
	assert_true(svc_edit_delete(&edit, "IPSEC", &errors));
	has("group wheel; # who may\n\n# the key daemon\n");
}

static void
test_differences(void **state)
{
	struct text out = { 0 };

	(void)state;
	svc_edit_differences(&edit, &out);
	assert_string_equal(text_str(&out), "");
	assert_true(set(NULL, "group", "staff", false));
	assert_true(set("IPSEC", "stop-time", "8 sec", false));
	assert_true(svc_edit_delete(&edit, "RACOON", &errors));
	assert_true(svc_edit_add(&edit, "NEW", "newd", &errors));
	svc_edit_differences(&edit, &out);
	assert_string_equal(text_str(&out),
		"top level: changed\n  - group \"wheel\";\n  + group \"staff\";\n"
		"service IPSEC: changed\n  + stop-time 8 sec;\n"
		"service RACOON: deleted\n  - program \"racoon\";\n  - after IPSEC;\n"
		"service NEW: added\n  + program \"newd\";\n");
	text_clear(&out);
	svc_edit_saved(&edit);
	assert_false(svc_edit_changed(&edit));
	svc_edit_differences(&edit, &out);
	assert_string_equal(text_str(&out), "");
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_set_keeps_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default_takes_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_statements, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_add_copy_delete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differences, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
