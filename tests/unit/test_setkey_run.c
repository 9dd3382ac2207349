/* test_setkey_run.c - scripts, dumps and flushes against a small model of the SA database. */
#include "setkey/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipsec/pfkey.h"

enum { SPI_TAKEN = 0x999 };

static char socket_path[64];
static pid_t server;
static int saved_out, saved_err;
static FILE *captured_out, *captured_err;

/* ------------------------------------------------------------------- the model: a child process */

static void
answer(int fd, struct sadb_msg *m, int error, uint32_t seq)
{
	uint8_t buf[PFKEY_MSG_MAX];
	struct writer w = writer_of(buf, sizeof(buf));

	m->error = error;
	m->seq = seq;
	if (pfkey_encode(m, &w) != ST_NORMAL || write(fd, buf, writer_len(&w)) < 0)
		_exit(2);
}

static void
sample_sa(struct ipsec_sa *sa, uint32_t spi, enum sa_state state)
{
	*sa = (struct ipsec_sa){ .proto = SA_ESP, .spi = spi, .state = state,
		.flags = SA_F_CYCSEQ };
	sa->src.addr = net_ipv4(0x0a000001);
	sa->dst.addr = net_ipv4(0x0a000002);
	sa->encr = alg_by_setkey(ALG_ENCR, "null");
	sa->current.add_s = 1000;
}

static void
serve(int fd, struct sadb_msg *m)
{
	uint32_t seq = m->seq;

	switch ((int)m->op) {
	case SADB_OP_ADD:
		answer(fd, m, m->sa.spi == SPI_TAKEN ? EEXIST : 0, seq);
		return;
	case SADB_OP_DUMP:
		m->has_sa = true;
		if (m->sa.proto == SA_AH) {
			answer(fd, m, ENOENT, seq);
			return;
		}
		sample_sa(&m->sa, 0x101, SA_DEAD);
		answer(fd, m, 0, 1);
		sample_sa(&m->sa, 0x102, SA_MATURE);
		answer(fd, m, 0, 0);
		return;
	case SADB_OP_GET:
		sample_sa(&m->sa, m->sa.spi, SA_MATURE);
		answer(fd, m, 0, seq);
		return;
	case SADB_OP_GETSPI:
		m->sa = (struct ipsec_sa){ .spi = m->spi_min + 1, .proto = m->sa.proto,
			.src = m->sa.src, .dst = m->sa.dst };
		answer(fd, m, 0, seq);
		return;
	case SADB_OP_SPDADD:
		answer(fd, m, EEXIST, seq);
		return;
	case SADB_OP_PROMISC: /* one event, and that is all */
		answer(fd, m, 0, seq);
		m->op = SADB_OP_ADD;
		m->has_sa = true;
		sample_sa(&m->sa, 0x103, SA_MATURE);
		answer(fd, m, 0, 77);
		_exit(0);
	case SADB_OP_DELETE:
	case SADB_OP_SPDDELETE:
	case SADB_OP_SPDDUMP:
	case SADB_OP_SPDFLUSH:
		answer(fd, m, ENOENT, seq);
		return;
	default:
		answer(fd, m, 0, seq);
	}
}

static void
model(int listener)
{
	uint8_t buf[64 * 1024];
	size_t n = 0;
	int fd = accept(listener, NULL, NULL);

	for (;;) {
		ssize_t got = read(fd, buf + n, sizeof(buf) - n);
		size_t len;

		if (got <= 0)
			_exit(0);
		n += (size_t)got;
		while (n >= PFKEY_HEADER && (len = pfkey_length(bytes_of(buf, n))) != 0 &&
			len <= n) {
			struct sadb_msg m;

			if (pfkey_decode(bytes_of(buf, len), &m, NULL, 0) != ST_NORMAL)
				_exit(3);
			serve(fd, &m);
			n -= len;
			memmove(buf, buf + len, n);
		}
	}
}

static int
start(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(socket_path, sizeof(socket_path), "/tmp/test_setkey_run.%d", (int)getpid());
	strcpy(un.sun_path, socket_path);
	unlink(socket_path);
	if (bind(listener, (struct sockaddr *)&un, sizeof(un)) != 0 || listen(listener, 1) != 0)
		return -1;
	server = fork();
	if (server == 0) {
		alarm(20);
		model(listener);
	}
	close(listener);
	return server > 0 ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	unlink(socket_path);
	waitpid(server, NULL, 0);
	return 0;
}

/* --------------------------------------------------------------------------------- the programs */

