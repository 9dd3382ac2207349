/* test_services.c - the services file: what is understood, and every way to get it wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/svc.h"

static struct stmt_errors errors;

static struct svc_file *
read_text(const char *text)
{
	stmt_errors_free(&errors);
	memset(&errors, 0, sizeof(errors));
	return svc_read("svc", bytes_str(text), &errors);
}

static int
teardown(void **state)
{
	(void)state;
	stmt_errors_free(&errors);
	memset(&errors, 0, sizeof(errors));
	return 0;
}

static const char good[] =
	"# the services of this host\n"
	"socket \"/run/x.sock\";\n"
	"reader-socket \"/run/y.sock\";\n"
	"group operators;\n"
	"service ipsec { program \"ipsecd\"; restart always; }\n"
	"service RACOON {\n"
	"	program \"racoon\";\n"
	"	arguments \"-F\" \"-f\" \"multinet:racoon.conf\";\n"
	"	after IPSEC;\n"
	"	enable off;\n"
	"	ready-time 20 sec;\n"
	"	stop-time 1 min;\n"
	"	attempts 5;\n"
	"	log-file \"multinet:racoon.log\";\n"
	"}\n";

static void
test_good(void **state)
{
	struct svc_file *f = read_text(good);
	const struct svc_conf *c;

	(void)state;
	assert_non_null(f);
	assert_int_equal(errors.count, 0);
	assert_string_equal(f->socket, "/run/x.sock");
	assert_string_equal(f->reader_socket, "/run/y.sock");
	assert_string_equal(f->group, "operators");
	assert_int_equal(f->services, 4); /* and those that are part of the server */
	c = svc_find(f, "Ipsec");
	assert_non_null(c);
	assert_string_equal(c->name, "IPSEC");
	assert_true(c->enable);
	assert_int_equal(c->arguments, 0);
	assert_null(c->argument[0]);
	assert_int_equal(c->policy.restart, SUPER_ALWAYS);
	assert_int_equal(c->policy.ready_ms, 10000);
	assert_int_equal(c->policy.stop_ms, 5000);
	assert_int_equal(c->policy.backoff_ms, 1000);
	assert_true(c->policy.readiness);
	c = svc_find(f, "RACOON");
	assert_non_null(c);
	assert_false(c->enable);
	assert_int_equal(c->arguments, 3);
	assert_string_equal(c->argument[2], "multinet:racoon.conf");
	assert_null(c->argument[3]);
	assert_int_equal(c->afters, 1);
	assert_string_equal(c->after[0], "IPSEC");
	assert_int_equal(c->policy.ready_ms, 20000);
	assert_int_equal(c->policy.stop_ms, 60000);
	assert_int_equal(c->policy.attempts, 5);
	assert_int_equal(c->policy.restart, SUPER_ON_FAILURE);
	assert_null(svc_find(f, "IKED"));
	assert_false(svc_same(&f->service[0], &f->service[1]));
	svc_file_free(f);
}

static void
test_print_reads_back(void **state)
{
	struct svc_file *f = read_text(good), *g;
	struct text one = { 0 }, two = { 0 };

	(void)state;
	assert_non_null(f);
	svc_print(f, &one);
	g = read_text(text_str(&one));
	assert_non_null(g);
	svc_print(g, &two);
	assert_string_equal(text_str(&one), text_str(&two));
	assert_true(svc_same(&f->service[1], &g->service[1]));
	svc_file_free(f);
	svc_file_free(g);
	text_free(&one);
	text_free(&two);
}

static void
test_empty(void **state)
{
	struct svc_file *f = read_text("");

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->services, 2);
	assert_true(f->service[0].implied && f->service[1].implied);
	assert_non_null(svc_find(f, "NETCONTROL"));
	svc_file_free(f);
}

static void
bad(const char *text, const char *place, const char *says)
{
	struct svc_file *f = read_text(text);

	if (f != NULL)
		fail_msg("taken: %s", text);
	if (strncmp(text_str(&errors.text), place, strlen(place)) != 0 ||
		strstr(text_str(&errors.text), says) == NULL)
		fail_msg("for \"%s\":\n%s", text, text_str(&errors.text));
}

static void
test_errors(void **state)
{
	(void)state;
	bad("service X { program \"a\"; enabel on; }", "svc:1:26: ", "did you mean \"enable\"?");
	bad("service X { program \"a\"; ready-time 0 sec; }", "svc:1:37: ", "out of range");
	bad("service X { program \"a\"; ready-time 5; }", "svc:1:38: ", "unit is missing");
	bad("service X { program \"a\"; restart maybe; }", "svc:1:34: ", "on-failure");
	bad("service X { program \"a\"; restart never; restart always; }", "svc:1:41: ",
		"given twice");
	bad("service X { enable on; }", "svc:1:", "has no program");
	bad("service X { program \"a\" }", "svc:1:25: ", "");
	bad("service X { program \"a\";", "svc:1:", "");
	bad("service X;", "svc:1:", "expected");
	bad("service { program \"a\"; }", "svc:1:1: ", "service NAME");
	bad("service a.b { program \"a\"; }", "svc:1:9: ", "expected a service name");
	bad("service X { program \"a\"; }\nservice x { program \"b\"; }", "svc:2:9: ",
		"given twice");
	bad("service X { program \"a\"; after Y; }", "svc:1:32: ", "no service Y");
	bad("service X { program \"a\"; after X; }", "svc:1:32: ", "after itself");
	bad("service X { program \"a\"; after Y; } service Y { program \"a\"; after X; }",
		"svc:1:32: ", "after itself");
	bad("sockett \"/x\";", "svc:1:1: ", "did you mean \"socket\"?");
	bad("service X { program \"a\"; attempts -1; }", "svc:1:35: ", "");
}

