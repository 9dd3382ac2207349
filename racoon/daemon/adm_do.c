/*
 * adm_do.c - what racoonctl does: reload-config, flush-sa, delete-sa, establish-sa, vpn-connect,
 * vpn-disconnect, show-event, logout-user.
 *
 * Called by racoonctl_main.c.  Arguments are looked at here as far as the old program did; the rest
 * is racoon's to refuse, in its own words.
 */
#include "racoon/daemon/adm.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/list.h"
#include "lib/net.h"

enum { ARGUMENT_MAX = 128 };

int
adm_proto(const char *word)
{
	static const char *const words[] = { [ADM_ISAKMP] = "isakmp", [ADM_IPSEC] = "ipsec",
		[ADM_AH] = "ah", [ADM_ESP] = "esp" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	fprintf(stderr, "unknown protocol %s\n", word);
	return -1;
}

static int
simple(struct adm *a, int timeout_ms, const char *request)
{
	return adm_done(a, adm_ask(a, timeout_ms, NULL, NULL, "%s", request)) ? EXIT_SUCCESS :
		EXIT_FAILURE;
}

/* An argument goes into a request as one word. */
static bool
is_word(const char *s)
{
	return s[0] != '\0' && strlen(s) < ARGUMENT_MAX && strpbrk(s, " \t\r\n\"/=") == NULL;
}

/* ------------------------------------------------------------------------- reload-config, flush */

static void
to_stderr(void *user, const char *text)
{
	struct text *t = user;

	text_addf(t, "%s\n", text);
}

int
adm_reload(struct adm *a, int argc, char **argv)
{
	struct text said = { 0 };
	unsigned code = adm_ask(a, ADM_ASK_MS, to_stderr, &said, "RELOAD");

	(void)argc;
	(void)argv;
	if (code / 100 != 2)
		fputs(text_str(&said), stderr);
	text_free(&said);
	return adm_done(a, code) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
adm_flush_sa(struct adm *a, int argc, char **argv)
{
	static const char *const requests[] = { [ADM_ISAKMP] = "FLUSH ISAKMP",
		[ADM_IPSEC] = "FLUSH IPSEC", [ADM_AH] = "FLUSH AH", [ADM_ESP] = "FLUSH ESP" };
	int proto;

	if (argc != 2) {
		fprintf(stderr, "usage: racoonctl flush-sa isakmp|esp|ah|ipsec\n");
		return EXIT_FAILURE;
	}
	proto = adm_proto(argv[1]);
	return proto < 0 ? EXIT_FAILURE : simple(a, ADM_WAIT_MS, requests[proto]);
}

/* -------------------------------------------------------------------------------------- saopts */

struct saopts { /* isakmp inet SRC DST; or esp|ah inet SRC/p/port DST/p/port UPPER */
	int proto;
	char src[ARGUMENT_MAX], dst[ARGUMENT_MAX]; /* for esp: "10.0.0.0/24[80]" */
	const char *upper;
};

static bool
resolve(const char *name, int family, char *out)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM }, *found = NULL;
	struct net_endpoint e = { 0 };
	int error = getaddrinfo(name, NULL, &hints, &found);
	bool good = error == 0 && net_from_sockaddr(found->ai_addr, &e);

	if (error == 0)
		freeaddrinfo(found);
	if (!good) {
		fprintf(stderr, "racoonctl: %s: %s\n", name, error != 0 ? gai_strerror(error) :
			"no address of this family");
		return false;
	}
	net_addr_text(out, ARGUMENT_MAX, &e.addr);
	return true;
}

