/*
 * json.c - SAs and policies as JSON objects, for programs that read what setkey -D shows to people.
 *
 * Called by run.c for every entry of a dump.  Fields that do not apply are left out; the words are
 * those of the statements.
 */
#include "setkey/json.h"

#include "setkey/words.h"

static void
address(struct json *j, const char *key, const struct net_addr *a)
{
	char buf[NET_ADDR_TEXT];

	json_string(j, key, net_addr_text(buf, sizeof(buf), a));
}

static void
key_material(struct json *j, const struct sa_key *key)
{
	struct text hex = { 0 };

	text_add_hex(&hex, bytes_of(key->b, key->octets));
	json_string(j, "key", text_str(&hex));
	text_free(&hex);
}

static void
algorithm(struct json *j, const char *name, const struct alg *alg, const struct sa_key *key)
{
	if (alg == NULL)
		return;
	json_object(j, name);
	json_string(j, "algorithm", alg->setkey[0] != NULL ? alg->setkey[0] : alg->name);
	if (key != NULL)
		key_material(j, key);
	json_end(j);
}

static void
limits(struct json *j, const char *name, const struct sa_life *l)
{
	json_object(j, name);
	json_uint(j, "seconds", l->add_s);
	json_uint(j, "use_seconds", l->use_s);
	json_uint(j, "bytes", l->bytes);
	json_uint(j, "allocations", l->allocations);
	json_end(j);
}

static void
labels(struct json *j, const struct sa_mark *mark, uint32_t if_id, const struct sa_context *ctx)
{
	if (mark->mask != 0) {
		json_object(j, "mark");
		json_uint(j, "value", mark->value);
		json_uint(j, "mask", mark->mask);
		json_end(j);
	}
	if (if_id != 0)
		json_uint(j, "if_id", if_id);
	if (ctx->text[0] == '\0')
		return;
	json_object(j, "context");
	json_uint(j, "doi", ctx->doi);
	json_uint(j, "algorithm", ctx->alg);
	json_string(j, "label", ctx->text);
	json_end(j);
}

static void
encapsulation(struct json *j, const struct ipsec_sa *sa)
{
	if (!sa->natt)
		return;
	json_object(j, "udp");
	json_uint(j, "src_port", sa->src.port);
	json_uint(j, "dst_port", sa->dst.port);
	json_bool(j, "non_ike_marker", sa->natt_non_ike);
	if (sa->natt_frag != 0)
		json_uint(j, "esp_frag", sa->natt_frag);
	if (sa->natt_oa.family != 0)
		address(j, "original", &sa->natt_oa);
	json_end(j);
}

static void
flags(struct json *j, uint32_t value)
{
	json_object(j, "flags");
	json_uint(j, "value", value);
	json_bool(j, "esn", (value & SA_F_ESN) != 0);
	json_bool(j, "cyclic_seq", (value & SA_F_CYCSEQ) != 0);
	json_string(j, "padding", (value & SA_F_PAD_ZERO) != 0 ? "zero" :
		(value & SA_F_PAD_RAND) != 0 ? "random" : "seq");
	json_end(j);
}

void
setkey_json_sa(const struct sadb_msg *m, struct json *j)
{
	const struct ipsec_sa *sa = &m->sa;

	json_object(j, NULL);
	address(j, "src", &sa->src.addr);
	address(j, "dst", &sa->dst.addr);
	json_string(j, "protocol", sa_protocol_word(sa));
	json_string(j, "mode", sa_mode_name(sa->mode));
	json_uint(j, "spi", sa->spi);
	json_uint(j, "reqid", sa->reqid);
	json_string(j, "state", sa_state_name(sa->state));
	encapsulation(j, sa);
	algorithm(j, "encryption", sa->encr, &sa->encr_key);
	algorithm(j, "authentication", sa->auth, &sa->auth_key);
	algorithm(j, "compression", sa->comp, NULL);
	json_uint(j, "sequence", (uint64_t)sa->seq_high << 32 | sa->seq);
	json_uint(j, "replay", sa->replay);
	flags(j, sa->flags);
	json_uint(j, "created_s", sa->current.add_s);
	json_uint(j, "used_s", sa->current.use_s);
	json_uint(j, "bytes", sa->current.bytes);
	json_uint(j, "allocations", sa->current.allocations);
	limits(j, "hard", &sa->hard);
	limits(j, "soft", &sa->soft);
	labels(j, &sa->mark, sa->if_id, &sa->ctx);
	json_end(j);
}

