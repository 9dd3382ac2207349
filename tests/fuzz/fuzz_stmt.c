/*
 * fuzz_stmt.c - the statement reader.  Every statement has a word, every word a place, every error
 * a line, and reading always ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stmt.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(const struct stmt *s, unsigned depth)
{
	if (s->words == 0 || depth > STMT_NESTING_MAX)
		abort();
	for (size_t i = 0; i < s->words; i++) {
		const struct stmt_word *w = &s->word[i];
		if (w->pos.line == 0 || w->pos.column == 0 || strlen(w->text) > STMT_WORD_MAX)
			abort();
		struct stmt_errors none = { 0 };
		int64_t n = 0;
		if (stmt_number(w, -1000, 1000, &n, &none) != (none.count == 0))
			abort();
		stmt_errors_free(&none);
	}
	for (size_t i = 0; i < s->block_count; i++)
		walk(s->block[i], depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stmt_errors errors = { 0 };
	snap_begin();
	struct arena *arena = arena_new(size % 8 == 7 ? 1 << (size / 8 % 16) : 8 << 20);
	struct stmt_reader *r = stmt_open("fuzz", bytes_of(data, size), &errors);
	if (!arena || !r)
		abort();
	size_t count = 0;
	for (struct stmt *s; (s = stmt_next(r, arena)) != NULL;) {
		walk(s, 0);
		if (++count > size)
			abort();
	}
	if ((errors.count > 0) != (text_str(&errors.text)[0] != '\0'))
		abort();
	stmt_close(r);
	stmt_errors_free(&errors);
	arena_free(arena);
	snap_end();
	return 0;
}
