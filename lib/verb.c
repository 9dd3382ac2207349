/*
 * verb.c - verb tables: matching, HELP and completion, all from the rows (see verb.h).
 *
 * Called by every control session and by the console.  A row whose help is NULL works and is not
 * listed.  Pure: looks only at its arguments.
 *
 * How a qualifier's value is described: NULL none; "TEXT|JSON" one of these words (any unique
 * prefix, handed on in full); "(A|B)" several of these with commas between them, looked at by the
 * verb; "seconds" anything; "[level]" the same, and may be left out.
 */
#include "lib/verb.h"

#include <stdio.h>
#include <string.h>

enum { VERB_TABLE_MAX = 64, HELP_COLUMN = 27, HELP_WIDTH = 79, QUAL_TEXT = 160 };

static bool
is_upper_word(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
			    s[i] == '-' || s[i] == '$'))
			return false;
	return n > 0;
}

/* The next alternative of "A|B|C", "[A|B]" or "(A|B)": false at the end. */
static bool
next_alternative(const char **at, const char **word, size_t *n)
{
	const char *p = *at;

	while (*p != '\0' && strchr("|[]()", *p) != NULL)
		p++;
	*word = p;
	*n = strcspn(p, "|[]()");
	*at = p + *n;
	return *n > 0;
}

static bool
is_enumeration(const char *shape)
{
	const char *word;
	size_t n;

	if (strchr(shape, '|') == NULL || shape[0] == '(')
		return false;
	while (next_alternative(&shape, &word, &n))
		if (!is_upper_word(word, n))
			return false;
	return true;
}

/* Row of the verb: exact name first, then the unique prefix. ST_IVVERB or ST_ABVERB. */
static enum status
find_verb(const struct verb *table, const char *typed, const struct verb **out)
{
	const struct verb *found = NULL;
	bool several = false;

	for (const struct verb *v = table; v->name != NULL; v++) {
		if (text_same(typed, v->name)) {
			*out = v;
			return ST_NORMAL;
		}
		if (v->help == NULL || !text_prefix(typed, v->name))
			continue;
		several = several || found != NULL;
		found = v;
	}
	if (found == NULL || typed[0] == '\0')
		return ST_IVVERB;
	*out = found;
	return several ? ST_ABVERB : ST_NORMAL;
}

static void
explain_verb(const struct verb *table, const char *typed, enum status status, char *why,
	size_t size)
{
	const char *names[VERB_TABLE_MAX + 1];
	struct text list = { .limit = 1024 };
	size_t n = 0;

	for (const struct verb *v = table; v->name != NULL && n < VERB_TABLE_MAX; v++)
		if (v->help != NULL)
			names[n++] = v->name;
	names[n] = NULL;
	if (status == ST_ABVERB) {
		for (size_t i = 0; i < n; i++)
			if (text_prefix(typed, names[i]))
				text_addf(&list, "%s%s", list.n > 0 ? ", " : "", names[i]);
		snprintf(why, size, "\\%s\\ may be %s", typed, text_str(&list));
	} else {
		const char *near = text_nearest(typed, names);

		snprintf(why, size, "\\%s\\%s%s%s", typed, near != NULL ? ", did you mean " : "",
			near != NULL ? near : ", HELP lists them", near != NULL ? "?" : "");
	}
	text_free(&list);
}

static const struct verb_qual *
find_qual(const struct verb_qual *quals, const char *typed, bool *ambiguous)
{
	const struct verb_qual *found = NULL;

	*ambiguous = false;
	for (const struct verb_qual *q = quals; q != NULL && q->name != NULL; q++) {
		if (text_same(typed, q->name)) {
			*ambiguous = false;
			return q;
		}
		if (!text_prefix(typed, q->name))
			continue;
		*ambiguous = found != NULL || *ambiguous;
		found = q;
	}
	return found;
}

/* Room for n octets and a NUL behind the pieces already stored, or NULL. */
static char *
cmd_room(struct cmd *c, size_t n)
{
	const char *end = c->text;

	for (size_t i = 0; i < c->words; i++)
		if (c->word[i] + strlen(c->word[i]) + 1 > end)
			end = c->word[i] + strlen(c->word[i]) + 1;
	for (size_t i = 0; i < c->quals; i++) {
		const char *p[2] = { c->qual[i].name, c->qual[i].value };

		for (unsigned k = 0; k < 2; k++) {
			/* Names already matched lie in the table, not in here. */
			if (p[k] == NULL || p[k] < c->text || p[k] >= c->text + sizeof(c->text))
				continue;
			if (p[k] + strlen(p[k]) + 1 > end)
				end = p[k] + strlen(p[k]) + 1;
		}
	}
	if ((size_t)(c->text + sizeof(c->text) - end) < n + 1)
		return NULL;
	return c->text + (end - c->text);
}

