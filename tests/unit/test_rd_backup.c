/*
 * test_rd_backup.c - lines of the backup file, and the environment of hooks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "racoon/daemon/backup.h"
#include "racoon/daemon/hooks.h"

static struct ipsec_sa
sample(void)
{
	struct ipsec_sa sa = { .proto = SA_ESP, .mode = SA_TUNNEL, .spi = 0x12345678, .reqid = 7,
		.replay = 64, .encr = alg_by_racoon(ALG_ENCR, "aes"),
		.auth = alg_by_racoon(ALG_AUTH, "hmac_sha1"),
		.hard = { .add_s = 3600, .bytes = 99 } };

	assert_true(net_addr_parse("10.0.0.1", &sa.src.addr));
	assert_true(net_addr_parse("10.0.0.2", &sa.dst.addr));
	sa.encr_key.octets = 16;
	sa.auth_key.octets = 20;
	memset(sa.encr_key.b, 0xa5, 16);
	memset(sa.auth_key.b, 0x5a, 20);
	return sa;
}

static void
backup_there_and_back(void **state)
{
	wall now = { INT64_C(1795000000000) };
	struct ipsec_sa sa = sample(), back;
	struct text line = { 0 };

	(void)state;
	assert_true(backup_line(&sa, now, &line));
	assert_non_null(strstr(text_str(&line), "%10.0.0.1 10.0.0.2 3 305419896 2 7 64 "));
	now.ms += 100 * 1000;
	assert_int_equal(backup_parse(text_str(&line), now, &back), ST_NORMAL);
	assert_int_equal(back.hard.add_s, 3500);
	assert_int_equal(back.hard.bytes, 99);
	assert_int_equal(back.spi, sa.spi);
	assert_int_equal(back.reqid, 7);
	assert_ptr_equal(back.encr, sa.encr);
	assert_ptr_equal(back.auth, sa.auth);
	assert_memory_equal(&back.encr_key, &sa.encr_key, sizeof(sa.encr_key));
	assert_memory_equal(&back.auth_key, &sa.auth_key, sizeof(sa.auth_key));
	now.ms += 3600 * 1000;
	assert_int_equal(backup_parse(text_str(&line), now, &back), ST_EXPIRED);
	text_free(&line);
	sa.natt = true; /* the format has no place for ports */
	assert_false(backup_line(&sa, now, &line));
	text_free(&line);
}

/* Reference 7.2, 13: a bad date gave a null pointer that was used; wrong numbers were ignored. */
static void
backup_bad_lines(void **state)
{
	static const char *const bad[] = { "", "%", "garbage",
		"Foo 99 00:00:00 2026%10.0.0.1 10.0.0.2",
		"Nov 21 10:00:00 2026", "Nov 21 10:00:00 2026%",
		"Nov 21 10:00:00 2026%10.0.0.1 ::1 3 4096 2 0 0 3 24 0 0 0 0 0 0 0 0 -",
		"Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 4096 2 0 0 12 16 0 0 0 0 0 0 0 0 00",
		"Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 4096 2 0 0 12 999999 0 0 0 0 0 0 0 0 00",
		"Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 -1 2 0 0 11 0 0 0 0 0 0 0 0 0 -",
		"Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 4096 7 0 0 11 0 0 0 0 0 0 0 0 0 -",
		"Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 4096 2 0 0 250 0 0 0 0 0 0 0 0 0 -",
		"Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 4096 2 0 0 11 0 0 0 0 0 0 0 0 0 zz" };
	wall now = { INT64_C(1795000000000) };
	struct ipsec_sa sa;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(backup_parse(bad[i], now, &sa), ST_BADCONF);
	assert_int_equal(backup_parse("Nov 21 10:00:00 2026%10.0.0.1 10.0.0.2 3 4096 2 0 0 11 0 0"
				      " 0 0 0 0 0 0 0 -\n",
				 now, &sa),
		ST_NORMAL);
	assert_int_equal(sa.encr->mode, ALG_MODE_NULL);
}

static const char *
variable(char **env, const char *name)
{
	for (; *env != NULL; env++)
		if (strncmp(*env, name, strlen(name)) == 0 && (*env)[strlen(name)] == '=')
			return *env + strlen(name) + 1;
	return NULL;
}

static void
hook_environment(void **state)
{
	struct arena *arena = arena_new(65536);
	struct ike_note n = { .type = IKE_NOTE_PH1_UP, .peer_id = "FQDN a b$(reboot)\n.example",
		.cookie_i = { 1, 2, 3, 4, 5, 6, 7, 8 }, .cookie_r = { 9 } };
	char **env;

	(void)state;
	assert_non_null(arena);
	assert_true(net_addr_parse("10.0.0.1", &n.local.addr));
	assert_true(net_addr_parse("2001:db8::2", &n.remote.addr));
	n.local.port = 500;
	n.remote.port = 4500;
	env = rd_hook_environment(arena, &n);
	assert_non_null(env);
	assert_string_equal(variable(env, "LOCAL_ADDR"), "10.0.0.1");
	assert_string_equal(variable(env, "LOCAL_PORT"), "500");
	assert_string_equal(variable(env, "REMOTE_ADDR"), "2001:db8::2");
	assert_string_equal(variable(env, "REMOTE_PORT"), "4500");
	assert_string_equal(variable(env, "REMOTE_ID"), "a b$(reboot)?.example");
	assert_string_equal(variable(env, "IKE_COOKIE"), "0102030405060708:0900000000000000");
	assert_null(variable(env, "HOME"));
	n.peer_id = "192.168.1.1";
	assert_string_equal(variable(rd_hook_environment(arena, &n), "REMOTE_ID"), "192.168.1.1");
	arena_free(arena);
	assert_int_equal(rd_hook_of(IKE_NOTE_PH1_DEAD), RC_HOOK_DEAD);
	assert_int_equal(rd_hook_of(IKE_NOTE_PH2_UP), RC_HOOKS);
	assert_string_equal(rd_hook_name(RC_HOOK_DOWN), "phase1_down");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backup_there_and_back),
		cmocka_unit_test(backup_bad_lines),
		cmocka_unit_test(hook_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
