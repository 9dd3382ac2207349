/*
 * lnm.c - logical name tables: define, deassign, look up, translate.
 *
 * Used by every program for its configuration and by lnm_dcl.c for the commands.  Never touches a
 * file or the environment: lnm_file.c and lnm_spec.c do.
 */
#include "logicals/lnm.h"

#include <stdlib.h>
#include <string.h>

#include "logicals/lnm_int.h"

static const char *const table_names[LNM_TABLES] = {
	[LNM_PROCESS] = "LNM$PROCESS_TABLE",
	[LNM_JOB] = "LNM$JOB_TABLE",
	[LNM_GROUP] = "LNM$GROUP_TABLE",
	[LNM_SYSTEM] = "LNM$SYSTEM_TABLE",
};

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool
lnm_name_ok(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > LNM_NAME_MAX)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* ------------------------------------------------------------ names --- */

static void
name_free(struct lnm_name *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->count; i++)
		free(n->value[i].text);
	free(n->value);
	free(n->name);
	free(n);
}

static struct lnm_name *
name_new(enum lnm_mode mode, const char *name, const struct lnm_value *values, size_t count)
{
	struct lnm_name *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->mode = mode;
	n->name = strdup(name);
	n->value = calloc(count, sizeof(n->value[0]));
	if (n->name == NULL || n->value == NULL) {
		name_free(n);
		return NULL;
	}
	for (char *p = n->name; *p != '\0'; p++)
		*p = upper(*p);
	for (; n->count < count; n->count++) {
		n->value[n->count].text = strdup(values[n->count].text);
		n->value[n->count].attributes = values[n->count].attributes;
		if (n->value[n->count].text == NULL) {
			name_free(n);
			return NULL;
		}
	}
	return n;
}

static int
compare(const struct lnm_name *n, const char *name, enum lnm_mode mode)
{
	const char *p = n->name;

	for (; *p != '\0' && *p == upper(*name); p++, name++)
		;
	if (*p != upper(*name))
		return (unsigned char)*p < (unsigned char)upper(*name) ? -1 : 1;
	return n->mode < mode ? -1 : n->mode > mode;
}

