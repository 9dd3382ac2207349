/*
 * lnm_parse.c - DEFINE, ASSIGN, DEASSIGN, SHOW LOGICAL and SHOW TRANSLATION, taken apart.
 *
 * Called for commands and for the lines of the system table's file.  Pure: text in, struct out.
 *
 * Paths may stand unquoted although DCL would see qualifiers in them: where a value is expected, a
 * word that begins with `/` and has a further `/` is a path and taken whole (`/var/log`), unless it
 * is a chain of qualifiers of which one has a value (`/TABLE=LNM$JOB/NOLOG`).  Who means the path
 * `/log` quotes it.
 */
#include <string.h>

#include "logicals/lnm_int.h"

enum { KEYWORD_MIN = 3, KEYWORD_MAX = 32 };

/* Which commands know a qualifier. */
enum { ON_DEFINE = 1, ON_DEASSIGN = 2, ON_SHOW = 4 };

enum qual { Q_TABLE_IS, Q_MODE_IS, Q_TABLE, Q_TRANSLATION, Q_NAME, Q_LOG, Q_NOLOG, Q_ALL, Q_FULL,
	Q_SAVE };

static const struct qual_row {
	const char *name;
	enum qual what;
	int value; /* of enum lnm_table or enum lnm_mode */
	unsigned on;
} quals[] = {
	{ "PROCESS", Q_TABLE_IS, LNM_PROCESS, ON_DEFINE | ON_DEASSIGN | ON_SHOW },
	{ "JOB", Q_TABLE_IS, LNM_JOB, ON_DEFINE | ON_DEASSIGN | ON_SHOW },
	{ "GROUP", Q_TABLE_IS, LNM_GROUP, ON_DEFINE | ON_DEASSIGN | ON_SHOW },
	{ "SYSTEM", Q_TABLE_IS, LNM_SYSTEM, ON_DEFINE | ON_DEASSIGN | ON_SHOW },
	{ "TABLE", Q_TABLE, 0, ON_DEFINE | ON_DEASSIGN | ON_SHOW },
	{ "USER_MODE", Q_MODE_IS, LNM_USER, ON_DEFINE | ON_DEASSIGN },
	{ "SUPERVISOR_MODE", Q_MODE_IS, LNM_SUPERVISOR, ON_DEFINE | ON_DEASSIGN },
	{ "EXECUTIVE_MODE", Q_MODE_IS, LNM_EXECUTIVE, ON_DEFINE | ON_DEASSIGN },
	{ "KERNEL_MODE", Q_MODE_IS, LNM_KERNEL, ON_DEFINE | ON_DEASSIGN },
	{ "TRANSLATION_ATTRIBUTES", Q_TRANSLATION, 0, ON_DEFINE },
	{ "NAME_ATTRIBUTES", Q_NAME, 0, ON_DEFINE },
	{ "LOG", Q_LOG, 0, ON_DEFINE },
	{ "NOLOG", Q_NOLOG, 0, ON_DEFINE },
	{ "ALL", Q_ALL, 0, ON_DEASSIGN | ON_SHOW },
	{ "FULL", Q_FULL, 0, ON_SHOW },
	{ "SAVE", Q_SAVE, 0, ON_DEFINE | ON_DEASSIGN },
};

