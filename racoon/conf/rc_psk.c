/*
 * rc_psk.c - psk.txt: which pre-shared key belongs to which peer.
 *
 * Called by rc_load.c.  A line is `ID<blanks>KEY`: the rest of the line is the key, blanks at its
 * end included; a key that begins with 0x is hexadecimal; a line that begins with # is a comment.
 * The file must belong to the user who runs us and be closed to everybody else.  Keys never appear
 * in a message.
 */
#include "racoon/conf/rc_in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "racoon/auth/auth_file.h"
#include "racoon/conf/rc_ask.h"

enum { PSK_FILE_MAX = 64 << 20 };

uint64_t
rc_psk_hash(const struct rc_config *c, bool is_address, struct bytes id)
{
	return hash_more(hash_bytes(&c->hash_key, id.p, id.n), is_address);
}

static struct rc_psk *
find_psk(const struct rc_config *c, bool is_address, struct bytes id)
{
	uint64_t h = rc_psk_hash(c, is_address, id);

	for (struct hash_node *n = hash_find(&c->psk_by_id, h); n != NULL; n = hash_again(n)) {
		struct rc_psk *p = container_of(n, struct rc_psk, by_id);

		if (p->is_address == is_address && bytes_equal(p->id, id))
			return p;
	}
	return NULL;
}

/* ---------------------------------------------------------------------------------------- lines */

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The key's octets, in the arena. */
static bool
take_key(struct rc_loading *l, struct bytes word, struct stmt_pos pos, struct bytes *key)
{
	uint8_t *hex;
	size_t n;

	if (word.n < 2 || word.p[0] != '0' || word.p[1] != 'x') {
		*key = arena_dup(l->c->arena, word);
		return key->n == word.n;
	}
	hex = arena_alloc(l->c->arena, word.n);
	if (hex == NULL)
		return false;
	/* Blanks behind the digits are no digits: only a text key may end in them. */
	while (word.n > 2 && is_blank(word.p[word.n - 1]))
		word.n--;
	if (word.n == 2 || !bytes_from_hex((const char *)word.p + 2, word.n - 2, hex, word.n, &n)) {
		stmt_error(
			l->ctx.errors, pos, "the key begins with 0x: expected hexadecimal digits");
		return true; /* told; the line is passed over */
	}
	*key = bytes_of(hex, n);
	return true;
}

static bool
add_psk(struct rc_loading *l, struct bytes id, struct bytes key, struct stmt_pos pos)
{
	struct rc_psk *p = arena_alloc(l->c->arena, sizeof(*p)), *earlier;
	char *name = arena_strndup(l->c->arena, (const char *)id.p, id.n);
	struct net_addr *addr = arena_alloc(l->c->arena, sizeof(*addr));

	if (p == NULL || name == NULL || addr == NULL)
		return false;
	if (strcmp(name, "*") == 0) {
		stmt_error(l->ctx.errors, pos, "the identity \"*\" " RC_UNAVAILABLE
			": name each peer");
		return true;
	}
	*p = (struct rc_psk){ .id = bytes_str(name), .key = key, .line = pos.line };
	if (net_addr_parse(name, addr)) {
		addr->scope = 0;
		*addr = net_addr_normal(*addr);
		p->is_address = true;
		p->id = net_addr_bytes(addr);
	}
	earlier = find_psk(l->c, p->is_address, p->id);
	if (earlier != NULL) {
		stmt_warn(l->ctx.errors, pos, "a second line for \"%s\": that at line %u counts",
			name, earlier->line);
		return true;
	}
	hash_insert(&l->c->psk_by_id, &p->by_id, rc_psk_hash(l->c, p->is_address, p->id));
	l->c->psks++;
	return true;
}

/* One line without its end. False: out of memory. */
static bool
take_line(struct rc_loading *l, struct stmt_pos pos, struct bytes line)
{
	struct bytes key = { 0 };
	size_t id_n = 0, key_at;

	if (line.n > RC_PSK_LINE_MAX) {
		stmt_error(l->ctx.errors, pos, "line is too long: at most %d octets are allowed",
			RC_PSK_LINE_MAX);
		return true;
	}
	if (line.n > 0 && memchr(line.p, '\0', line.n) != NULL) {
		stmt_error(l->ctx.errors, pos, "the line holds a NUL octet");
		return true;
	}
	while (id_n < line.n && !is_blank(line.p[id_n]))
		id_n++;
	key_at = id_n;
	while (key_at < line.n && is_blank(line.p[key_at]))
		key_at++;
	if (key_at == line.n && id_n == 0)
		return true; /* blank */
	if (id_n == 0) {
		stmt_error(l->ctx.errors, pos,
			"the line begins with a blank: expected an identity in the first column");
		return true;
	}
	if (line.p[0] == '#')
		return true;
	if (key_at == line.n) {
		pos.column = (unsigned)id_n + 1;
		stmt_error(l->ctx.errors, pos, "expected a key behind the identity");
		return true;
	}
	pos.column = (unsigned)key_at + 1;
	if (!take_key(l, bytes_of(line.p + key_at, line.n - key_at), pos, &key))
		return false;
	pos.column = 1;
	return key.n == 0 || add_psk(l, bytes_of(line.p, id_n), key, pos);
}

