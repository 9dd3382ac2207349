/*
 * rc_hashed.c - the hashed directory of CA certificates and revocation lists (path certificate)
 * as one text, for a process that cannot look into it.
 *
 * Called by the privileged process of privilege separation each time a chain is about to be judged.
 * What OpenSSL would find there it puts into the text: files that are named after the hash of what
 * they hold.  A link that is named otherwise would not be found, and is left out.
 */
#include "racoon/conf/rc_hashed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cry_x509.h"
#include "lib/secret.h"
#include "racoon/auth/auth_file.h"
#include "racoon/conf/rc_ask.h"
#include "racoon/conf/rc_in.h"

enum { HASH_DIGITS = 8 };

/* "1a2b3c4d.0", "1a2b3c4d.r0" */
bool
rc_hashed_name(const char *name, bool *is_list)
{
	size_t digits = strspn(name, "0123456789abcdef");

	*is_list = digits == HASH_DIGITS && name[digits] == '.' && name[digits + 1] == 'r';
	name += digits + 1 + *is_list;
	return digits == HASH_DIGITS && name[-1 - *is_list] == '.' && *name != '\0' &&
		name[strspn(name, "0123456789")] == '\0';
}

static bool
is_named_so(const char *name, bool is_list, struct bytes text)
{
	char hash[HASH_DIGITS + 1];

	return cry_hashed_name(text, is_list, hash) && strncmp(hash, name, HASH_DIGITS) == 0;
}

static void
add_file(struct rc_loading *l, const char *path, struct text *out)
{
	const char *name = strrchr(path, '/') + 1;
	struct rc_answer a;
	bool is_list;

	if (!rc_hashed_name(name, &is_list))
		return;
	rc_ask(l, RC_ASK_FILE, path, AUTH_FILE_MAX, &a);
	if (a.error == 0 && is_named_so(name, is_list, bytes_of(a.text.p, a.text.n))) {
		text_add_n(out, a.text.p, a.text.n);
		text_add(out, "\n");
	}
	text_free(&a.text);
}

bool
rc_hashed_read(const char *dir, struct text *out)
{
	struct rc_options options = { 0 };
	struct rc_loading l = { .options = &options };
	char pattern[RC_PATH_MAX];
	struct rc_answer names;
	unsigned seen = 0;

	out->limit = CRY_HASHED_MAX;
	if (snprintf(pattern, sizeof(pattern), "%s/????????.*", dir) >= (int)sizeof(pattern))
		return false;
	rc_ask(&l, RC_ASK_GLOB, pattern, RC_HASHED_NAMES_MAX, &names);
	for (size_t at = 0; names.error == 0 && at < names.text.n && seen < RC_HASHED_MAX;
		at += strlen(names.text.p + at) + 1, seen++)
		add_file(&l, names.text.p + at, out);
	text_free(&names.text);
	errno = out->failed ? EFBIG : names.error == ENOENT ? 0 : names.error;
	return errno == 0;
}
