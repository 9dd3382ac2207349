/* test_queue.c - the queue of SUBMIT: order, bounds, states, its text form; times to come. */
#include "server/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

static struct queue q;
static char why[160];

static struct job *
add(uid_t uid, int64_t when, const char *name)
{
	char path[] = "/etc/multinet/x.com", log[] = "", one[] = "a b", two[] = "";
	struct job like = { .uid = uid, .when = { when }, .path = path, .log = log,
		.param = { one, two }, .params = 2 }, *job;

	strncpy(like.name, name, QUEUE_NAME_MAX);
	return queue_add(&q, &like, &job, why, sizeof(why)) == ST_NORMAL ? job : NULL;
}

static int
setup(void **state)
{
	(void)state;
	queue_init(&q);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	queue_free(&q);
	return q.count != 0 || q.running != 0;
}

static void
runs_in_order_of_time(void **state)
{
	struct job *late = add(0, 3000, "late"), *soon = add(0, 1000, "soon");
	wall when;

	(void)state;
	assert_int_equal(late->number, 1);
	assert_int_equal(soon->number, 2);
	assert_true(queue_deadline(&q, &when));
	assert_int_equal(when.ms, 1000);
	assert_null(queue_due(&q, (wall){ 999 }));
	assert_ptr_equal(queue_due(&q, (wall){ 5000 }), soon);
	assert_string_equal(queue_state_name(late, (wall){ 2000 }), "HOLDING");
	assert_string_equal(queue_state_name(late, (wall){ 4000 }), "PENDING");
	queue_set_state(&q, soon, JOB_RUNNING, 77);
	assert_string_equal(queue_state_name(soon, (wall){ 0 }), "EXECUTING");
	assert_ptr_equal(queue_due(&q, (wall){ 5000 }), late);
	assert_ptr_equal(queue_find(&q, 2), soon);
	queue_remove(&q, soon);
	assert_null(queue_find(&q, 2));
	assert_int_equal(q.running, 0);
	queue_remove(&q, late);
	assert_false(queue_deadline(&q, &when));
	/* Numbers go on, nobody deletes the wrong one. */
	assert_int_equal(add(0, 0, "next")->number, 3);
}

static void
is_bounded(void **state)
{
	struct job like = { .params = 0 }, *job;
	char path[] = "/x", tab[] = "/a\tb", relative[] = "x.com", none[] = "";
	wall when;

	(void)state;
	for (unsigned i = 0; i < QUEUE_USER_MAX; i++)
		assert_non_null(add(1000, 0, "mine"));
	assert_null(add(1000, 0, "one more"));
	assert_non_null(strstr(why, "64 of them yours"));
	for (unsigned i = QUEUE_USER_MAX; i < QUEUE_JOBS_MAX; i++)
		assert_non_null(add(0, 0, "root's"));
	assert_null(add(0, 0, "one more"));
	for (unsigned i = 0; i < QUEUE_RUNNING_MAX; i++)
		queue_set_state(&q, queue_due(&q, (wall){ 1 }), JOB_RUNNING, 100 + (pid_t)i);
	assert_null(queue_due(&q, (wall){ 1 }));
	assert_false(queue_deadline(&q, &when));
	while (q.count > 1)
		queue_remove(&q, container_of(q.jobs.next, struct job, node));
	memcpy(like.name, "x", 2);
	like.path = tab;
	like.log = none;
	assert_int_equal(queue_add(&q, &like, &job, why, sizeof(why)), ST_IVPARM);
	like.path = relative;
	assert_int_equal(queue_add(&q, &like, &job, why, sizeof(why)), ST_IVPARM);
	like.path = path;
	like.name[0] = '\0';
	assert_int_equal(queue_add(&q, &like, &job, why, sizeof(why)), ST_IVPARM);
}

static void
comes_back_from_text(void **state)
{
	struct text out = { 0 }, again = { 0 };
	struct job *job;

	(void)state;
	add(1000, 12345, "first");
	queue_set_state(&q, add(0, 99, "second"), JOB_RUNNING, 4711);
	queue_write(&q, &out);
	assert_string_equal(text_str(&out),
		"job\t1\t1000\t12345\tHOLDING\t0\tfirst\t/etc/multinet/x.com\t\ta b\t\n"
		"job\t2\t0\t99\tEXECUTING\t4711\tsecond\t/etc/multinet/x.com\t\ta b\t\n");
	queue_free(&q);
	queue_init(&q);
	for (char *p = out.p, *line; (line = strsep(&p, "\n")) != NULL && *line != '\0';)
		assert_true(queue_read(&q, line));
	queue_write(&q, &again);
	job = queue_find(&q, 2);
	assert_int_equal(job->pid, 4711);
	assert_int_equal(q.running, 1);
	assert_int_equal(job->params, 2);
	assert_string_equal(job->param[0], "a b");
	assert_string_equal(job->param[1], "");
	assert_false(queue_read(&q, "job\t2\t0\t99\tHOLDING\t0\ttwice\t/x\t"));
	assert_false(queue_read(&q, "job\t-3\t0\t99\tHOLDING\t0\tx\t/x\t"));
	assert_false(queue_read(&q, "job\t3\t4294967296\t99\tHOLDING\t0\tx\t/x\t"));
	assert_false(queue_read(&q, "job\t3\t0\t99\tHOLDING\t0\tx\tx.com\t"));
	assert_false(queue_read(&q,
		"job\t3\t0\t99\tHOLDING\t0\tx\t/x\t\t1\t2\t3\t4\t5\t6\t7\t8\t9"));
	assert_false(queue_read(&q, "job\t3"));
	assert_false(queue_read(&q, ""));
	assert_true(queue_read(&q, "job\t9\t0\t99\tHOLDING\t0\tx\t/x\t\t1\t2\t3\t4\t5\t6\t7\t8"));
	assert_int_equal(q.last, 9);
	text_free(&out);
	text_free(&again);
}

static void
times_to_come(void **state)
{
	wall now = { INT64_C(1795256539750) }, t; /* 21-NOV-2026 10:22:19.75 UTC */

	(void)state;
	assert_true(when_parse_later("+0:30:00", now, &t));
	assert_int_equal(t.ms - now.ms, 1800000);
	assert_true(when_parse_later("+1-00:00", now, &t));
	assert_int_equal(t.ms - now.ms, 86400000);
	assert_true(when_parse_later("+0:0:01", now, &t));
	assert_int_equal(t.ms - now.ms, 1000);
	assert_true(when_parse_later("+2", now, &t));
	assert_int_equal(t.ms - now.ms, 7200000);
	assert_true(when_parse_later("tomorrow", now, &t));
	assert_true(t.ms > now.ms && t.ms - now.ms <= 86400000);
	assert_true(when_parse_later("22-NOV-2026:10:22", now, &t));
	assert_true(t.ms > now.ms);
	assert_true(when_parse_later("TODAY", now, &t) && t.ms <= now.ms);
	assert_false(when_parse_later("+", now, &t));
	assert_false(when_parse_later("+0:70:00", now, &t));
	assert_false(when_parse_later("+0:1:00x", now, &t));
	assert_false(when_parse_later("sometime", now, &t));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_in_order_of_time),
		TEST(is_bounded),
		TEST(comes_back_from_text),
		TEST(times_to_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
