/*
 * test_ike_hostile.c - what a stranger may send: published shapes, mutations of real messages.
 *
 * After each the legitimate peer must get through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike_pair.h"

static const char datagrams[] = "tests/vectors/hostile-datagrams/datagrams.json";

static const char eight_hours[] =
	"remote %s { exchange_mode main; proposal { encryption_algorithm aes 128;"
	" hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2; } }\n"
	"sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1;"
	" compression_algorithm deflate; }\n";

struct shape {
	char file[80];
	size_t n;
	uint8_t octets[16384];
};

/* The value of "key": "value" behind at, or NULL. */
static const char *
value_of(const char *at, const char *key, size_t *n)
{
	char want[32];

	snprintf(want, sizeof(want), "\"%s\": \"", key);
	at = strstr(at, want);
	if (at == NULL)
		return NULL;
	at += strlen(want);
	*n = strcspn(at, "\"");
	return at;
}

static char *
read_all(void)
{
	FILE *f = fopen(datagrams, "r");
	char *text = calloc(1, 1 << 20);
	size_t n;

	assert_non_null(text);
	if (f == NULL) {
		free(text);
		return NULL;
	}
	n = fread(text, 1, (1 << 20) - 1, f);
	assert_true(n > 10000);
	fclose(f);
	return text;
}

static const char *
next_shape(const char *at, struct shape *s)
{
	const char *file, *hex;
	size_t n;

	file = value_of(at, "file", &n);
	if (file == NULL)
		return NULL;
	snprintf(s->file, sizeof(s->file), "%.*s", (int)n, file);
	hex = value_of(file, "hex", &n);
	assert_non_null(hex);
	assert_true(n / 2 <= sizeof(s->octets));
	s->n = 0;
	if (n != 0)
		assert_true(bytes_from_hex(hex, n, s->octets, sizeof(s->octets), &s->n));
	return hex;
}

static void
drain(struct pair *p)
{
	while (p->flights != 0)
		free(p->flight[--p->flights].octets);
}

static void
legitimate(struct pair *p)
{
	uint64_t id = pair_command(p, 0, IKE_CMD_ESTABLISH, true);

	pair_run(p, 1000);
	assert_non_null(pair_reply_to(p, 0, id));
	assert_int_equal(pair_reply_to(p, 0, id)->status, ST_NORMAL);
	assert_true(pair_agree(p, 0) && pair_agree(p, 1));
}

static void
published_shapes(void **state)
{
	char *text = read_all();
	struct shape *s = malloc(sizeof(*s));
	unsigned seen = 0;

	(void)state;
	if (text == NULL) {
		free(s);
		skip();
	}
	for (const char *at = text; (at = next_shape(at, s)) != NULL;) {
		struct pair *p;
		bool control = strncmp(s->file, "ike1-000", 8) == 0;
		/* another version's or another protocol's octets must be as harmless */
		seen++;
		p = pair_new(eight_hours, NULL, eight_hours, NULL);
		pair_policies(p, "esp/tunnel", NULL);
		for (unsigned round = 0; round < 2; round++) {
			unsigned before = p->host[1].sent;
			pair_datagram(p, 1, &p->host[0].local, bytes_of(s->octets, s->n));
			unsigned answers = p->host[1].sent - before;
			if (answers > 1 || (answers == 1 && !control &&
						   p->flight[p->flights - 1].n > s->n))
				print_message("%s: %u answers\n", s->file, answers);
			assert_true(answers <= 1);
			if (answers == 1)
				assert_true(p->flight[p->flights - 1].n * 2 <=
					    s->n * (control ? 3 : 2));
			if (control && round == 0)
				assert_int_equal(answers, 1);
			if ((ike_half_open_count(p->host[1].e) == 1) != control)
				print_message("%s\n", s->file);
			assert_int_equal(ike_half_open_count(p->host[1].e), control ? 1 : 0);
			assert_int_equal(ike_sa_count(p->host[1].e), control ? 1 : 0);
			drain(p);
		}
		if (strncmp(s->file, "ike1", 4) == 0)
			legitimate(p);
		pair_free(p);
	}
	assert_true(seen > 60);
	free(s);
	free(text);
}

