/*
 * eng_sad.c - the SAD (RFC 4301 4.4.2): SAs by (dst, proto, SPI) for packets that come in, and by
 * (src, dst, proto, reqid) for packets that go out.
 *
 * Called by the control operations and for every packet.  No look-up walks more than the SAs that
 * serve one rule.  Lifetimes are eng_life.c's.
 */
#include "ipsec/engine/eng_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"

enum { OLD_ICV = 16, OLD_HMAC_MAX = 20 /* MD5, SHA-1 and RIPEMD-160 */ };

static uint64_t
spi_hash(const struct eng *e, const struct net_addr *dst, uint8_t proto, uint32_t spi)
{
	uint64_t key[3];

	memcpy(key, dst->b, 16);
	key[2] = (uint64_t)spi << 32 | (uint64_t)proto << 8 | dst->family;
	return hash_bytes(&e->env.hash_key, key, sizeof(key));
}

struct eng_sa *
eng_sa_find(const struct eng *e, const struct net_addr *dst, uint8_t proto, uint32_t spi)
{
	struct hash_node *n = hash_find(&e->by_spi, spi_hash(e, dst, proto, spi));

	for (; n != NULL; n = hash_again(n)) {
		struct eng_sa *sa = container_of(n, struct eng_sa, by_spi);

		if (sa->spi == spi && sa->proto == proto && sa->dst.addr.family == dst->family &&
			memcmp(sa->dst.addr.b, dst->b, 16) == 0)
			return sa;
	}
	return NULL;
}

struct eng_sa *
eng_sa_incoming(struct eng *e, const struct net_addr *dst, uint8_t proto, uint32_t spi)
{
	struct eng_sa **recent = &e->recent[spi & (ENG_RECENT - 1)], *sa = *recent;

	if (sa != NULL && sa->spi == spi && sa->proto == proto &&
		sa->dst.addr.family == dst->family && memcmp(sa->dst.addr.b, dst->b, 16) == 0)
		return sa;
	sa = eng_sa_find(e, dst, proto, spi);
	if (sa != NULL)
		*recent = sa;
	return sa;
}

/* ----------------------------------------------------------------------------------- pairs --- */

static uint64_t
pair_hash(const struct eng *e, const struct eng_pair_key *k)
{
	uint64_t key[5];

	memcpy(key, k->src.b, 16);
	memcpy(key + 2, k->dst.b, 16);
	key[4] = (uint64_t)k->reqid << 32 | k->proto << 8 | k->src.family;
	return hash_bytes(&e->env.hash_key, key, sizeof(key));
}

static struct eng_pair *
pair_find(const struct eng *e, const struct eng_pair_key *k, uint64_t hash)
{
	struct hash_node *n = hash_find(&e->pairs, hash);

	for (; n != NULL; n = hash_again(n)) {
		struct eng_pair *pair = container_of(n, struct eng_pair, node);

		if (pair->key.proto == k->proto && pair->key.reqid == k->reqid &&
			pair->key.src.family == k->src.family &&
			memcmp(pair->key.src.b, k->src.b, 16) == 0 &&
			memcmp(pair->key.dst.b, k->dst.b, 16) == 0)
			return pair;
	}
	return NULL;
}

struct eng_pair *
eng_pair_find(const struct eng *e, const struct net_addr *src, const struct net_addr *dst,
	uint8_t proto, uint32_t reqid)
{
	struct eng_pair_key k = { .src = *src, .dst = *dst, .proto = proto, .reqid = reqid };

	return pair_find(e, &k, pair_hash(e, &k));
}

static struct eng_pair *
pair_make(struct eng *e, const struct eng_sa *sa, uint32_t reqid)
{
	struct eng_pair_key k = { .src = sa->src.addr, .dst = sa->dst.addr, .proto = sa->proto,
		.reqid = reqid };
	uint64_t hash = pair_hash(e, &k);
	struct eng_pair *pair = pair_find(e, &k, hash);

	if (pair != NULL)
		return pair;
	pair = calloc(1, sizeof(*pair));
	if (pair == NULL)
		return NULL;
	pair->key = k;
	list_init(&pair->sas);
	hash_insert(&e->pairs, &pair->node, hash);
	return pair;
}

