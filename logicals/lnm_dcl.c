/*
 * lnm_dcl.c - the commands DEFINE, ASSIGN, DEASSIGN, SHOW LOGICAL and SHOW TRANSLATION.
 *
 * Used by the `logical` program, by the console and by command procedures.  Output is text in
 * OpenVMS's form; nothing is printed here.
 */
#include <string.h>

#include "logicals/lnm_int.h"

enum { SHOWN_MAX = 64 << 10 /* octets: search lists of search lists multiply */ };

/* ------------------------------------------------------------ messages --- */

void
lnm_message(char *line, size_t size, enum status st, const char *detail)
{
	const char *facility = status_row(st)->facility;

	/* What the line protocol says of its lines, DCL says of its own. */
	status_format(line, size, st, strcmp(facility, "NETCTL") == 0 ? "DCL" : facility, detail);
}

static enum status
say(struct text *out, enum status st, const char *detail)
{
	char line[LNM_MESSAGE_MAX];

	lnm_message(line, sizeof(line), st, detail);
	text_addf(out, "%s\n", line);
	return st;
}

/* These two carry the name inside their text, as on VMS. */
static enum status
say_notran(struct text *out, const char *name)
{
	text_addf(out, "%%SHOW-S-NOTRAN, no translation for logical name %s\n", name);
	return ST_NOTRAN;
}

static enum status
say_supersede(struct text *out, const char *name)
{
	text_addf(out, "%%DCL-I-SUPERSEDE, previous value of %s has been superseded\n", name);
	return ST_SUPERSEDE;
}

/* ------------------------------------------------------------ show --- */

static const char *
attributes_text(unsigned attributes)
{
	static const char *const texts[] = { "", " [concealed]", " [terminal]",
		" [concealed,terminal]" };

	return texts[attributes & 3];
}

static const char *
mode_text(enum lnm_mode mode)
{
	static const char *const texts[] = { [LNM_USER] = "user", [LNM_SUPERVISOR] = "super",
		[LNM_EXECUTIVE] = "exec", [LNM_KERNEL] = "kernel" };

	return texts[mode];
}

/* `"NAME" = "VALUE" (TABLE)` and one line more for each further value; no table in a listing. */
static void
show_name(struct text *out, const struct lnm_name *n, const char *table, bool full)
{
	for (size_t i = 0; i < n->count; i++) {
		if (i > 0)
			text_add(out, "\t");
		else
			text_addf(out, "\"%s\" ", n->name);
		if (i == 0 && full)
			text_addf(out, "[%s] ", mode_text(n->mode));
		text_addf(out, "= \"%s\"", n->value[i].text);
		if (full)
			text_add(out, attributes_text(n->value[i].attributes));
		if (i == 0 && table != NULL)
			text_addf(out, " (%s)", table);
		text_add(out, "\n");
	}
}

/* The name a value leads on to: "DEV:[DIR]FILE" to DEV; a path leads nowhere. */
static bool
next_name(const struct lnm_value *v, char *next, size_t size)
{
	const char *colon = strchr(v->text, ':');
	size_t n = colon == NULL ? strlen(v->text) : (size_t)(colon - v->text);

	if (v->attributes & LNM_TERMINAL || n == 0 || n >= size || memchr(v->text, '/', n) != NULL)
		return false;
	memcpy(next, v->text, n);
	next[n] = '\0';
	return true;
}

static enum status
show_iterations(const struct lnm *l, struct text *out, const struct lnm_name *n, int level,
	bool full)
{
	char next[LNM_NAME_MAX + 1];

	for (size_t i = 0; i < n->count; i++) {
		const struct lnm_name *found;
		enum lnm_table table;

		if (!next_name(&n->value[i], next, sizeof(next)))
			continue;
		found = lnm_find(l, next, &table);
		if (found == NULL)
			continue;
		/* The name shown first was one level of the ten. */
		if (level >= LNM_DEPTH_MAX)
			return say(out, ST_TOOMANYLNAM, NULL);
		if (out->n > SHOWN_MAX)
			return say(out, ST_LIMIT, "too many iterations");
		text_addf(out, "%d  ", level);
		show_name(out, found, lnm_table_name(table), full);
		TRY(show_iterations(l, out, found, level + 1, full));
	}
	return ST_NORMAL;
}

static bool
table_wanted(const struct lnm_stmt *s, enum lnm_table table)
{
	return !s->has_table || s->file_dev || s->table == table;
}

static enum status
show_one(const struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	const struct lnm_name *n;
	enum status st = ST_NORMAL;
	bool any = false;

	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES && st == ST_NORMAL; t++) {
		if (!table_wanted(s, t))
			continue;
		for (size_t i = 0; st == ST_NORMAL && (n = lnm_at(l, t, i)) != NULL; i++) {
			if (strcmp(n->name, s->name) != 0)
				continue;
			any = true;
			text_add(out, "   ");
			show_name(out, n, lnm_table_name(t), s->full);
			st = show_iterations(l, out, n, 1, s->full);
		}
	}
	return any ? st : say_notran(out, s->name);
}

