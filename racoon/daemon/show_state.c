/*
 * show_state.c - the sections of SHOW about the daemon itself: STATE, PEERS, COUNTERS, LIMITS,
 * CONFIG.
 *
 * Called by show.c for one item at a time.  PEERS looks at all SAs once, at its beginning, and
 * sorts them by address, so that ten thousand peers with ten thousand SAs stay linear.
 */
#include "racoon/daemon/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/list.h"
#include "lib/log.h"

/* --------------------------------------------------------------------------------------- STATE */

static void
state_json(struct show *s, const struct rd_state *st)
{
	const struct ike *e = rd_engine(s->d);
	struct net_endpoint local;
	struct json *j = &s->json;
	char buf[NET_ENDPOINT_TEXT];

	json_object(j, NULL);
	json_string(j, "version", MULTINET_VERSION);
	json_int(j, "started", st->started.ms / 1000);
	json_int(j, "config_loaded", st->loaded.ms / 1000);
	json_string(j, "config", rd_config(s->d)->file);
	json_string(j, "sadb", st->sadb);
	json_bool(j, "sadb_ready", st->sadb_up);
	json_string(j, "log_level", log_level_name(log_level()));
	json_uint(j, "isakmp_sas", ike_sa_count(e));
	json_uint(j, "half_open", ike_half_open_count(e));
	json_uint(j, "ipsec_sas", st->journal);
	json_uint(j, "jobs", st->jobs);
	json_uint(j, "commands", st->commands);
	json_bool(j, "ending", st->ending);
	json_array(j, "sockets");
	for (size_t i = 0; rd_socket(s->d, i, &local); i++)
		json_string(j, NULL, net_endpoint_text(buf, sizeof(buf), &local));
	json_end(j);
	json_end(j);
}

bool
show_state(struct show *s)
{
	const struct rc_config *c = rd_config(s->d);
	char started[24], loaded[24], up[32], buf[NET_ENDPOINT_TEXT];
	struct net_endpoint local;
	struct rd_state st;
	size_t n = 0;

	if (s->index++ > 0)
		return false;
	rd_state(s->d, &st);
	if (s->call->json) {
		state_json(s, &st);
		return true;
	}
	text_addf(&s->out, "racoon %s, %s since %s (%s)\n", MULTINET_VERSION,
		st.ending ? "ending, up" : "running",
		when_vms(started, sizeof(started), st.started),
		when_delta(up, sizeof(up), when_wall().ms - st.started.ms));
	text_addf(&s->out, "Configuration  %s, read %s: %u remotes, %u sainfos, %zu keys\n",
		c->file, when_vms(loaded, sizeof(loaded), st.loaded), c->remotes, c->sainfos,
		c->psks);
	text_addf(&s->out, "SA database    %s, %s\n", st.sadb, st.sadb_up ? "ready" : "not ready");
	text_addf(&s->out, "Logging        %s\n", log_level_name(log_level()));
	text_add(&s->out, "Sockets       ");
	for (size_t i = 0; n < 4 && rd_socket(s->d, i, &local); i++, n++)
		text_addf(&s->out, " %s", net_endpoint_text(buf, sizeof(buf), &local));
	if (st.sockets > n)
		text_addf(&s->out, " and %zu more", st.sockets - n);
	text_addf(&s->out, "\nSAs            %zu ISAKMP (%zu half-open), %zu IPsec installed",
		ike_sa_count(rd_engine(s->d)), ike_half_open_count(rd_engine(s->d)), st.journal);
	return true;
}

/* --------------------------------------------------------------------------------------- PEERS */

struct peer { /* what is known of one address */
	struct hash_node by_address;
	struct list node;
	struct net_addr address;
	const char *section;
	unsigned up, trying, children;
	bool shown;
	enum status failure;
	wall failed;
};

struct show_peers {
	struct hash_table by_address;
	struct list all;
	struct list *next; /* to be shown */
	unsigned section;
};

static struct peer *
peer_at(struct show *s, const struct net_addr *a, bool make)
{
	uint64_t h = hash_bytes(&rd_config(s->d)->hash_key, a->b, sizeof(a->b));
	struct hash_node *n = hash_find(&s->peers->by_address, h);
	struct peer *p;

	for (; n != NULL; n = hash_again(n)) {
		p = container_of(n, struct peer, by_address);
		if (net_addr_equal(&p->address, a))
			return p;
	}
	p = make ? calloc(1, sizeof(*p)) : NULL;
	if (p == NULL)
		return NULL;
	p->address = *a;
	hash_insert(&s->peers->by_address, &p->by_address, h);
	list_append(&s->peers->all, &p->node);
	return p;
}

static bool
peers_gather(struct show *s)
{
	struct ike_failure_view failure;
	struct ike_child_view child;
	struct ike_sa_view sa;
	uint64_t cursor = 0;
	struct peer *p;

	s->peers = calloc(1, sizeof(*s->peers));
	if (s->peers == NULL || !hash_init(&s->peers->by_address, 64)) {
		free(s->peers);
		s->peers = NULL;
		return false;
	}
	list_init(&s->peers->all);
	while (ike_show_sa(rd_engine(s->d), &cursor, &sa)) {
		p = peer_at(s, &sa.remote.addr, true);
		if (p == NULL)
			continue;
		p->up += sa.established;
		p->trying += !sa.established;
	}
	cursor = 0;
	while (ike_show_child(rd_engine(s->d), &cursor, &child)) {
		p = peer_at(s, &child.remote.addr, true);
		if (p != NULL)
			p->children += child.established;
	}
	for (unsigned i = 0; ike_show_failure(rd_engine(s->d), i, &failure); i++) {
		p = peer_at(s, &failure.remote.addr, true);
		if (p != NULL && p->failed.ms == 0) { /* newest first */
			p->failure = failure.status;
			p->failed = failure.when;
		}
	}
	s->peers->next = s->peers->all.next;
	return true;
}

