/*
 * fail.c - failures kept after the SA is gone, and notes for the host.
 *
 * Called wherever a negotiation ends.  The history is a ring; the same failure of the same peer is
 * not entered again for a while, so that nobody can flush it with forged first messages.
 */
#include <stdio.h>
#include <string.h>

#include "racoon/ike/engine.h"

static bool
told_lately(struct ike *e, unsigned phase, const struct net_endpoint *remote, enum status status)
{
	for (unsigned i = 0; i < e->failures; i++) {
		unsigned at = (e->failure_next + IKE_FAILURES_KEPT - 1 - i) % IKE_FAILURES_KEPT;
		const struct ike_failure_view *f = &e->failure[at];
		if (instant_diff(e->now, e->failed_at[at]) > IKE_FAILURE_QUIET_MS)
			return false;
		if (f->phase == phase && f->status == status &&
		    net_endpoint_equal(&f->remote, remote))
			return true;
	}
	return false;
}

static struct ike_note *
note_new(struct ike *e, enum ike_note_type type, enum status status, const char *detail)
{
	struct ike_effect *fx = ike_fx(e, IKE_FX_NOTE);
	char *copy = arena_strndup(e->step, detail, IKE_DETAIL_MAX);

	if (fx == NULL)
		return NULL;
	fx->note.type = type;
	fx->note.status = status;
	fx->note.detail = copy == NULL ? "" : copy;
	fx->note.peer_id = "";
	return &fx->note;
}

void
ike_failure(struct ike *e, unsigned phase, uint64_t serial, const struct net_endpoint *local,
	const struct net_endpoint *remote, enum status status, uint16_t notify, const char *detail)
{
	struct ike_failure_view *f = &e->failure[e->failure_next];
	struct ike_note *n;

	if ((unsigned)status < ST_COUNT)
		e->failed[status]++;
	if (e->quiet || told_lately(e, phase, remote, status))
		return;
	*f = (struct ike_failure_view){ .when = e->today, .local = *local, .remote = *remote,
		.phase = phase, .serial = serial, .status = status, .peer_notify = notify };
	snprintf(f->detail, sizeof(f->detail), "%s", detail);
	e->failed_at[e->failure_next] = e->now;
	e->failure_next = (e->failure_next + 1) % IKE_FAILURES_KEPT;
	if (e->failures < IKE_FAILURES_KEPT)
		e->failures++;
	n = note_new(e, IKE_NOTE_FAILURE, status, detail);
	if (n == NULL)
		return;
	n->phase = phase;
	n->serial = serial;
	n->local = *local;
	n->remote = *remote;
}

bool
ike_show_failure(const struct ike *e, unsigned index, struct ike_failure_view *out)
{
	if (index >= e->failures)
		return false;
	*out = e->failure[(e->failure_next + IKE_FAILURES_KEPT - 1 - index) % IKE_FAILURES_KEPT];
	return true;
}

static void
note_peer(struct ike *e, struct ike_note *n, const struct ike_sa *sa)
{
	char *id = sa->peer_id_text == NULL ? NULL : arena_strdup(e->step, sa->peer_id_text);

	memcpy(n->cookie_i, sa->cookie_i, sizeof(n->cookie_i));
	memcpy(n->cookie_r, sa->cookie_r, sizeof(n->cookie_r));
	if (id != NULL)
		n->peer_id = id;
}

void
ike_note_sa(struct ike *e, enum ike_note_type type, const struct ike_sa *sa, enum status status,
	const char *detail)
{
	struct ike_note *n = note_new(e, type, status, detail);

	if (n == NULL)
		return;
	n->phase = 1;
	n->serial = sa->serial;
	n->local = sa->local;
	n->remote = sa->remote;
	n->conf = sa->conf;
	note_peer(e, n, sa);
}

static struct ipsec_sa *
note_ipsec(struct ike *e, const struct ike_child *c, bool inbound)
{
	struct ipsec_sa *sa = arena_alloc(e->step, sizeof(*sa));

	if (sa == NULL)
		return NULL;
	ike_child_sa(c, &c->pair[0], inbound, sa);
	sa->hard.add_s = (uint64_t)(c->life_ms / 1000);
	return sa;
}

void
ike_note_child(struct ike *e, enum ike_note_type type, const struct ike_child *c,
	enum status status, const char *detail)
{
	struct ike_note *n = note_new(e, type, status, detail);
	const struct ike_sa *sa = ike_sa_by_serial(e, c->parent);

	if (n == NULL)
		return;
	n->phase = 2;
	n->serial = c->serial;
	n->local = c->local;
	n->remote = c->remote;
	n->msgid = c->message_id;
	n->in = note_ipsec(e, c, true);
	n->out = note_ipsec(e, c, false);
	if (sa != NULL)
		note_peer(e, n, sa);
}

/*
 * RFC 2408 3.14.1.  With a pre-shared key the first encrypted message is where a wrong key shows:
 * the peer cannot read it, and says so in whatever words it has.
 */
enum status
ike_notify_status(uint16_t notify, enum ike_state state)
{
	switch (notify) {
	case WIRE_N_NO_PROPOSAL_CHOSEN:
	case WIRE_N_ATTRIBUTES_NOT_SUPPORTED:
	case WIRE_N_BAD_PROPOSAL_SYNTAX:
		return state == IKE_S_MSG1_SENT || state == IKE_S_AGG1_SENT ||
				state == IKE_S_BASE1_SENT
			? ST_NOPROPOSAL
			: ST_PEERREFUSED;
	case WIRE_N_INVALID_ID_INFORMATION:
		return ST_IDMISMATCH;
	case WIRE_N_PAYLOAD_MALFORMED:
	case WIRE_N_INVALID_PAYLOAD_TYPE:
	case WIRE_N_INVALID_HASH_INFORMATION:
	case WIRE_N_UNEQUAL_PAYLOAD_LENGTHS:
		return state == IKE_S_MSG5_SENT || state == IKE_S_BASE3_SENT ? ST_PSKMISMATCH
									     : ST_PEERREFUSED;
	case WIRE_N_AUTHENTICATION_FAILED:
		return ST_AUTHFAILED;
	}
	return ST_PEERREFUSED;
}
