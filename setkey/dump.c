/*
 * dump.c - SAs and policies as setkey -D and -DP show them.
 *
 * Called for every entry of a dump.  Keys are shown: that is what the command is for, and only who
 * may talk to the SA database gets them.
 */
#include "setkey/dump.h"

#include <stdio.h>
#include <string.h>

#include "setkey/words.h"

enum { KEY_GROUP = 4, DATE_SIZE = 32 };

/* Wall seconds in setkey's form; as many blanks when not known. */
static const char *
date(char buf[DATE_SIZE], uint64_t seconds)
{
	if (seconds == 0)
		snprintf(buf, DATE_SIZE, "%20s", "");
	else
		when_setkey(buf, DATE_SIZE, (wall){ (int64_t)seconds * 1000 });
	return buf;
}

static void
algorithm(char letter, const struct alg *alg, const struct sa_key *key, struct text *out)
{
	if (alg == NULL)
		return;
	text_addf(out, "\t%c: %s ", letter, alg->setkey[0] != NULL ? alg->setkey[0] : alg->name);
	for (size_t i = 0; key != NULL && i < key->octets; i += KEY_GROUP) {
		size_t n = key->octets - i < KEY_GROUP ? key->octets - i : KEY_GROUP;

		text_add(out, " ");
		text_add_hex(out, bytes_of(key->b + i, n));
	}
	text_add(out, "\n");
}

void
sa_endpoints_text(const struct ipsec_sa *sa, char src[NET_ENDPOINT_TEXT],
	char dst[NET_ENDPOINT_TEXT])
{
	if (sa->natt) {
		net_endpoint_text(src, NET_ENDPOINT_TEXT, &sa->src);
		net_endpoint_text(dst, NET_ENDPOINT_TEXT, &sa->dst);
	} else {
		net_addr_text(src, NET_ENDPOINT_TEXT, &sa->src.addr);
		net_addr_text(dst, NET_ENDPOINT_TEXT, &sa->dst.addr);
	}
}

const char *
sa_protocol_word(const struct ipsec_sa *sa)
{
	if (sa->natt)
		return "esp-udp";
	if ((sa->flags & SA_F_OLD) != 0)
		return sa->proto == SA_AH ? "ah-old" : "esp-old";
	return sa_proto_name(sa->proto);
}

static void
lifetimes(const struct ipsec_sa *sa, wall now, struct text *out)
{
	uint64_t now_s = (uint64_t)(now.ms / 1000), created = sa->current.add_s;
	char a[DATE_SIZE], b[DATE_SIZE];

	text_addf(out, "\tcreated: %s\tcurrent: %s\n", date(a, created), date(b, now_s));
	text_addf(out, "\tdiff: %llu(s)\thard: %llu(s)\tsoft: %llu(s)\n",
		(unsigned long long)(created == 0 || created > now_s ? 0 : now_s - created),
		(unsigned long long)sa->hard.add_s, (unsigned long long)sa->soft.add_s);
	text_addf(out, "\tlast: %s\thard: %llu(s)\tsoft: %llu(s)\n", date(a, sa->current.use_s),
		(unsigned long long)sa->hard.use_s, (unsigned long long)sa->soft.use_s);
	text_addf(out, "\tcurrent: %llu(bytes)\thard: %llu(bytes)\tsoft: %llu(bytes)\n",
		(unsigned long long)sa->current.bytes, (unsigned long long)sa->hard.bytes,
		(unsigned long long)sa->soft.bytes);
	text_addf(out, "\tallocated: %u\thard: %u\tsoft: %u\n", (unsigned)sa->current.allocations,
		(unsigned)sa->hard.allocations, (unsigned)sa->soft.allocations);
}

void
setkey_dump_head(const struct sadb_msg *m, struct text *out)
{
	const struct ipsec_sa *sa = &m->sa;
	char src[NET_ENDPOINT_TEXT], dst[NET_ENDPOINT_TEXT];

	sa_endpoints_text(sa, src, dst);
	text_addf(out, "%s %s \n", src, dst);
	text_addf(out, "\t%s mode=%s spi=%u(0x%08x) reqid=%u(0x%08x)\n", sa_protocol_word(sa),
		sa_mode_name(sa->mode), (unsigned)sa->spi, (unsigned)sa->spi, (unsigned)sa->reqid,
		(unsigned)sa->reqid);
}

static void
encapsulation(const struct ipsec_sa *sa, struct text *out)
{
	char oa[NET_ADDR_TEXT];

	if (sa->natt_oa.family != 0)
		text_addf(out, "\tNAT OA=%s\n", net_addr_text(oa, sizeof(oa), &sa->natt_oa));
	if (sa->natt_frag != 0)
		text_addf(out, "\tNAT-T esp_frag=%u\n", (unsigned)sa->natt_frag);
	if (sa->natt_non_ike)
		text_add(out, "\tNAT-T non-IKE marker\n");
}

