/*
 * backup.c - IPsec SAs as lines of text, keys included.
 *
 * Called by backup_uv.c and by tests.  The file is this host's own, mode 0600, but it is read as if
 * anybody had written it: every number is bounded, every algorithm and key length must fit.
 */
#include "racoon/daemon/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/secret.h"

enum { SATYPE_AH = 2, SATYPE_ESP = 3, SATYPE_IPCOMP = 9, FIELDS = 17, MS = 1000 };

static unsigned
satype_of(enum sa_proto proto)
{
	return proto == SA_AH ? SATYPE_AH : proto == SA_IPCOMP ? SATYPE_IPCOMP : SATYPE_ESP;
}

bool
backup_line(const struct ipsec_sa *sa, wall now, struct text *out)
{
	char date[64], src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT], hex[2 * SA_KEY_MAX + 1];
	time_t t = (time_t)(now.ms / MS);
	const struct alg *first = sa->proto == SA_IPCOMP ? sa->comp : sa->encr;
	struct tm tm;

	if (sa->natt || localtime_r(&t, &tm) == NULL ||
		strftime(date, sizeof(date), "%b %d %H:%M:%S %Y", &tm) == 0)
		return false;
	text_addf(out, "%s%%%s %s %u %u %u %u %u %u %u %u %u %u %u %llu %llu %llu %u ", date,
		net_addr_text(src, sizeof(src), &sa->src.addr),
		net_addr_text(dst, sizeof(dst), &sa->dst.addr), satype_of(sa->proto), sa->spi,
		(unsigned)sa->mode, sa->reqid, sa->replay,
		first == NULL ? 0u : (unsigned)first->pfkey, (unsigned)sa->encr_key.octets,
		sa->auth == NULL ? 0u : (unsigned)sa->auth->pfkey,
		(unsigned)sa->auth_key.octets, sa->flags, sa->hard.allocations,
		(unsigned long long)sa->hard.bytes, (unsigned long long)sa->hard.add_s,
		(unsigned long long)sa->hard.use_s, sa->seq);
	bytes_to_hex(hex, sizeof(hex), bytes_of(sa->encr_key.b, sa->encr_key.octets));
	text_add(out, hex);
	bytes_to_hex(hex, sizeof(hex), bytes_of(sa->auth_key.b, sa->auth_key.octets));
	text_add(out, hex);
	wipe(hex, sizeof(hex));
	text_add(out, sa->encr_key.octets + sa->auth_key.octets == 0 ? "-\n" : "\n");
	return !out->failed;
}

/* --------------------------------------------------------------------------------- reading --- */

static bool
number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	*out = strtoull(s, &end, 10);
	return *end == '\0' && *out <= max;
}

static bool
take_key(const char **hex, uint64_t octets, struct sa_key *k)
{
	if (octets > sizeof(k->b) || strlen(*hex) < 2 * octets)
		return false;
	for (uint64_t i = 0; i < octets; i++) {
		char pair[3] = { (*hex)[2 * i], (*hex)[2 * i + 1], '\0' };
		char *end;
		k->b[i] = (uint8_t)strtoul(pair, &end, 16);
		if (*end != '\0' || pair[0] == '-' || pair[0] == '+' || pair[0] == ' ')
			return false;
	}
	k->octets = (uint16_t)octets;
	*hex += 2 * octets;
	return true;
}

static bool
key_fits(const struct alg *a, const struct sa_key *k)
{
	if (a == NULL || k->octets < a->salt)
		return k->octets == 0;
	return k->octets == 0 ? a->mode == ALG_MODE_NULL || a->kind == ALG_COMP
			      : alg_key_ok(a, 8u * (unsigned)(k->octets - a->salt));
}