static bool
anything_matches(const struct lnm *l, const struct lnm_stmt *s)
{
	const struct lnm_name *n;

	if (s->name == NULL)
		return true;
	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++)
		for (size_t i = 0; table_wanted(s, t) && (n = lnm_at(l, t, i)) != NULL; i++)
			if (text_glob(s->name, n->name, true))
				return true;
	return false;
}

static enum status
show_list(const struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	const struct lnm_name *n;

	if (!anything_matches(l, s))
		return say_notran(out, s->name);
	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++) {
		if (!table_wanted(s, t))
			continue;
		text_addf(out, "\n(%s)\n\n", lnm_table_name(t));
		for (size_t i = 0; (n = lnm_at(l, t, i)) != NULL; i++) {
			if (s->name != NULL && !text_glob(s->name, n->name, true))
				continue;
			text_add(out, "  ");
			show_name(out, n, NULL, s->full);
		}
	}
	return ST_NORMAL;
}

/* One level, from the first table that has the name. */
static enum status
show_translation(const struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++) {
		const struct lnm_name *n = table_wanted(s, t) ? lnm_in_table(l, t, s->name) : NULL;

		if (n == NULL)
			continue;
		text_add(out, "   ");
		show_name(out, n, lnm_table_name(t), false);
		return ST_NORMAL;
	}
	return say_notran(out, s->name);
}

/* ------------------------------------------------------------ change --- */

static enum status
edit(struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	struct text why = { 0 };
	enum status st;

	if (s->table == LNM_PROCESS || l->system_file == NULL || (l->on_request && !s->save))
		return ST_NORMAL;
	st = lnm_edit_file(l->system_file, s, &why);
	if (st != ST_NORMAL)
		say(out, st, text_str(&why));
	text_free(&why);
	return st;
}

static enum status
define(struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	bool superseded;
	enum status st;

	TRY(edit(l, s, out));
	st = lnm_define(l, s->table, s->mode, s->name, s->value, s->count, &superseded);
	if (st != ST_NORMAL)
		return say(out, st, s->name);
	return superseded && !s->nolog ? say_supersede(out, s->name) : ST_NORMAL;
}

static enum status
deassign_all(struct lnm *l, const struct lnm_stmt *s)
{
	for (size_t i = 0; i < l->table[s->table].count;) {
		const struct lnm_name *n = lnm_at(l, s->table, i);
		char name[LNM_NAME_MAX + 1];

		if (n->mode > s->mode) {
			i++;
			continue;
		}
		memcpy(name, n->name, strlen(n->name) + 1);
		TRY(lnm_deassign(l, s->table, s->mode, name));
	}
	return ST_NORMAL;
}

static enum status
deassign(struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	const struct lnm_name *n = s->all ? NULL : lnm_in_table(l, s->table, s->name);

	/* the outermost mode comes first: if that is too deep, so are the others */
	if (!s->all && (n == NULL || n->mode > s->mode))
		return say(out, ST_NOLOGNAM, NULL);
	TRY(edit(l, s, out));
	return s->all ? deassign_all(l, s) : lnm_deassign(l, s->table, s->mode, s->name);
}

static enum status
run(struct lnm *l, const struct lnm_stmt *s, struct text *out)
{
	switch (s->verb) {
	case LNM_DEFINE:
	case LNM_ASSIGN:
		return define(l, s, out);
	case LNM_DEASSIGN:
		return deassign(l, s, out);
	case LNM_SHOW_LOGICAL:
		if (s->name == NULL || strpbrk(s->name, "*%") != NULL)
			return show_list(l, s, out);
		return show_one(l, s, out);
	case LNM_SHOW_TRANSLATION:
		if (s->name == NULL)
			return say(out, ST_INSFPRM, "SHOW TRANSLATION name");
		return show_translation(l, s, out);
	}
	return ST_BUG;
}

void
lnm_save_on_request(struct lnm *l)
{
	l->on_request = true;
}

/* Where a server's parser would take the command apart differently, lnm_parse has its say. */
enum status
lnm_for_server(const char *line, struct text *request)
{
	struct lnm_stmt s;
	enum status st = lnm_parse(line, &s);

	if (st != ST_NORMAL)
		return st;
	if (s.verb == LNM_SHOW_LOGICAL || s.verb == LNM_SHOW_TRANSLATION || s.table == LNM_PROCESS)
		return ST_NOTRAN;
	line += strspn(line, " \t$");
	text_add(request, "LOGICALS ");
	text_add(request, line);
	return ST_NORMAL;
}

enum status
lnm_command(struct lnm *l, const char *line, struct text *out)
{
	struct lnm_stmt s;
	enum status st = lnm_parse(line, &s);

	if (st == ST_IVVERB)
		return st;
	return st == ST_NORMAL ? run(l, &s, out) : say(out, st, s.detail);
}
