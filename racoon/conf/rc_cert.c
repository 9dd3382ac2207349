/*
 * rc_cert.c - keys and certificates of the remote sections: named, loaded, fitted together.
 *
 * The setters are called through rc_rows.c; rc_certs_load by rc_check.c when the whole file has
 * been read, for `path certificate` may come after the section.  Each file is read once, however
 * many sections name it.  What does not fit (a key that is not the certificate's, a method without
 * its key) is an error now, not at the first negotiation.  Peers' chains are judged elsewhere.
 */
#include "racoon/conf/rc_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cry_x509.h"
#include "racoon/auth/auth_file.h"
#include "racoon/auth/auth_plain.h"
#include "racoon/conf/rc_ask.h"
#include "racoon/conf/rc_hashed.h"

enum loaded_kind { L_CERTS, L_KEY, L_PRIVATE, L_PUBLIC, L_TRUST, L_HASHED };
enum { HASH_DIGITS = 8 };

struct rc_loaded { /* one file, or one set of CAs; in the arena, what it holds is not */
	struct hash_node by_name;
	struct rc_loaded *next;
	enum loaded_kind kind;
	const char *name;
	bool bad; /* told already */
	struct cry_cert *cert[RC_CHAIN_MAX];
	size_t certs;
	struct cry_key *key;
	struct auth_plains plains;
	struct cry_trust *trust;
};

/* --------------------------------------------------------------------------------- directives */

static const struct conf_word own_words[] = { { "x509", 0 }, { "plain_rsa", 1 }, { NULL, 0 } };
static const struct conf_word ca_words[] = { { "x509", 0 }, { NULL, 0 } };
static const struct conf_word peer_words[] = { { "x509", 0 }, { "plain_rsa", 1 }, { "dnssec", 2 },
	{ NULL, 0 } };

static bool
take_file(struct conf_ctx *ctx, const struct stmt_word *w, struct rc_file *out)
{
	if (!rc_string_word(ctx, w, "a file name"))
		return false;
	if (w->text[0] == '\0') {
		stmt_error(ctx->errors, w->pos, "the file name is empty");
		return false;
	}
	*out = (struct rc_file){ .name = w->text, .pos = w->pos };
	return true;
}

bool
rc_set_certificate_type(
	struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_creds *c = &((struct rc_remote *)into)->creds;
	int64_t kind;

	if (!rc_words(ctx, row, s, 2, 3) || !conf_word_value(ctx, own_words, &s->word[1], &kind))
		return false;
	c->cert = c->key = c->plain = (struct rc_file){ 0 };
	if (kind == 1)
		return rc_words(ctx, row, s, 2, 2) && take_file(ctx, &s->word[2], &c->plain);
	return rc_words(ctx, row, s, 3, 3) && take_file(ctx, &s->word[2], &c->cert) &&
	       take_file(ctx, &s->word[3], &c->key);
}

bool
rc_print_certificate_type(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_creds *c = &((const struct rc_remote *)from)->creds;

	(void)row;
	if (c->plain.name != NULL)
		text_addf(out, "plain_rsa \"%s\"", c->plain.name);
	else if (c->cert.name != NULL)
		text_addf(out, "x509 \"%s\" \"%s\"", c->cert.name, c->key.name);
	return c->plain.name != NULL || c->cert.name != NULL;
}

bool
rc_set_ca_type(struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_creds *c = &((struct rc_remote *)into)->creds;
	int64_t kind;

	return rc_words(ctx, row, s, 2, 2) && conf_word_value(ctx, ca_words, &s->word[1], &kind) &&
	       take_file(ctx, &s->word[2], &c->ca);
}

bool
rc_print_ca_type(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_creds *c = &((const struct rc_remote *)from)->creds;

	(void)row;
	if (c->ca.name != NULL)
		text_addf(out, "x509 \"%s\"", c->ca.name);
	return c->ca.name != NULL;
}

bool
rc_set_peers_certfile(
	struct conf_ctx *ctx, const struct conf_row *row, const struct stmt *s, void *into)
{
	struct rc_creds *c = &((struct rc_remote *)into)->creds;
	int64_t kind;

