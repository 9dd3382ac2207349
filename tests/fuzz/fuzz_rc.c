/*
 * fuzz_rc.c - racoon.conf and, behind a NUL octet, psk.txt.  Either there is a model and no error,
 * or no model and an error; a model's dump reads back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry.h"
#include "racoon/conf/rc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { CONF_MAX = 65536 };

static struct cry *cry;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	cry = cry_new();
	return cry ? 0 : -1;
}

/* No file is ever read: neither includes nor keys. */
static bool
locate(void *user, const char *spec, char *path, size_t size)
{
	(void)user;
	(void)spec;
	if (size > 0)
		path[0] = '\0';
	return false;
}

static struct rc_config *
load(const char *text, const char *psk, struct stmt_errors *errors)
{
	struct rc_options options = { .cry = cry, .locate = locate };
	struct rc_config *c = NULL;
	enum status status = rc_load_text("fuzz", text, psk, &options, &c, errors);
	if ((status == ST_NORMAL) != (c != NULL))
		abort();
	if (!c && errors->count == 0)
		abort();
	return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[2 * CONF_MAX + 2];
	if (size > CONF_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	const char *psk = text + strlen(text) + 1;
	if (psk > text + size)
		psk = "";
	if (strstr(text, "include"))
		return 0;
	struct stmt_errors errors = { 0 };
	struct rc_config *c = load(text, psk, &errors);
	if (c) {
		struct text dump = { 0 };
		rc_dump(c, &dump);
		struct rc_config *again = load(text_str(&dump), psk, &errors);
		if (!again)
			abort();
		rc_free(again);
		text_free(&dump);
		struct net_addr peer = net_ipv4(0xc0a80164);
		rc_remote_for(c, &peer);
		rc_psk_for_address(c, &peer);
		rc_free(c);
	}
	stmt_errors_free(&errors);
	return 0;
}
