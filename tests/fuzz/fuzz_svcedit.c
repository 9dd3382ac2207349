/*
 * fuzz_svcedit.c - a services file being edited, as the console's configuration mode does it.
 *
 * First octet: how many lines are the file; the others are edits: a letter, then words.  After each
 * the text reads as the file it says it is, and what is refused changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/svc_edit.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EDITS_MAX = 4 }; /* each reads the file anew */

static const char start[] =
	"# the head\nsocket \"/run/s\"; # ends\n"
	"service A { # in\n\tprogram \"a\"; # 2\n arguments \"1\";\n"
	"\tenable on; }\nservice B { program \"b\"; after A; }\n";

static const struct conf_row *
row_named(const struct svc_conf *c, const char *keyword)
{
	for (const struct conf_row *r = svc_rows(c); r->keyword != NULL; r++)
		if (strcmp(r->keyword, keyword) == 0)
			return r;
	return NULL;
}

static bool
edit(struct svc_edit *e, char *line, struct stmt_errors *errors)
{
	char *save = NULL, *what = strtok_r(line, " ", &save), *one = strtok_r(NULL, " ", &save),
	     *two = strtok_r(NULL, " ", &save), *rest = strtok_r(NULL, "", &save);
	const struct svc_conf *c;
	const struct conf_row *row;

	if (what == NULL || one == NULL)
		return false;
	c = svc_find(e->file, one);
	switch (*what) {
	case 'a':
		return svc_edit_add(e, one, two == NULL ? "p" : two, errors);
	case 'c':
		return two != NULL && svc_edit_copy(e, one, two, errors);
	case 'd':
		return svc_edit_delete(e, one, errors);
	case 'r':
		svc_edit_restore(e);
		return true;
	case 'w':
		svc_edit_saved(e);
		return true;
	case 's':
	case 'm':
		if (two == NULL || (c == NULL && strcmp(one, "-") != 0))
			return false;
		row = row_named(c, two);
		return row != NULL &&
			svc_edit_set(e, c == NULL ? NULL : one, row, rest, *what == 'm', errors);
	}
	return false;
}

/* The text reads as what it is said to hold. */
static void
check(const struct svc_edit *e)
{
	struct stmt_errors none = { 0 };
	struct text out = { 0 };
	struct svc_file *f = svc_read("again", bytes_of(e->text.p, e->text.n), &none);

	if (f == NULL || f->services != e->file->services)
		abort();
	for (size_t i = 0; i < f->services; i++)
		if (!svc_same(&f->service[i], &e->file->service[i]))
			abort();
	svc_edit_differences(e, &out);
	if (out.n > 0 && !svc_edit_changed(e))
		abort();
	text_free(&out);
	svc_file_free(f);
	stmt_errors_free(&none);
}

static void
edits(struct svc_edit *e, char *text)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);

	for (unsigned i = 0; line != NULL && i < EDITS_MAX; i++) {
		struct stmt_errors errors = { 0 };
		char *before = strdup(text_str(&e->text));

		if (before == NULL)
			abort();
		if (!edit(e, line, &errors) && strcmp(before, text_str(&e->text)) != 0)
			abort(); /* what is refused changes nothing */
		free(before);
		stmt_errors_free(&errors);
		line = strtok_r(NULL, "\n", &save);
	}
	check(e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stmt_errors errors = { 0 };
	struct svc_edit e = { 0 };
	char *text, *rest;

	if (size < 1)
		return 0;
	snap_begin();
	text = malloc(size);
	if (text == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	rest = text;
	for (unsigned i = 0; i < data[0] % 32u && rest != NULL; i++)
		rest = strchr(rest + (i > 0), '\n');
	if (rest != NULL && rest > text &&
		!svc_edit_open(&e, "fuzz", bytes_of(text, (size_t)(rest - text)), &errors))
		rest = NULL;
	if (rest == text && !svc_edit_open(&e, "fuzz", bytes_str(start), &errors))
		abort();
	if (rest != NULL)
		edits(&e, rest);
	svc_edit_close(&e);
	stmt_errors_free(&errors);
	free(text);
	snap_end();
	return 0;
}