static void
pair_drop(struct eng *e, struct eng_pair *pair)
{
	if (pair == NULL || !list_empty(&pair->sas))
		return;
	hash_remove(&e->pairs, &pair->node);
	free(pair);
}

static bool
join_pairs(struct eng *e, struct eng_sa *sa)
{
	sa->any = pair_make(e, sa, 0);
	if (sa->any == NULL)
		return false;
	list_prepend(&sa->any->sas, &sa->in_any);
	sa->wide = sa->any->wide;
	if (sa->reqid == 0)
		return true;
	sa->unique = pair_make(e, sa, sa->reqid);
	if (sa->unique == NULL)
		return false;
	list_prepend(&sa->unique->sas, &sa->in_reqid);
	return true;
}

static void
leave_pairs(struct eng *e, struct eng_sa *sa)
{
	list_remove(&sa->in_any);
	list_remove(&sa->in_reqid);
	pair_drop(e, sa->any);
	pair_drop(e, sa->unique);
	sa->any = sa->unique = NULL;
}

int
eng_sa_move(struct eng *e, struct eng_sa *sa, const struct net_addr *src,
	const struct net_addr *dst)
{
	struct eng_pair *any = sa->any, *unique = sa->unique;
	struct net_endpoint was_src = sa->src, was_dst = sa->dst;
	struct eng_sa *there = eng_sa_find(e, dst, sa->proto, sa->spi);

	if (there != NULL && there != sa)
		return EEXIST;
	list_remove(&sa->in_any);
	list_remove(&sa->in_reqid);
	sa->src.addr = *src;
	sa->dst.addr = *dst;
	sa->src.addr.scope = sa->dst.addr.scope = 0;
	if (!join_pairs(e, sa)) {
		leave_pairs(e, sa);
		sa->src = was_src;
		sa->dst = was_dst;
		sa->any = any; /* still there, at most empty */
		sa->unique = unique;
		list_prepend(&any->sas, &sa->in_any);
		if (unique != NULL)
			list_prepend(&unique->sas, &sa->in_reqid);
		return ENOMEM;
	}
	pair_drop(e, any);
	pair_drop(e, unique);
	e->sad_generation++;
	hash_remove(&e->by_spi, &sa->by_spi);
	hash_insert(&e->by_spi, &sa->by_spi, spi_hash(e, &sa->dst.addr, sa->proto, sa->spi));
	sa->pmtu = 0; /* another path */
	return 0;
}

bool
eng_sa_serves(const struct eng_sa *sa, const struct sp_rule *r)
{
	return sa->proto == r->proto && (r->reqid == 0 || sa->reqid == r->reqid) &&
		(sa->mode == SA_MODE_ANY || r->mode == SA_MODE_ANY || sa->mode == r->mode);
}

struct eng_sa *
eng_sa_for(const struct eng *e, const struct sp_rule *r, const struct net_addr *src,
	const struct net_addr *dst)
{
	struct eng_pair *pair = eng_pair_find(e, src, dst, (uint8_t)r->proto, r->reqid);
	struct eng_sa *second = NULL;

	if (pair == NULL)
		return NULL;
	LIST_FOREACH(at, &pair->sas) {
		struct eng_sa *sa = r->reqid == 0 ? container_of(at, struct eng_sa, in_any)
						  : container_of(at, struct eng_sa, in_reqid);

		if (!eng_sa_serves(sa, r))
			continue;
		if (sa->state == SA_MATURE)
			return sa;
		if (sa->state == SA_DYING && second == NULL)
			second = sa;
	}
	return second;
}

/* -------------------------------------------------------------------------- making, ending --- */