static void
capture(void)
{
	fflush(stdout);
	fflush(stderr);
	captured_out = tmpfile();
	captured_err = tmpfile();
	saved_out = dup(1);
	saved_err = dup(2);
	dup2(fileno(captured_out), 1);
	dup2(fileno(captured_err), 2);
}

static void
whole(FILE *f, char *buf, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
}

static void
release(char *out, char *err, size_t size)
{
	fflush(stdout);
	fflush(stderr);
	dup2(saved_out, 1);
	dup2(saved_err, 2);
	close(saved_out);
	close(saved_err);
	whole(captured_out, out, size);
	whole(captured_err, err, size);
}

static void
open_run(struct setkey_run *run)
{
	char why[128];

	*run = (struct setkey_run){ .file = "f", .now = { 1000000 } };
	assert_int_equal(sadb_sync_open("engine", socket_path, &run->db, why, sizeof(why)),
		ST_NORMAL);
}

static void
a_script(void **state)
{
	static const char text[] = "flush; spdflush;\n"
		"add 10.0.0.1 10.0.0.2 esp 0x998 -E null;\n"
		"add 10.0.0.1 10.0.0.2 esp 0x999 -E null;\n"
		"get 10.0.0.1 10.0.0.2 esp 0x777;\n"
		"delete 10.0.0.1 10.0.0.2 esp 0x777;\n"
		"dump ah; spddump;\n"
		"spdadd 1.1.1.1 2.2.2.2 any -P in none;\n"
		"spddelete 1.1.1.1 2.2.2.2 any -P in;\n";
	struct setkey_script script = { .kernel_style = false };
	struct stmt_errors errors = { 0 };
	struct setkey_run run;
	char out[4096], err[4096];

	(void)state;
	assert_true(setkey_read(&script, "f", bytes_str(text), &errors));
	open_run(&run);
	capture();
	setkey_run_script(&run, &script);
	release(out, err, sizeof(out));
	assert_true(run.failed);
	assert_false(run.broken);
	assert_ptr_equal(strstr(out, "10.0.0.1 10.0.0.2 \n\tesp mode=any spi=1911(0x00000777)"),
		out);
	assert_non_null(strstr(out, "refcnt=0\nNo SAD entries.\nNo SPD entries.\n"));
	assert_string_equal(err,
		"f:3:1: The result of line 3: File exists (SA exists already: "
		"delete it first, or choose another SPI.)\n"
		"f:5:1: The result of line 5: No entry.\n"
		"f:7:1: The result of line 7: File exists (policy exists already: "
		"spddelete it first, or use spdupdate.)\n"
		"f:8:1: The result of line 8: No entry.\n");
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
	setkey_script_clear(&script);
	stmt_errors_free(&errors);
}

static void
dumps_and_flushes(void **state)
{
	struct setkey_run run;
	char out[4096], err[4096];

	(void)state;
	open_run(&run);
	capture();
	setkey_run_dump(&run, false);
	run.all = run.brief = true;
	setkey_run_dump(&run, false);
	setkey_run_dump(&run, true);
	setkey_run_flush(&run, false);
	setkey_run_flush(&run, true);
	release(out, err, sizeof(out));
	assert_string_equal(err, "");
	assert_false(run.failed);
	/* Dead SAs only with -a. */
	assert_ptr_equal(strstr(out, "10.0.0.1 10.0.0.2 \n\tesp mode=any spi=258(0x00000102)"),
		out);
	assert_non_null(strstr(out, "sadb_seq=0 pid="));
	assert_non_null(strstr(out, "time p   s spi      ltime   src -> dst\n"));
	assert_non_null(strstr(out, " esp d 00000101 "));
	assert_non_null(strstr(out, " esp M 00000102 "));
	assert_non_null(strstr(out, "No SPD entries.\n"));
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
}

static void
many_requests(void **state)
{
	struct setkey_script script = { .kernel_style = true };
	struct stmt_errors errors = { 0 };
	struct text t = { 0 };
	struct setkey_run run;
	char out[256], err[256];

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		text_addf(&t, "add 10.0.0.1 10.0.0.2 esp %u -E null;\n", 0x1000 + i);
	assert_true(setkey_read(&script, "f", bytes_str(text_str(&t)), &errors));
	open_run(&run);
	capture();
	setkey_run_script(&run, &script);
	release(out, err, sizeof(out));
	assert_string_equal(err, "");
	assert_false(run.failed);
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
	setkey_script_clear(&script);
	text_free(&t);
}