static void
range(struct json *j, const char *name, const struct net_prefix *p, uint16_t port, bool has_ports)
{
	json_object(j, name);
	address(j, "address", &p->addr);
	json_uint(j, "prefix", p->len);
	if (has_ports)
		json_uint(j, "port", port);
	json_end(j);
}

static void
selector(struct json *j, const struct sp_selector *sel)
{
	bool ports = upper_has_ports(sel->upper);

	if (sel->src.addr.family == 0)
		return;
	range(j, "src", &sel->src, sel->sport, ports);
	range(j, "dst", &sel->dst, sel->dport, ports);
	json_uint(j, "upper", sel->upper);
	if (upper_name(sel->upper) != NULL)
		json_string(j, "upper_name", upper_name(sel->upper));
	if (upper_is_gre(sel->upper) && (sel->sport != 0 || sel->dport != 0))
		json_uint(j, "gre_key", (uint64_t)sel->sport << 16 | sel->dport);
	if (upper_is_icmp(sel->upper) && sel->sport != 0)
		json_uint(j, "icmp_type", sel->sport - 1u);
	if (upper_is_icmp(sel->upper) && sel->dport != 0)
		json_uint(j, "icmp_code", sel->dport - 1u);
}

static void
rule(struct json *j, const struct sp_rule *r)
{
	static const char *const levels[] = { [SP_DEFAULT] = "default", [SP_USE] = "use",
		[SP_REQUIRE] = "require", [SP_UNIQUE] = "unique" };

	json_object(j, NULL);
	json_string(j, "protocol", sa_proto_name(r->proto));
	json_string(j, "mode", sa_mode_name(r->mode));
	json_string(j, "level", (unsigned)r->level < ARRAY_LEN(levels) ? levels[r->level] : "?");
	json_uint(j, "reqid", r->reqid);
	if (r->src.addr.family != 0) {
		address(j, "src", &r->src.addr);
		address(j, "dst", &r->dst.addr);
	}
	json_end(j);
}

void
setkey_json_sp(const struct sadb_msg *m, struct json *j)
{
	static const char *const actions[] = { [SP_DISCARD] = "discard", [SP_PASS] = "none",
		[SP_IPSEC] = "ipsec", [SP_ENTRUST] = "entrust", [SP_BYPASS] = "bypass" };
	static const char *const directions[] = { "?", "in", "out", "fwd", "in", "out", "fwd" };
	const struct ipsec_policy *sp = &m->sp;

	json_object(j, NULL);
	json_uint(j, "id", sp->id);
	json_string(j, "direction",
		(unsigned)sp->dir < ARRAY_LEN(directions) ? directions[sp->dir] : "?");
	json_bool(j, "per_socket", sp->dir > SP_FWD || sp->sel.src.addr.family == 0);
	selector(j, &sp->sel);
	json_string(j, "action",
		(unsigned)sp->action < ARRAY_LEN(actions) ? actions[sp->action] : "?");
	json_uint(j, "priority", sp->priority == 0 ? SP_PRIORITY_DEFAULT : sp->priority);
	json_array(j, "rules");
	for (unsigned i = 0; i < sp->rules; i++)
		rule(j, &sp->rule[i]);
	json_end(j);
	json_uint(j, "created_s", sp->current.add_s);
	json_uint(j, "used_s", sp->current.use_s);
	json_uint(j, "lifetime_s", sp->hard.add_s);
	json_uint(j, "validtime_s", sp->hard.use_s);
	labels(j, &sp->mark, sp->if_id, &sp->ctx);
	json_end(j);
}
