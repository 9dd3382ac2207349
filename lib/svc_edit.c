/*
 * svc_edit.c - a services file being edited (see svc_edit.h).
 *
 * The statement reader tells where each statement begins and ends; an edit is a cut and a paste
 * between these places.  Called by the console's configuration mode.
 */
#include "lib/svc_edit.h"

#include <string.h>

static const char edit_name[] = "services"; /* of the text in messages */

/* The statements of a text; the arena owns them. */
struct outline {
	struct arena *arena;
	const char *text;
	struct stmt *stmt[SVC_MAX * 2 + 64];
	size_t count;
};

/* A stretch of the text. */
struct span {
	size_t from, to;
};

static bool
outline_open(struct outline *o, const struct text *text)
{
	struct stmt_errors ignored = { 0 }; /* the text was read without errors before */
	struct stmt_reader *r;
	struct stmt *s;

	*o = (struct outline){ .arena = arena_new(SVC_FILE_CAP), .text = text_str(text) };
	if (o->arena == NULL)
		return false;
	r = stmt_open(edit_name, bytes_str(o->text), &ignored);
	while (r != NULL && o->count < sizeof(o->stmt) / sizeof(o->stmt[0]) &&
		(s = stmt_next(r, o->arena)) != NULL)
		o->stmt[o->count++] = s;
	if (r != NULL)
		stmt_close(r);
	stmt_errors_free(&ignored);
	return r != NULL;
}

static size_t
offset(const char *text, struct stmt_pos pos)
{
	const char *p = text;

	for (unsigned line = 1; line < pos.line; line++) {
		const char *end = strchr(p, '\n');

		if (end == NULL)
			return strlen(text);
		p = end + 1;
	}
	return (size_t)(p - text) + pos.column - 1;
}

/* A statement with its end, and the `;` that may follow a block. */
static struct span
span_of(const char *text, const struct stmt *s)
{
	struct span at = { offset(text, s->pos), offset(text, s->end) + 1 };
	size_t next = at.to + strspn(text + at.to, " \t");

	if (s->has_block && text[next] == ';')
		at.to = next + 1;
	return at;
}

/* With its whole line when nothing else stands there. */
static struct span
line_of(const char *text, struct span at)
{
	struct span whole = at;

	while (whole.from > 0 && (text[whole.from - 1] == ' ' || text[whole.from - 1] == '\t'))
		whole.from--;
	whole.to += strspn(text + whole.to, " \t\r");
	if ((whole.from > 0 && text[whole.from - 1] != '\n') ||
		(text[whole.to] != '\n' && text[whole.to] != '\0'))
		return at;
	whole.to += text[whole.to] == '\n';
	return whole;
}

static const struct stmt *
find_service(const struct outline *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct stmt *s = o->stmt[i];

		if (s->has_block && s->words == 2 && strcmp(s->word[0].text, "service") == 0 &&
			text_same(s->word[1].text, name))
			return s;
	}
	return NULL;
}

/* Take over the text if the server could. */
static bool
take_over(struct svc_edit *e, struct text *text, struct stmt_errors *errors)
{
	struct svc_file *f = NULL;

	if (text->failed || text->n > SVC_TEXT_MAX)
		stmt_error(errors, (struct stmt_pos){ edit_name, 1, 1 },
			"the file would be larger than %d octets", SVC_TEXT_MAX);
	else
		f = svc_read(edit_name, bytes_str(text_str(text)), errors);
	if (f == NULL) {
		text_free(text);
		return false;
	}
	svc_file_free(e->file);
	text_free(&e->text);
	e->file = f;
	e->text = *text;
	return true;
}

bool
svc_edit_open(struct svc_edit *e, const char *name, struct bytes text, struct stmt_errors *errors)
{
	struct svc_file *f;

	if (text.n > SVC_TEXT_MAX) {
		stmt_error(errors, (struct stmt_pos){ name, 1, 1 }, "larger than %d octets",
			SVC_TEXT_MAX);
		return false;
	}
	f = svc_read(name, text, errors);
	if (f == NULL)
		return false;
	svc_edit_close(e);
	e->file = f;
	text_add_n(&e->text, (const char *)text.p, text.n);
	text_add_n(&e->saved, (const char *)text.p, text.n);
	return true;
}

void
svc_edit_close(struct svc_edit *e)
{
	svc_file_free(e->file);
	text_free(&e->text);
	text_free(&e->saved);
	*e = (struct svc_edit){ .file = NULL };
}

/* What a name or a word of the user must not hold, or it would be more than one word. */
static bool
is_word(const char *s, struct stmt_errors *errors)
{
	if (s[0] != '\0' && strpbrk(s, " \t\r\n;{}[]#\",") == NULL)
		return true;
	stmt_error(errors, (struct stmt_pos){ edit_name, 1, 1 }, "\"%s\" is no name of a service: "
		"letters, digits, _ - $ are expected", s);
	return false;
}

static void
end_line(struct text *t)
{
	if (t->n > 0 && text_str(t)[t->n - 1] != '\n')
		text_add(t, "\n");
}