bool
rc_psk_read_text(struct rc_loading *l, const char *name, struct bytes text)
{
	struct stmt_pos pos = { arena_strdup(l->c->arena, name), 0, 1 };
	bool told_cr = false;

	if (pos.file == NULL)
		return false;
	for (size_t at = 0; at < text.n;) {
		const uint8_t *start = text.p + at, *nl = memchr(start, '\n', text.n - at);
		size_t n = nl == NULL ? text.n - at : (size_t)(nl - start);

		at += n + (nl != NULL);
		pos.line++;
		/* An editor's CR is never meant as part of the key. */
		if (n > 0 && start[n - 1] == '\r') {
			n--;
			if (!told_cr)
				stmt_warn(l->ctx.errors, pos,
					"lines end in CR LF: the CR is not taken into the keys");
			told_cr = true;
		}
		if (!take_line(l, pos, bytes_of(start, n)))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------------------------------- file */

/* Nobody but the user who runs us may be able to read or write the keys. */
static bool
is_protected(struct rc_loading *l, const struct rc_answer *a, const char *path)
{
	char why[RC_PATH_MAX + 256];
	enum status status = auth_file_fault(path, a->mode, a->id, true, l->options->uid, why,
		sizeof(why));

	if (status == ST_NORMAL)
		return true;
	l->key_file_open |= status == ST_FILEPROT;
	stmt_error(l->ctx.errors, l->psk_pos, "%s", why);
	return false;
}

static bool
wants_psk(const struct rc_config *c)
{
	for (unsigned i = 0; i < c->remotes; i++)
		for (unsigned k = 0; k < c->remote[i]->proposals; k++)
			if (c->remote[i]->proposal[k].auth == RC_AUTH_PSK)
				return true;
	return c->path_psk != NULL;
}

void
rc_psk_read_file(struct rc_loading *l)
{
	const char *written = l->c->path_psk != NULL ? l->c->path_psk : "psk.txt";
	const char *path = rc_path(l, written, NULL, l->psk_pos.file);
	struct rc_answer a;

	if (path == NULL) {
		stmt_error(l->ctx.errors, l->psk_pos, "out of memory");
		return;
	}
	rc_ask(l, RC_ASK_FILE, path, PSK_FILE_MAX, &a);
	if (a.error == ENOENT && wants_psk(l->c))
		/* As racoon: a missing file is a missing key, told again at each negotiation. */
		stmt_warn(l->ctx.errors, l->psk_pos,
			"%s: there is no such file, so no pre-shared key is known", path);
	else if (a.error != 0 && a.error != ENOENT)
		stmt_error(l->ctx.errors, l->psk_pos, "%s: %s", path,
			a.error == EFBIG ? "the file is too large" : strerror(a.error));
	if (a.error == 0 && is_protected(l, &a, path)) {
		l->c->path_psk_file = path;
		if (!rc_psk_read_text(l, path, bytes_of(a.text.p, a.text.n)))
			stmt_error(l->ctx.errors, l->psk_pos, "%s: out of memory", path);
	}
	text_free(&a.text);
}

/* -------------------------------------------------------------------------------------- look-up */

struct bytes
rc_psk_for_address(const struct rc_config *c, const struct net_addr *peer)
{
	struct net_addr plain = net_addr_normal(*peer);
	struct rc_psk *p;

	plain.scope = 0;
	p = find_psk(c, true, net_addr_bytes(&plain));
	return p == NULL ? (struct bytes){ 0 } : p->key;
}

struct bytes
rc_psk_for_id(const struct rc_config *c, enum rc_idtype type, struct bytes value)
{
	struct rc_psk *p;

	if ((type == RC_ID_IPV4 && value.n == 4) || (type == RC_ID_IPV6 && value.n == 16)) {
		struct net_addr a = net_addr_from(type == RC_ID_IPV4 ? 4 : 6, value.p);

		return rc_psk_for_address(c, &a);
	}
	if (type != RC_ID_FQDN && type != RC_ID_USER_FQDN && type != RC_ID_KEYID)
		return (struct bytes){ 0 };
	p = find_psk(c, false, value);
	return p == NULL ? (struct bytes){ 0 } : p->key;
}