static enum status
match_value(struct cmd *cmd, struct cmd_qual *q, const char *shape, char *why, size_t size)
{
	const char *at = shape, *word, *found = NULL;
	size_t n, found_n = 0;
	bool several = false;
	char *room;

	if (!is_enumeration(shape) || q->value == NULL)
		return ST_NORMAL;
	while (next_alternative(&at, &word, &n)) {
		char full[64];

		snprintf(full, sizeof(full), "%.*s", (int)n, word);
		if (q->value[0] == '\0' || !text_prefix(q->value, full))
			continue;
		several = found != NULL && !text_same(q->value, full);
		found = word;
		found_n = n;
		if (text_same(q->value, full))
			break;
	}
	if (found == NULL || several) {
		snprintf(why, size, "/%s=\\%s\\ is %s %s", q->name, q->value,
			several ? "more than one of" : "none of", shape);
		return ST_VALREQ;
	}
	room = cmd_room(cmd, found_n);
	if (room == NULL) {
		snprintf(why, size, "the line is too full");
		return ST_SYNTAX;
	}
	memcpy(room, found, found_n);
	room[found_n] = '\0';
	q->value = room;
	return ST_NORMAL;
}

static enum status
match_quals(const struct verb *v, struct cmd *cmd, char *why, size_t size)
{
	for (size_t i = 0; i < cmd->quals; i++) {
		struct cmd_qual *q = &cmd->qual[i];
		bool ambiguous;
		const struct verb_qual *row = find_qual(v->quals, q->name, &ambiguous);

		if (row == NULL || ambiguous) {
			struct text list = { .limit = 1024 };

			for (row = v->quals; row != NULL && row->name != NULL; row++)
				if (!ambiguous || text_prefix(q->name, row->name))
					text_addf(&list, "%s/%s", list.n > 0 ? ", " : "",
						row->name);
			if (list.n == 0)
				snprintf(why, size, "\\%s\\, %s has no qualifiers", q->name,
					v->name);
			else
				snprintf(why, size, "\\%s\\, %s %s", q->name,
					ambiguous ? "it may be" : "valid here:", text_str(&list));
			text_free(&list);
			return ambiguous ? ST_ABQUAL : ST_IVQUAL;
		}
		q->name = row->name;
		if (row->value == NULL && q->value != NULL) {
			snprintf(why, size, "/%s takes no value", row->name);
			return ST_VALREQ;
		}
		if (row->value == NULL)
			continue;
		if (row->value[0] != '[' && (q->value == NULL || q->value[0] == '\0')) {
			snprintf(why, size, "/%s=%s", row->name, row->value);
			return ST_VALREQ;
		}
		TRY(match_value(cmd, q, row->value, why, size));
	}
	return ST_NORMAL;
}

enum status
verb_match(const struct verb *table, struct cmd *cmd, size_t first, const struct verb **out,
	char *why, size_t why_size)
{
	const struct verb *v = NULL;
	size_t params;
	enum status status;

	*out = NULL;
	if (why_size > 0)
		why[0] = '\0';
	if (first >= cmd->words) {
		snprintf(why, why_size, "a verb is expected, HELP lists them");
		return ST_IVVERB;
	}
	status = find_verb(table, cmd->word[first], &v);
	if (status != ST_NORMAL) {
		explain_verb(table, cmd->word[first], status, why, why_size);
		return status;
	}
	params = cmd->words - first - 1;
	status = match_quals(v, cmd, why, why_size);
	if (status == ST_IVQUAL && params < v->min_params) {
		size_t n = strlen(why);

		/* It may have been meant as the parameter. */
		snprintf(why + n, why_size - n, " (quote a path that begins with /)");
	}
	if (status != ST_NORMAL)
		return status;
	if (params < v->min_params || params > v->max_params) {
		snprintf(why, why_size, "%s%s%s", v->name, v->params != NULL ? " " : "",
			v->params != NULL ? v->params : " takes none");
		return params < v->min_params ? ST_INSFPRM : ST_MAXPARM;
	}
	*out = v;
	return ST_NORMAL;
}

enum status
verb_find(const struct verb *table, const char *typed, const struct verb **out, char *why,
	size_t why_size)
{
	enum status status = find_verb(table, typed, out);

	if (status != ST_NORMAL)
		explain_verb(table, typed, status, why, why_size);
	return status;
}

int
verb_keyword(const char *const *words, const char *typed)
{
	int found = -1;

	if (typed == NULL || typed[0] == '\0')
		return -1;
	for (int i = 0; words[i] != NULL; i++) {
		if (text_same(typed, words[i]))
			return i;
		if (text_prefix(typed, words[i]))
			found = found == -1 ? i : -2;
	}
	return found;
}

