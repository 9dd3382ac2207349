/* test_ctl_uv.c - sessions on real sockets: what a client that goes away does to a verb at work. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "lib/ctl_uv.h"

enum { LINES = 4000, LEAVES_AT = 2000 }; /* of 100 octets: several times what is sent at once */

static char dir[] = "/tmp/test_ctl_uv.XXXXXX", path[64];
static uv_loop_t loop;
static struct ctl_server *server;
static int client;
static unsigned cancels;
static bool at_work, cancelled_at_work, done;

static void
talk_cancel(struct ctl_call *call)
{
	cancels++;
	cancelled_at_work = at_work;
	free(call->state);
	call->state = NULL;
	ctl_done(call, ST_CANCELLED, NULL);
	done = true;
}

/* Says much; its asker goes away meanwhile.  Does not look whether anybody reads. */
static void
verb_talk(struct ctl_call *call)
{
	char *line = malloc(101);

	assert_non_null(line);
	memset(line, 'x', 100);
	line[100] = '\0';
	call->state = line;
	call->cancel = talk_cancel;
	at_work = true;
	for (unsigned i = 0; i < LINES; i++) {
		if (i == LEAVES_AT)
			close(client);
		ctl_text(call, line);
	}
	at_work = false;
}

static const struct verb verbs[] = {
	{ .name = "TALK", .role = CTL_READER, .run = verb_talk, .help = "say much" },
	{ .name = NULL },
};
static const struct ctl_service service = { .facility = "TEST", .version = "1", .verbs = verbs };

static int
setup(void **state)
{
	struct ctl_listen l = { .path = path, .mode = 0600, .role = CTL_OPERATOR };
	char why[256];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(dir) == NULL || uv_loop_init(&loop) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/ctl", dir);
	server = ctl_server_new(&loop, &service);
	return server == NULL || ctl_server_listen(server, &l, why, sizeof(why)) != ST_NORMAL;
}

static int
teardown(void **state)
{
	(void)state;
	ctl_server_close(server, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	rmdir(dir);
	return uv_loop_close(&loop);
}

static void
test_client_leaves_a_verb_at_work(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(client >= 0);
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(write(client, "talk\n", 5), 5);
	while (!done)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(cancels, 1);
	assert_false(cancelled_at_work); /* it would go on with what was freed */
	assert_int_equal(ctl_server_sessions(server), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_client_leaves_a_verb_at_work, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