static bool
key_fits(const struct alg *a, const struct sa_key *k)
{
	return k->octets <= SA_KEY_MAX && k->octets >= a->salt &&
		alg_key_ok(a, (unsigned)(k->octets - a->salt) * 8);
}

/* RFC 1826 and 1827 know no numbers: no window, no counter to make IVs of, and ESP has no ICV. */
static int
check_old(const struct ipsec_sa *v)
{
	if ((v->flags & SA_F_OLD) == 0)
		return 0;
	if ((v->flags & SA_F_ESN) != 0 || v->natt)
		return EINVAL;
	if (v->proto == SA_AH)
		return v->auth->mode == ALG_MODE_KEYED || (v->auth->mode == ALG_MODE_HMAC &&
			v->auth->out <= OLD_HMAC_MAX) ? 0 : EPROTONOSUPPORT;
	if (v->auth != NULL && v->auth->mode != ALG_MODE_NULL)
		return EPROTONOSUPPORT;
	return v->encr->mode == ALG_MODE_CBC || v->encr->mode == ALG_MODE_NULL
		? 0 : EPROTONOSUPPORT;
}

static int
check_comp(const struct ipsec_sa *v)
{
	if (v->comp == NULL || v->encr != NULL || v->auth != NULL || v->natt)
		return EINVAL;
	/* RFC 3173 3.3: the CPI has 16 bits. */
	if (v->spi > UINT16_MAX)
		return EINVAL;
	return strcmp(v->comp->name, "deflate") == 0 ? 0 : ENOSYS;
}

int
eng_sa_check(const struct eng *e, const struct ipsec_sa *v)
{
	bool aead = v->encr != NULL && v->encr->icv != 0;
	bool auth = v->auth != NULL && v->auth->mode != ALG_MODE_NULL;

	if (v->proto == SA_IPCOMP)
		return check_comp(v);
	if (v->proto == SA_TCP) /* RFC 2385 signs segments: the kernel's TCP alone can */
		return EPROTONOSUPPORT;
	if (v->proto != SA_ESP && v->proto != SA_AH)
		return EINVAL;
	if (v->comp != NULL || (v->proto == SA_AH && (v->encr != NULL || !auth || v->natt)))
		return EINVAL;
	if (v->proto == SA_ESP && (v->encr == NULL || (aead && auth)))
		return EINVAL;
	if ((v->encr != NULL && !cry_has(e->env.cry, v->encr)) ||
		(v->auth != NULL && !cry_has(e->env.cry, v->auth)))
		return ENOSYS;
	if ((v->encr != NULL && !key_fits(v->encr, &v->encr_key)) ||
		(v->auth != NULL && !key_fits(v->auth, &v->auth_key)))
		return EINVAL;
	return check_old(v);
}

static bool
keep_keys(struct eng_sa *sa, const struct ipsec_sa *v)
{
	size_t n = (size_t)v->encr_key.octets + v->auth_key.octets;

	sa->keys = malloc(n + 1);
	if (sa->keys == NULL)
		return false;
	memcpy(sa->keys, v->encr_key.b, v->encr_key.octets);
	memcpy(sa->keys + v->encr_key.octets, v->auth_key.b, v->auth_key.octets);
	sa->encr_octets = v->encr_key.octets;
	sa->auth_octets = v->auth_key.octets;
	return true;
}

