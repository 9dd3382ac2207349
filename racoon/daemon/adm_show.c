/*
 * adm_show.c - what racoonctl shows: show-sa, show-schedule, get-cert, status.
 *
 * Called by racoonctl_main.c.  Rows come from racoon as CSV and leave in the columns of the old
 * program, to the blank; SAs of the kernel or of the engine are setkey's to show.
 */
#include "racoon/daemon/adm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/list.h"
#include "lib/net.h"
#include "lib/when.h"

enum { ADDRESS_SHORT = 22, ADDRESS_LONG = 45, VERSION_1_0 = 0x10, EXIT_NOT_FOUND = 127 };

/* --------------------------------------------------------------------------------------- values */

/* Phase 1 states as the old daemon numbered them. */
static int
old_state(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = {
		{ "START", 1 },
		{ "MSG1-SENT", 3 }, { "MSG3-SENT", 5 }, { "MSG5-SENT", 7 }, /* initiator */
		{ "MSG2-SENT", 3 }, { "MSG4-SENT", 5 },                     /* responder */
		{ "AGG1-SENT", 3 }, { "AGG2-SENT", 3 },
		{ "BASE1-SENT", 3 }, { "BASE3-SENT", 5 }, { "BASE2-SENT", 3 },
		{ "ESTABLISHED", 9 }, { "DYING", 10 }, { "DEAD", 11 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].number;
	return 0;
}

static char
old_exchange(const char *name)
{
	return strcmp(name, "main") == 0 ? 'M' : strcmp(name, "aggressive") == 0 ? 'A' :
		strcmp(name, "base") == 0 ? 'B' : 'U';
}

/* "127.0.0.2.15500" */
static void
put_address(const struct adm_rows *r, const char *address, const char *port, int width)
{
	char buf[NET_ADDR_TEXT + 8];

	snprintf(buf, sizeof(buf), "%s.%s", adm_value(r, address), adm_value(r, port));
	printf("%-*s ", width, buf);
}

static const char *
date_text(const char *seconds, char *buf, size_t size)
{
	wall t = { strtoll(seconds, NULL, 10) * 1000 };

	if (t.ms > 0)
		return when_iso(buf, size, t);
	snprintf(buf, size, "%19s", "");
	return buf;
}

/* ------------------------------------------------------------------------------ show-sa isakmp */

static void
isakmp_row(struct adm_rows *r)
{
	const struct adm *a = r->user;
	char date[24];

	if (a->detail > 1)
		put_address(r, "local", "local_port", ADDRESS_LONG);
	put_address(r, "remote", "remote_port", a->detail > 1 ? ADDRESS_LONG : ADDRESS_SHORT);
	printf("%-33s ", adm_value(r, "cookies"));
	if (a->detail > 0)
		printf("%2d %c %2x %c ", old_state(adm_value(r, "state")),
			adm_value(r, "side")[0] == 'i' ? 'I' : 'R', (unsigned)VERSION_1_0,
			old_exchange(adm_value(r, "exchange")));
	printf("%s ", date_text(adm_value(r, "created"), date, sizeof(date)));
	if (a->detail > 0)
		printf("%6s ", adm_value(r, "children"));
	printf("\n");
}

static void
isakmp_head(const struct adm *a)
{
	if (a->detail > 1)
		printf("%-45s ", "Source");
	printf("%-*s %-33s ", a->detail > 1 ? ADDRESS_LONG : ADDRESS_SHORT, "Destination",
		"Cookies");
	if (a->detail > 0)
		printf("ST S  V E %-19s Phase2\n", "Created");
	else
		printf("Created\n");
}

static int
show_isakmp_sas(struct adm *a)
{
	struct adm_rows r = { .row = isakmp_row, .user = a };
	unsigned code;

	isakmp_head(a);
	code = adm_ask(a, ADM_ASK_MS, adm_rows_line, &r, "SHOW ISAKMP/FORMAT=CSV");
	adm_rows_free(&r);
	return adm_done(a, code) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -------------------------------------------------------------------------------- show-sa esp */

/* "SA database    engine, ready" */
static void
see_backend(void *user, const char *text)
{
	char *backend = user, word[16];

	if (sscanf(text, "SA database %15[a-z]", word) == 1)
		snprintf(backend, sizeof(word), "%s", word);
}

/* setkey of the same directory as this program, else of the path. */
static void
run_setkey(const char *backend)
{
	char self[4096], *slash;
	const char *argv[] = { "setkey", "-B", backend, "-c", NULL };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - sizeof("setkey"));

	if (backend[0] == '\0') {
		argv[1] = "-c";
		argv[2] = NULL;
	}
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		snprintf(slash != NULL ? slash + 1 : self, sizeof("setkey"), "setkey");
		execv(self, (char *const *)argv);
	}
	execvp("setkey", (char *const *)argv);
	fprintf(stderr, "racoonctl: setkey, which shows these, cannot be run\n");
	_exit(EXIT_NOT_FOUND);
}