/* ------------------------------------------------------------------ HELP */

/* The words of a text between the columns `from` and HELP_WIDTH; the line so far is `at` long. */
static void
wrap(struct text *out, size_t at, const char *words)
{
	bool first = true;

	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		if (at < HELP_COLUMN || (!first && at + 1 + n > HELP_WIDTH)) {
			if (at >= HELP_COLUMN) {
				text_add(out, "\n");
				at = 0;
			}
			text_addf(out, "%*s", (int)(HELP_COLUMN - at), "");
			at = HELP_COLUMN;
		} else if (!first) {
			text_add(out, " ");
			at++;
		}
		text_add_n(out, words, n);
		at += n;
		first = false;
		words += n + strspn(words + n, " ");
	}
	text_add(out, "\n");
}

void
verb_entry(struct text *out, const char *head, const char *help)
{
	size_t n = strlen(head) + 2;

	text_addf(out, "  %s", head);
	if (n + 1 > HELP_COLUMN) {
		text_add(out, "\n");
		n = 0;
	}
	wrap(out, n, help);
}

/* "/TIMEOUT=seconds", "/LOG[=file]" */
static void
qual_text(const struct verb_qual *q, char *buf, size_t size)
{
	const char *value = q->value != NULL ? q->value : "";

	if (value[0] == '[')
		snprintf(buf, size, "/%s[=%s", q->name, value + 1);
	else
		snprintf(buf, size, "/%s%s%s", q->name, value[0] != '\0' ? "=" : "", value);
}

static void
help_one(const struct verb *v, const char *service, struct text *out)
{
	if (service != NULL)
		text_addf(out, "%s ", service);
	text_add(out, v->name);
	if (v->params != NULL)
		text_addf(out, " %s", v->params);
	text_addf(out, "\n  %s\n", v->help);
	if (v->more != NULL) {
		const char *p = v->more;

		while (*p != '\0') {
			size_t n = strcspn(p, "\n");

			text_addf(out, "  %.*s\n", (int)n, p);
			p += n + (p[n] == '\n');
		}
	}
	if (v->role == CTL_OPERATOR)
		text_add(out, "  Needs the operator's socket.\n");
	for (const struct verb_qual *q = v->quals; q != NULL && q->name != NULL; q++) {
		char name[QUAL_TEXT];

		qual_text(q, name, sizeof(name));
		verb_entry(out, name, q->help);
	}
}

bool
verb_help(const struct verb *table, const char *service, const char *topic, struct text *out)
{
	bool found = false;

	for (const struct verb *v = table; v->name != NULL; v++) {
		if (v->help == NULL)
			continue;
		if (topic == NULL) {
			char head[256];

			snprintf(head, sizeof(head), "%s%s%s", v->name,
				v->params != NULL ? " " : "",
				v->params != NULL ? v->params : "");
			verb_entry(out, head, v->help);
			found = true;
		} else if (text_same(topic, v->name)) {
			help_one(v, service, out);
			return true;
		}
	}
	if (topic == NULL || topic[0] == '\0')
		return found;
	for (const struct verb *v = table; v->name != NULL; v++) {
		if (v->help == NULL || !text_prefix(topic, v->name))
			continue;
		help_one(v, service, out);
		found = true;
	}
	return found;
}

/* ------------------------------------------------------------------ completion */

static void
complete_verbs(const struct verb *table, const char *prefix, struct text *out)
{
	for (const struct verb *v = table; v->name != NULL; v++)
		if (v->help != NULL && text_prefix(prefix, v->name))
			text_addf(out, "%s\t%s\n", v->name, v->help);
}

static void
complete_idents(const char *prefix, struct text *out)
{
	for (unsigned i = 0; i < ST_COUNT; i++) {
		const struct message_row *row = status_row((enum status)i);

		if (text_prefix(prefix, row->ident))
			text_addf(out, "%s\t%s\n", row->ident, row->text);
	}
}

/* One of "A|B", "[A|B]", "seconds": each word that fits what was typed, <name> for any value. */
static void
complete_shape(const char *shape, size_t len, const char *prefix, struct text *out)
{
	const char *p = shape, *end = shape + len, *word;
	size_t n;

	while (p < end && next_alternative(&p, &word, &n)) {
		char full[64];

		if (word >= end)
			return;
		if ((size_t)(end - word) < n)
			n = (size_t)(end - word);
		snprintf(full, sizeof(full), "%.*s", (int)n, word);
		if (!is_upper_word(word, n))
			text_addf(out, "<%s>\t\n", full);
		else if (text_prefix(prefix, full))
			text_addf(out, "%s\t\n", full);
	}
}