	if (!rc_words(ctx, row, s, 1, 2))
		return false;
	c->peer_cert = c->peer_plain = (struct rc_file){ 0 };
	if (s->word[1].kind == STMT_STRING) /* the old form, without a type */
		return rc_words(ctx, row, s, 1, 1) && take_file(ctx, &s->word[1], &c->peer_cert);
	if (!conf_word_value(ctx, peer_words, &s->word[1], &kind))
		return false;
	if (kind == 2) {
		stmt_error(ctx->errors, s->word[1].pos,
			"peers_certfile dnssec " RC_UNAVAILABLE
			" (keys from the DNS): expected x509 \"file\" or plain_rsa \"file\"");
		return false;
	}
	return rc_words(ctx, row, s, 2, 2) &&
	       take_file(ctx, &s->word[2], kind == 0 ? &c->peer_cert : &c->peer_plain);
}

bool
rc_print_peers_certfile(const struct conf_row *row, const void *from, struct text *out)
{
	const struct rc_creds *c = &((const struct rc_remote *)from)->creds;

	(void)row;
	if (c->peer_plain.name != NULL)
		text_addf(out, "plain_rsa \"%s\"", c->peer_plain.name);
	else if (c->peer_cert.name != NULL)
		text_addf(out, "x509 \"%s\"", c->peer_cert.name);
	return c->peer_plain.name != NULL || c->peer_cert.name != NULL;
}

/* ------------------------------------------------------------------------------------- loading */

uint64_t
rc_name_hash(const struct rc_config *c, const char *name)
{
	struct bytes b = bytes_str(name);

	return hash_bytes(&c->hash_key, b.p, b.n);
}

static struct rc_loaded *
find_loaded(const struct rc_config *c, enum loaded_kind kind, const char *name)
{
	struct hash_node *n = hash_find(&c->loaded_by_name, rc_name_hash(c, name));

	for (; n != NULL; n = hash_again(n)) {
		struct rc_loaded *at = container_of(n, struct rc_loaded, by_name);

		if (at->kind == kind && strcmp(at->name, name) == 0)
			return at;
	}
	return NULL;
}

static struct rc_loaded *
new_loaded(struct rc_config *c, enum loaded_kind kind, const char *name)
{
	struct rc_loaded *at = arena_alloc(c->arena, sizeof(*at));

	if (at == NULL)
		return NULL;
	at->kind = kind;
	at->name = name;
	at->next = c->loaded;
	c->loaded = at;
	hash_insert(&c->loaded_by_name, &at->by_name, rc_name_hash(c, name));
	return at;
}

void
rc_certs_free(struct rc_config *c)
{
	for (struct rc_loaded *at = c->loaded; at != NULL; at = at->next) {
		for (size_t i = 0; i < at->certs; i++)
			cry_cert_free(at->cert[i]);
		cry_key_free(at->key);
		auth_plain_free(&at->plains);
		cry_trust_free(at->trust);
	}
	c->loaded = NULL;
	hash_free(&c->loaded_by_name);
}

/* auth_read_file by way of rc_ask. */
static enum status
ask_file(struct rc_loading *l, const char *path, bool secret, struct text *out, char *why,
	size_t size)
{
	struct rc_answer a;
	enum status status = ST_NOFILE;

	rc_ask(l, RC_ASK_FILE, path, AUTH_FILE_MAX, &a);
	*out = a.text;
	if (a.error == EFBIG)
		status = ST_LIMIT;
	if (a.error != 0)
		snprintf(why, size, "%s: %s", path,
			a.error == EFBIG ? "the file is too large" : strerror(a.error));
	else
		status = auth_file_fault(path, a.mode, a.id, secret, l->options->uid, why, size);
	if (status != ST_NORMAL)
		text_free(out);
	return status;
}

static bool
get_text(struct rc_loading *l, const char *path, bool secret, struct stmt_pos pos, struct text *out)
{
	char why[RC_PATH_MAX + 256];
	enum status status;

	if (l->options->contents != NULL) {
		if (l->options->contents(l->options->user, path, out))
			return true;
		stmt_error(l->ctx.errors, pos, "%s: no such file", path);
		return false;
	}
	status = ask_file(l, path, secret, out, why, sizeof(why));
	if (status == ST_FILEPROT)
		l->key_file_open = true;
	if (status != ST_NORMAL)
		stmt_error(l->ctx.errors, pos, "%s", why);
	return status == ST_NORMAL;
}

