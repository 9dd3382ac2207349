/*
 * nc_expr.c - expressions of command procedures (see nc_expr.h).
 *
 * Called by nc_script.c for IF and assignments.  A descent through the levels of precedence, each
 * level a row of operators; nesting and the length of strings are bounded.
 */
#include "netcontrol/nc_expr.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netcontrol/nc_script.h"

enum { LEVELS = 6, ARGS_MAX = 3 };

struct value {
	bool is_number;
	int64_t number;
	struct text text; /* of a string */
};

struct expr {
	const char *p;
	nc_lookup *lookup;
	void *user;
	unsigned depth;
	char *why;
	size_t why_size;
};

static bool binary(struct expr *e, unsigned level, struct value *out);

bool
nc_is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '$';
}

static void
blanks(struct expr *e)
{
	while (*e->p == ' ' || *e->p == '\t')
		e->p++;
}

static bool
wrong(struct expr *e, const char *expected)
{
	snprintf(e->why, e->why_size, "%s expected at \\%.20s\\", expected, e->p);
	return false;
}

static void
set_number(struct value *v, int64_t number)
{
	text_free(&v->text);
	v->is_number = true;
	v->number = number;
}

static void
to_text(struct value *v)
{
	if (v->is_number) {
		v->is_number = false;
		text_clear(&v->text);
		text_addf(&v->text, "%" PRId64, v->number);
	}
}

/* The whole string as an integer, decimal or %X…; blanks around it do not matter. */
static bool
integer_of(const char *s, int64_t *out)
{
	const char *digits;
	int base = 10;
	char *end;

	s += strspn(s, " \t");
	if (text_prefix("%X", s)) {
		base = 16;
		s += 2;
	}
	digits = s + (base == 10 && (*s == '-' || *s == '+'));
	if (base == 10 ? *digits < '0' || *digits > '9' : strspn(s, "0123456789abcdefABCDEF") == 0)
		return false;
	*out = strtoll(s, &end, base);
	/* 18 digits (15 in hexadecimal) are always in range, and enough for whoever counts. */
	return end - s <= (base == 10 ? 18 : 15) && end[strspn(end, " \t")] == '\0';
}

static bool
to_number(struct expr *e, struct value *v)
{
	int64_t n;

	if (v->is_number)
		return true;
	if (!integer_of(text_str(&v->text), &n)) {
		snprintf(e->why, e->why_size, "\\%.40s\\ is no number", text_str(&v->text));
		return false;
	}
	set_number(v, n);
	return true;
}

static bool
is_true(const struct value *v)
{
	const char *s = text_str(&v->text);
	int64_t n;

	if (v->is_number)
		return v->number % 2 != 0;
	if (integer_of(s, &n))
		return n % 2 != 0;
	return strchr("TtYy", *s) != NULL && *s != '\0';
}

/* ------------------------------------------------------------------ functions */

/* Octets of s from start, at most n; both are brought into range. */
static void
set_part(struct value *out, const char *s, int64_t start, int64_t n)
{
	int64_t length = (int64_t)strlen(s);

	start = start < 0 ? 0 : start > length ? length : start;
	n = n < 0 ? 0 : n > length - start ? length - start : n;
	text_add_n(&out->text, s + start, (size_t)n);
}

static void
element(struct value *out, int64_t number, const char *delimiter, const char *list)
{
	char c = delimiter[0];

	while (number > 0 && c != '\0' && strchr(list, c) != NULL) {
		list = strchr(list, c) + 1;
		number--;
	}
	/* As in DCL: the delimiter itself tells that there is no such element. */
	if (number != 0 || c == '\0')
		text_add(&out->text, delimiter);
	else
		text_add_n(&out->text, list, strchr(list, c) != NULL ?
			(size_t)(strchr(list, c) - list) : strlen(list));
}