/* "ADDRESS[/prefix[/port]]" as "ADDRESS/prefix[port]" */
static bool
selector_end(const char *typed, int family, char *out)
{
	char address[ARGUMENT_MAX], numeric[ARGUMENT_MAX];
	const char *slash = strchr(typed, '/'), *more = slash;
	unsigned prefix = family == AF_INET ? 32 : 128, port = 0;
	size_t n = slash == NULL ? strlen(typed) : (size_t)(slash - typed);
	char *end;

	if (n >= sizeof(address))
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)n, typed);
	if (more != NULL) {
		unsigned long v = strtoul(more + 1, &end, 10);

		if (end == more + 1 || (*end != '\0' && *end != '/') || v > prefix)
			return false;
		prefix = (unsigned)v;
		more = *end == '/' ? end : NULL;
	}
	if (more != NULL && strcmp(more + 1, "any") != 0) {
		unsigned long v = strtoul(more + 1, &end, 10);

		if (end == more + 1 || *end != '\0' || v > 65535)
			return false;
		port = (unsigned)v;
	}
	if (!resolve(address, family, numeric))
		return false;
	snprintf(out, ARGUMENT_MAX, port == 0 ? "%.80s/%u" : "%.80s/%u[%u]", numeric, prefix, port);
	return true;
}

static bool
take_ends(struct saopts *o, char **argv)
{
	int family = strcmp(argv[1], "inet") == 0 ? AF_INET :
		strcmp(argv[1], "inet6") == 0 ? AF_INET6 : AF_UNSPEC;

	if (family == AF_UNSPEC) {
		fprintf(stderr, "racoonctl: unknown address family %s: expected inet or inet6\n",
			argv[1]);
		return false;
	}
	if (o->proto == ADM_ISAKMP)
		return resolve(argv[2], family, o->src) && resolve(argv[3], family, o->dst);
	if (selector_end(argv[2], family, o->src) && selector_end(argv[3], family, o->dst))
		return true;
	fprintf(stderr, "racoonctl: expected ADDRESS/prefixlen/port, as 10.0.0.0/24/0\n");
	return false;
}

static bool
take_saopts(struct saopts *o, int argc, char **argv)
{
	static const char *const uppers[] = { "icmp", "tcp", "udp", "gre", "any" };

	if (argc < 4) {
		fprintf(stderr, "racoonctl: expected isakmp {inet|inet6} SRC DST or {esp|ah} "
			"{inet|inet6} SRC/prefixlen/port DST/prefixlen/port "
			"{icmp|tcp|udp|gre|any}\n");
		return false;
	}
	o->proto = adm_proto(argv[0]);
	if (o->proto < 0)
		return false;
	if (o->proto == ADM_IPSEC || argc != (o->proto == ADM_ISAKMP ? 4 : 5)) {
		fprintf(stderr, "racoonctl: %s\n", o->proto == ADM_IPSEC ?
			"one of isakmp, esp and ah is expected" :
			o->proto == ADM_ISAKMP ?
			"isakmp is followed by a family and two addresses" :
			"esp and ah are followed by a family, two addresses and a protocol");
		return false;
	}
	for (size_t i = 0; o->proto != ADM_ISAKMP && i < ARRAY_LEN(uppers); i++)
		if (strcmp(uppers[i], argv[4]) == 0)
			o->upper = uppers[i];
	if (o->proto != ADM_ISAKMP && o->upper == NULL) {
		fprintf(stderr, "racoonctl: unknown upper layer protocol %s: expected icmp, tcp, "
			"udp, gre or any\n", argv[4]);
		return false;
	}
	return take_ends(o, argv);
}

/* ------------------------------------------------------------------------- delete-sa, establish */