/* What a text holds, into its place; false: told. */
static bool
digest_text(struct rc_loading *l, struct rc_loaded *at, struct bytes text, struct stmt_pos pos)
{
	const char *why = "no X.509 certificate in PEM or DER";
	char detail[256];
	enum status status = ST_BUG;

	switch (at->kind) {
	case L_CERTS:
		status = cry_certs_read(text, at->cert, RC_CHAIN_MAX, &at->certs);
		break;
	case L_KEY:
		status = cry_key_private(text, &at->key, &why);
		break;
	case L_PRIVATE:
	case L_PUBLIC:
		why = detail;
		status = auth_plain_read(
			text, at->kind == L_PRIVATE, &at->plains, detail, sizeof(detail));
		break;
	case L_TRUST:
		status = cry_trust_add(at->trust, text);
		break;
	case L_HASHED: /* looked at, not loaded: see check_hashed */
		break;
	}
	if (status == ST_KEYENCRYPTED)
		stmt_error(l->ctx.errors, pos,
			"%s is encrypted, and nobody can type its passphrase: expected a key in "
			"clear (openssl pkey -in key -out key)",
			at->name);
	else if (status != ST_NORMAL)
		stmt_error(l->ctx.errors, pos, "%s: %s", at->name, why);
	return status == ST_NORMAL;
}

static const char *
path_of(struct rc_loading *l, const struct rc_file *f)
{
	const char *path = rc_path(l, f->name, l->c->path_certificate, f->pos.file);

	if (path == NULL)
		stmt_error(l->ctx.errors, f->pos, "out of memory");
	return path;
}

/* A file's contents, from this reading or an earlier one; NULL: told. */
static struct rc_loaded *
load(struct rc_loading *l, enum loaded_kind kind, const struct rc_file *f)
{
	const char *path = path_of(l, f);
	struct rc_loaded *at = path == NULL ? NULL : find_loaded(l->c, kind, path);
	struct text text = { 0 };

	if (path == NULL || at != NULL)
		return at == NULL || at->bad ? NULL : at;
	at = new_loaded(l->c, kind, path);
	if (at == NULL) {
		stmt_error(l->ctx.errors, f->pos, "out of memory");
		return NULL;
	}
	at->bad = !get_text(l, path, kind == L_KEY || kind == L_PRIVATE, f->pos, &text) ||
		  !digest_text(l, at, bytes_of(text.p, text.n), f->pos);
	text_free(&text);
	return at->bad ? NULL : at;
}

/*
 * Links that an OpenSSL older than 1.0 has named are not found when they are looked for: a CA would
 * be unknown, and worse, a revocation list would be overlooked.
 */
static void
check_hashed(struct rc_loading *l, const char *path, struct bytes text, bool is_list,
	struct stmt_pos pos)
{
	const char *slash = strrchr(path, '/');
	char hash[HASH_DIGITS + 1];

	if (!cry_hashed_name(text, is_list, hash))
		stmt_warn(l->ctx.errors, pos, "%s: no %s in PEM", path,
			is_list ? "revocation list" : "certificate");
	else if (strncmp(hash, slash + 1, HASH_DIGITS) != 0)
		stmt_warn(l->ctx.errors, pos,
			"%s is not found under this name, which should begin with %s: "
			"openssl rehash %.*s", path, hash, (int)(slash - path), path);
}

/* Look at a hashed directory's files: some will not be found, and who put them there is told. */
static void
look_at_hashed(struct rc_loading *l, const char *dir, struct stmt_pos pos)
{
	const char *pattern = arena_printf(l->ctx.arena, "%s/????????.*", dir);
	char why[RC_PATH_MAX + 256];
	struct rc_answer names;
	unsigned seen = 0;
	bool is_list;

	if (pattern == NULL || find_loaded(l->c, L_HASHED, dir) != NULL ||
		new_loaded(l->c, L_HASHED, dir) == NULL)
		return;
	rc_ask(l, RC_ASK_GLOB, pattern, RC_HASHED_NAMES_MAX, &names);
	for (size_t at = 0; names.error == 0 && at < names.text.n && seen < RC_HASHED_MAX;
		at += strlen(names.text.p + at) + 1) {
		const char *path = names.text.p + at;
		struct text text = { 0 };

		if (!rc_hashed_name(strrchr(path, '/') + 1, &is_list))
			continue;
		seen++;
		if (ask_file(l, path, false, &text, why, sizeof(why)) != ST_NORMAL) {
			stmt_warn(l->ctx.errors, pos, "%s", why);
			continue;
		}
		check_hashed(l, path, bytes_of(text.p, text.n), is_list, pos);
		text_free(&text);
	}
	text_free(&names.text);
}

