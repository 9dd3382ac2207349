/*
 * print.c - a request as the statement that makes it.
 *
 * Called for setkey -n -v and the golden tests.  What it prints reads back, with -k, into the same
 * requests.
 */
#include "setkey/script.h"

#include "setkey/words.h"

static void
option_number(const char *option, uint64_t value, struct text *out)
{
	if (value != 0)
		text_addf(out, " %s %llu", option, (unsigned long long)value);
}

static void
option_algorithm(const char *option, const struct alg *alg, const struct sa_key *key,
	struct text *out)
{
	if (alg == NULL)
		return;
	text_addf(out, " %s %s", option, alg->setkey[0] != NULL ? alg->setkey[0] : alg->name);
	if (key != NULL && key->octets != 0) {
		text_add(out, " 0x");
		text_add_hex(out, bytes_of(key->b, key->octets));
	}
}

static void
sa_head(const char *command, const struct ipsec_sa *sa, struct text *out)
{
	char src[NET_ENDPOINT_TEXT], dst[NET_ENDPOINT_TEXT], oa[NET_ADDR_TEXT];

	sa_endpoints_text(sa, src, dst);
	text_addf(out, "%s %s %s %s", command, src, dst, sa_protocol_word(sa));
	if (sa->natt_oa.family != 0)
		text_addf(out, " natt-oa %s", net_addr_text(oa, sizeof(oa), &sa->natt_oa));
	if (sa->spi != 0)
		text_addf(out, " 0x%x", (unsigned)sa->spi);
}

/* The statements that name an SA: get, delete, deleteall. */
static void
sa_named(const char *command, const struct ipsec_sa *sa, struct text *out)
{
	sa_head(command, sa, out);
	labels_text(&sa->ctx, &sa->mark, sa->if_id, out);
}

static void
getspi(const struct sadb_msg *m, struct text *out)
{
	sa_head("getspi", &m->sa, out);
	text_addf(out, " 0x%x-0x%x", (unsigned)m->spi_min, (unsigned)m->spi_max);
	if (m->sa.mode != SA_MODE_ANY)
		text_addf(out, " -m %s", sa_mode_name(m->sa.mode));
	option_number("-u", m->sa.reqid, out);
	labels_text(&m->sa.ctx, &m->sa.mark, m->sa.if_id, out);
}

static void
sa_whole(const char *command, const struct ipsec_sa *sa, struct text *out)
{
	sa_head(command, sa, out);
	if (sa->mode != SA_MODE_ANY)
		text_addf(out, " -m %s", sa_mode_name(sa->mode));
	option_number("-r", sa->replay, out);
	option_number("-u", sa->reqid, out);
	if ((sa->flags & SA_F_PAD_ZERO) != 0)
		text_add(out, " -f zero-pad");
	if ((sa->flags & SA_F_PAD_RAND) != 0)
		text_add(out, " -f random-pad");
	if ((sa->flags & SA_F_CYCSEQ) == 0)
		text_add(out, " -f nocyclic-seq");
	if ((sa->flags & SA_F_ESN) != 0)
		text_add(out, " -esn");
	option_number("-esp_frag", sa->natt_frag, out);
	if (sa->natt_non_ike)
		text_add(out, " -natt_non_ike");
	labels_text(&sa->ctx, &sa->mark, sa->if_id, out);
	option_number("-lh", sa->hard.add_s, out);
	option_number("-ls", sa->soft.add_s, out);
	option_number("-bh", sa->hard.bytes, out);
	option_number("-bs", sa->soft.bytes, out);
	option_algorithm("-E", sa->encr, &sa->encr_key, out);
	option_algorithm("-A", sa->auth, &sa->auth_key, out);
	option_algorithm("-C", sa->comp, NULL, out);
	if ((sa->flags & SA_F_RAWCPI) != 0)
		text_add(out, " -R");
}

static void
database(const char *command, enum sa_proto proto, struct text *out)
{
	text_add(out, command);
	if (proto != SA_NONE)
		text_addf(out, " %s", sa_proto_name(proto));
}

static void
sp_whole(const char *command, const struct ipsec_policy *sp, bool only_direction, struct text *out)
{
	static const char *const directions[] = {
		[SP_IN] = "in", [SP_OUT] = "out", [SP_FWD] = "fwd"
	};

	text_addf(out, "%s ", command);
	selector_text(&sp->sel, out);
	labels_text(&sp->ctx, &sp->mark, sp->if_id, out);
	text_add(out, " -P ");
	if (only_direction) {
		text_add(out, directions[sp->dir]);
		return;
	}
	policy_text(sp, out);
	for (unsigned i = 0; i < sp->rules; i++) {
		text_add(out, " ");
		rule_text(&sp->rule[i], false, out);
	}
}

void
setkey_print(const struct sadb_msg *m, struct text *out)
{
	switch (m->op) {
	case SADB_OP_ADD:
		sa_whole("add", &m->sa, out);
		break;
	case SADB_OP_UPDATE:
		sa_whole("update", &m->sa, out);
		break;
	case SADB_OP_GET:
		sa_named("get", &m->sa, out);
		break;
	case SADB_OP_DELETE:
		sa_named(m->sa.spi == 0 ? "deleteall" : "delete", &m->sa, out);
		break;
	case SADB_OP_FLUSH:
		database("flush", m->sa.proto, out);
		break;
	case SADB_OP_DUMP:
		database("dump", m->sa.proto, out);
		break;
	case SADB_OP_SPDADD:
		sp_whole("spdadd", &m->sp, false, out);
		break;
	case SADB_OP_SPDUPDATE:
		sp_whole("spdupdate", &m->sp, false, out);
		break;
	case SADB_OP_SPDDELETE:
		sp_whole("spddelete", &m->sp, true, out);
		break;
	case SADB_OP_SPDFLUSH:
		text_add(out, "spdflush");
		break;
	case SADB_OP_SPDDUMP:
		text_add(out, "spddump");
		break;
	case SADB_OP_GETSPI:
		getspi(m, out);
		break;
	case SADB_OP_ACQUIRE:
	case SADB_OP_REGISTER:
	case SADB_OP_EXPIRE:
	case SADB_OP_PROMISC:
	case SADB_OP_SPDGET:
	case SADB_OP_MAPPING:
	case SADB_OP_SPDEXPIRE:
	case SADB_OP_SPDDELETE2:
	case SADB_OP_MIGRATE:
		/* No statement makes these. */
		text_addf(out, "# %s", sadb_op_name(m->op));
		break;
	}
	text_add(out, ";\n");
}