int
adm_delete_sa(struct adm *a, int argc, char **argv)
{
	struct saopts o = { 0 };
	unsigned code;

	if (!take_saopts(&o, argc - 1, argv + 1))
		return EXIT_FAILURE;
	if (o.proto == ADM_ISAKMP)
		code = adm_ask(a, ADM_WAIT_MS, NULL, NULL, "DELETE %s %s", o.dst, o.src);
	else
		code = adm_ask(a, ADM_WAIT_MS, NULL, NULL, "DELETE %s %s /POLICY=%s /PROTOCOL=%s",
			o.dst, o.src, o.upper, o.proto == ADM_ESP ? "ESP" : "AH");
	return adm_done(a, code) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The ends of an ISAKMP SA, out of the last line of ESTABLISH: "…: A[p]<=>B[p]". */
static void
say_established(const struct adm *a, int proto)
{
	const char *arrow = strstr(a->message, "<=>"), *from;
	int n;

	if (proto == ADM_ISAKMP || arrow == NULL) {
		printf(proto == ADM_ISAKMP ? "VPN connexion established\n" :
			"Phase 2 established\n");
		return;
	}
	for (from = arrow; from > a->message && from[-1] != ' '; from--)
		continue;
	n = (int)strcspn(arrow + 3, " ,");
	printf("Phase 2 established : %.*s -> %.*s\n", (int)(arrow - from), from, n, arrow + 3);
}

struct establish_options {
	const char *identity, *remote;
	bool wait;
};

static int
establish(struct adm *a, const struct saopts *o, const struct establish_options *e)
{
	struct text request = { 0 };
	unsigned code;
	bool already;

	text_addf(&request, "ESTABLISH %s", o->dst);
	if (o->src[0] != '\0')
		text_addf(&request, " %s", o->src);
	if (o->upper != NULL)
		text_addf(&request, " /POLICY=%s", o->upper);
	if (e->remote != NULL)
		text_addf(&request, " /REMOTE=\"%s\"", e->remote);
	if (!e->wait)
		text_add(&request, " /NOWAIT");
	code = adm_ask(a, ADM_WAIT_MS, NULL, NULL, "%s", text_str(&request));
	text_free(&request);
	already = strcmp(a->ident, "ALREADY") == 0;
	if (!already && !adm_done(a, code))
		return EXIT_FAILURE;
	if (e->wait)
		say_established(a, o->proto);
	return EXIT_SUCCESS;
}

/* The identity is for XAUTH; a password is not asked for in vain. */
static bool
refuse_identity(const struct establish_options *e)
{
	if (e->identity == NULL)
		return false;
	fprintf(stderr, "racoonctl: -u %s: logging in with a password is XAUTH, which this racoon "
		"has not got\n", e->identity);
	return true;
}

int
adm_establish_sa(struct adm *a, int argc, char **argv)
{
	struct establish_options e = { 0 };
	struct saopts o = { 0 };
	int c;

	optind = 1;
	while ((c = getopt(argc, argv, "+u:n:w")) != -1) {
		if (c == 'u')
			e.identity = optarg;
		else if (c == 'n')
			e.remote = optarg;
		else if (c == 'w')
			e.wait = true;
		else
			return EXIT_FAILURE;
	}
	if (refuse_identity(&e) || !take_saopts(&o, argc - optind, argv + optind))
		return EXIT_FAILURE;
	if (e.remote != NULL && (strlen(e.remote) >= ARGUMENT_MAX || strpbrk(e.remote, "\"\r\n"))) {
		fprintf(stderr, "racoonctl: -n: no name of a remote section\n");
		return EXIT_FAILURE;
	}
	return establish(a, &o, &e);
}

int
adm_vpn_connect(struct adm *a, int argc, char **argv)
{
	struct establish_options e = { .wait = true };
	struct saopts o = { .proto = ADM_ISAKMP };
	int c;

	optind = 1;
	while ((c = getopt(argc, argv, "+u:")) != -1) {
		if (c != 'u')
			return EXIT_FAILURE;
		e.identity = optarg;
	}
	if (argc - optind != 1 || !is_word(argv[optind])) {
		fprintf(stderr, "usage: racoonctl vpn-connect [-u identity] vpn_gateway\n");
		return EXIT_FAILURE;
	}
	if (refuse_identity(&e) || !resolve(argv[optind], AF_UNSPEC, o.dst))
		return EXIT_FAILURE;
	return establish(a, &o, &e);
}

int
adm_vpn_disconnect(struct adm *a, int argc, char **argv)
{
	char gateway[ARGUMENT_MAX];

	if (argc != 2 || !is_word(argv[1])) {
		fprintf(stderr, "usage: racoonctl vpn-disconnect vpn_gateway\n");
		return EXIT_FAILURE;
	}
	if (!resolve(argv[1], AF_UNSPEC, gateway))
		return EXIT_FAILURE;
	if (!adm_done(a, adm_ask(a, ADM_WAIT_MS, NULL, NULL, "DELETE %s", gateway)))
		return EXIT_FAILURE;
	printf("VPN connexion terminated\n");
	return EXIT_SUCCESS;
}

int
adm_logout_user(struct adm *a, int argc, char **argv)
{
	if (argc != 2 || !is_word(argv[1])) {
		fprintf(stderr, "usage: racoonctl logout-user login\n");
		return EXIT_FAILURE;
	}
	return adm_done(a, adm_ask(a, ADM_WAIT_MS, NULL, NULL, "DELETE /USER=%s", argv[1])) ?
		EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---------------------------------------------------------------------------------- show-event */

static const struct event_row {
	const char *event; /* racoon's words */
	const char *ident; /* the condition, for failures; NULL: any */
	const char *text;
} event_rows[] = {
	{ "ISAKMP UP", NULL, "Phase 1 established" },
	{ "ISAKMP DOWN", NULL, "Phase 1 deleted" },
	{ "ISAKMP FAILED", "NORESPONSE", "Phase 1 error: peer not responding" },
	{ "ISAKMP FAILED", "NOAUTHANSWER", "Phase 1 error: peer not responding" },
	{ "ISAKMP FAILED", "NOPROPOSAL", "Phase 1 error: no proposal chosen" },
	{ "ISAKMP FAILED", "AUTHFAILED",
		"Phase 1 error: authentication failed (bad certificate?)" },
	{ "ISAKMP FAILED", "PSKMISMATCH",
		"Phase 1 error: authentication failed (bad certificate?)" },
	{ "ISAKMP FAILED", "IDMISMATCH",
		"Phase 1 error: authentication failed (bad certificate?)" },
	{ "ISAKMP FAILED", "*CERT*",
		"Phase 1 error: authentication failed (bad certificate?)" },
	{ "ISAKMP FAILED", "TIMEUP", "Phase 1 error: peer not responding" },
	{ "ISAKMP FAILED", "PEERDEAD", "Phase 1 error: dead peer detected" },
	{ "IPSEC UP", NULL, "Phase 2 established" },
	{ "IPSEC DOWN", NULL, "Phase 2 deleted" },
	{ "IPSEC FAILED", "NORESPONSE", "Phase 2 error: no response" },
};

/* "EVENT: ISAKMP UP local[port] remote[port] IDENT …", behind "RACOON: " through the master. */
static void
show_event(const char *news)
{
	char class[24], what[8], local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT], ident[24];
	const char *at = strstr(news, "EVENT ");

	if (at == NULL || sscanf(at, "EVENT %7s %7s %71s %71s %23s", class, what, local, remote,
		ident) != 5)
		return;
	snprintf(class + strlen(class), sizeof(class) - strlen(class), " %.8s", what);
	for (size_t i = 0; i < ARRAY_LEN(event_rows); i++) {
		const struct event_row *r = &event_rows[i];

		if (strcmp(r->event, class) != 0 ||
			(r->ident != NULL && !text_glob(r->ident, ident, false)))
			continue;
		printf("%s : %s -> %s\n", r->text, local, remote);
		return;
	}
	printf("%s error: %s : %s -> %s\n", class[1] == 'S' ? "Phase 1" : "Phase 2", ident, local,
		remote);
}

int
adm_show_event(struct adm *a, int argc, char **argv)
{
	char news[1024];

	(void)argc;
	(void)argv;
	if (!adm_done(a, adm_ask(a, ADM_ASK_MS, NULL, NULL, "MONITOR ISAKMP IPSEC")))
		return EXIT_FAILURE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (adm_news(a, news, sizeof(news)))
		show_event(news);
	printf("Racoon terminated\n");
	return EXIT_SUCCESS;
}
