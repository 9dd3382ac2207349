/*
 * v1_cert.c - signatures and certificates in phase 1 (RFC 2409 5.1, RFC 2408 3.9, 3.10, RFC 4754).
 *
 * Called by v1_auth.c.  The engine handles certificates as octets: parsing, chains and names are a
 * job's.  Time of a check is the event's.  What goes wrong has its reason here; the peer is told
 * that authentication failed and nothing else.
 */
#include "racoon/ikev1/v1_cert.h"

#include <string.h>

#include "lib/cry_x509.h"
#include "racoon/ikev1/v1_phase1.h"

enum { ENCODING_PKCS7 = 1, ENCODING_X509_SIG = 4 };

static enum cry_key_kind
kind_of(enum rc_auth auth)
{
	switch (auth) {
	case RC_AUTH_ECDSA256:
		return CRY_KEY_P256;
	case RC_AUTH_ECDSA384:
		return CRY_KEY_P384;
	case RC_AUTH_ECDSA521:
		return CRY_KEY_P521;
	default:
		return CRY_KEY_RSA;
	}
}

static struct cry_key *
own_key(const struct ike_sa *sa)
{
	return sa->conf == NULL ? NULL
				: rc_own_key(sa->conf, sa->auth, &sa->local.addr, &sa->remote.addr);
}

/* Told at each negotiation: nobody reads the certificate's text until it is too late. */
static void
warn_own_days(struct ike *e, const struct ike_sa *sa)
{
	const struct rc_creds *c = &sa->conf->creds;
	int64_t from, until, now = e->today.ms / 1000;

	if (c->chains == 0 || now == 0)
		return;
	cry_cert_days(c->chain[0], &from, &until);
	if (now > until || now < from)
		ike_log(e, LOG_L_WARNING, &sa->remote, sa->serial, "our own certificate %s (%s) %s",
			c->cert.name, sa->conf->name,
			now > until ? "has expired" : "is not valid yet");
}

enum status
v1_sig_begin(struct ike *e, struct ike_xchg *x)
{
	const struct ike_sa *sa = x->sa;
	struct cry_key *known;

	if (own_key(sa) == NULL)
		return ike_why(x, ST_NOOWNCERT, "remote %s, %s key",
			sa->conf == NULL ? "?" : sa->conf->name,
			cry_key_kind_name(kind_of(sa->auth)));
	if (sa->conf->creds.known != NULL &&
		rc_known_keys(sa->conf, &sa->local.addr, &sa->remote.addr, &known, 1) == 0)
		return ike_why(x, ST_NOPEERKEY, "%s", sa->conf->creds.peer_plain.name);
	warn_own_days(e, sa);
	return ST_NORMAL;
}

/* -------------------------------------------------------------------- certificate requests --- */

static void
add_request(struct wire_builder *b, struct bytes name)
{
	struct wire_payload p = { .type = WIRE_CR,
		.cert = { .encoding = ENCODING_X509_SIG, .data = name } };

	wire_add(b, &p);
}

void
v1_sig_ask(const struct ike_xchg *x, struct wire_builder *b)
{
	const struct rc_remote *conf = x->sa->conf;
	struct bytes name;
	unsigned i;

	/* We have what the peer could send, or would not look at it. */
	if (conf == NULL || !conf->send_cr || conf->creds.known != NULL ||
		conf->creds.pinned != NULL)
		return;
	for (i = 0; conf->creds.trust != NULL && i < V1_REQUESTS_MAX; i++) {
		name = cry_trust_subject(conf->creds.trust, i);
		if (name.n == 0)
			break;
		add_request(b, name);
	}
	/* RFC 2408 3.10: empty where no particular CA is asked for. */
	if (i == 0)
		add_request(b, (struct bytes){ 0 });
}

static bool
is_our_ca(const struct rc_creds *c, struct bytes name)
{
	for (unsigned i = 0; i < c->chains; i++)
		if (bytes_equal(cry_cert_issuer(c->chain[i]), name) ||
			cry_dn_match(cry_cert_issuer(c->chain[i]), name))
			return true;
	return false;
}

