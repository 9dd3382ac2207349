/*
 * fuzz_services.c - the services file.  Either it has errors, which are told, or it is printed as a
 * file that reads back as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/svc.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(const struct svc_conf *c)
{
	struct net_addr peer = net_ipv4(0x0a010203);

	if ((c->program == NULL) != (c->internal != NULL) || c->name[0] == '\0' ||
		strlen(c->name) > SVC_NAME_MAX || c->arguments > SVC_ARGS_MAX ||
		c->afters > SVC_AFTER_MAX || (c->pos.line == 0) != c->implied)
		abort();
	if (c->access.count > ACC_RULES_MAX || c->listens > SVC_LISTEN_MAX ||
		c->environments > SVC_ENV_MAX || c->logicals > SVC_LOGICALS_MAX)
		abort();
	(void)acc_accepts(&c->access, &peer, NULL);
	if (c->argument[c->arguments] != NULL)
		abort();
	if (c->policy.backoff_ms < 0 || c->policy.backoff_max_ms < 0 || c->policy.stop_ms < 0)
		abort();
}

static void
one(const uint8_t *data, size_t size)
{
	struct stmt_errors errors = { 0 };
	struct svc_file *f = svc_read("fuzz", bytes_of(data, size), &errors), *again;
	struct text first = { 0 }, second = { 0 };

	if ((f == NULL) != (errors.count > 0))
		abort();
	if (f == NULL) {
		stmt_errors_free(&errors);
		return;
	}
	svc_print(f, &first);
	again = svc_read("printed", bytes_str(text_str(&first)), &errors);
	if (again == NULL || again->services != f->services)
		abort();
	for (size_t i = 0; i < f->services; i++) {
		look(&f->service[i]);
		if (svc_find(again, f->service[i].name) == NULL ||
			!svc_same(&f->service[i], svc_find(again, f->service[i].name)) ||
			svc_find(f, f->service[i].name) != &f->service[i])
			abort();
	}
	svc_print(again, &second);
	if (strcmp(text_str(&first), text_str(&second)) != 0)
		abort();
	svc_file_free(again);
	svc_file_free(f);
	text_free(&first);
	text_free(&second);
	stmt_errors_free(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact;

	snap_begin();
	exact = malloc(size + 1);
	if (exact == NULL)
		abort();
	memcpy(exact, data, size);
	one(exact, size);
	free(exact);
	snap_end();
	return 0;
}