/* Of "(A|B)": what may come behind the last comma; the candidates are the whole value. */
static void
complete_list(const char *shape, const char *typed, struct text *out)
{
	const char *comma = strrchr(typed, ','), *last = comma != NULL ? comma + 1 : typed, *word;
	size_t n;

	last += *last == '-';
	while (next_alternative(&shape, &word, &n)) {
		char full[64];

		snprintf(full, sizeof(full), "%.*s", (int)n, word);
		if (text_prefix(last, full))
			text_addf(out, "%.*s%s\t\n", (int)(last - typed), typed, full);
	}
}

/* What the n-th parameter (from 0) may be, from the text that HELP shows. */
static void
complete_param(const struct verb *table, const struct verb *v, const struct cmd *cmd, size_t n,
	const char *prefix, struct text *out)
{
	const char *p = v->params != NULL ? v->params : "";
	bool message = false;
	size_t len;

	for (;; p += len) {
		p += strspn(p, " ");
		if (*p == '\0')
			return;
		len = strcspn(p, " ");
		if (n-- == 0)
			break;
	}
	/* HELP's topics are this table's verbs, or with /MESSAGE the idents. */
	for (size_t i = 0; i < cmd->quals; i++)
		message = message || text_prefix(cmd->qual[i].name, "MESSAGE");
	if (strncmp(p, "[topic]", len) != 0)
		complete_shape(p, len, prefix, out);
	else if (message)
		complete_idents(prefix, out);
	else
		complete_verbs(table, prefix, out);
}

static void
complete_qual(const struct verb *v, const char *prefix, struct text *out)
{
	for (const struct verb_qual *q = v->quals; q != NULL && q->name != NULL; q++) {
		char name[QUAL_TEXT];

		qual_text(q, name, sizeof(name));
		if (text_prefix(prefix, q->name))
			text_addf(out, "%s\t%s\n", name, q->help);
	}
}

static void
complete_value(const struct verb *v, const struct cmd_qual *typed, struct text *out)
{
	bool ambiguous;
	const struct verb_qual *q = find_qual(v->quals, typed->name, &ambiguous);

	if (q == NULL || ambiguous || q->value == NULL)
		return;
	if (strcmp(q->value, "[ident]") == 0)
		complete_idents(typed->value, out);
	else if (q->value[0] == '(')
		complete_list(q->value, typed->value, out);
	else
		complete_shape(q->value, strlen(q->value), typed->value, out);
}

/* The line as far as it can be taken apart; *slash: a `/` ends it, its qualifier is to come. */
static bool
parse_part(const char *line, struct cmd *cmd, bool *slash)
{
	size_t n = strlen(line);
	char why[64];

	*slash = n > 0 && line[n - 1] == '/';
	return cmd_parse(bytes_of(line, n - *slash), cmd, why, sizeof(why)) == ST_NORMAL;
}

void
verb_complete(const struct verb *table, const char *line, struct text *out)
{
	const struct verb *v;
	struct cmd cmd;
	const struct cmd_qual *q;
	const char *prefix = "";
	size_t n = strlen(line), done; /* words that are finished */
	bool slash, at_end = n > 0 && line[n - 1] != ' ' && line[n - 1] != '\t', in_qual;

	if (!parse_part(line, &cmd, &slash))
		return;
	done = cmd.words;
	q = cmd.quals > 0 ? &cmd.qual[cmd.quals - 1] : NULL;
	in_qual = at_end && !slash && q != NULL && (done == 0 || q->name > cmd.word[done - 1]);
	if (at_end && !slash && !in_qual && done > 0)
		prefix = cmd.word[--done];
	if (done == 0) {
		if (!in_qual && !slash)
			complete_verbs(table, prefix, out);
		return;
	}
	if (find_verb(table, cmd.word[0], &v) != ST_NORMAL)
		return;
	if (in_qual && q->value != NULL) {
		complete_value(v, q, out);
	} else if (in_qual || slash) {
		complete_qual(v, in_qual ? q->name : "", out);
	} else {
		complete_param(table, v, &cmd, done - 1, prefix, out);
		if (prefix[0] == '\0')
			complete_qual(v, "", out);
	}
}

bool
verb_take_placeholder(struct text *candidates, const char *name)
{
	char line[80];
	char *p;
	int n = snprintf(line, sizeof(line), "<%s>\t\n", name);

	if (candidates->n == 0 || n < 0 || (size_t)n >= sizeof(line))
		return false;
	p = strstr(candidates->p, line);
	if (p == NULL || (p > candidates->p && p[-1] != '\n'))
		return false;
	candidates->n -= (size_t)n;
	memmove(p, p + n, candidates->n - (size_t)(p - candidates->p) + 1);
	return true;
}