bool
svc_edit_add(struct svc_edit *e, const char *name, const char *program, struct stmt_errors *errors)
{
	struct text t = { 0 };

	if (!is_word(name, errors))
		return false;
	if (strpbrk(program, "\"\r\n") != NULL) {
		stmt_error(errors, (struct stmt_pos){ edit_name, 1, 1 },
			"a program's name cannot hold a quote");
		return false;
	}
	text_add(&t, text_str(&e->text));
	end_line(&t);
	text_addf(&t, "\nservice %s {\n\tprogram \"%s\";\n}\n", name, program);
	return take_over(e, &t, errors);
}

bool
svc_edit_copy(struct svc_edit *e, const char *from, const char *to, struct stmt_errors *errors)
{
	struct text t = { 0 };
	struct outline o;
	const struct stmt *s;
	bool good = false;

	if (!is_word(to, errors) || !outline_open(&o, &e->text))
		return false;
	s = find_service(&o, from);
	if (s == NULL) {
		stmt_error(errors, (struct stmt_pos){ edit_name, 1, 1 },
			"service %s has no stanza in the file that could be copied", from);
	} else {
		struct span whole = span_of(o.text, s);
		struct span name = { offset(o.text, s->word[1].pos), 0 };

		name.to = name.from + strlen(s->word[1].text) +
			(s->word[1].kind == STMT_STRING ? 2 : 0);
		text_add(&t, o.text);
		end_line(&t);
		text_add(&t, "\n");
		text_add_n(&t, o.text + whole.from, name.from - whole.from);
		text_add(&t, to);
		text_add_n(&t, o.text + name.to, whole.to - name.to);
		text_add(&t, "\n");
		good = take_over(e, &t, errors);
	}
	arena_free(o.arena);
	return good;
}

bool
svc_edit_delete(struct svc_edit *e, const char *name, struct stmt_errors *errors)
{
	struct text t = { 0 };
	struct outline o;
	const struct stmt *s;
	bool good = false;

	if (!outline_open(&o, &e->text))
		return false;
	s = find_service(&o, name);
	if (s == NULL) {
		stmt_error(errors, (struct stmt_pos){ edit_name, 1, 1 },
			"service %s has no stanza in the file", name);
	} else {
		struct span cut = line_of(o.text, span_of(o.text, s));

		/* One of the two blank lines around it. */
		if (o.text[cut.to] == '\n' && (cut.from == 0 || (cut.from > 1 &&
			o.text[cut.from - 2] == '\n')))
			cut.to++;
		text_add_n(&t, o.text, cut.from);
		text_add(&t, o.text + cut.to);
		good = take_over(e, &t, errors);
	}
	arena_free(o.arena);
	return good;
}

/* ------------------------------------------------------------------ one statement */

/* Where a new statement of a stanza goes: before its `}`, on a line of its own if that has one. */
static void
insert_at_end(const struct outline *o, const struct stmt *service, const char *statement,
	struct text *t)
{
	size_t brace = offset(o->text, service->end), from = brace;

	while (from > 0 && (o->text[from - 1] == ' ' || o->text[from - 1] == '\t'))
		from--;
	if (from > 0 && o->text[from - 1] == '\n') {
		text_add_n(t, o->text, from);
		text_addf(t, "\t%s\n", statement);
		text_add(t, o->text + from);
	} else {
		text_add_n(t, o->text, brace);
		text_addf(t, "%s ", statement);
		text_add(t, o->text + brace);
	}
}

/* Indent of the line that at is on, when nothing else stands before it. */
static struct span
indent_of(const char *text, size_t at)
{
	size_t from = at;

	while (from > 0 && (text[from - 1] == ' ' || text[from - 1] == '\t'))
		from--;
	return from == 0 || text[from - 1] == '\n' ? (struct span){ from, at } :
		(struct span){ at, at };
}

struct change {
	const char *keyword, *statement; /* NULL: take it away */
	bool more;
};

/* Replace, remove or extend the statements with the keyword among these; false: there is none. */
static bool
change_among(const struct outline *o, struct stmt *const *stmt, size_t count,
	const struct change *c, struct text *t)
{
	size_t done = 0, last = count;
	bool placed = false;

	for (size_t i = 0; i < count; i++)
		if (strcmp(stmt[i]->word[0].text, c->keyword) == 0)
			last = i;
	if (last == count)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct span at = span_of(o->text, stmt[i]);

		if (strcmp(stmt[i]->word[0].text, c->keyword) != 0 || (c->more && i != last))
			continue;
		if (c->more) {
			struct span in = indent_of(o->text, at.from);

			text_add_n(t, o->text + done, at.to - done);
			text_add(t, in.from < in.to || at.from == 0 ||
				o->text[at.from - 1] == '\n' ? "\n" : " ");
			text_add_n(t, o->text + in.from, in.to - in.from);
			text_add(t, c->statement);
		} else {
			bool away = c->statement == NULL || placed;

			if (away)
				at = line_of(o->text, at);
			text_add_n(t, o->text + done, at.from - done);
			if (!away)
				text_add(t, c->statement);
			placed = true;
		}
		done = at.to;
	}
	text_add(t, o->text + done);
	return true;
}