/* Through batches: everything is sent, and each error is told with its own line. */
static void
in_batches(void **state)
{
	struct setkey_script script = { .kernel_style = true };
	struct stmt_errors errors = { 0 };
	struct text t = { 0 };
	struct setkey_run run;
	char out[256], err[512];

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		text_addf(&t, "add 10.0.0.1 10.0.0.2 esp %u -E null;\n",
			i == 2500 ? SPI_TAKEN : 0x1000 + i);
	open_run(&run);
	script.batch = setkey_run_batch;
	script.batch_user = &run;
	capture();
	assert_true(setkey_read(&script, "f", bytes_str(text_str(&t)), &errors));
	release(out, err, sizeof(out));
	assert_true(run.failed);
	assert_non_null(strstr(err, "f:2501:1: The result of line 2501: File exists"));
	assert_ptr_equal(strstr(err, "The result"), strstr(err, "The result of line 2501"));
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
	setkey_script_clear(&script);
	text_free(&t);
}

static void
an_spi(void **state)
{
	struct setkey_script script = { .kernel_style = true };
	struct stmt_errors errors = { 0 };
	struct setkey_run run;
	char out[512], err[256];

	(void)state;
	assert_true(setkey_read(&script, "f",
		bytes_str("getspi 10.0.0.1 10.0.0.2 esp 0x500-0x600 -m tunnel -u 3;"), &errors));
	open_run(&run);
	capture();
	setkey_run_script(&run, &script);
	release(out, err, sizeof(out));
	assert_string_equal(err, "");
	assert_string_equal(out, "10.0.0.1 10.0.0.2 \n"
		"\tesp mode=tunnel spi=1281(0x00000501) reqid=3(0x00000003)\n");
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
	setkey_script_clear(&script);
}

static wall
fixed_clock(void)
{
	return (wall){ 1795256539750 };
}

/* The model answers what it does not know with the request itself; then it is stopped. */
static void
watching(void **state)
{
	struct setkey_run run;
	char out[4096], err[512];

	(void)state;
	open_run(&run);
	run.clock = fixed_clock;
	capture();
	setkey_run_watch(&run, true);
	release(out, err, sizeof(out));
	assert_true(run.failed && run.broken);
	assert_ptr_equal(strstr(out, "10:22:19.750000\n00000000: 02 03 00 03 "), out);
	assert_non_null(strstr(out, "\nsadb_msg{ version=2 type=3 errno=0 satype=3\n"));
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
}

static void
lost_connection(void **state)
{
	struct setkey_run run;
	char out[256], err[512];

	(void)state;
	open_run(&run);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	capture();
	setkey_run_dump(&run, false);
	setkey_run_flush(&run, true);
	release(out, err, sizeof(out));
	assert_true(run.failed && run.broken);
	assert_string_equal(err, "setkey: %IPSEC-E-BACKEND, IPsec backend does not answer\n");
	sadb_sync_close(run.db);
	setkey_run_clear(&run);
}

static void
replay(void **state)
{
	struct sadb_msg m = { .op = SADB_OP_FLUSH, .has_sa = true, .sa.proto = SA_ESP };
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof(buf));
	char out[4096], err[4096];
	size_t n;

	(void)state;
	assert_int_equal(pfkey_encode(&m, &w), ST_NORMAL);
	n = writer_len(&w);
	m.op = SADB_OP_DUMP;
	assert_int_equal(pfkey_encode(&m, &w), ST_NORMAL);
	capture();
	assert_true(setkey_replay("r", bytes_of(buf, writer_len(&w)), true));
	assert_false(setkey_replay("r", bytes_of(buf, n + 15), false)); /* cut short */
	buf[4] = buf[5] = 0; /* no length: the old program went on for ever */
	assert_false(setkey_replay("r", bytes_of(buf, n), false));
	assert_false(setkey_replay("r", bytes_str("spdflush; spdflush; "), false));
	assert_true(setkey_replay("r", bytes_of(NULL, 0), false));
	release(out, err, sizeof(out));
	assert_ptr_equal(strstr(out, "00000000: 02 09 00 03 "), out);
	assert_non_null(strstr(out, "\nsadb_msg{ version=2 type=9 errno=0 satype=3\n"));
	assert_non_null(strstr(out, "\nsadb_msg{ version=2 type=10 errno=0 satype=3\n"));
	assert_non_null(strstr(err, "setkey: r: octet 0 begins no PF_KEY message: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_script, start, stop),
		cmocka_unit_test_setup_teardown(dumps_and_flushes, start, stop),
		cmocka_unit_test_setup_teardown(many_requests, start, stop),
		cmocka_unit_test_setup_teardown(in_batches, start, stop),
		cmocka_unit_test_setup_teardown(an_spi, start, stop),
		cmocka_unit_test_setup_teardown(watching, start, stop),
		cmocka_unit_test_setup_teardown(lost_connection, start, stop),
		cmocka_unit_test(replay),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