void
v1_sig_asked(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;
	const struct ike_sa *sa = x->sa;
	const struct wire_payload *p;
	char text[256];

	for (unsigned i = 0; sa->conf != NULL && (p = wire_find(m, WIRE_CR, i)) != NULL; i++) {
		if (p->cert.encoding != ENCODING_X509_SIG && p->cert.encoding != ENCODING_PKCS7) {
			ike_log(e, LOG_L_INFO, &sa->remote, sa->serial,
				"ignoring a request for a certificate of type %u",
				p->cert.encoding);
			continue;
		}
		if (p->cert.data.n == 0) {
			d->cr_any = true;
		} else if (is_our_ca(&sa->conf->creds, p->cert.data)) {
			d->cr_ours = true;
		} else {
			d->cr_other = true;
			ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
				"peer asks for a certificate of %s",
				cry_dn_text(text, sizeof(text), p->cert.data));
		}
	}
}

/* ------------------------------------------------------------------------------- our proof --- */

enum status
v1_sig_prove(struct ike *e, struct ike_xchg *x, struct bytes hash)
{
	struct v1_phase1 *d = x->data;
	struct cry_key *key = own_key(x->sa);
	struct cry_proof *p;

	if (key == NULL)
		return v1_sig_begin(e, x);
	p = cry_proof_new();
	if (p == NULL)
		return ST_NOMEMORY;
	p->kind = kind_of(x->sa->auth);
	p->key = cry_key_ref(key);
	memcpy(p->digest, hash.p, hash.n);
	p->digest_n = hash.n;
	return ike_job_proof(e, x, IKE_JOB_SIGN, p, &d->proof, NULL);
}

/*
 * Is ours to be sent?  A request that names other CAs is answered all the same, as ever: the peer
 * may know ours by another way, and can only refuse it.
 */
static bool
sends_cert(const struct ike_xchg *x)
{
	const struct v1_phase1 *d = x->data;
	const struct rc_remote *conf = x->sa->conf;

	if (conf == NULL || !conf->send_cert || conf->creds.chains == 0)
		return false;
	return !d->cr_any || d->cr_ours || conf->match_empty_cr;
}

void
v1_sig_add(const struct ike_xchg *x, struct wire_builder *b)
{
	const struct v1_phase1 *d = x->data;
	const struct rc_creds *c = &x->sa->conf->creds;

	for (unsigned i = 0; sends_cert(x) && i < c->chains; i++) {
		struct wire_payload p = { .type = WIRE_CERT,
			.cert = { .encoding = ENCODING_X509_SIG,
				.data = cry_cert_der(c->chain[i]) } };

		/* A root proves nothing to who does not have it. */
		if (i == 0 || !cry_cert_is_root(c->chain[i]))
			wire_add(b, &p);
	}
	wire_add_data(b, WIRE_SIG, d->proof);
}

/* ------------------------------------------------------------------------- the peer's proof --- */

enum status
v1_sig_take_certs(struct ike *e, struct ike_xchg *x, const struct wire_msg *m)
{
	struct v1_phase1 *d = x->data;
	const struct wire_payload *p;
	size_t octets = 0;

	d->certs = 0;
	for (unsigned i = 0; (p = wire_find(m, WIRE_CERT, i)) != NULL; i++) {
		if (p->cert.encoding != ENCODING_X509_SIG && p->cert.encoding != ENCODING_PKCS7) {
			ike_log(e, LOG_L_INFO, &x->sa->remote, x->sa->serial,
				"ignoring a certificate of type %u", p->cert.encoding);
			continue;
		}
		octets += p->cert.data.n;
		if (d->certs == CRY_CERTS_MAX || octets > V1_CERT_OCTETS_MAX ||
			p->cert.data.n > CRY_CERT_MAX)
			return ike_why(x, ST_LIMIT,
				"more than %d certificates or %d octets of them", CRY_CERTS_MAX,
				V1_CERT_OCTETS_MAX);
		TRY(v1_keep(x, p->cert.data, &d->cert[d->certs]));
		d->certs++;
	}
	return ST_NORMAL;
}