static int
show_database(struct adm *a, const char *proto)
{
	char backend[16] = "", words[32];
	int pipes[2], status = 0;
	pid_t child;

	if (!adm_done(a, adm_ask(a, ADM_ASK_MS, see_backend, backend, "SHOW STATE")))
		return EXIT_FAILURE;
	fflush(stdout);
	if (pipe(pipes) != 0 || (child = fork()) < 0) {
		perror("racoonctl: pipe");
		return EXIT_FAILURE;
	}
	if (child == 0) {
		dup2(pipes[0], STDIN_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		run_setkey(backend);
	}
	close(pipes[0]);
	snprintf(words, sizeof(words), "dump %s;\n", proto);
	if (write(pipes[1], words, strlen(words)) < 0)
		perror("racoonctl: write");
	close(pipes[1]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int
adm_show_sa(struct adm *a, int argc, char **argv)
{
	int proto = argc < 2 ? (int)ADM_ISAKMP : adm_proto(argv[1]);

	switch (proto) {
	case ADM_ISAKMP:
		return show_isakmp_sas(a);
	case ADM_IPSEC:
		return show_database(a, "");
	case ADM_AH:
		return show_database(a, "ah");
	case ADM_ESP:
		return show_database(a, "esp");
	}
	return EXIT_FAILURE;
}

/* ------------------------------------------------------------------------------- show-schedule */

static void
schedule_row(struct adm_rows *r)
{
	char date[24];

	printf("%-8s %-8s %-8s %s\n", adm_value(r, "serial"), adm_value(r, "in"),
		adm_value(r, "at"), date_text(adm_value(r, "created"), date, sizeof(date)));
}

int
adm_schedule(struct adm *a, int argc, char **argv)
{
	struct adm_rows r = { .row = schedule_row };
	unsigned code;

	(void)argc;
	(void)argv;
	printf("%-8s %-8s %-8s %s\n", "index", "tick", "xtime", "created");
	code = adm_ask(a, ADM_ASK_MS, adm_rows_line, &r, "SHOW SCHEDULE/FORMAT=CSV");
	adm_rows_free(&r);
	return adm_done(a, code) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ------------------------------------------------------------------------------------ get-cert */

struct certificate {
	unsigned number; /* of those shown; the first is put out */
	size_t octets;
};

static void
certificate_line(void *user, const char *text)
{
	struct certificate *c = user;
	size_t n = strlen(text);

	if (text[0] == '#')
		c->number++;
	if (text[0] == '#' || c->number != 1)
		return;
	for (size_t i = 0; i + 1 < n; i += 2, c->octets++) {
		unsigned octet;

		if (sscanf(text + i, "%2x", &octet) != 1)
			return;
		putchar((int)octet);
	}
}

/* get-cert inet|inet6 SRC DST */
int
adm_get_cert(struct adm *a, int argc, char **argv)
{
	struct certificate c = { 0 };
	struct net_addr address;
	bool good;

	if (argc == 5 && strcmp(argv[1], "isakmp") == 0) {
		argv++;
		argc--;
	}
	if (argc != 4 || !net_addr_parse(argv[2], &address) || !net_addr_parse(argv[3], &address)) {
		fprintf(stderr, "usage: racoonctl get-cert inet|inet6 SRC DST\n");
		return EXIT_FAILURE;
	}
	good = adm_done(a, adm_ask(a, ADM_ASK_MS, certificate_line, &c,
		"SHOW CERTIFICATE \"%s\" /LOCAL=\"%s\"", argv[3], argv[2]));
	if (good && c.octets == 0) {
		fprintf(stderr, "racoonctl: %s has shown no certificate to %s\n", argv[3], argv[2]);
		return EXIT_FAILURE;
	}
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* -------------------------------------------------------------------------------------- status */

struct status {
	struct text out;
	struct json json;
	bool is_json;
	unsigned rows;
};

/* A member of the JSON object of an SA, and the column of SHOW that it is made of. */
struct member {
	const char *key, *column;
	enum { TEXT, ID /* null when empty */, NUMBER, LOWER, ENDPOINT, INDEX, VERSION, INTO,
		OUT } form;
};

static const struct member phase1_members[] = {
	{ "index", "cookies", INDEX },
	{ "cookies", "cookies", TEXT },
	{ "state", "state", LOWER },
	{ "side", "side", TEXT },
	{ "local", "local", ENDPOINT },
	{ "remote", "remote", ENDPOINT },
	{ "remote_id", "peer_id", ID },
	{ "local_id", "local_id", ID },
	{ "version", NULL, VERSION },
	{ "exchange_mode", "exchange", TEXT },
	{ "created", "created", NUMBER },
	{ "proposal", NULL, INTO },
	{ "encryption_algorithm", "encryption", ID },
	{ "key_bits", "encryption_bits", NUMBER },
	{ "hash_algorithm", "hash", ID },
	{ "dh_group", "dh_group", ID },
	{ "authentication_method", "authentication", ID },
	{ "lifetime", "lifetime", NUMBER },
	{ NULL, NULL, OUT },
	{ "dpd", NULL, INTO },
	{ "state", "dpd", ID },
	{ "unanswered", "dpd_unanswered", NUMBER },
	{ NULL, NULL, OUT },
	{ "nat", "nat", ID },
	{ "remote_config", NULL, INTO },
	{ "name", "remote_section", ID },
	{ NULL, NULL, OUT },
	{ "phase2", "children", NUMBER },
};

static const struct member phase2_members[] = {
	{ "state", "state", LOWER },
	{ "local", "local", TEXT },
	{ "remote", "remote", TEXT },
	{ "protocol", "protocol", TEXT },
	{ "mode", "mode", TEXT },
	{ "spi_in", "spi_in", TEXT },
	{ "spi_out", "spi_out", TEXT },
	{ "selector", "selector", TEXT },
	{ "encryption_algorithm", "encryption", ID },
	{ "authentication_algorithm", "authentication", ID },
	{ "created", "created", NUMBER },
};

static void
lower(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; from[n] != '\0' && n + 1 < size; n++)
		to[n] = from[n] >= 'A' && from[n] <= 'Z' ? (char)(from[n] + 32) : from[n];
	to[n] = '\0';
}

static void
status_member(const struct adm_rows *r, const struct member *m, struct json *j)
{
	const char *value = m->column == NULL ? "" : adm_value(r, m->column);
	char word[32];

	switch (m->form) {
	case TEXT:
		json_string(j, m->key, value);
		break;
	case ID:
		json_string(j, m->key, value[0] == '\0' ? NULL : value);
		break;
	case NUMBER:
		json_int(j, m->key, strtoll(value, NULL, 10));
		break;
	case LOWER:
		lower(value, word, sizeof(word));
		json_string(j, m->key, word);
		break;
	case ENDPOINT:
		snprintf(word, sizeof(word), "%s_port", m->column);
		json_stringf(j, m->key, "%s[%s]", value, adm_value(r, word));
		break;
	case INDEX:
		json_stringf(j, m->key, "0x%.16s", value);
		break;
	case VERSION:
		json_string(j, m->key, "1.0");
		break;
	case INTO:
		json_object(j, m->key);
		break;
	case OUT:
		json_end(j);
		break;
	}
}

static void
status_object(const struct adm_rows *r, const struct member *m, size_t n, struct json *j)
{
	json_object(j, NULL);
	for (size_t i = 0; i < n; i++)
		status_member(r, &m[i], j);
	json_end(j);
}

static void
status_phase1(struct adm_rows *r)
{
	struct status *s = r->user;

	s->rows++;
	if (s->is_json) {
		status_object(r, phase1_members, ARRAY_LEN(phase1_members), &s->json);
		return;
	}
	text_addf(&s->out, "%s[%s] -> %s[%s]  %s\n", adm_value(r, "local"),
		adm_value(r, "local_port"), adm_value(r, "remote"), adm_value(r, "remote_port"),
		adm_value(r, "state"));
	text_addf(&s->out, "\tcookies=%s side=%s exchange=%s\n", adm_value(r, "cookies"),
		adm_value(r, "side"), adm_value(r, "exchange"));
	text_addf(&s->out, "\tencryption=%s-%s hash=%s dh_group=%s auth=%s\n",
		adm_value(r, "encryption"), adm_value(r, "encryption_bits"),
		adm_value(r, "hash"), adm_value(r, "dh_group"), adm_value(r, "authentication"));
	text_addf(&s->out, "\tremote_id=\"%s\" remote=\"%s\" nat=%s dpd=%s phase2=%s\n",
		adm_value(r, "peer_id"), adm_value(r, "remote_section"), adm_value(r, "nat"),
		adm_value(r, "dpd"), adm_value(r, "children"));
}

static void
status_phase2(struct adm_rows *r)
{
	struct status *s = r->user;

	s->rows++;
	if (s->is_json) {
		status_object(r, phase2_members, ARRAY_LEN(phase2_members), &s->json);
		return;
	}
	text_addf(&s->out, "%s -> %s  %s/%s  %s\n\tspi in=%s out=%s  %s\n",
		adm_value(r, "local"), adm_value(r, "remote"), adm_value(r, "protocol"),
		adm_value(r, "mode"), adm_value(r, "state"), adm_value(r, "spi_in"),
		adm_value(r, "spi_out"), adm_value(r, "selector"));
}

static bool
status_part(struct adm *a, struct status *s, const char *section, const char *key,
	void (*row)(struct adm_rows *r))
{
	struct adm_rows r = { .row = row, .user = s };
	unsigned code;

	if (s->is_json)
		json_array(&s->json, key);
	else
		text_addf(&s->out, "%s:\n", key);
	s->rows = 0;
	code = adm_ask(a, ADM_ASK_MS, adm_rows_line, &r, "SHOW %s/FORMAT=CSV", section);
	adm_rows_free(&r);
	if (s->is_json)
		json_end(&s->json);
	else if (s->rows == 0)
		text_add(&s->out, "\tnone\n");
	return adm_done(a, code);
}

int
adm_status(struct adm *a, int argc, char **argv)
{
	struct status s = { 0 };
	bool verbose = false, good;
	char now[32];
	int c;

	optind = 1;
	while ((c = getopt(argc, argv, "+vf:")) != -1) {
		if (c == 'v') {
			verbose = true;
		} else if (c == 'f' && strcmp(optarg, "json") == 0) {
			s.is_json = true;
		} else if (c != 'f' || strcmp(optarg, "text") != 0) {
			fprintf(stderr, "usage: racoonctl status [-v] [-f text|json]\n");
			return EXIT_FAILURE;
		}
	}
	s.json = json_to(&s.out);
	if (s.is_json) {
		json_object(&s.json, NULL);
		json_string(&s.json, "schema_version", "2.0");
		json_string(&s.json, "timestamp", when_json(now, sizeof(now), when_wall()));
	}
	good = status_part(a, &s, "ISAKMP", "phase1", status_phase1) &&
		(!verbose || status_part(a, &s, "IPSEC", "phase2", status_phase2));
	if (s.is_json)
		json_end(&s.json);
	if (good)
		printf("%s%s", text_str(&s.out), s.is_json ? "\n" : "");
	text_free(&s.out);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
