/*
 * test_dp_keep.c - policies in a file: the same ones come back, and nothing else is believed.
 */
#include "ipsec/dp_keep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the four above */
#include <cmocka.h>

static char folder[] = "/tmp/test_dp_keep.XXXXXX", path[64], file[80];
static struct sadb_msg seen[8];
static unsigned count;

static struct ipsec_policy
policy(const char *src, const char *dst, uint32_t priority)
{
	struct ipsec_policy p = { .dir = SP_OUT, .action = SP_IPSEC, .rules = 1,
		.priority = priority, .sel = { .upper = SP_UPPER_ANY } };

	assert_true(net_prefix_parse(src, &p.sel.src));
	assert_true(net_prefix_parse(dst, &p.sel.dst));
	p.rule[0] = (struct sp_rule){ .proto = SA_ESP, .mode = SA_TRANSPORT, .level = SP_REQUIRE };
	return p;
}

static void
each(void *user, const struct sadb_msg *m)
{
	(void)user;
	assert_true(count < 8);
	seen[count++] = *m;
}

static unsigned
load(void)
{
	struct dp_keep *k = dp_keep_open(path);
	unsigned n;

	assert_non_null(k);
	count = 0;
	n = dp_keep_load(k, each, NULL);
	assert_int_equal(n, count);
	dp_keep_close(k, false);
	return n;
}

static void
fill(bool in_order)
{
	struct ipsec_policy a = policy("10.0.0.0/8", "172.16.2.0/24", 7);
	struct ipsec_policy b = policy("fd00::/16", "fd01::1", 0);
	struct dp_keep *k = dp_keep_open(path);

	dp_keep_note(k, SADB_OP_SPDUPDATE, &a); /* not begun: nothing happens */
	dp_keep_begin(k);
	dp_keep_note(k, SADB_OP_SPDFLUSH, NULL);
	dp_keep_note(k, SADB_OP_SPDUPDATE, &a);
	assert_false(dp_keep_write(k));
	assert_int_equal(access(file, F_OK), 0);
	dp_keep_note(k, SADB_OP_SPDUPDATE, &b);
	dp_keep_note(k, SADB_OP_SPDDELETE, &a);
	assert_false(dp_keep_write(k));
	dp_keep_close(k, in_order);
}

static void
test_there_and_back(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(load(), 0);
	fill(false);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(load(), 4);
	assert_int_equal(seen[0].op, SADB_OP_SPDFLUSH);
	assert_int_equal(seen[1].op, SADB_OP_SPDUPDATE);
	assert_int_equal(seen[1].sp.priority, 7);
	assert_int_equal(seen[1].sp.sel.dst.len, 24);
	assert_int_equal(seen[1].sp.rule[0].proto, SA_ESP);
	assert_int_equal(seen[2].sp.sel.src.addr.family, 6);
	assert_int_equal(seen[3].op, SADB_OP_SPDDELETE);
	assert_int_equal(seen[3].sp.sel.src.len, 8);
	fill(true);
	assert_int_equal(load(), 0);
}

static void
test_what_is_not_believed(void **state)
{
	struct stat st;
	FILE *f;

	(void)state;
	fill(false);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, st.st_size - 8), 0);
	assert_int_equal(load(), 3);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(load(), 3);
	f = fopen(file, "r+");
	assert_non_null(f);
	fputs("no PF_KEY", f);
	fclose(f);
	assert_int_equal(load(), 0);
	unlink(file);
	assert_int_equal(symlink("/etc/passwd", file), 0);
	assert_int_equal(load(), 0);
	unlink(file);
}

static void
test_begins_anew(void **state)
{
	struct ipsec_policy a = policy("10.0.0.0/8", "172.16.2.0/24", 7);
	struct dp_keep *k = dp_keep_open(path);
	bool anew = false;

	(void)state;
	dp_keep_begin(k);
	for (unsigned i = 0; i < 20000 && !anew; i++) {
		dp_keep_note(k, SADB_OP_SPDUPDATE, &a);
		anew = dp_keep_write(k);
	}
	assert_true(anew);
	dp_keep_begin(k);
	dp_keep_note(k, SADB_OP_SPDUPDATE, &a);
	assert_false(dp_keep_write(k));
	dp_keep_close(k, false);
	assert_int_equal(load(), 1);
	unlink(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_not_believed),
		cmocka_unit_test(test_begins_anew),
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/sock", folder);
	snprintf(file, sizeof(file), "%s.spd", path);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