static enum cry_name_type
name_type(enum rc_idtype type)
{
	switch (type) {
	case RC_ID_IPV4:
	case RC_ID_IPV6:
		return CRY_NAME_IP;
	case RC_ID_FQDN:
		return CRY_NAME_DNS;
	case RC_ID_USER_FQDN:
		return CRY_NAME_EMAIL;
	case RC_ID_DN:
		return CRY_NAME_DN;
	case RC_ID_NONE:
	case RC_ID_IPV4_SUBNET:
	case RC_ID_IPV6_SUBNET:
	case RC_ID_IPV4_RANGE:
	case RC_ID_IPV6_RANGE:
	case RC_ID_GN:
	case RC_ID_KEYID:
		break;
	}
	return CRY_NAME_NONE;
}

static enum status
add_cert(struct cry_proof *p, struct bytes der)
{
	p->cert[p->certs] = cry_proof_dup(der);
	if (p->cert[p->certs].p == NULL)
		return ST_NOMEMORY;
	p->certs++;
	return ST_NORMAL;
}

/* The keys that the configuration knows, for no certificate is looked at then. */
static enum status
use_known(struct ike_xchg *x, struct cry_proof *p)
{
	const struct ike_sa *sa = x->sa;

	p->knowns = (unsigned)rc_known_keys(
		sa->conf, &sa->local.addr, &sa->remote.addr, p->known, CRY_KEYS_MAX);
	for (unsigned i = 0; i < p->knowns; i++)
		cry_key_ref(p->known[i]);
	if (p->knowns == 0)
		return ike_why(x, ST_NOPEERKEY, "%s", sa->conf->creds.peer_plain.name);
	return ST_NORMAL;
}

/* The certificates, whom to believe about them, and what they have to name. */
static enum status
use_certs(struct ike_xchg *x, struct cry_proof *p)
{
	const struct v1_phase1 *d = x->data;
	const struct ike_sa *sa = x->sa;
	const struct rc_creds *c = &sa->conf->creds;

	if (c->pinned != NULL) {
		TRY(add_cert(p, cry_cert_der(c->pinned)));
	} else {
		if (d->certs == 0)
			return ike_why(x, ST_NOPEERCERT, "%s", sa->peer_id_text);
		for (unsigned i = 0; i < d->certs; i++)
			TRY(add_cert(p, d->cert[i]));
		p->trust = cry_trust_ref(c->trust);
	}
	p->name_optional = !sa->conf->verify_cert;
	p->name_type = name_type(sa->peer_id_type);
	if (p->name_type == CRY_NAME_NONE && !p->name_optional)
		return ike_why(
			x, ST_CERTNAME, "%s is none that a certificate can name", sa->peer_id_text);
	p->name = cry_proof_dup(bytes_of(sa->peer_id, sa->peer_id_n));
	return p->name.p == NULL ? ST_NOMEMORY : ST_NORMAL;
}

static enum status
fill(struct ike *e, struct ike_xchg *x, struct bytes hash, struct cry_proof *p)
{
	const struct v1_phase1 *d = x->data;

	if (x->sa->conf == NULL)
		return ST_NOCONF;
	if (d->peer_proof.n > CRY_SIG_MAX)
		return ike_why(x, ST_BADSIG, "signature of %zu octets", d->peer_proof.n);
	p->kind = kind_of(x->sa->auth);
	p->today = e->today.ms / 1000;
	memcpy(p->digest, hash.p, hash.n);
	p->digest_n = hash.n;
	memcpy(p->sig, d->peer_proof.p, d->peer_proof.n);
	p->sig_n = d->peer_proof.n;
	return x->sa->conf->creds.known != NULL ? use_known(x, p) : use_certs(x, p);
}

enum status
v1_sig_check(struct ike *e, struct ike_xchg *x, struct bytes hash,
	void (*then)(struct ike *e, struct ike_xchg *x))
{
	struct cry_proof *p = cry_proof_new();
	enum status status;

	if (p == NULL)
		return ST_NOMEMORY;
	status = fill(e, x, hash, p);
	if (status == ST_NORMAL)
		return ike_job_proof(e, x, IKE_JOB_VERIFY, p, NULL, then);
	cry_proof_free(p);
	return status;
}