/* The hashed directory and the file of ca_type, as one; NULL: told. */
static struct cry_trust *
load_trust(struct rc_loading *l, const struct rc_remote *r)
{
	const struct rc_file *ca = &r->creds.ca;
	const char *dir = rc_path(
		l, l->c->path_certificate == NULL ? "." : l->c->path_certificate, NULL, l->c->file);
	const char *file = ca->name == NULL ? "" : path_of(l, ca);
	const char *name = dir == NULL || file == NULL
				   ? NULL
				   : arena_printf(l->ctx.arena, "%s\n%s", dir, file);
	struct rc_loaded *at = name == NULL ? NULL : find_loaded(l->c, L_TRUST, name);
	struct text text = { 0 };

	if (name == NULL || at != NULL)
		return at == NULL || at->bad ? NULL : at->trust;
	at = new_loaded(l->c, L_TRUST, name);
	if (at != NULL)
		at->trust = cry_trust_new(l->options->contents != NULL ? NULL : dir);
	if (at == NULL || at->trust == NULL) {
		stmt_error(l->ctx.errors, r->pos, "out of memory");
		return NULL;
	}
	if (l->options->contents == NULL) {
		l->c->hashed_dir = dir;
		look_at_hashed(l, dir, r->pos);
	}
	at->name = file;
	at->bad =
		ca->name != NULL && (!get_text(l, file, false, ca->pos, &text) ||
					    !digest_text(l, at, bytes_of(text.p, text.n), ca->pos));
	at->name = name;
	text_free(&text);
	return at->bad ? NULL : at->trust;
}

/* ------------------------------------------------------------------------------------ fitting */

static bool
load_own(struct rc_loading *l, struct rc_remote *r)
{
	struct rc_creds *c = &r->creds;
	struct rc_loaded *certs, *key, *plain;
	struct cry_key *public;
	const char *why;
	bool fits;

	if (c->plain.name != NULL) {
		plain = load(l, L_PRIVATE, &c->plain);
		c->own_plain = plain == NULL ? NULL : &plain->plains;
		return plain != NULL;
	}
	if (c->cert.name == NULL)
		return true;
	certs = load(l, L_CERTS, &c->cert);
	key = load(l, L_KEY, &c->key);
	if (certs == NULL || key == NULL)
		return false;
	if (cry_cert_key(certs->cert[0], &public, &why) != ST_NORMAL) {
		stmt_error(l->ctx.errors, c->cert.pos, "%s: %s", certs->name, why);
		return false;
	}
	fits = cry_key_same(public, key->key);
	cry_key_free(public);
	if (!fits) {
		stmt_error(l->ctx.errors, c->key.pos,
			"%s is not the private key of the certificate in %s", key->name,
			certs->name);
		return false;
	}
	memcpy(c->chain, certs->cert, certs->certs * sizeof(certs->cert[0]));
	c->chains = (unsigned)certs->certs;
	c->own = key->key;
	return true;
}

static bool
load_peer(struct rc_loading *l, struct rc_remote *r)
{
	struct rc_creds *c = &r->creds;
	struct rc_loaded *at;

	if (c->peer_plain.name != NULL) {
		at = load(l, L_PUBLIC, &c->peer_plain);
		c->known = at == NULL ? NULL : &at->plains;
		return at != NULL;
	}
	if (c->peer_cert.name != NULL) {
		at = load(l, L_CERTS, &c->peer_cert);
		c->pinned = at == NULL ? NULL : at->cert[0];
		return at != NULL;
	}
	if (!r->verify_cert) {
		stmt_warn(l->ctx.errors, r->pos,
			"remote %s: CERT validation disabled by configuration: whoever has any "
			"certificate is let in (verify_cert on; or name the peer's with "
			"peers_certfile)",
			r->title);
		return true;
	}
	c->trust = load_trust(l, r);
	return c->trust != NULL;
}

static enum rc_auth
ecdsa_of(const struct cry_key *k)
{
	switch (cry_key_kind(k)) {
	case CRY_KEY_P256:
		return RC_AUTH_ECDSA256;
	case CRY_KEY_P384:
		return RC_AUTH_ECDSA384;
	case CRY_KEY_P521:
		return RC_AUTH_ECDSA521;
	case CRY_KEY_RSA:
		break;
	}
	return RC_AUTH_ECDSA;
}

