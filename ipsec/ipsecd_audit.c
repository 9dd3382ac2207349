/*
 * ipsecd_audit.c - what the engine refused, for the log: the auditable events of RFC 4301 5.2, RFC
 * 4302 4 and RFC 4303 4.
 *
 * Called once in each turn of the loop.  The engine keeps the rate; a line names the condition that
 * HELP/MESSAGE explains, SPI, addresses and sequence number, never what was in the packet.
 */
#include "ipsec/ipsecd.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/log.h"

static void
tell(const struct eng_audit *a)
{
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT], number[40] = "", more[64] = "";
	char line[400], detail[300];

	if (a->seq != 0)
		snprintf(number, sizeof(number), ", sequence number %" PRIu64, a->seq);
	if (a->more != 0)
		snprintf(more, sizeof(more), "; %" PRIu64 " more since the last one", a->more);
	snprintf(detail, sizeof(detail), "%s, %s -> %s, %s SPI 0x%08" PRIx32 "%s%s",
		eng_count_name(a->what), net_addr_text(src, sizeof(src), &a->src),
		net_addr_text(dst, sizeof(dst), &a->dst), sa_proto_name(a->proto), a->spi, number,
		more);
	status_format(line, sizeof(line), eng_count_condition(a->what), NULL, detail);
	log_line(LOG_L_WARNING, NULL, "%s", line);
}

void
ipsecd_audit(struct ipsecd *d)
{
	struct eng_audit a;

	while (eng_audit(d->eng, &a))
		tell(&a);
}
