/*
 * fuzz_rc.c - racoon.conf and, behind a NUL octet, psk.txt.  Either there is a model and no error,
 * or no model and an error; a model's dump reads back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "racoon/conf/rc.h"
#include "tests/fuzz/snap.h"
#include "tests/fuzz/toy_cry.h"

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
	(void)user, (void)spec;
	if (size > 0)
		path[0] = '\0';
	return false;
}

static bool
no_contents(void *user, const char *path, struct text *out)
{
	(void)user, (void)path, (void)out;
	return false;
}

static struct rc_config *
load(const char *text, const char *psk, struct stmt_errors *errors)
{
	struct rc_options options = { .cry = cry, .locate = locate, .contents = no_contents };
	struct rc_config *c = NULL;
	enum status status = rc_load_text("fuzz", text, psk, &options, &c, errors);
	if ((status == ST_NORMAL) != (c != NULL))
		abort();
	if (!c && errors->count == 0)
		abort();
	return c;
}

static void
use(struct rc_config *c, const char *psk, struct stmt_errors *errors)
{
	struct net_addr peer = net_ipv4(0xc0a80164);
	struct text dump = { 0 }, plan = { 0 };
	struct rc_config *again;
	struct rc_plan p;

	rc_dump(c, &dump);
	again = load(text_str(&dump), psk, errors);
	if (!again)
		abort();
	p = rc_plan(c, again, &plan);
	/* A parent without an address is not written: it has given what it had. */
	if (p.changed != 0 || p.added != 0)
		abort();
	rc_free(again);
	text_free(&dump);
	text_free(&plan);
	rc_remote_for(c, &peer);
	rc_psk_for_address(c, &peer);
	rc_free(c);
}

/* A file could be read: the word is there, and not where it means something else. */
static bool
includes(const char *text)
{
	static const char split[] = "split_network ";

	for (const char *at = text; (at = strstr(at, "include")) != NULL; at++)
		if ((size_t)(at - text) < strlen(split) ||
			memcmp(at - strlen(split), split, strlen(split)) != 0)
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stmt_errors errors = { 0 };
	struct rc_config *c;
	const char *psk;
	char *text;

	if (size > CONF_MAX)
		return 0;
	snap_begin();
	text = malloc(size + 2);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	psk = text + strlen(text) + 1;
	if (psk > text + size)
		psk = "";
	c = includes(text) ? NULL : load(text, psk, &errors);
	if (c != NULL)
		use(c, psk, &errors);
	stmt_errors_free(&errors);
	free(text);
	snap_end();
	return 0;
}
