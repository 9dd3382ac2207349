/*
 * args.c - parameters of verbs that take more than a word to read (see args.h).
 *
 * Called by verbs.c.  What is wrong is told to whoever typed it, and the call ended.
 */
#include "racoon/daemon/args.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/list.h"

enum { END_MAX = 128, COOKIE_DIGITS = 16, PORT_MAX = 65535, UPPER_MAX = 255 };

/* "10.0.0.0/24[80]" */
static bool
traffic_end(const char *typed, struct net_prefix *prefix, uint16_t *port)
{
	const char *bracket = strchr(typed, '[');
	size_t n = bracket == NULL ? strlen(typed) : (size_t)(bracket - typed);
	char text[END_MAX], *end;
	unsigned long v;

	*port = 0;
	if (n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)n, typed);
	if (!net_prefix_parse(text, prefix))
		return false;
	net_prefix_mask(prefix);
	if (bracket == NULL || strcmp(bracket, "[any]") == 0)
		return true;
	v = strtoul(bracket + 1, &end, 10);
	*port = (uint16_t)v;
	return end > bracket + 1 && strcmp(end, "]") == 0 && v <= PORT_MAX;
}

static bool
upper_protocol(const char *typed, uint8_t *out)
{
	const struct protoent *row;
	char *end;
	unsigned long v;

	*out = SP_UPPER_ANY;
	if (typed[0] == '\0' || text_same(typed, "any"))
		return true;
	v = strtoul(typed, &end, 10);
	if (typed[0] >= '0' && typed[0] <= '9' && *end == '\0' && v <= UPPER_MAX) {
		*out = (uint8_t)v;
		return true;
	}
	row = getprotobyname(typed);
	if (row == NULL || row->p_proto < 0 || row->p_proto > UPPER_MAX)
		return false;
	*out = (uint8_t)row->p_proto;
	return true;
}

bool
rd_args_selector(struct ctl_call *call, struct sp_selector *out)
{
	const char *dst = ctl_param(call, 0), *src = ctl_param(call, 1);
	const char *upper = cmd_qual(call->cmd, "POLICY");

	*out = (struct sp_selector){ 0 };
	if (dst == NULL || src == NULL) {
		ctl_done(call, ST_INSFPRM, "/POLICY: destination and source of the traffic are "
			"expected");
		return false;
	}
	if (!upper_protocol(upper, &out->upper)) {
		ctl_done(call, ST_VALREQ, "/POLICY=%s: any, a protocol's name or number is "
			"expected", upper);
		return false;
	}
	for (unsigned i = 0; i < 2; i++)
		if (!traffic_end(i == 0 ? dst : src, i == 0 ? &out->dst : &out->src,
			    i == 0 ? &out->dport : &out->sport)) {
			ctl_done(call, ST_IVPARM, "\\%s\\: expected an address as 10.2.0.0/16 or "
				"10.2.0.1[80]", i == 0 ? dst : src);
			return false;
		}
	if (out->src.addr.family != out->dst.addr.family) {
		ctl_done(call, ST_IVPARM, "%s and %s are of two families", dst, src);
		return false;
	}
	return true;
}

bool
rd_args_proto(struct ctl_call *call, const char *typed, enum sa_proto *out)
{
	static const char *const words[] = { "ESP", "AH", "IPCOMP", NULL };
	static const enum sa_proto protos[] = { SA_ESP, SA_AH, SA_IPCOMP };
	int which = verb_keyword(words, typed);

	if (which < 0) {
		ctl_done(call, ST_IVKEYW, "/PROTOCOL=%s: ESP, AH or IPCOMP is expected", typed);
		return false;
	}
	*out = protos[which];
	return true;
}

static bool
read_cookie(const char *typed, uint8_t *out)
{
	if (strspn(typed, "0123456789abcdefABCDEF") != COOKIE_DIGITS ||
		(typed[COOKIE_DIGITS] != '\0' && typed[COOKIE_DIGITS] != ':'))
		return false;
	for (unsigned i = 0; i < COOKIE_DIGITS / 2; i++) {
		unsigned octet;

		if (sscanf(typed + (size_t)2 * i, "%2x", &octet) != 1)
			return false;
		out[i] = (uint8_t)octet;
	}
	return true;
}

bool
rd_args_one_sa(const char *typed, struct ike_command *out)
{
	unsigned long long v;
	char *end;

	if (typed[0] == '#') {
		v = strtoull(typed + 1, &end, 10);
		if (typed[1] < '1' || typed[1] > '9' || *end != '\0')
			return false;
		out->serial = v;
		return true;
	}
	if (typed[0] == '0' && (typed[1] == 'x' || typed[1] == 'X')) {
		v = strtoull(typed + 2, &end, 16);
		if (end == typed + 2 || *end != '\0' || v == 0 || v > UINT32_MAX)
			return false;
		out->spi = (uint32_t)v;
		return true;
	}
	return read_cookie(typed, out->cookie);
}
