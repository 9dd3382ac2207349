/*
 * fuzz_setkey.c - the setkey grammar.  Either every statement became requests or there is an error;
 * what a request prints as reads back as the same request.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same(const struct sadb_msg *a, const struct sadb_msg *b)
{
	return a->op == b->op && a->has_sa == b->has_sa && a->has_sp == b->has_sp &&
	       a->sa.spi == b->sa.spi && a->sa.proto == b->sa.proto && a->sa.mode == b->sa.mode &&
	       a->sa.encr == b->sa.encr && a->sa.auth == b->sa.auth && a->sa.comp == b->sa.comp &&
	       a->sa.encr_key.octets == b->sa.encr_key.octets &&
	       memcmp(a->sa.encr_key.b, b->sa.encr_key.b, a->sa.encr_key.octets) == 0 &&
	       a->sa.auth_key.octets == b->sa.auth_key.octets &&
	       memcmp(a->sa.auth_key.b, b->sa.auth_key.b, a->sa.auth_key.octets) == 0 &&
	       net_endpoint_equal(&a->sa.src, &b->sa.src) &&
	       net_endpoint_equal(&a->sa.dst, &b->sa.dst) && a->sp.action == b->sp.action &&
	       a->sp.dir == b->sp.dir && a->sp.rules == b->sp.rules &&
	       sp_selector_equal(&a->sp.sel, &b->sp.sel);
}

static void
read_back(const struct sadb_msg *m)
{
	struct text out = { 0 };
	struct setkey_script again = { .kernel_style = true };
	struct stmt_errors errors = { 0 };
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
	struct setkey_script script = { 0 };
	struct stmt_errors errors = { 0 };
	if (size == 0)
		return 0;
	script.kernel_style = data[0] & 1;
	bool good = setkey_read(&script, "fuzz", bytes_of(data + 1, size - 1), &errors);
	if (good != (errors.count == 0))
		abort();
	for (size_t i = 0; good && i < script.count && i < 64; i++)
		read_back(&script.msg[i]);
	setkey_script_clear(&script);
	stmt_errors_free(&errors);
	return 0;
}
