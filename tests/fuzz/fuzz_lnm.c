/*
 * fuzz_lnm.c - logical names: a system table's file, then commands on it, then file specifications.
 * The first octet of the input chooses.  What a table holds can be written and read back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logicals/lnm.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base[] =
	"DEFINE MULTINET /nonexistent/a,/nonexistent/b\nDEFINE LOOP LOOP2\nDEFINE LOOP2 LOOP\n"
	"DEFINE/GROUP DEEP D1\nDEFINE D1 D2\nDEFINE D2/TRANSLATION_ATTRIBUTES=TERMINAL X\n";

static void
write_all(const struct lnm *l, struct text *out)
{
	for (enum lnm_table t = LNM_JOB; t < LNM_TABLES; t++)
		lnm_write(l, t, out);
}

/* What is written reads back as the same. */
static void
round_trip(const struct lnm *l)
{
	struct text first = { 0 }, second = { 0 }, errors = { 0 };
	struct lnm *again = lnm_new();

	if (again == NULL)
		return;
	write_all(l, &first);
	if (lnm_load_text(again, "written", bytes_of(text_str(&first), first.n), &errors) !=
		ST_NORMAL)
		abort();
	write_all(again, &second);
	if (strcmp(text_str(&first), text_str(&second)) != 0)
		abort();
	lnm_free(again);
	text_free(&first);
	text_free(&second);
	text_free(&errors);
}

static void
try_file(struct lnm *l, const uint8_t *data, size_t size)
{
	struct text errors = { 0 };
	enum status st = lnm_load_text(l, "fuzz", bytes_of(data, size), &errors);

	if ((st == ST_NORMAL) != (errors.n == 0) && st != ST_NOMEMORY)
		abort();
	text_free(&errors);
}

static void
try_commands(struct lnm *l, char *text)
{
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		struct text out = { 0 }, request = { 0 };
		enum status st = lnm_command(l, line, &out);

		if (st == ST_IVVERB && out.n > 0)
			abort();
		if (lnm_is_command(line) != (st != ST_IVVERB))
			abort();
		(void)lnm_for_server(line, &request);
		text_free(&out);
		text_free(&request);
	}
}

static void
try_spec(const struct lnm *l, const char *spec)
{
	char path[256], value[256];

	if (lnm_file_spec(l, spec, path, sizeof(path)) == ST_NORMAL &&
		strlen(path) >= sizeof(path))
		abort();
	if (lnm_translate(l, spec, value, sizeof(value)) == ST_NORMAL && value[0] == '\0')
		abort();
}

/* The tables that each input begins with are made once. */
static struct lnm *
begin(void)
{
	static struct snap made;
	static struct lnm *l;
	struct text errors = { 0 };

	if (l != NULL) {
		snap_back(&made);
		snap_on = true;
		return l;
	}
	snap_begin();
	l = lnm_new();
	if (l == NULL || lnm_load_text(l, "base", bytes_str(base), &errors) != ST_NORMAL)
		abort();
	text_free(&errors);
	snap_take(&made);
	return l;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lnm *l;
	char *text;

	if (size == 0 || size > 8192)
		return 0;
	l = begin();
	text = malloc(size);
	if (text == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] % 3 == 0)
		try_file(l, data + 1, size - 1);
	else if (data[0] % 3 == 1)
		try_commands(l, text);
	else
		try_spec(l, text);
	round_trip(l);
	free(text);
	lnm_free(l);
	snap_end();
	return 0;
}
