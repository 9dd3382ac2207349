/*
 * journal.c - the set of installed SAs and its lines (see journal.h).  Opens no file.
 */
#include "racoon/daemon/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_MAGIC "racoon-journal 1 "

static uint64_t
sa_hash(const struct journal *j, enum sa_proto proto, const struct net_addr *dst, uint32_t spi)
{
	uint64_t h = hash_bytes(&j->key, dst->b, sizeof(dst->b));

	return hash_more(h, (uint64_t)proto << 32 | spi);
}

static struct journal_sa *
find(const struct journal *j, enum sa_proto proto, const struct net_addr *dst, uint32_t spi)
{
	struct hash_node *n = hash_find(&j->by_sa, sa_hash(j, proto, dst, spi));

	for (; n != NULL; n = hash_again(n)) {
		struct journal_sa *s = container_of(n, struct journal_sa, by_sa);

		if (s->spi == spi && s->proto == proto && net_addr_equal(&s->dst, dst))
			return s;
	}
	return NULL;
}

bool
journal_init(struct journal *j, const struct hash_key *key)
{
	*j = (struct journal){ .key = *key };
	list_init(&j->all);
	return hash_init(&j->by_sa, 64);
}

static void
drop(struct journal *j, struct journal_sa *s)
{
	hash_remove(&j->by_sa, &s->by_sa);
	list_remove(&s->node);
	j->count--;
	free(s);
}

void
journal_clear(struct journal *j)
{
	while (!list_empty(&j->all))
		drop(j, container_of(j->all.next, struct journal_sa, node));
	text_clear(&j->pending);
	j->lines = 0;
}

void
journal_free(struct journal *j)
{
	journal_clear(j);
	text_free(&j->pending);
	hash_free(&j->by_sa);
}

static void
add_line(const struct journal_sa *s, char sign, struct text *out)
{
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT], peer[NET_ADDR_TEXT];

	text_addf(out, "%c %s %s %s 0x%08" PRIx32, sign, sa_proto_name(s->proto),
		net_addr_text(src, sizeof(src), &s->src), net_addr_text(dst, sizeof(dst), &s->dst),
		s->spi);
	if (sign == '+')
		text_addf(out, " %s", net_addr_text(peer, sizeof(peer), &s->peer));
	text_add(out, "\n");
}

static struct journal_sa *
insert(struct journal *j, enum sa_proto proto, const struct net_addr *src,
	const struct net_addr *dst, uint32_t spi, const struct net_addr *peer)
{
	struct journal_sa *s;

	if (j->count >= JOURNAL_SAS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->proto = proto;
	s->src = *src;
	s->dst = *dst;
	s->peer = *peer;
	s->spi = spi;
	hash_insert(&j->by_sa, &s->by_sa, sa_hash(j, proto, dst, spi));
	list_append(&j->all, &s->node);
	j->count++;
	return s;
}

void
journal_add(struct journal *j, const struct ipsec_sa *sa, const struct net_addr *peer)
{
	struct journal_sa *s;

	if (find(j, sa->proto, &sa->dst.addr, sa->spi) != NULL)
		return;
	s = insert(j, sa->proto, &sa->src.addr, &sa->dst.addr, sa->spi, peer);
	if (s == NULL)
		return;
	add_line(s, '+', &j->pending);
	j->lines++;
}

void
journal_remove(struct journal *j, enum sa_proto proto, const struct net_addr *dst, uint32_t spi)
{
	struct journal_sa *s = find(j, proto, dst, spi);

	if (s == NULL)
		return;
	add_line(s, '-', &j->pending);
	j->lines++;
	drop(j, s);
}

bool
journal_has(const struct journal *j, enum sa_proto proto, const struct net_addr *dst, uint32_t spi)
{
	return find(j, proto, dst, spi) != NULL;
}

/* ------------------------------------------------------------------------------------- reading */

static bool
proto_of(const char *word, enum sa_proto *out)
{
	static const enum sa_proto protos[] = { SA_ESP, SA_AH, SA_IPCOMP };

	for (size_t i = 0; i < ARRAY_LEN(protos); i++)
		if (strcmp(word, sa_proto_name(protos[i])) == 0) {
			*out = protos[i];
			return true;
		}
	return false;
}

static void
take_line(struct journal *j, const char *line)
{
	char sign, proto_word[16], src_word[64], dst_word[64], peer_word[64] = "";
	struct net_addr src, dst, peer;
	struct journal_sa *s;
	enum sa_proto proto;
	uint32_t spi;
	int n;

	n = sscanf(line, "%c %15s %63s %63s 0x%8" SCNx32 " %63s", &sign, proto_word, src_word,
		dst_word, &spi, peer_word);
	if (n < 5 || !proto_of(proto_word, &proto) || !net_addr_parse(src_word, &src) ||
		!net_addr_parse(dst_word, &dst))
		return;
	s = find(j, proto, &dst, spi);
	if (sign == '-' && s != NULL)
		drop(j, s);
	else if (sign == '+' && s == NULL && net_addr_parse(peer_word, &peer))
		(void)insert(j, proto, &src, &dst, spi, &peer);
}

bool
journal_read(struct journal *j, const char *text, const char *sadb)
{
	size_t magic = strlen(JOURNAL_MAGIC), n = strlen(sadb);

	if (strncmp(text, JOURNAL_MAGIC, magic) != 0 || strncmp(text + magic, sadb, n) != 0 ||
		text[magic + n] != '\n')
		return false;
	text += magic + n + 1;
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		char line[256];

		if ((size_t)(end - text) >= sizeof(line))
			continue;
		memcpy(line, text, (size_t)(end - text));
		line[end - text] = '\0';
		take_line(j, line);
		j->lines++;
	}
	return true;
}

/* ------------------------------------------------------------------------------------- writing */

bool
journal_wants_rewrite(const struct journal *j)
{
	return j->lines > 2 * j->count + JOURNAL_SLACK || j->pending.failed;
}

void
journal_rewrite(struct journal *j, const char *sadb, struct text *out)
{
	text_addf(out, JOURNAL_MAGIC "%s\n", sadb);
	LIST_FOREACH(at, &j->all)
		add_line(container_of(at, struct journal_sa, node), '+', out);
	j->lines = j->count;
	text_clear(&j->pending);
}