/* What each packet will need to know of the algorithms. */
static void
set_sizes(struct eng_sa *sa)
{
	bool old = (sa->flags & SA_F_OLD) != 0;
	const struct alg *a = sa->auth;

	sa->icv = sa->iv_octets = 0;
	sa->align = 1;
	sa->udp = (uint8_t)(!sa->natt ? 0 : sa->marker ? ENG_UDP + ENG_MARKER : ENG_UDP);
	switch ((enum sa_proto)sa->proto) {
	case SA_ESP:
		sa->header = old ? ENG_ESP_OLD : ENG_ESP;
		sa->iv_octets = sa->encr->iv;
		sa->align = sa->encr->block > 4 ? sa->encr->block : 4;
		sa->icv = sa->encr->icv != 0 ? sa->encr->icv : a == NULL ? 0 : a->icv;
		break;
	case SA_AH:
		sa->header = old ? ENG_AH_OLD : ENG_AH;
		/* KAME sends 128 bits of whatever digest in the old AH. */
		sa->icv = old ? OLD_ICV : a->icv;
		break;
	case SA_IPCOMP:
		sa->header = ENG_IPCOMP;
		break;
	case SA_NONE:
	case SA_TCP:
		break;
	}
}

int
eng_sa_fill(struct eng *e, struct eng_sa *sa, const struct ipsec_sa *v)
{
	bool numbered = (v->flags & SA_F_OLD) == 0 && v->proto != SA_IPCOMP;
	int error = eng_sa_check(e, v);

	if (error != 0)
		return error;
	if (!eng_window_new(&sa->window, numbered ? v->replay : 0) || !keep_keys(sa, v)) {
		eng_window_free(&sa->window);
		return ENOMEM;
	}
	sa->encr = v->encr;
	sa->auth = v->auth;
	sa->comp = v->comp;
	sa->flags = v->flags;
	sa->natt = v->natt;
	sa->marker = v->natt && v->natt_non_ike;
	sa->frag = v->natt_frag;
	sa->natt_oa = v->natt_oa;
	sa->src.port = v->src.port;
	sa->dst.port = v->dst.port;
	sa->hard = v->hard;
	sa->soft = v->soft;
	set_sizes(sa);
	/* A key used again after a restart must not repeat a counter: begin anywhere. */
	eng_random(e, (uint8_t *)&sa->iv, sizeof(sa->iv));
	sa->state = SA_MATURE;
	e->sad_generation++;
	if (sa->comp != NULL)
		e->comp_sas++;
	return 0;
}

static bool
same_key(const uint8_t *have, uint16_t octets, const struct sa_key *k)
{
	return octets == k->octets && secret_equal(bytes_of(have, octets), bytes_of(k->b, octets));
}

int
eng_sa_rekey(struct eng *e, struct eng_sa *sa, const struct ipsec_sa *v)
{
	struct eng_window window;
	struct ipsec_sa whole = *v;
	uint8_t *old = sa->keys;
	size_t old_n = (size_t)sa->encr_octets + sa->auth_octets;
	int error = 0;

	if (v->encr == NULL && v->auth == NULL && v->comp == NULL)
		return 0; /* only its limits are meant */
	if (v->encr == sa->encr && v->auth == sa->auth && v->comp == sa->comp &&
		same_key(old, sa->encr_octets, &v->encr_key) &&
		same_key(old + sa->encr_octets, sa->auth_octets, &v->auth_key))
		return 0; /* its numbers and its window go on: nothing may come twice under a key */
	whole.flags = sa->flags;
	whole.natt = sa->natt;
	error = eng_sa_check(e, &whole);
	if (error == 0 && !eng_window_new(&window, sa->window.size))
		error = ENOMEM;
	if (error == 0 && !keep_keys(sa, v)) {
		sa->keys = old;
		eng_window_free(&window);
		error = ENOMEM;
	}
	ipsec_sa_wipe(&whole);
	if (error != 0)
		return error;
	wipe(old, old_n);
	free(old);
	cry_esp_free(sa->seal);
	cry_esp_free(sa->open);
	sa->seal = sa->open = NULL;
	eng_window_free(&sa->window);
	sa->window = window;
	sa->seq = 0;
	sa->encr = v->encr;
	sa->auth = v->auth;
	sa->comp = v->comp;
	set_sizes(sa);
	return 0;
}

/* Addresses without what is not part of an SA's identity. */
static struct net_addr
plain(const struct net_addr *a)
{
	struct net_addr p = *a;

	p.scope = 0;
	return p;
}