static void
edit(struct value *out, const char *s, const char *how)
{
	bool upper = strstr(how, "UPCASE") != NULL, lower = strstr(how, "LOWERCASE") != NULL;
	bool collapse = strstr(how, "COLLAPSE") != NULL, trim = strstr(how, "TRIM") != NULL;
	size_t n = strlen(s);

	while (trim && n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	for (size_t i = trim ? strspn(s, " \t") : 0; i < n; i++) {
		char c = s[i];

		if (collapse && (c == ' ' || c == '\t'))
			continue;
		if (upper && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (lower && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		text_add_n(&out->text, &c, 1);
	}
}

static bool
call(struct expr *e, const char *name, struct value arg[ARGS_MAX], unsigned count,
	struct value *out)
{
	static const struct {
		const char *name;
		unsigned count;
		unsigned numbers; /* bit n: argument n is one */
	} rows[] = { { "F$LENGTH", 1, 0 }, { "F$EXTRACT", 3, 3 }, { "F$LOCATE", 2, 0 },
		{ "F$ELEMENT", 3, 1 }, { "F$EDIT", 2, 0 }, { "F$INTEGER", 1, 1 },
		{ "F$STRING", 1, 0 } };
	const char *s[ARGS_MAX], *value, *found;
	size_t row = 0;

	while (row < ARRAY_LEN(rows) && !text_same(name, rows[row].name))
		row++;
	if (row == ARRAY_LEN(rows) ? count > 1 : count != rows[row].count) {
		snprintf(e->why, e->why_size, "%s takes %u argument%s, not %u", name,
			row == ARRAY_LEN(rows) ? 1 : rows[row].count,
			row < ARRAY_LEN(rows) && rows[row].count > 1 ? "s" : "", count);
		return false;
	}
	for (unsigned i = 0; i < ARGS_MAX; i++) {
		if (row < ARRAY_LEN(rows) && i < count && (rows[row].numbers >> i & 1) != 0 &&
			!to_number(e, &arg[i]))
			return false;
		if (row == ARRAY_LEN(rows) || (rows[row].numbers >> i & 1) == 0)
			to_text(&arg[i]);
		s[i] = text_str(&arg[i].text);
	}
	switch (row) {
	case 0:
		set_number(out, (int64_t)strlen(s[0]));
		return true;
	case 1:
		set_part(out, s[2], arg[0].number, arg[1].number);
		return true;
	case 2: /* the length when it is not in there, as in DCL */
		found = strstr(s[1], s[0]);
		set_number(out, found != NULL ? found - s[1] : (int64_t)strlen(s[1]));
		return true;
	case 3:
		element(out, arg[0].number, s[1], s[2]);
		return true;
	case 4:
		edit(out, s[0], s[1]);
		return true;
	case 5:
		set_number(out, arg[0].number);
		return true;
	case 6:
		text_add(&out->text, s[0]);
		return true;
	default:
		value = e->lookup(e->user, name, s[0]);
		if (value != NULL)
			text_add(&out->text, value);
		else
			snprintf(e->why, e->why_size, "%s is not defined", name);
		return value != NULL;
	}
}

/* Behind F$NAME: `(argument, …)`. */
static bool
function(struct expr *e, const char *name, struct value *out)
{
	struct value arg[ARGS_MAX] = { 0 };
	unsigned count = 0;
	bool good = true;

	e->p++;
	blanks(e);
	while (good && *e->p != ')') {
		good = count < ARGS_MAX ? binary(e, 0, &arg[count++]) :
			wrong(e, "fewer arguments are");
		blanks(e);
		if (good && *e->p != ',' && *e->p != ')')
			good = wrong(e, "`,` or `)` is");
		else if (good && *e->p == ',')
			e->p++;
	}
	if (good) {
		e->p++;
		good = call(e, name, arg, count, out);
	}
	for (unsigned i = 0; i < ARGS_MAX; i++)
		text_free(&arg[i].text);
	return good;
}

/* ------------------------------------------------------------------ operands */

const char *
nc_take_string(const char *p, struct text *out)
{
	for (p++; *p != '\0'; p++) {
		if (*p != '"')
			text_add_n(out, p, 1);
		else if (p[1] == '"')
			text_add_n(out, p++, 1);
		else
			return p + 1;
	}
	return NULL;
}

static bool
named(struct expr *e, struct value *out)
{
	char name[NC_NAME_MAX];
	const char *value;
	size_t n = 0;
	int64_t number;

	n += *e->p == '%'; /* %X1F */
	while (nc_is_name_char(e->p[n]))
		n++;
	if (n == 0 || n >= sizeof(name) || (n == 4 && text_prefix("THEN", e->p)))
		return wrong(e, "a string, a number, a symbol or F$FUNCTION(...) is");
	memcpy(name, e->p, n);
	name[n] = '\0';
	if (name[0] == '%' || (name[0] >= '0' && name[0] <= '9')) {
		if (!integer_of(name, &number))
			return wrong(e, "a number is");
		set_number(out, number);
		e->p += n;
		return true;
	}
	e->p += n;
	if (*e->p == '(')
		return function(e, name, out);
	value = e->lookup(e->user, name, NULL);
	if (value == NULL) {
		snprintf(e->why, e->why_size, "symbol %s is not defined", name);
		return false;
	}
	text_add(&out->text, value);
	return true;
}

static bool
primary(struct expr *e, struct value *out)
{
	const char *after;

	if (*e->p == '"') {
		after = nc_take_string(e->p, &out->text);
		if (after == NULL) {
			snprintf(e->why, e->why_size, "quotation mark is never closed");
			return false;
		}
		e->p = after;
		return true;
	}
	if (*e->p != '(')
		return named(e, out);
	e->p++;
	if (!binary(e, 0, out))
		return false;
	blanks(e);
	if (*e->p != ')')
		return wrong(e, "`)` is");
	e->p++;
	return true;
}

static bool
operand(struct expr *e, struct value *out)
{
	bool minus = false, sign = false;

	for (blanks(e); *e->p == '-' || *e->p == '+'; blanks(e)) {
		sign = true;
		minus = minus != (*e->p++ == '-');
	}
	if (!primary(e, out) || (sign && !to_number(e, out)))
		return false;
	if (minus && __builtin_sub_overflow(0, out->number, &out->number)) {
		snprintf(e->why, e->why_size, "a number is out of range");
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------ operators */

enum op { OP_NONE, OP_OR, OP_AND, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_EQS, OP_NES, OP_LTS,
	OP_LES, OP_GTS, OP_GES, OP_ADD, OP_SUB, OP_MUL, OP_DIV };

static const struct op_row {
	const char *text;
	enum op op;
	unsigned level; /* 0 binds least; .NOT. stands between 1 and 3 */
} op_rows[] = {
	{ ".OR.", OP_OR, 0 }, { ".AND.", OP_AND, 1 }, { ".EQS.", OP_EQS, 3 },
	{ ".NES.", OP_NES, 3 }, { ".LTS.", OP_LTS, 3 }, { ".LES.", OP_LES, 3 },
	{ ".GTS.", OP_GTS, 3 }, { ".GES.", OP_GES, 3 }, { ".EQ.", OP_EQ, 3 },
	{ ".NE.", OP_NE, 3 }, { ".LT.", OP_LT, 3 }, { ".LE.", OP_LE, 3 }, { ".GT.", OP_GT, 3 },
	{ ".GE.", OP_GE, 3 }, { "+", OP_ADD, 4 }, { "-", OP_SUB, 4 }, { "*", OP_MUL, 5 },
	{ "/", OP_DIV, 5 },
};

static enum op
take_op(struct expr *e, unsigned level)
{
	blanks(e);
	for (size_t i = 0; i < ARRAY_LEN(op_rows); i++)
		if (op_rows[i].level == level && op_rows[i].text[0] == *e->p &&
			text_prefix(op_rows[i].text, e->p)) {
			e->p += strlen(op_rows[i].text);
			return op_rows[i].op;
		}
	return OP_NONE;
}

/* Strings: + puts them together, - takes the first occurrence out. */
static void
join(struct value *a, const struct value *b, enum op op)
{
	const char *cut = op == OP_SUB && b->text.n > 0 ?
		strstr(text_str(&a->text), text_str(&b->text)) : NULL;
	struct text rest = { 0 };

	if (op == OP_ADD)
		text_add(&a->text, text_str(&b->text));
	if (cut == NULL)
		return;
	text_add_n(&rest, a->text.p, (size_t)(cut - a->text.p));
	text_add(&rest, cut + b->text.n);
	text_free(&a->text);
	a->text = rest;
}

static bool
calculate(struct expr *e, int64_t *a, int64_t b, enum op op)
{
	bool over = (op == OP_DIV && b == 0);

	/* 18 digits each: only a product, and what comes of many, can leave the range. */
	if (op == OP_ADD)
		over = __builtin_add_overflow(*a, b, a);
	else if (op == OP_SUB)
		over = __builtin_sub_overflow(*a, b, a);
	else if (op == OP_MUL)
		over = __builtin_mul_overflow(*a, b, a);
	else if (!over && b == -1)
		over = __builtin_sub_overflow(0, *a, a);
	else if (!over)
		*a /= b;
	if (over)
		snprintf(e->why, e->why_size, op == OP_DIV ? "division by zero" :
			"a number is out of range");
	return !over;
}

static bool
compared(enum op op, int order)
{
	switch ((int)op) {
	case OP_EQ:
	case OP_EQS:
		return order == 0;
	case OP_NE:
	case OP_NES:
		return order != 0;
	case OP_LT:
	case OP_LTS:
		return order < 0;
	case OP_LE:
	case OP_LES:
		return order <= 0;
	case OP_GT:
	case OP_GTS:
		return order > 0;
	default:
		return order >= 0;
	}
}

/* a = a op b; b is used up. */
static bool
apply(struct expr *e, struct value *a, struct value *b, enum op op)
{
	if ((op == OP_ADD || op == OP_SUB) && !a->is_number && !b->is_number) {
		join(a, b, op);
		return true;
	}
	if (op >= OP_EQS && op <= OP_GES) {
		to_text(a);
		to_text(b);
		set_number(a, compared(op, strcmp(text_str(&a->text), text_str(&b->text))));
		return true;
	}
	if (op == OP_OR || op == OP_AND) {
		int64_t x = a->is_number ? a->number : is_true(a);
		int64_t y = b->is_number ? b->number : is_true(b);

		set_number(a, op == OP_OR ? x | y : x & y);
		return true;
	}
	if (!to_number(e, a) || !to_number(e, b))
		return false;
	if (op >= OP_EQ && op <= OP_GE) {
		set_number(a, compared(op, (a->number > b->number) - (a->number < b->number)));
		return true;
	}
	return calculate(e, &a->number, b->number, op);
}

/* .NOT. binds less than the comparisons. */
static bool
negation(struct expr *e, unsigned level, struct value *out)
{
	bool any = false, odd = false;

	for (blanks(e); text_prefix(".NOT.", e->p); blanks(e)) {
		e->p += strlen(".NOT.");
		any = true;
		odd = !odd;
	}
	if (!binary(e, level + 1, out))
		return false;
	if (any && !out->is_number)
		set_number(out, is_true(out));
	if (odd)
		out->number = ~out->number;
	return true;
}

static bool
binary(struct expr *e, unsigned level, struct value *out)
{
	bool good;
	enum op op;

	if (level == LEVELS)
		return operand(e, out);
	/* Every nesting comes through the level 0. */
	if (level == 0 && ++e->depth > NC_NESTING_MAX)
		return wrong(e, "fewer parentheses are");
	good = level == 2 ? negation(e, level, out) : binary(e, level + 1, out);
	while (good && (op = take_op(e, level)) != OP_NONE) {
		struct value right = { 0 };

		good = binary(e, level + 1, &right) && apply(e, out, &right, op);
		text_free(&right.text);
	}
	if (level == 0)
		e->depth--;
	if (good && (out->text.failed || out->text.n > NC_LINE_MAX)) {
		snprintf(e->why, e->why_size, "a string is longer than %d octets", NC_LINE_MAX);
		good = false;
	}
	return good;
}

enum status
nc_expr(const char *p, nc_lookup *lookup, void *user, struct text *out, bool *truth,
	const char **rest, char *why, size_t why_size)
{
	struct expr e = { .p = p, .lookup = lookup, .user = user, .why = why,
		.why_size = why_size };
	struct value v = { 0 };
	bool good = binary(&e, 0, &v);

	*truth = good && is_true(&v);
	*rest = e.p;
	to_text(&v);
	text_clear(out);
	if (good)
		text_add(out, text_str(&v.text));
	text_free(&v.text);
	return good ? ST_NORMAL : ST_SYNTAX;
}