struct scan {
	struct lnm_stmt *s;
	const char *line; /* normalised: the first half of s->text */
	size_t at;
	size_t used;      /* octets of the second half, where names and values go */
	unsigned on;
	size_t params;
	unsigned attributes; /* for all values: the qualifier stood before them */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_word(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '$';
}

static char
peek(const struct scan *x)
{
	return x->line[x->at];
}

static void
skip_blanks(struct scan *x)
{
	while (is_blank(peek(x)))
		x->at++;
}

/* End of the command, or a comment behind a blank. */
static bool
at_end(const struct scan *x)
{
	return peek(x) == '\0' || (peek(x) == '!' && (x->at == 0 || is_blank(x->line[x->at - 1])));
}

static enum status
wrong(struct scan *x, size_t at, enum status st, const char *detail)
{
	x->s->at = at;
	x->s->detail = detail;
	return st;
}

/* Typographic quotes, as word processors put them into manuals, are quotes. */
static enum status
normalise(const char *line, struct lnm_stmt *s)
{
	size_t n = 0;

	for (; *line != '\0'; line++) {
		char c = *line;

		if (c == '\xe2' && line[1] == '\x80' &&
			(line[2] == '\x9c' || line[2] == '\x9d')) {
			c = '"';
			line += 2;
		}
		if (n + 1 >= LNM_LINE_MAX)
			return ST_LINELONG;
		s->text[n++] = c;
	}
	s->text[n] = '\0';
	return ST_NORMAL;
}

static size_t
word_length(const char *p)
{
	size_t n = 0;

	while (is_word(p[n]))
		n++;
	return n;
}

static bool
abbreviates(const char *p, size_t n, const char *word)
{
	char typed[KEYWORD_MAX];

	if (n == 0 || n >= sizeof(typed))
		return false;
	memcpy(typed, p, n);
	typed[n] = '\0';
	return text_prefix(typed, word);
}

/* ------------------------------------------------------------ qualifiers --- */

static enum status
find_qual(const struct scan *x, const char *p, size_t n, const struct qual_row **row)
{
	*row = NULL;
	for (size_t i = 0; i < ARRAY_LEN(quals); i++) {
		if ((quals[i].on & x->on) == 0 || !abbreviates(p, n, quals[i].name))
			continue;
		if (*row != NULL)
			return ST_ABQUAL;
		*row = &quals[i];
	}
	return *row == NULL ? ST_IVQUAL : ST_NORMAL;
}

/* Length of "=value" or "=(a,b)"; 0 when there is none. */
static size_t
value_length(const char *p)
{
	size_t n = 1;

	if (p[0] != '=')
		return 0;
	if (p[1] == '(') {
		while (p[n] != '\0' && p[n] != ')')
			n++;
		return p[n] == ')' ? n + 1 : n;
	}
	return n + word_length(p + 1);
}

/* Is what stands here, up to a blank or comma, qualifiers and nothing else? */
static bool
is_qual_chain(const struct scan *x, const char *p)
{
	const struct qual_row *row;

	while (*p == '/') {
		size_t n = word_length(p + 1);

		if (find_qual(x, p + 1, n, &row) == ST_IVQUAL)
			return false;
		p += 1 + n;
		p += value_length(p);
	}
	return *p == '\0' || is_blank(*p) || *p == ',';
}

/* Where a value is expected: is this word a path? A chain that is only names may be one too. */
static bool
is_path(const struct scan *x, const char *p)
{
	size_t n = strcspn(p, " \t,");

	if (!is_qual_chain(x, p))
		return true;
	return memchr(p + 1, '/', n - 1) != NULL && memchr(p, '=', n) == NULL;
}

static enum status
attributes_of(struct scan *x, const char *p, size_t n, unsigned *out)
{
	size_t begin = x->at;

	*out = 0;
	for (const char *end = p + n; p < end;) {
		size_t w = word_length(p);

		if (abbreviates(p, w, "CONCEALED"))
			*out |= LNM_CONCEALED;
		else if (abbreviates(p, w, "TERMINAL"))
			*out |= LNM_TERMINAL;
		else if (w > 0)
			return wrong(x, begin, ST_VALREQ, "CONCEALED or TERMINAL");
		p += w == 0 ? 1 : w;
	}
	return ST_NORMAL;
}

static enum status
table_of(struct scan *x, const char *p, size_t n)
{
	struct lnm_stmt *s = x->s;
	char name[LNM_NAME_MAX + 1];

	if (n == 0 || n >= sizeof(name))
		return wrong(x, x->at, ST_VALREQ, "/TABLE=name");
	memcpy(name, p, n);
	name[n] = '\0';
	s->has_table = true;
	s->file_dev = text_same(name, "LNM$FILE_DEV");
	if (s->file_dev && x->on == ON_SHOW)
		return ST_NORMAL;
	if (lnm_table_by_name(name, &s->table) != ST_NORMAL)
		return wrong(x, x->at, ST_NOLOGTAB, NULL);
	return ST_NORMAL;
}

static enum status
apply_qual(struct scan *x, const struct qual_row *row, const char *value, size_t n)
{
	struct lnm_stmt *s = x->s;
	unsigned attributes;

	switch (row->what) {
	case Q_TABLE_IS:
		s->has_table = true;
		s->file_dev = false;
		s->table = (enum lnm_table)row->value;
		break;
	case Q_MODE_IS:
		s->has_mode = true;
		s->mode = (enum lnm_mode)row->value;
		break;
	case Q_TABLE:
		return table_of(x, value, n);
	case Q_TRANSLATION:
		TRY(attributes_of(x, value, n, &attributes));
		if (s->count > 0)
			s->value[s->count - 1].attributes = attributes;
		else
			x->attributes = attributes;
		break;
	case Q_NAME: /* CONFINE and NO_ALIAS mean nothing here */
		break;
	case Q_LOG:
		s->nolog = false;
		break;
	case Q_NOLOG:
		s->nolog = true;
		break;
	case Q_ALL:
		s->all = true;
		break;
	case Q_FULL:
		s->full = true;
		break;
	case Q_SAVE:
		s->save = true;
		break;
	}
	return ST_NORMAL;
}

static enum status
take_qual(struct scan *x)
{
	const char *p = x->line + x->at + 1;
	size_t n = word_length(p), v = value_length(p + n);
	const struct qual_row *row;
	enum status st = find_qual(x, p, n, &row);

	if (st != ST_NORMAL)
		return wrong(x, x->at, st, NULL);
	x->at += 1 + n;
	/* without the "=", and without parentheses, which attributes_of skips by itself */
	TRY(apply_qual(x, row, p + n + (v > 0), v > 0 ? v - 1 : 0));
	x->at += v;
	return ST_NORMAL;
}

/* ------------------------------------------------------------ parameters --- */

/* One name or value, quoted or not. */
static enum status
take_text(struct scan *x, bool name, char **out)
{
	size_t begin = x->at;
	const char *p = x->line + begin;
	/* What is kept is never longer than the line. */
	char *to = x->s->text + LNM_LINE_MAX + x->used;
	size_t n = 0;

	if (*p == '"') {
		for (p++; *p != '\0' && (*p != '"' || p[1] == '"'); p++) {
			if (*p == '"')
				p++;
			to[n++] = *p;
		}
		if (*p == '\0')
			return wrong(x, begin, ST_SYNTAX, "the quote is not closed");
		x->at = (size_t)(p + 1 - x->line);
	} else {
		bool path = !name && *p == '/';

		for (; *p != '\0' && !is_blank(*p) && *p != ',' && *p != '"'; p++) {
			if (*p == '/' && (name || (n > 0 && is_qual_chain(x, p) &&
				(!path || memchr(p, '=', strcspn(p, " \t,")) != NULL))))
				break;
			to[n++] = *p;
		}
		x->at += n;
	}
	to[n] = '\0';
	x->used += n + 1;
	*out = to;
	if (!lnm_name_ok(to))
		return wrong(x, begin, ST_IVLOGNAM, "1 to 255 printable characters are wanted");
	return ST_NORMAL;
}

static enum status
take_name(struct scan *x, bool strip_colon)
{
	size_t begin = x->at, n;
	char *name;

	TRY(take_text(x, true, &name));
	n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (char)(name[i] - 'a' + 'A');
	if (strip_colon && name[n - 1] == ':')
		name[n - 1] = '\0';
	if (name[0] == '\0')
		return wrong(x, begin, ST_IVLOGNAM, "1 to 255 printable characters are wanted");
	x->s->name = name;
	return ST_NORMAL;
}

static enum status
take_values(struct scan *x)
{
	struct lnm_stmt *s = x->s;

	for (;;) {
		if (s->count >= LNM_VALUES_MAX)
			return wrong(x, x->at, ST_LIMIT, "a search list has at most 128 values");
		TRY(take_text(x, false, &s->value[s->count].text));
		s->value[s->count].attributes = x->attributes;
		s->count++;
		while (peek(x) == '/')
			TRY(take_qual(x));
		skip_blanks(x);
		if (peek(x) != ',')
			return ST_NORMAL;
		x->at++;
		skip_blanks(x);
	}
}

static enum status
take_param(struct scan *x)
{
	enum lnm_verb verb = x->s->verb;
	size_t param = x->params++;

	if (verb == LNM_DEFINE || verb == LNM_ASSIGN) {
		bool name = (param == 0) == (verb == LNM_DEFINE);

		if (param > 1)
			return wrong(x, x->at, ST_MAXPARM, "values with blanks want quotes");
		return name ? take_name(x, verb == LNM_ASSIGN) : take_values(x);
	}
	if (param > 0)
		return wrong(x, x->at, ST_MAXPARM, NULL);
	return take_name(x, verb == LNM_DEASSIGN);
}

static enum status
take_rest(struct scan *x)
{
	struct lnm_stmt *s = x->s;
	size_t needed = s->verb == LNM_DEFINE || s->verb == LNM_ASSIGN ? 2 : 0;

	for (skip_blanks(x); !at_end(x); skip_blanks(x)) {
		bool value = (s->verb == LNM_DEFINE && x->params == 1) ||
			(s->verb == LNM_ASSIGN && x->params == 0);

		if (peek(x) == '/' && !(value && is_path(x, x->line + x->at)))
			TRY(take_qual(x));
		else
			TRY(take_param(x));
	}
	if (s->verb == LNM_DEASSIGN && !s->all)
		needed = 1;
	if (x->params < needed)
		return wrong(x, x->at, ST_INSFPRM,
			s->verb == LNM_DEFINE ? "DEFINE name value[,value...]"
			: s->verb == LNM_ASSIGN ? "ASSIGN value[,value...] name" : "DEASSIGN name");
	s->at = x->at;
	return ST_NORMAL;
}

/* ------------------------------------------------------------ verbs --- */

static bool
take_keyword(struct scan *x, const char *word)
{
	size_t n = word_length(x->line + x->at);

	if (n < KEYWORD_MIN || !abbreviates(x->line + x->at, n, word))
		return false;
	x->at += n;
	return true;
}

static enum status
take_verb(struct scan *x)
{
	struct lnm_stmt *s = x->s;

	skip_blanks(x);
	if (peek(x) == '$') /* as in a command procedure */
		x->at++;
	skip_blanks(x);
	x->on = ON_DEFINE;
	if (take_keyword(x, "DEFINE")) {
		s->verb = LNM_DEFINE;
		return ST_NORMAL;
	}
	if (take_keyword(x, "ASSIGN")) {
		s->verb = LNM_ASSIGN;
		return ST_NORMAL;
	}
	x->on = ON_DEASSIGN;
	if (take_keyword(x, "DEASSIGN")) {
		s->verb = LNM_DEASSIGN;
		return ST_NORMAL;
	}
	x->on = ON_SHOW;
	if (!take_keyword(x, "SHOW"))
		return ST_IVVERB;
	skip_blanks(x);
	if (take_keyword(x, "LOGICAL"))
		s->verb = LNM_SHOW_LOGICAL;
	else if (take_keyword(x, "TRANSLATION"))
		s->verb = LNM_SHOW_TRANSLATION;
	else
		return ST_IVVERB;
	return ST_NORMAL;
}

enum status
lnm_parse(const char *line, struct lnm_stmt *s)
{
	struct scan x = { .s = s, .line = s->text };
	char after;

	s->has_table = s->file_dev = s->has_mode = s->nolog = s->all = s->full = s->save = false;
	s->table = LNM_PROCESS;
	s->mode = LNM_SUPERVISOR;
	s->name = s->detail = NULL;
	s->count = s->at = 0;
	TRY(normalise(line, s));
	TRY(take_verb(&x));
	after = peek(&x);
	if (after != '\0' && !is_blank(after) && after != '/')
		return ST_IVVERB;
	return take_rest(&x);
}

bool
lnm_is_command(const char *line)
{
	struct lnm_stmt s;
	enum status st = lnm_parse(line, &s);

	return st != ST_IVVERB;
}