struct eng_sa *
eng_sa_new(struct eng *e, instant now, const struct ipsec_sa *v, int *error)
{
	struct eng_sa *sa;

	*error = ENOBUFS;
	if (e->sa_count >= ENG_SAS_MAX)
		return NULL;
	*error = ENOMEM;
	sa = calloc(1, sizeof(*sa));
	if (sa == NULL)
		return NULL;
	sa->src = v->src;
	sa->dst = v->dst;
	sa->src.addr = plain(&v->src.addr);
	sa->dst.addr = plain(&v->dst.addr);
	sa->proto = (uint8_t)v->proto;
	sa->mode = (uint8_t)v->mode;
	sa->spi = v->spi;
	sa->reqid = v->reqid;
	sa->created = now;
	sa->created_s = eng_wall_s(e, now);
	sa->serial = ++e->serial;
	sa->state = SA_LARVAL;
	if (!join_pairs(e, sa)) {
		leave_pairs(e, sa);
		free(sa);
		return NULL;
	}
	hash_insert(&e->by_spi, &sa->by_spi, spi_hash(e, &sa->dst.addr, sa->proto, sa->spi));
	list_append(&e->sas, &sa->all);
	e->sa_count++;
	*error = 0;
	return sa;
}

void
eng_sa_free(struct eng *e, struct eng_sa *sa)
{
	eng_dump_forget_sa(e, sa);
	e->sad_generation++;
	if (e->recent[sa->spi & (ENG_RECENT - 1)] == sa)
		e->recent[sa->spi & (ENG_RECENT - 1)] = NULL;
	heap_cancel(&e->sa_timers, &sa->timer);
	leave_pairs(e, sa);
	hash_remove(&e->by_spi, &sa->by_spi);
	list_remove(&sa->all);
	e->sa_count--;
	cry_esp_free(sa->seal);
	cry_esp_free(sa->open);
	eng_window_free(&sa->window);
	if (sa->comp != NULL)
		e->comp_sas--;
	if (sa->keys != NULL)
		wipe(sa->keys, (size_t)sa->encr_octets + sa->auth_octets);
	free(sa->keys);
	wipe(sa, sizeof(*sa));
	free(sa);
}

void
eng_sa_show(const struct eng_sa *sa, struct ipsec_sa *v, bool keys)
{
	uint64_t seq;

	memset(v, 0, sizeof(*v));
	v->src = sa->src;
	v->dst = sa->dst;
	v->proto = (enum sa_proto)sa->proto;
	v->mode = (enum sa_mode)sa->mode;
	v->spi = sa->spi;
	v->reqid = sa->reqid;
	v->encr = sa->encr;
	v->auth = sa->auth;
	v->comp = sa->comp;
	v->replay = sa->window.size;
	v->flags = sa->flags;
	v->state = (enum sa_state)sa->state;
	v->natt = sa->natt;
	v->natt_non_ike = sa->marker;
	v->natt_frag = sa->frag;
	v->natt_oa = sa->natt_oa;
	v->hard = sa->hard;
	v->soft = sa->soft;
	v->current.allocations = sa->packets > UINT32_MAX ? UINT32_MAX : (uint32_t)sa->packets;
	v->current.bytes = sa->bytes;
	v->current.add_s = (uint64_t)sa->created_s;
	v->current.use_s = (uint64_t)sa->used_s;
	seq = sa->seq > sa->window.top ? sa->seq : sa->window.top;
	v->seq = (uint32_t)seq;
	v->seq_high = (uint32_t)(seq >> 32);
	if (!keys || sa->keys == NULL)
		return;
	v->encr_key.octets = sa->encr_octets;
	v->auth_key.octets = sa->auth_octets;
	memcpy(v->encr_key.b, sa->keys, sa->encr_octets);
	memcpy(v->auth_key.b, sa->keys + sa->encr_octets, sa->auth_octets);
}
