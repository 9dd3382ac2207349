/*
 * events.c - what MONITOR tells of SAs, as lines:
 *
 *	EVENT ISAKMP|IPSEC UP|DOWN|FAILED local[port] remote[port] IDENT [#number …]
 *
 * Called by host_uv.c for each note of the engine.  IDENT is the condition that ended it; further
 * words may be added behind, so readers take what they know.
 */
#include "racoon/daemon/events.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/ctl.h"

char *
rd_sa_text(char *buf, size_t size, uint64_t serial)
{
	buf[0] = '\0';
	if (serial != 0)
		snprintf(buf, size, " #%" PRIu64, serial);
	return buf;
}

static const char *
happened(const struct ike_note *n)
{
	switch (n->type) {
	case IKE_NOTE_PH1_UP:
	case IKE_NOTE_PH2_UP:
		return "UP";
	case IKE_NOTE_PH1_DOWN:
	case IKE_NOTE_PH2_DOWN:
		return "DOWN";
	case IKE_NOTE_FAILURE:
		return "FAILED";
	case IKE_NOTE_PH1_DEAD: /* the failure or the end has been told */
		break;
	}
	return NULL;
}

/* The cookies, or the SPIs. */
static void
more(const struct ike_note *n, char *buf, size_t size)
{
	char hex[2][17];

	if (n->type == IKE_NOTE_FAILURE) {
		rd_sa_text(buf, size, n->serial);
		return;
	}
	buf[0] = '\0';
	if (n->phase == 1) {
		bytes_to_hex(hex[0], sizeof(hex[0]), bytes_of(n->cookie_i, 8));
		bytes_to_hex(hex[1], sizeof(hex[1]), bytes_of(n->cookie_r, 8));
		snprintf(buf, size, " #%" PRIu64 " %s:%s", n->serial, hex[0], hex[1]);
	} else if (n->in != NULL && n->out != NULL) {
		snprintf(buf, size, " #%" PRIu64 " %s/%s 0x%08" PRIx32 " 0x%08" PRIx32, n->serial,
			sa_proto_name(n->in->proto), sa_mode_name(n->in->mode), n->in->spi,
			n->out->spi);
	}
}

unsigned
rd_event(const struct ike_note *n, char *buf, size_t size)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], tail[96];
	const char *what = happened(n);
	unsigned classes = n->phase == 1 ? CTL_NEWS_ISAKMP : CTL_NEWS_IPSEC;

	if (what == NULL)
		return 0;
	more(n, tail, sizeof(tail));
	snprintf(buf, size, "EVENT %s %s %s %s %s%s", n->phase == 1 ? "ISAKMP" : "IPSEC", what,
		net_endpoint_text(local, sizeof(local), &n->local),
		net_endpoint_text(remote, sizeof(remote), &n->remote),
		status_row(n->status)->ident, tail);
	return n->type == IKE_NOTE_FAILURE ? classes | CTL_NEWS_FAILURE : classes;
}
