/*
 * lnm_spec.c - file specifications to paths.
 *
 * `DEV:[DIR.SUB]FILE.EXT;3` names a file under each value of the logical name DEV; a value may be a
 * path or again a specification.  Called with names from configurations and command lines; it asks
 * the file system only whether a name exists, never opens anything.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "logicals/lnm_int.h"

enum { NAME_SIZE = LNM_NAME_MAX + 1, CANDIDATES_MAX = 256 /* of one look-up */ };

struct tail { /* what comes under a device: its own part, then that of the one that led here */
	const char *rest;
	const struct tail *next;
};

struct search {
	const struct lnm *l;
	char *path; /* the first candidate, or the one that exists */
	size_t size;
	size_t tried;
	bool exists;
};

static bool
is_path(const char *s)
{
	return s[0] == '/' || strncmp(s, "./", 2) == 0 || strncmp(s, "../", 3) == 0 ||
		strchr(s, ':') == NULL;
}

static enum status
set_path(char *path, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n >= size)
		return ST_LIMIT;
	memcpy(path, s, n + 1);
	return ST_NORMAL;
}

/* Add "/name": as it is if that exists, else in lower case, as files are called here. */
static enum status
add_component(char *path, size_t size, const char *name, size_t n)
{
	size_t at = strlen(path);

	if (n == 0)
		return ST_NORMAL;
	if (at + 1 + n >= size)
		return ST_LIMIT;
	if (at > 0 && path[at - 1] != '/')
		path[at++] = '/';
	memcpy(path + at, name, n);
	path[at + n] = '\0';
	if (access(path, F_OK) == 0)
		return ST_NORMAL;
	for (char *p = path + at; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return ST_NORMAL;
}

/* "[DIR.SUB]", "[.SUB]", "[-]", "[SYS0.]", "[000000]": dots separate, "-" goes up. */
static enum status
add_directory(char *path, size_t size, const char *p, size_t n)
{
	const char *end = p + n;

	for (bool first = true; p < end; first = false) {
		const char *dot = memchr(p, '.', (size_t)(end - p));
		size_t w = (size_t)((dot == NULL ? end : dot) - p);

		/* ".." would be an empty name, and "..." is a search */
		if (w == 0 && !first)
			return ST_IVPARM;
		if (memchr(p, '*', w) != NULL || memchr(p, '%', w) != NULL)
			return ST_IVPARM;
		if (w == 1 && *p == '-')
			TRY(add_component(path, size, "..", 2));
		else if (w != 6 || memcmp(p, "000000", 6) != 0)
			TRY(add_component(path, size, p, w));
		p += w + (dot != NULL);
	}
	return ST_NORMAL;
}

static size_t
without_version(const char *p)
{
	const char *semicolon = strrchr(p, ';');

	if (semicolon != NULL && semicolon[1 + strspn(semicolon + 1, "-0123456789*")] == '\0')
		return (size_t)(semicolon - p);
	return strlen(p);
}

/* Add what stands behind a colon. */
static enum status
add_rest(char *path, size_t size, const char *rest)
{
	size_t n;

	if (*rest == '[' || *rest == '<') {
		const char *close = strchr(rest, *rest == '[' ? ']' : '>');

		if (close == NULL)
			return ST_IVPARM;
		TRY(add_directory(path, size, rest + 1, (size_t)(close - rest - 1)));
		rest = close + 1;
	}
	n = without_version(rest);
	while (n > 0) { /* Unix separators may be mixed in */
		const char *slash = memchr(rest, '/', n);
		size_t w = slash == NULL ? n : (size_t)(slash - rest);

		TRY(add_component(path, size, rest, w));
		rest += w + (slash != NULL);
		n -= w + (slash != NULL);
	}
	return ST_NORMAL;
}

/* A directory path is reached: put the tails behind it, and see whether the file is there. */
static enum status
candidate(struct search *s, const char *base, const struct tail *tail)
{
	char path[PATH_MAX];

	if (s->tried >= CANDIDATES_MAX) /* search lists of search lists multiply */
		return ST_LIMIT;
	TRY(set_path(path, sizeof(path), base));
	for (; tail != NULL; tail = tail->next)
		TRY(add_rest(path, sizeof(path), tail->rest));
	s->exists = access(path, F_OK) == 0;
	if (s->exists || s->tried == 0)
		TRY(set_path(s->path, s->size, path));
	s->tried++;
	return ST_NORMAL;
}

static enum status
search(struct search *s, const char *spec, const struct tail *tail, int depth)
{
	const char *colon = strchr(spec, ':');
	size_t n = colon == NULL ? strlen(spec) : (size_t)(colon - spec);
	struct tail here = { colon == NULL ? "" : colon + 1, tail };
	const struct lnm_name *name;
	char dev[NAME_SIZE];

	if (depth > LNM_DEPTH_MAX)
		return ST_TOOMANYLNAM;
	if (n == 0 || n >= sizeof(dev))
		return ST_IVLOGNAM;
	memcpy(dev, spec, n);
	dev[n] = '\0';
	name = lnm_find(s->l, dev, NULL);
	if (name == NULL) {
		/* Names that begin a specification are devices; MULTINET is always one. */
		if (!text_same(dev, "MULTINET"))
			return ST_NOLOGNAM;
		return candidate(s, MULTINET_ETC, &here);
	}
	for (size_t i = 0; i < name->count && !s->exists; i++) {
		const char *value = name->value[i].text;
		bool terminal = name->value[i].attributes & LNM_TERMINAL;
		bool again = !is_path(value) || (strchr(value, '/') == NULL && !terminal &&
			lnm_find(s->l, value, NULL) != NULL);

		TRY(again ? search(s, value, &here, depth + 1) : candidate(s, value, &here));
	}
	return ST_NORMAL;
}

enum status
lnm_file_spec(const struct lnm *l, const char *spec, char *path, size_t size)
{
	struct search s = { .l = l, .path = path, .size = size };

	if (is_path(spec))
		return set_path(path, size, spec);
	return search(&s, spec, NULL, 1);
}