/* The same with an established SA of the very cookies they name: still nothing changes. */
static void
shapes_for_a_live_sa(void **state)
{
	char *text = read_all();
	struct shape *s = malloc(sizeof(*s));
	struct pair *p = pair_new(NULL, NULL, NULL, NULL);
	struct ike_sa *sa;
	unsigned sent;

	(void)state;
	if (text == NULL) {
		free(s);
		pair_free(p);
		skip();
	}
	pair_policies(p, "esp/tunnel", NULL);
	legitimate(p);
	sa = container_of(p->host[1].e->sas.next, struct ike_sa, in_all);
	sent = p->host[1].sent;
	for (const char *at = text; (at = next_shape(at, s)) != NULL;) {
		if (s->n < 28 || strncmp(s->file, "ike1", 4) != 0)
			continue;
		memcpy(s->octets, sa->cookie_i, 8);
		memcpy(s->octets + 8, sa->cookie_r, 8);
		pair_datagram(p, 1, &p->host[0].local, bytes_of(s->octets, s->n));
		assert_int_equal(pair_up(p, 1), 1);
		assert_int_equal(pair_children(p, 1), 1);
		assert_int_equal(pair_sas(p, 1), 2);
		assert_int_equal(p->host[1].sent, sent);
	}
	pair_free(p);
	free(s);
	free(text);
}

/* -------------------------------------------------------------------------------- mutations --- */

struct mutation {
	unsigned message, seed;
	bool instead; /* of the genuine one; else before it */
};

static bool
mutate(struct pair *p, int from, uint8_t *octets, size_t n)
{
	const struct mutation *m = p->user;
	uint8_t copy[2048];
	unsigned x = m->seed * 2654435761u + 1;

	if (p->counter++ != m->message || n > sizeof(copy))
		return true;
	memcpy(copy, octets, n);
	for (unsigned i = 0; i <= m->seed % 3; i++) {
		x = x * 1103515245 + 12345;
		copy[(x >> 8) % n] = (uint8_t)(x >> 24);
	}
	if (m->seed % 5 == 0) { /* and cut short, the length made right */
		n = WIRE_HEADER + (x >> 4) % (n - WIRE_HEADER);
		patch_u32(copy + 24, (uint32_t)n);
	}
	struct net_endpoint here = p->host[from].local;
	pair_datagram(p, !from, &here, bytes_of(copy, n));
	return !m->instead;
}

static void
mutations(void **state)
{
	(void)state;
	for (unsigned message = 0; message < 10; message++)
		for (unsigned seed = 0; seed < 16; seed++) {
			struct mutation m = { message, seed, seed % 2 == 0 };
			struct pair *p = pair_new(NULL, NULL, NULL, NULL);
			pair_policies(p, "esp/tunnel", NULL);
			p->user = &m;
			p->filter = mutate;
			p->counter = 0;
			pair_acquire(p, 0);
			pair_run(p, 120000);
			p->filter = NULL;
			for (int i = 0; i < 2; i++) {
				assert_int_equal(ike_half_open_count(p->host[i].e), 0);
				assert_true(ike_sa_count(p->host[i].e) <= 1);
				assert_int_equal(p->host[i].e->jobs.count, 0);
			}
			/* whatever it did, another try succeeds */
			pair_command(p, 0, IKE_CMD_FLUSH, false);
			pair_command(p, 1, IKE_CMD_FLUSH, false);
			pair_run(p, 5000);
			assert_int_equal(pair_sas(p, 0) + pair_sas(p, 1), 0);
			legitimate(p);
			pair_free(p);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_shapes),
		cmocka_unit_test(shapes_for_a_live_sa),
		cmocka_unit_test(mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