static void
security_context(const struct sa_context *ctx, struct text *out)
{
	if (ctx->text[0] == '\0')
		return;
	text_addf(out, "\tsecurity context doi: %u\n", (unsigned)ctx->doi);
	text_addf(out, "\tsecurity context algorithm: %u\n", (unsigned)ctx->alg);
	text_addf(out, "\tsecurity context length: %zu\n", strlen(ctx->text));
	text_addf(out, "\tsecurity context: %s\n", ctx->text);
}

/* What the old program had no line for, and so only when there is something to say. */
static void
marks(const struct sa_mark *mark, uint32_t if_id, struct text *out)
{
	if (mark->mask != 0)
		text_addf(out, "\tmark=0x%08x/0x%08x\n", (unsigned)mark->value,
			(unsigned)mark->mask);
	if (if_id != 0)
		text_addf(out, "\tif_id=%u(0x%08x)\n", (unsigned)if_id, (unsigned)if_id);
}

void
setkey_dump_sa(const struct sadb_msg *m, wall now, struct text *out)
{
	const struct ipsec_sa *sa = &m->sa;

	setkey_dump_head(m, out);
	encapsulation(sa, out);
	algorithm('E', sa->encr, &sa->encr_key, out);
	algorithm('A', sa->auth, &sa->auth_key, out);
	algorithm('C', sa->comp, NULL, out);
	text_addf(out, "\tseq=0x%08x replay=%u flags=0x%08x state=%s \n", (unsigned)sa->seq,
		(unsigned)sa->replay, (unsigned)sa->flags, sa_state_name(sa->state));
	if ((sa->flags & SA_F_ESN) != 0)
		text_addf(out, "\tesn seq_high=0x%08x\n", (unsigned)sa->seq_high);
	marks(&sa->mark, sa->if_id, out);
	lifetimes(sa, now, out);
	text_addf(out, "\tsadb_seq=%u pid=%u refcnt=0\n", (unsigned)m->seq, (unsigned)m->pid);
	security_context(&sa->ctx, out);
}

void
setkey_dump_sp(const struct sadb_msg *m, bool ports, struct text *out)
{
	const struct ipsec_policy *sp = &m->sp;
	char a[DATE_SIZE], b[DATE_SIZE];

	/* Kernels dump the policies of sockets too, under directions of their own. */
	if (sp->sel.src.addr.family == 0) {
		text_add(out, "(no selector, probably per-socket policy) ");
	} else {
		if (sp->dir > SP_FWD)
			text_add(out, "(per-socket policy) ");
		selector_text(&sp->sel, out);
	}
	text_add(out, "\n\t");
	policy_text(sp, out);
	text_add(out, "\n");
	for (unsigned i = 0; i < sp->rules; i++) {
		text_add(out, "\t");
		rule_text(&sp->rule[i], ports, out);
		text_add(out, "\n");
	}
	text_addf(out, "\tcreated: %s  lastused: %s\n", date(a, sp->current.add_s),
		date(b, sp->current.use_s));
	text_addf(out, "\tlifetime: %llu(s) validtime: %llu(s)\n",
		(unsigned long long)sp->hard.add_s, (unsigned long long)sp->hard.use_s);
	marks(&sp->mark, sp->if_id, out);
	security_context(&sp->ctx, out);
	text_addf(out, "\tspid=%u seq=%u pid=%u\n\trefcnt=0\n", (unsigned)sp->id, (unsigned)m->seq,
		(unsigned)m->pid);
}

/* A count of at most three digits, else "big". */
static const char *
small_number(char buf[8], uint64_t n)
{
	if (n >= 1000)
		return "big";
	snprintf(buf, 8, "%3u", (unsigned)n);
	return buf;
}

void
setkey_dump_short(const struct sadb_msg *m, wall now, struct text *out)
{
	static const char states[] = { [SA_LARVAL] = 'L', [SA_MATURE] = 'M', [SA_DYING] = 'D',
		[SA_DEAD] = 'd' };
	const struct ipsec_sa *sa = &m->sa;
	uint64_t now_s = (uint64_t)(now.ms / 1000), created = sa->current.add_s;
	char date_text[DATE_SIZE], a[8], b[8], src[NET_ENDPOINT_TEXT], dst[NET_ENDPOINT_TEXT];

	/* Minutes and seconds of "2026-11-21 10:22:19". */
	when_iso(date_text, sizeof(date_text), now);
	text_addf(out, "%.2s%.2s %s %c %08x ", date_text + 14, date_text + 17,
		sa_proto_name(sa->proto), (unsigned)sa->state <= SA_DEAD ? states[sa->state] : '?',
		(unsigned)sa->spi);
	if (sa->hard.add_s == 0)
		text_add(out, "???" "/" "???");
	else
		text_addf(out, "%s/%s",
			small_number(a, created == 0 || created > now_s ? 0 : now_s - created),
			small_number(b, sa->hard.add_s));
	sa_endpoints_text(sa, src, dst);
	text_addf(out, " #255 %s -> #255 %s\n", src, dst);
}