/* No such statement yet. */
static void
append(const struct outline *o, const char *service, const struct stmt *stanza,
	const char *statement, struct text *t)
{
	if (stanza != NULL) {
		insert_at_end(o, stanza, statement, t);
		return;
	}
	text_add(t, o->text);
	end_line(t);
	if (service == NULL)
		text_addf(t, "%s\n", statement);
	else /* a service of the server that had its defaults */
		text_addf(t, "\nservice %s {\n\t%s\n}\n", service, statement);
}

bool
svc_edit_set(struct svc_edit *e, const char *service, const struct conf_row *row, const char *words,
	bool more, struct stmt_errors *errors)
{
	struct text statement = { 0 }, t = { 0 };
	const struct stmt *stanza = NULL;
	struct change c = { .keyword = row->keyword, .more = more && words != NULL };
	struct outline o;
	bool found;

	if (!outline_open(&o, &e->text))
		return false;
	if (words != NULL) {
		text_addf(&statement, "%s%s%s;", row->keyword, words[0] != '\0' ? " " : "", words);
		c.statement = text_str(&statement);
	}
	if (service != NULL)
		stanza = find_service(&o, service);
	if (stanza != NULL)
		found = change_among(&o, stanza->block, stanza->block_count, &c, &t);
	else
		found = service == NULL && change_among(&o, o.stmt, o.count, &c, &t);
	if (!found && words != NULL)
		append(&o, service, stanza, text_str(&statement), &t);
	else if (!found)
		text_add(&t, o.text);
	text_free(&statement);
	found = take_over(e, &t, errors);
	arena_free(o.arena);
	return found;
}

/* ------------------------------------------------------------------ differences */

bool
svc_edit_changed(const struct svc_edit *e)
{
	return strcmp(text_str(&e->text), text_str(&e->saved)) != 0;
}

void
svc_edit_restore(struct svc_edit *e)
{
	struct stmt_errors errors = { 0 };
	struct text t = { 0 };

	text_add(&t, text_str(&e->saved));
	(void)take_over(e, &t, &errors); /* it was sound before */
	stmt_errors_free(&errors);
}

void
svc_edit_saved(struct svc_edit *e)
{
	text_clear(&e->saved);
	text_add(&e->saved, text_str(&e->text));
}

static bool
has_line(const char *text, const char *line, size_t n)
{
	for (const char *p = text; *p != '\0';) {
		size_t len = strcspn(p, "\n");

		if (len == n && memcmp(p, line, n) == 0)
			return true;
		p += len + (p[len] == '\n');
	}
	return false;
}

/* The lines of a that b has not. */
static void
lines_without(const char *a, const char *b, const char *sign, struct text *out)
{
	for (const char *p = a; *p != '\0';) {
		size_t n = strcspn(p, "\n"), skip = strspn(p, "\t");

		if (n > 0 && !has_line(b, p, n))
			text_addf(out, "  %s %.*s\n", sign, (int)(n - skip), p + skip);
		p += n + (p[n] == '\n');
	}
}

static void
print_service(const struct svc_conf *c, struct text *out)
{
	text_clear(out);
	if (c != NULL && !c->implied)
		conf_print(svc_rows(c), c, "\t", false, out);
}

static void
compare(const char *title, const char *was, const char *is, struct text *out)
{
	struct text lines = { 0 };

	lines_without(was, is, "-", &lines);
	lines_without(is, was, "+", &lines);
	if (lines.n > 0)
		text_addf(out, "%s\n%s", title, text_str(&lines));
	text_free(&lines);
}

static void
compare_service(const struct svc_conf *was, const struct svc_conf *is, struct text *out)
{
	struct text a = { 0 }, b = { 0 }, title = { 0 };
	const struct svc_conf *some = is != NULL ? is : was;

	print_service(was, &a);
	print_service(is, &b);
	text_addf(&title, "service %s: %s", some->name,
		was == NULL ? "added" : is == NULL ? "deleted" : "changed");
	compare(text_str(&title), text_str(&a), text_str(&b), out);
	text_free(&a);
	text_free(&b);
	text_free(&title);
}

void
svc_edit_differences(const struct svc_edit *e, struct text *out)
{
	struct stmt_errors errors = { 0 };
	struct svc_file *was = svc_read(edit_name, bytes_str(text_str(&e->saved)), &errors);
	struct text a = { 0 }, b = { 0 };

	stmt_errors_free(&errors);
	if (was == NULL)
		return;
	conf_print(svc_rows(NULL), was, "", false, &a);
	conf_print(svc_rows(NULL), e->file, "", false, &b);
	compare("top level: changed", text_str(&a), text_str(&b), out);
	text_free(&a);
	text_free(&b);
	for (size_t i = 0; i < was->services; i++)
		compare_service(&was->service[i], svc_find(e->file, was->service[i].name), out);
	for (size_t i = 0; i < e->file->services; i++)
		if (svc_find(was, e->file->service[i].name) == NULL)
			compare_service(NULL, &e->file->service[i], out);
	svc_file_free(was);
}
