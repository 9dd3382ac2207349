/*
 * fuzz_console.c - a command procedure: its lines, parameters, symbols, IF and the words of its
 * programs, as the console takes them apart.  Nothing is run.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netcontrol/nc_script.h"
#include "tests/fuzz/snap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { JUMPS_MAX = 16 };

struct state {
	unsigned jumps;
	struct nc_script script;
	struct nc_symbols symbols;
};

static const char *
lookup(void *user, const char *name, const char *arg)
{
	struct state *s = user;

	if (strlen(name) >= NC_NAME_MAX)
		abort();
	if (arg != NULL) /* F$SEARCH: here every second file is there */
		return strlen(arg) % 2 != 0 ? arg : "";
	if ((name[0] == 'P' || name[0] == 'p') && name[1] != '\0' && name[2] == '\0')
		return nc_script_param(&s->script, (unsigned)(name[1] - '0'));
	return nc_symbol_get(&s->symbols, name);
}

static void
words(const char *line)
{
	char store[NC_LINE_MAX + 2], *argv[NC_ARGS_MAX];
	size_t count = 0;

	if (!nc_split(line, store, sizeof(store), argv, &count))
		return;
	if (count >= NC_ARGS_MAX || argv[count] != NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		if (argv[i] < store || argv[i] + strlen(argv[i]) >= store + sizeof(store))
			abort();
}

static void
command(struct state *s, const char *typed)
{
	struct text line = { 0 }, value = { .limit = NC_LINE_MAX };
	char name[NC_NAME_MAX], why[256] = "";
	const char *then = NULL, *body, *rest, *assigned;
	bool dollar, truth, verbatim;
	enum status steering;

	body = nc_skip_label(nc_body(typed, &dollar));
	if (nc_flow_line(nc_flow(&s->script), body, &rest, &steering, why, sizeof(why)))
		body = rest;
	if (nc_substitute(body, lookup, s, &line, why, sizeof(why)) !=
		ST_NORMAL) {
		if (why[0] == '\0')
			abort();
		text_free(&line);
		return;
	}
	if (line.n > NC_LINE_MAX)
		abort();
	if (nc_is_word(text_str(&line), "IF")) {
		enum status status = nc_if(text_str(&line), lookup, s, &truth, &then, why,
			sizeof(why));

		if ((status != ST_NORMAL && (then != NULL || why[0] == '\0')) ||
			(status == ST_NORMAL && truth && then == NULL))
			abort();
		if (status == ST_NORMAL && then != NULL && *then == '\0')
			(void)!nc_flow_if(nc_flow(&s->script), truth);
	}
	if (nc_is_word(text_str(&line), "ON"))
		(void)!nc_script_on(&s->script, text_str(&line), why, sizeof(why));
	if (nc_assignment(text_str(&line), name, sizeof(name), &assigned, &verbatim) &&
		nc_assigned(assigned, verbatim, lookup, s, &value, why, sizeof(why)) == ST_NORMAL)
		(void)!nc_symbol_set(&s->symbols, name, text_str(&value));
	if (nc_is_word(text_str(&line), "GOTO") && s->jumps++ < JUMPS_MAX)
		(void)nc_script_goto(&s->script, text_str(&line) + 5 * (line.n > 5));
	if (s->symbols.count > NC_SYMBOLS_MAX)
		abort();
	words(text_str(&line));
	text_free(&line);
	text_free(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const params[] = { "one", "two words", "", "'P1'" };
	struct state s = { 0 };
	struct text typed = { 0 };
	size_t lines = 0;
	char *text;

	snap_begin();
	text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (nc_script_push(&s.script, "fuzz", text, params, 4) != ST_NORMAL)
		abort();
	while (nc_script_next(&s.script, &typed)) {
		if (++lines > (JUMPS_MAX + 1) * (size + 1) || typed.n > NC_LINE_MAX)
			abort();
		if (!typed.failed)
			command(&s, text_str(&typed));
		typed.failed = false;
	}
	nc_script_pop(&s.script);
	nc_symbols_free(&s.symbols);
	text_free(&typed);
	free(text);
	snap_end();
	return 0;
}
