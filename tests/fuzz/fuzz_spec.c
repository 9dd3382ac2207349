/*
 * fuzz_spec.c - file specifications and translations, with search lists, loops and rooted names to
 * walk through.  What is translated fits, and is no more than what was asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logicals/lnm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { SPEC_MAX = 512 };

static struct lnm *names;

static const char base[] =
	"DEFINE MULTINET /nonexistent/a,/nonexistent/b\nDEFINE LOOP LOOP2\nDEFINE LOOP2 LOOP\n"
	"DEFINE/GROUP DEEP D1\nDEFINE D1 D2\nDEFINE D2/TRANSLATION_ATTRIBUTES=TERMINAL X\n"
	"DEFINE WIDE MULTINET:,D1:,LOOP:\nDEFINE R/TRANSLATION_ATTRIBUTES=CONCEALED MULTINET:[R.]\n"
	"DEFINE W2 WIDE:,WIDE:,WIDE:\n";

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct text errors = { 0 };

	(void)argc, (void)argv;
	names = lnm_new();
	if (names == NULL || lnm_load_text(names, "base", bytes_str(base), &errors) != ST_NORMAL)
		abort();
	text_free(&errors);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[256], value[256], *spec;
	size_t room;

	if (size < 1 || size > SPEC_MAX)
		return 0;
	spec = malloc(size);
	if (spec == NULL)
		abort();
	memcpy(spec, data + 1, size - 1);
	spec[size - 1] = '\0';
	room = 1 + data[0];
	if (lnm_file_spec(names, spec, path, room) == ST_NORMAL && strlen(path) >= room)
		abort();
	if (lnm_translate(names, spec, value, room) == ST_NORMAL &&
		(value[0] == '\0' || strlen(value) >= room))
		abort();
	free(spec);
	return 0;
}
