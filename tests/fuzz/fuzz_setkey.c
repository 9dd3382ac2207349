/*
 * fuzz_setkey.c - the setkey grammar.  Either every statement became requests or there is an error;
 * the second reading makes no more requests than the first counted; what a request prints as reads
 * back as the same request.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/script.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same_limits(const struct ipsec_sa *a, const struct ipsec_sa *b)
{
	return a->replay == b->replay && a->hard.add_s == b->hard.add_s &&
	       a->soft.add_s == b->soft.add_s && a->hard.bytes == b->hard.bytes &&
	       a->soft.bytes == b->soft.bytes;
}

static bool
same_labels(const struct sa_context *a, const struct sa_context *b)
{
	return a->doi == b->doi && a->alg == b->alg && strcmp(a->text, b->text) == 0;
}

static bool
same_marks(const struct sa_mark *a, const struct sa_mark *b)
{
	return a->value == b->value && a->mask == b->mask;
}

static bool
same_sa(const struct ipsec_sa *a, const struct ipsec_sa *b)
{
	return a->spi == b->spi && a->proto == b->proto && a->mode == b->mode &&
	       a->reqid == b->reqid && a->flags == b->flags && a->natt == b->natt &&
	       a->encr == b->encr && a->auth == b->auth && a->comp == b->comp &&
	       a->encr_key.octets == b->encr_key.octets &&
	       memcmp(a->encr_key.b, b->encr_key.b, a->encr_key.octets) == 0 &&
	       a->auth_key.octets == b->auth_key.octets &&
	       memcmp(a->auth_key.b, b->auth_key.b, a->auth_key.octets) == 0 &&
	       net_endpoint_equal(&a->src, &b->src) && net_endpoint_equal(&a->dst, &b->dst) &&
	       net_addr_equal(&a->natt_oa, &b->natt_oa) && same_limits(a, b) &&
	       a->natt_frag == b->natt_frag && a->natt_non_ike == b->natt_non_ike &&
	       same_labels(&a->ctx, &b->ctx) && same_marks(&a->mark, &b->mark) &&
	       a->if_id == b->if_id;
}

static bool
same_policy(const struct ipsec_policy *a, const struct ipsec_policy *b)
{
	if (a->dir != b->dir || a->action != b->action || a->priority != b->priority ||
		a->rules != b->rules || !sp_selector_equal(&a->sel, &b->sel) ||
		!same_labels(&a->ctx, &b->ctx) || !same_marks(&a->mark, &b->mark) ||
		a->if_id != b->if_id)
		return false;
	for (unsigned i = 0; i < a->rules; i++)
		if (!sp_rule_equal(&a->rule[i], &b->rule[i]))
			return false;
	return true;
}

static bool
same(const struct sadb_msg *a, const struct sadb_msg *b)
{
	return a->op == b->op && a->has_sa == b->has_sa && a->has_sp == b->has_sp &&
	       a->spi_min == b->spi_min && a->spi_max == b->spi_max &&
	       same_sa(&a->sa, &b->sa) && same_policy(&a->sp, &b->sp);
}

/* Names whose first letter tells how many addresses they have, of which families. */
static size_t
resolve(void *user, const char *name, int family, struct net_addr *out, size_t max, char *why,
	size_t why_size)
{
	size_t n = 0;

	(void)user;
	for (size_t want = (size_t)(name[0] & 3); n < want && n < max; n++) {
		out[n] = net_ipv4(0x0a000001 + (uint32_t)n);
		if (family == 6 || (family == 0 && n % 2 != 0))
			out[n] = (struct net_addr){ .family = 6,
				.b = { 0xfe, 0x80, [15] = (uint8_t)n } };
	}
	if (n == 0)
		snprintf(why, why_size, "%s: nobody knows", name);
	return n;
}

/* An end point is the same behind the system's own form. */
static void
system_form(const struct net_endpoint *e)
{
	struct sockaddr_storage ss;
	struct net_endpoint again;

	if (e->addr.family != 0 && (net_to_sockaddr(e, &ss) == 0 ||
		!net_from_sockaddr((const struct sockaddr *)&ss, &again) ||
		!net_endpoint_equal(e, &again)))
		abort();
}

static void
read_back(const struct sadb_msg *m)
{
	struct text out = { 0 };
	struct setkey_script again = { .kernel_style = true, .force = true };
	struct stmt_errors errors = { 0 };
	system_form(&m->sa.src);
	system_form(&m->sa.dst);
	setkey_print(m, &out);
	const char *text = text_str(&out);
	if (text[0] != '\0') {
		if (!setkey_read(&again, "printed", bytes_str(text), &errors) || again.count != 1)
			abort();
		if (!same(m, &again.msg[0]))
			abort();
	}
	setkey_script_clear(&again);
	stmt_errors_free(&errors);
	text_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct setkey_resolver names = { NULL, resolve };
	struct setkey_script script = { 0 };
	struct stmt_errors errors = { 0 };
	if (size == 0)
		return 0;
	snap_begin();
	script.kernel_style = data[0] & 1;
	script.force = data[0] & 2;
	script.resolver = data[0] & 4 ? &names : NULL;
	bool good = setkey_read(&script, "fuzz", bytes_of(data + 1, size - 1), &errors);
	if (good != (errors.count == 0))
		abort();
	if (good && script.count > script.total)
		abort();
	for (size_t i = 0; good && i < script.count && i < 64; i++)
		read_back(&script.msg[i]);
	setkey_script_clear(&script);
	stmt_errors_free(&errors);
	snap_end();
	return 0;
}