/* Where the name is, or would be inserted. */
static size_t
place(const struct lnm_list *t, const char *name, enum lnm_mode mode, bool *found)
{
	size_t low = 0, high = t->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = compare(t->name[middle], name, mode);

		if (c == 0) {
			*found = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ------------------------------------------------------------ tables --- */

struct lnm *
lnm_new(void)
{
	return calloc(1, sizeof(struct lnm));
}

void
lnm_free(struct lnm *l)
{
	if (l == NULL)
		return;
	for (size_t t = 0; t < LNM_TABLES; t++) {
		for (size_t i = 0; i < l->table[t].count; i++)
			name_free(l->table[t].name[i]);
		free(l->table[t].name);
	}
	free(l->system_file);
	free(l);
}

static bool
grow(struct lnm_list *t)
{
	size_t room = t->room == 0 ? 16 : t->room * 2;
	struct lnm_name **more;

	if (t->count < t->room)
		return true;
	more = realloc(t->name, room * sizeof(more[0]));
	if (more == NULL)
		return false;
	t->name = more;
	t->room = room;
	return true;
}

enum status
lnm_define(struct lnm *l, enum lnm_table table, enum lnm_mode mode, const char *name,
	const struct lnm_value *values, size_t count, bool *superseded)
{
	struct lnm_list *t = &l->table[table];
	struct lnm_name *n;
	bool found;
	size_t at;

	if (!lnm_name_ok(name) || count == 0)
		return ST_IVLOGNAM;
	for (size_t i = 0; i < count; i++)
		if (!lnm_name_ok(values[i].text))
			return ST_IVLOGNAM;
	at = place(t, name, mode, &found);
	if (count > LNM_VALUES_MAX || (!found && t->count >= LNM_NAMES_MAX))
		return ST_LIMIT;
	n = name_new(mode, name, values, count);
	if (n == NULL || !grow(t)) {
		name_free(n);
		return ST_NOMEMORY;
	}
	if (superseded != NULL)
		*superseded = found;
	if (found) {
		name_free(t->name[at]);
	} else {
		memmove(t->name + at + 1, t->name + at, (t->count - at) * sizeof(t->name[0]));
		t->count++;
	}
	t->name[at] = n;
	return ST_NORMAL;
}

enum status
lnm_set(struct lnm *l, enum lnm_table table, const char *name, const char *value)
{
	char text[LNM_NAME_MAX + 1];
	struct lnm_value v = { .text = text };

	if (!lnm_name_ok(value))
		return ST_IVLOGNAM;
	memcpy(text, value, strlen(value) + 1);
	return lnm_define(l, table, LNM_SUPERVISOR, name, &v, 1, NULL);
}

static void
remove_at(struct lnm_list *t, size_t at)
{
	name_free(t->name[at]);
	t->count--;
	memmove(t->name + at, t->name + at + 1, (t->count - at) * sizeof(t->name[0]));
}

enum status
lnm_deassign(struct lnm *l, enum lnm_table table, enum lnm_mode mode, const char *name)
{
	struct lnm_list *t = &l->table[table];
	enum status st = ST_NOLOGNAM;
	bool found;
	size_t at = place(t, name, LNM_USER, &found);

	/* the modes of a name stand together, outermost first */
	while (at < t->count && t->name[at]->mode <= mode &&
		compare(t->name[at], name, t->name[at]->mode) == 0) {
		remove_at(t, at);
		st = ST_NORMAL;
	}
	return st;
}

void
lnm_run_down(struct lnm *l)
{
	struct lnm_list *t = &l->table[LNM_PROCESS];

	for (size_t i = t->count; i-- > 0;)
		if (t->name[i]->mode == LNM_USER)
			remove_at(t, i);
}

const struct lnm_name *
lnm_in_table(const struct lnm *l, enum lnm_table table, const char *name)
{
	const struct lnm_list *t = &l->table[table];
	bool found;
	size_t at = place(t, name, LNM_USER, &found);

	if (at < t->count && compare(t->name[at], name, t->name[at]->mode) == 0)
		return t->name[at];
	return NULL;
}

const struct lnm_name *
lnm_find(const struct lnm *l, const char *name, enum lnm_table *table)
{
	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++) {
		const struct lnm_name *n = lnm_in_table(l, t, name);

		if (n != NULL) {
			if (table != NULL)
				*table = t;
			return n;
		}
	}
	return NULL;
}

const struct lnm_name *
lnm_at(const struct lnm *l, enum lnm_table table, size_t index)
{
	return index < l->table[table].count ? l->table[table].name[index] : NULL;
}

const char *
lnm_table_name(enum lnm_table table)
{
	return table_names[table];
}

enum status
lnm_table_by_name(const char *name, enum lnm_table *table)
{
	static const char suffix[] = "_TABLE";

	for (enum lnm_table t = LNM_PROCESS; t < LNM_TABLES; t++) {
		size_t n = strlen(table_names[t]) - (sizeof(suffix) - 1);

		if (text_same(name, table_names[t]) ||
			(strlen(name) == n && text_prefix(name, table_names[t]))) {
			*table = t;
			return ST_NORMAL;
		}
	}
	return ST_NOLOGTAB;
}

/* ------------------------------------------------------------ translation --- */

const char *
lnm_value(const struct lnm *l, const char *name, size_t index)
{
	const struct lnm_name *n = lnm_find(l, name, NULL);

	return n == NULL || index >= n->count ? NULL : n->value[index].text;
}

enum status
lnm_translate(const struct lnm *l, const char *name, char *out, size_t size)
{
	const struct lnm_name *n = lnm_find(l, name, NULL);
	const char *value = NULL;
	char next[LNM_NAME_MAX + 1];

	if (n == NULL)
		return ST_NOLOGNAM;
	for (int depth = 1; n != NULL; depth++) {
		size_t end;

		if (depth > LNM_DEPTH_MAX)
			return ST_TOOMANYLNAM;
		value = n->value[0].text;
		if (n->value[0].attributes & LNM_TERMINAL)
			break;
		end = strlen(value);
		memcpy(next, value, end + 1);
		if (end > 1 && next[end - 1] == ':')
			next[end - 1] = '\0';
		n = lnm_find(l, next, NULL);
	}
	if (strlen(value) >= size)
		return ST_LIMIT;
	memcpy(out, value, strlen(value) + 1);
	return ST_NORMAL;
}

bool
lnm_true(const struct lnm *l, const char *name, bool fallback)
{
	char value[LNM_NAME_MAX + 1];

	if (lnm_translate(l, name, value, sizeof(value)) != ST_NORMAL)
		return fallback;
	switch (upper(value[0])) {
	case 'T':
	case 'Y':
	case '1':
		return true;
	case 'F':
	case 'N':
	case '0':
		return false;
	case 'O':
		return upper(value[1]) == 'N';
	default:
		return fallback;
	}
}

/* ------------------------------------------------------------ messages --- */

bool
lnm_failed(enum status status)
{
	char severity = status_row(status)->severity;

	return severity != 'S' && severity != 'I';
}

unsigned
lnm_condition(enum status status)
{
	static const struct {
		enum status status;
		unsigned condition;
	} known[] = {
		{ ST_NORMAL, 1 },
		{ ST_IVLOGNAM, 340 },
		{ ST_NOLOGNAM, 444 },
		{ ST_TOOMANYLNAM, 884 },
		{ ST_NOTRAN, 1577 },
		{ ST_SUPERSEDE, 1585 },
		{ ST_NOLOGTAB, 8852 },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].status == status)
			return known[i].condition;
	/* Ours has no VMS number: its place in our table, with the severity in the low bits. */
	return (unsigned)status << 3 | status_severity_bits(status);
}