static const char access[] =
	"group ops;\nreader-group lookers;\n"
	"service X {\n"
	"	program \"a\";\n"
	"	log-file \"OPCOM\";\n"
	"	user nobody;\n"
	"	environment \"A=1\" \"B=two words\";\n"
	"	logical \"MULTINET_HOST_NAME=10.0.0.1\";\n"
	"	priority -5;\n"
	"	accept-hosts 10.1.2.3;\n"
	"	accept-nets ::ffff:10.2.0.0/112;\n"
	"	reject-nets 10.0.0.0/8;\n"
	"	reject-message \"not here\";\n"
	"	log-accepts on;\n"
	"	max-sessions 7;\n"
	"}\n"
	"service NETCONTROL {\n"
	"	listen 127.0.0.1 reader;\n"
	"	listen ::1 [99] operator;\n"
	"	listen-tls 0.0.0.0;\n"
	"	certificate \"CN=a*\" operator;\n"
	"	certificate \"*\" reader;\n"
	"	idle-time 10 min;\n"
	"	rate 60;\n"
	"}\n"
	"service LOGICALS { enable off; }\n";

static void
test_access(void **state)
{
	struct svc_file *f = read_text(access), *g;
	struct text one = { 0 }, two = { 0 };
	const struct svc_conf *c;

	(void)state;
	assert_non_null(f);
	assert_string_equal(f->reader_group, "lookers");
	c = svc_find(f, "X");
	assert_int_equal(c->environments, 2);
	assert_string_equal(c->environment[1], "B=two words");
	assert_int_equal(c->logicals, 1);
	assert_int_equal(c->priority, -5);
	assert_int_equal(c->max_sessions, 7);
	assert_true(c->log_accepts && c->log_rejects);
	assert_int_equal(c->access.count, 3);
	assert_int_equal(c->access.rule[1].net.addr.family, 4);
	assert_int_equal(c->access.rule[1].net.len, 16);
	c = svc_find(f, "NETCONTROL");
	assert_false(c->implied);
	assert_int_equal(c->listens, 3);
	assert_int_equal(c->listen[0].at.port, SVC_PORT);
	assert_int_equal(c->listen[1].at.port, 99);
	assert_int_equal(c->listen[1].role, CTL_OPERATOR);
	assert_true(c->listen[2].tls);
	assert_int_equal(c->listen[2].role, CTL_NOBODY);
	assert_int_equal(c->subjects, 2);
	assert_int_equal(c->idle_ms, 600000);
	assert_int_equal(c->rate, 60);
	assert_false(svc_find(f, "LOGICALS")->enable);
	svc_print(f, &one);
	g = read_text(text_str(&one));
	assert_non_null(g);
	svc_print(g, &two);
	assert_string_equal(text_str(&one), text_str(&two));
	svc_file_free(f);
	svc_file_free(g);
	text_free(&one);
	text_free(&two);
}

static void
test_access_errors(void **state)
{
	(void)state;
	bad("service NETCONTROL { program \"a\"; }", "svc:1:22: ", "unknown keyword \"program\"");
	bad("service NETCONTROL { listen 10.0.0.1; }", "svc:1:29: ", "listen-tls");
	bad("service NETCONTROL { listen 127.0.0.1 [0]; }", "svc:1:", "");
	bad("service NETCONTROL { listen 127.0.0.1 boss; }", "svc:1:39: ", "reader");
	bad("service NETCONTROL { certificate x reader; }", "svc:1:34: ", "subject");
	bad("service X { program \"a\"; accept-hosts 10.0.0.0/8; }", "svc:1:39: ", "no address");
	bad("service X { program \"a\"; accept-nets example; }", "svc:1:38: ", "no net");
	bad("service X { program \"a\"; environment \"=x\"; }", "svc:1:38: ", "NAME=value");
	bad("service X { program \"a\"; priority 20; }", "svc:1:35: ", "out of range");
}

static void
test_too_many(void **state)
{
	struct text t = { 0 };

	(void)state;
	for (int i = 0; i <= SVC_MAX; i++)
		text_addf(&t, "service S%d { program \"a\"; }\n", i);
	bad(text_str(&t), "svc:65:1: ", "at most 64 services");
	text_clear(&t);
	text_add(&t, "service X { program \"a\"; arguments");
	for (int i = 0; i <= SVC_ARGS_MAX; i++)
		text_addf(&t, " \"%d\"", i);
	text_add(&t, "; }");
	bad(text_str(&t), "svc:1:", "at most 32 arguments");
	text_free(&t);
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good),
		T(test_print_reads_back),
		T(test_empty),
		T(test_errors),
		T(test_access),
		T(test_access_errors),
		T(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
