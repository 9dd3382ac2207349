/*
 * complete.c - COMPLETE: the peers that a verb's parameter may name.
 *
 * Called by lib/ctl.c, from racoon_main.c's table of what the service offers, when somebody at a
 * console or in a shell presses Tab: the addresses of the configuration's sections and of the
 * ISAKMP SAs.  Changes nothing; a Tab costs a bounded look at both.
 */
#include "racoon/daemon/complete.h"

#include <string.h>

#include "racoon/daemon/host.h"

enum { COMPLETE_WORDS = 256, COMPLETE_SAS = 4096 };

static bool
is_peer(const char *shape)
{
	return strcmp(shape, "remote") == 0 || strcmp(shape, "address") == 0;
}

static unsigned
add(const struct net_addr *a, const char *prefix, const char *what, struct text *out)
{
	char addr[NET_ADDR_TEXT];

	if (a->family == 0 || !text_prefix(prefix, net_addr_text(addr, sizeof(addr), a)))
		return 0;
	text_addf(out, "%s\t%s\n", addr, what);
	return 1;
}

void
rd_candidates(void *user, const char *shape, const char *prefix, struct text *out)
{
	struct rd *d = user;
	const struct rc_config *c = rd_config(d);
	struct ike_sa_view sa;
	uint64_t cursor = 0;
	unsigned words = 0;

	if (!is_peer(shape))
		return;
	for (size_t i = 0; i < c->remotes && words < COMPLETE_WORDS; i++)
		words += add(&c->remote[i]->address.addr, prefix, "peer", out);
	for (unsigned n = 0; n < COMPLETE_SAS && words < COMPLETE_WORDS &&
		ike_show_sa(rd_engine(d), &cursor, &sa); n++)
		words += add(&sa.remote.addr, prefix, "peer with an ISAKMP SA", out);
}