void
show_peers_free(struct show *s)
{
	if (s->peers == NULL)
		return;
	while (!list_empty(&s->peers->all)) {
		struct peer *p = container_of(s->peers->all.next, struct peer, node);

		list_remove(&p->node);
		hash_remove(&s->peers->by_address, &p->by_address);
		free(p);
	}
	hash_free(&s->peers->by_address);
	free(s->peers);
	s->peers = NULL;
}

static const char *
peer_state(const struct peer *p, bool passive)
{
	if (p != NULL && p->up > 0)
		return "up";
	if (p != NULL && p->trying > 0)
		return "negotiating";
	if (p != NULL && p->failed.ms != 0)
		return "down, failed";
	return passive ? "waiting" : "down";
}

static bool
peer_found(struct show_peer *out, const char *section, const struct net_addr *address, bool passive,
	const struct peer *p)
{
	*out = (struct show_peer){ .section = section, .state = peer_state(p, passive),
		.address = *address, .up = p == NULL ? 0 : p->up,
		.children = p == NULL ? 0 : p->children, .known = p };
	return true;
}

/* The sections in the order of the file, then whoever came through the anonymous one. */
bool
show_next_peer(struct show *s, struct show_peer *out)
{
	const struct rc_config *c = rd_config(s->d);

	if (s->peers == NULL && !peers_gather(s))
		return false;
	while (s->peers->section < c->remotes) {
		const struct rc_remote *r = c->remote[s->peers->section++];
		struct peer *p = NULL;

		if (r->is_parent && r->named && r->address.addr.family == 0)
			continue;
		if (r->address.addr.family != 0)
			p = peer_at(s, &r->address.addr, false);
		if (p != NULL)
			p->shown = true;
		return peer_found(out, r->name, &r->address.addr, r->passive, p);
	}
	while (s->peers->next != &s->peers->all) {
		struct peer *p = container_of(s->peers->next, struct peer, node);

		s->peers->next = s->peers->next->next;
		if (!p->shown)
			return peer_found(out, c->anonymous != NULL ? c->anonymous->name : "-",
				&p->address, false, p);
	}
	show_peers_free(s);
	return false;
}

bool
show_peer(struct show *s)
{
	char addr[NET_ADDR_TEXT] = "any", when[24] = "", failure[64] = "-";
	struct show_peer v;
	const struct peer *p;

	if (!show_next_peer(s, &v))
		return false;
	p = v.known;
	bool failed = p != NULL && p->failed.ms != 0;

	s->item = (struct show_item){ .remote.addr = v.address, .state = v.state,
		.section = v.section, .children = v.children,
		.created = failed ? p->failed : (wall){ 0 } };

	if (v.address.family != 0)
		net_addr_text(addr, sizeof(addr), &v.address);
	if (failed)
		snprintf(failure, sizeof(failure), "%s %s", status_row(p->failure)->ident,
			when_vms(when, sizeof(when), p->failed));
	if (!s->call->json) {
		text_addf(&s->out, "%-22s %-22s %-13s %-7u %-6u %s", v.section, addr, v.state,
			v.up, v.children, failure);
		return true;
	}
	json_object(&s->json, NULL);
	json_string(&s->json, "section", v.section);
	json_string(&s->json, "address", v.address.family == 0 ? NULL : addr);
	json_string(&s->json, "state", v.state);
	json_uint(&s->json, "isakmp_sas", v.up);
	json_uint(&s->json, "ipsec_sas", v.children);
	json_string(&s->json, "last_failure", failed ? status_row(p->failure)->ident : NULL);
	if (failed)
		json_int(&s->json, "last_failure_at", p->failed.ms / 1000);
	json_end(&s->json);
	return true;
}

/* --------------------------------------------------------------------- COUNTERS, LIMITS, CONFIG */

static bool
number_item(struct show *s, const char *name, uint64_t value)
{
	if (s->call->json) {
		json_object(&s->json, NULL);
		json_string(&s->json, "name", name);
		json_uint(&s->json, "value", value);
		json_end(&s->json);
	} else {
		text_addf(&s->out, "%-28s %12" PRIu64, name, value);
	}
	return true;
}

bool
show_counters(struct show *s)
{
	enum ike_count which = (enum ike_count)s->index++;

	return which < IKE_N_COUNT &&
		number_item(s, ike_count_name(which), ike_count(rd_engine(s->d), which));
}

bool
show_limits(struct show *s)
{
	const struct ike_limits *l = ike_limits(rd_engine(s->d));
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "half-open ISAKMP SAs", l->half_open },
		{ "half-open SAs of one peer", l->half_open_per_peer },
		{ "ISAKMP SAs", l->sas },
		{ "phase 2 of one ISAKMP SA", l->children_per_sa },
		{ "octets of one negotiation", l->arena },
		{ "commands waiting", RD_COMMANDS_MAX },
		{ "failures kept", IKE_FAILURES_KEPT },
		{ "sessions", CTL_SESSIONS_MAX },
	};

	return s->index < ARRAY_LEN(rows) &&
		(s->index++, number_item(s, rows[s->index - 1].name, rows[s->index - 1].value));
}

bool
show_config(struct show *s)
{
	struct text dump = { 0 };

	if (s->index++ > 0)
		return false;
	rc_dump(rd_config(s->d), &dump);
	if (s->call->json)
		json_string(&s->json, NULL, text_str(&dump));
	else
		text_add(&s->out, text_str(&dump));
	text_free(&dump);
	return true;
}