bool
rc_auth_is_signature(enum rc_auth auth)
{
	return auth == RC_AUTH_RSASIG || auth == RC_AUTH_ECDSA || auth == RC_AUTH_ECDSA256 ||
	       auth == RC_AUTH_ECDSA384 || auth == RC_AUTH_ECDSA521;
}

/* RFC 4754 3: each curve has its hash; with another the signature is of what is cut or short. */
static void
warn_hash(struct rc_loading *l, const struct rc_remote *r, const struct rc_proposal *p)
{
	unsigned want = p->auth == RC_AUTH_ECDSA256 ? 256 : p->auth == RC_AUTH_ECDSA384 ? 384 : 512;

	if (p->auth != RC_AUTH_RSASIG && p->hash != NULL && p->hash->out * 8u != want)
		stmt_warn(l->ctx.errors, p->pos,
			"remote %s: hash_algorithm %s with this ECDSA key: peers expect sha%u",
			r->title, rc_alg_name(p->hash), want);
}

/* The method of a proposal and our key: do they go together? */
static void
fit_proposal(struct rc_loading *l, const struct rc_remote *r, struct rc_proposal *p)
{
	const struct cry_key *own = r->creds.own;

	if (!rc_auth_is_signature(p->auth))
		return;
	if (own == NULL && r->creds.own_plain == NULL) {
		stmt_error(l->ctx.errors, p->pos,
			"remote %s: the authentication_method wants a key: expected "
			"\"certificate_type x509 \"certificate\" \"key\"\"%s",
			r->title,
			p->auth == RC_AUTH_RSASIG ? " or \"certificate_type plain_rsa \"key\"\""
						  : "");
		return;
	}
	if (p->auth == RC_AUTH_ECDSA && own != NULL)
		p->auth = ecdsa_of(own);
	if (p->auth == RC_AUTH_RSASIG ? own == NULL || cry_key_kind(own) == CRY_KEY_RSA
				      : own != NULL && cry_key_kind(own) != CRY_KEY_RSA &&
						ecdsa_of(own) == p->auth) {
		warn_hash(l, r, p);
		return;
	}
	stmt_error(l->ctx.errors, p->pos,
		"remote %s: the authentication_method does not go with "
		"the %s key of certificate_type",
		r->title, cry_key_kind_name(own == NULL ? CRY_KEY_RSA : cry_key_kind(own)));
}

/* `my_identifier asn1dn;` is the subject of our certificate. */
static void
fill_own_name(struct rc_loading *l, struct rc_remote *r)
{
	if (r->my_id.type != RC_ID_DN || r->my_id.value.n != 0)
		return;
	if (r->creds.chains == 0) {
		stmt_error(l->ctx.errors, r->pos,
			"remote %s: my_identifier asn1dn is the subject of our certificate: "
			"expected a certificate_type x509, or the name in double quotes",
			r->title);
		return;
	}
	r->my_id.value = cry_cert_subject(r->creds.chain[0]);
}

void
rc_certs_load(struct rc_loading *l, struct rc_remote *r)
{
	bool wanted = false;

	for (unsigned i = 0; i < r->proposals; i++)
		wanted |= rc_auth_is_signature(r->proposal[i].auth);
	if (!load_own(l, r))
		return;
	fill_own_name(l, r);
	if (!wanted)
		return;
	for (unsigned i = 0; i < r->proposals; i++)
		fit_proposal(l, r, &r->proposal[i]);
	(void)load_peer(l, r);
}

/* ------------------------------------------------------------------------------------ look-up */

struct cry_key *
rc_own_key(const struct rc_remote *r, enum rc_auth auth, const struct net_addr *local,
	const struct net_addr *peer)
{
	struct cry_key *key = r->creds.own;
	bool rsa = auth == RC_AUTH_RSASIG;

	if (r->creds.own_plain != NULL)
		return rsa && auth_plain_find(r->creds.own_plain, local, peer, &key, 1) == 1 ? key
											     : NULL;
	if (key == NULL || rsa != (cry_key_kind(key) == CRY_KEY_RSA) ||
		(!rsa && ecdsa_of(key) != auth))
		return NULL;
	return key;
}

size_t
rc_known_keys(const struct rc_remote *r, const struct net_addr *local, const struct net_addr *peer,
	struct cry_key **out, size_t room)
{
	return r->creds.known == NULL ? 0 : auth_plain_find(r->creds.known, peer, local, out, room);
}