static bool
algorithms(struct ipsec_sa *sa, uint64_t first, uint64_t second)
{
	if (sa->proto == SA_IPCOMP)
		sa->comp = alg_by_pfkey(ALG_COMP, (uint16_t)first);
	else if (first != 0)
		sa->encr = alg_by_pfkey(ALG_ENCR, (uint16_t)first);
	if (second != 0)
		sa->auth = alg_by_pfkey(ALG_AUTH, (uint16_t)second);
	if ((first != 0 && sa->encr == NULL && sa->comp == NULL) ||
		(second != 0 && sa->auth == NULL))
		return false;
	if (sa->proto == SA_AH ? sa->auth == NULL || sa->encr != NULL
	    : sa->proto == SA_ESP ? sa->encr == NULL : sa->comp == NULL)
		return false;
	return key_fits(sa->encr, &sa->encr_key) && key_fits(sa->auth, &sa->auth_key);
}

static bool
fields(char *const *f, struct ipsec_sa *sa)
{
	static const uint64_t max[FIELDS] = { [2] = 9, [3] = UINT32_MAX, [4] = SA_TUNNEL,
		[5] = UINT32_MAX, [6] = UINT32_MAX, [7] = UINT8_MAX, [8] = SA_KEY_MAX,
		[9] = UINT8_MAX, [10] = SA_KEY_MAX, [11] = UINT32_MAX, [12] = UINT32_MAX,
		[13] = UINT64_MAX, [14] = INT32_MAX, [15] = INT32_MAX, [16] = UINT32_MAX };
	uint64_t v[FIELDS] = { 0 };
	const char *keys = f[FIELDS];

	if (!net_addr_parse(f[0], &sa->src.addr) || !net_addr_parse(f[1], &sa->dst.addr) ||
		sa->src.addr.family != sa->dst.addr.family)
		return false;
	for (unsigned i = 2; i < FIELDS; i++)
		if (!number(f[i], max[i], &v[i]))
			return false;
	if (v[2] != SATYPE_AH && v[2] != SATYPE_ESP && v[2] != SATYPE_IPCOMP)
		return false;
	sa->proto = v[2] == SATYPE_AH ? SA_AH : v[2] == SATYPE_ESP ? SA_ESP : SA_IPCOMP;
	sa->spi = (uint32_t)v[3];
	sa->mode = (enum sa_mode)v[4];
	sa->reqid = (uint32_t)v[5];
	sa->replay = (uint32_t)v[6];
	sa->flags = (uint32_t)v[11];
	sa->hard = (struct sa_life){ .allocations = (uint32_t)v[12], .bytes = v[13],
		.add_s = v[14], .use_s = v[15] };
	sa->seq = (uint32_t)v[16];
	if (!take_key(&keys, v[8], &sa->encr_key) || !take_key(&keys, v[10], &sa->auth_key) ||
		(*keys != '\0' && strcmp(keys, "-") != 0) || sa->spi < SA_SPI_MIN)
		return false;
	return algorithms(sa, v[7], v[9]);
}

enum status
backup_parse(const char *line, wall now, struct ipsec_sa *out)
{
	char copy[BACKUP_LINE_MAX], *f[FIELDS + 1], *save = NULL, *at;
	struct tm tm = { .tm_isdst = -1 };
	enum status status = ST_BADCONF;
	size_t n = 0;
	time_t made;

	memset(out, 0, sizeof(*out));
	if (strlen(line) >= sizeof(copy))
		return ST_BADCONF;
	snprintf(copy, sizeof(copy), "%s", line);
	at = strptime(copy, "%b %d %H:%M:%S %Y", &tm);
	made = at == NULL || *at != '%' ? (time_t)-1 : mktime(&tm);
	if (made == (time_t)-1)
		goto done;
	for (char *w = strtok_r(at + 1, " \n", &save); w != NULL && n <= FIELDS;
		w = strtok_r(NULL, " \n", &save))
		f[n++] = w;
	if (n != FIELDS + 1 || save == NULL || !fields(f, out))
		goto done;
	int64_t age = (now.ms - (int64_t)made * MS) / MS;
	status = ST_NORMAL;
	if (out->hard.add_s != 0 && age >= (int64_t)out->hard.add_s)
		status = ST_EXPIRED;
	else if (out->hard.add_s != 0 && age > 0)
		out->hard.add_s -= (uint64_t)age;
	out->soft.add_s = out->hard.add_s * 8 / 10;
	out->state = SA_MATURE;
done:
	wipe(copy, sizeof(copy));
	return status;
}
