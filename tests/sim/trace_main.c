/*
 * trace_main.c - golden conversations: `trace [--update] FILE.trace…`.  TAP.
 *
 * A file is a script, the word `expect`, and the trace that must come of it, with virtual time.
 * --update writes what came into the file: read the difference before you keep it.  The script:
 *
 *	conf A|B|both … end     racoon.conf; PEER stands for the other's address
 *	psk A|B|both KEY        for the other's address
 *	policy SRC DST tunnel|transport [A|B]   SRC as A sees it; on both, or on one
 *	level info|debug        of the engine's lines (info)
 *	lose A|B N              the host's N-th datagram does not arrive
 *	at MS establish|children|flush|delete|shutdown|reload|traffic|crash|start A|B
 *	run MS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stmt.h"
#include "tests/sim/sim.h"

enum { LINE_MAX_ = 1024, LOSE_MAX = 32, WORDS = 8, TICK_MS = 250 };

static const struct sim_profile quiet = { .name = "trace", .delay_ms = 10 };

struct script {
	struct sim_world *w;
	const char *file;
	unsigned sent[SIM_HOSTS];
	unsigned lose[SIM_HOSTS][LOSE_MAX], losses[SIM_HOSTS];
	unsigned line;
	int64_t end;
	bool bad;
};

static bool
passes(struct sim_world *w, unsigned from, struct bytes datagram)
{
	struct script *s = w->filter_user;
	unsigned n = ++s->sent[from];
	(void)datagram;
	for (unsigned i = 0; i < s->losses[from]; i++)
		if (s->lose[from][i] == n)
			return false;
	return true;
}

static void
complain(struct script *s, const char *what, const char *word)
{
	printf("# %s:%u: %s \"%s\"\n", s->file, s->line, what, word);
	s->bad = true;
}

/* Which hosts "A", "B" or "both" names, as a set. */
static unsigned
hosts(struct script *s, const char *word)
{
	if (strcmp(word, "A") == 0)
		return 1;
	if (strcmp(word, "B") == 0)
		return 2;
	if (strcmp(word, "both") == 0)
		return 3;
	complain(s, "neither A nor B nor both:", word);
	return 0;
}

/* ------------------------------------------------------------------------ scripted verbs --- */

enum verb {
	V_ESTABLISH,
	V_CHILDREN,
	V_FLUSH,
	V_DELETE,
	V_SHUTDOWN,
	V_RELOAD,
	V_TRAFFIC,
	V_CRASH,
	V_START,
	V_COUNT
};
static const char *const verb_names[V_COUNT] = { "establish", "children", "flush", "delete",
	"shutdown", "reload", "traffic", "crash", "start" };

static void
act(struct sim_world *w, unsigned host, int64_t verb, int64_t b)
{
	struct ike_command c = { .remote = w->host[!host].address.addr, .scope = IKE_SCOPE_ALL };
	(void)b;
	sim_say(w, w->host[host].name, "operator: %s", verb_names[verb]);
	switch ((enum verb)verb) {
	case V_ESTABLISH:
	case V_CHILDREN:
		c.type = IKE_CMD_ESTABLISH;
		c.children = verb == V_CHILDREN;
		break;
	case V_FLUSH:
		c.type = IKE_CMD_FLUSH;
		break;
	case V_DELETE:
		c.type = IKE_CMD_DELETE;
		break;
	case V_SHUTDOWN:
		c.type = IKE_CMD_SHUTDOWN;
		break;
	case V_RELOAD:
		sim_host_reload(w, host);
		return;
	case V_TRAFFIC:
		sim_packet_out(w, host, 0);
		return;
	case V_CRASH:
		sim_host_stop(w, host);
		return;
	case V_START:
		sim_sadb_flush(&w->host[host]);
		sim_host_start(w, host);
		return;
	case V_COUNT:
		return;
	}
	sim_command(w, host, &c);
}

/* ------------------------------------------------------------------------------- reading --- */

static void
set_conf(struct script *s, unsigned which, const char *text)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		struct text out = { 0 };
		char peer[NET_ADDR_TEXT];
		if (!(which & (1u << i)))
			continue;
		net_addr_text(peer, sizeof(peer), &s->w->host[!i].address.addr);
		for (const char *p = text, *at; *p; p = at + 4) {
			at = strstr(p, "PEER");
			text_add_n(&out, p, at ? (size_t)(at - p) : strlen(p));
			if (!at)
				break;
			text_add(&out, peer);
		}
		const char *psk = s->w->host[i].psk_text;
		char *keep = strdup(psk ? psk : "");
		sim_host_config(s->w, i, text_str(&out), keep);
		free(keep);
		text_free(&out);
	}
}

static void
set_psk(struct script *s, unsigned which, const char *key)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		char peer[NET_ADDR_TEXT], line[LINE_MAX_];
		if (!(which & (1u << i)))
			continue;
		net_addr_text(peer, sizeof(peer), &s->w->host[!i].address.addr);
		snprintf(line, sizeof(line), "%s %s\n", peer, key);
		const char *conf = s->w->host[i].config_text;
		char *keep = strdup(conf ? conf : "");
		sim_host_config(s->w, i, keep, line);
		free(keep);
	}
}

static void
add_policy(struct script *s, char **word)
{
	enum sa_mode mode = strcmp(word[3], "tunnel") == 0 ? SA_TUNNEL : SA_TRANSPORT;
	unsigned index = s->w->host[0].policies;
	if (index == SIM_POLICIES)
		complain(s, "too many policies:", word[1]);
	else
		sim_add_policy(s->w, index, word[1], word[2], mode, SP_REQUIRE, 0, false);
	unsigned which = word[4] ? hosts(s, word[4]) : 3;
	for (unsigned i = 0; i < SIM_HOSTS; i++)
		if (!(which & (1u << i)) && s->w->host[i].policies > 0)
			s->w->host[i].policies--;
}

static void
schedule(struct script *s, char **word)
{
	int64_t at = strtoll(word[1], NULL, 10);
	for (unsigned v = 0; v < V_COUNT; v++) {
		if (strcmp(word[2], verb_names[v]) != 0)
			continue;
		unsigned which = hosts(s, word[3]);
		for (unsigned i = 0; i < SIM_HOSTS; i++)
			if (which & (1u << i))
				sim_at(s->w, instant_add(s->w->now, at), i, act, v, 0);
		return;
	}
	complain(s, "unknown verb", word[2]);
}

static void
directive(struct script *s, char *line)
{
	char *word[WORDS] = { 0 }, *save = NULL;
	unsigned n = 0;
	for (char *p = strtok_r(line, " \t\n", &save); p && n < WORDS;
		p = strtok_r(NULL, " \t\n", &save))
		word[n++] = p;
	if (n == 0 || word[0][0] == '#')
		return;
	if (strcmp(word[0], "psk") == 0 && n == 3) {
		set_psk(s, hosts(s, word[1]), word[2]);
	} else if (strcmp(word[0], "policy") == 0 && (n == 4 || n == 5)) {
		add_policy(s, word);
	} else if (strcmp(word[0], "level") == 0 && n == 2) {
		s->w->level = strcmp(word[1], "debug") == 0 ? LOG_L_DEBUG : LOG_L_INFO;
	} else if (strcmp(word[0], "lose") == 0 && n == 3) {
		unsigned which = hosts(s, word[1]);
		for (unsigned i = 0; i < SIM_HOSTS; i++)
			if ((which & (1u << i)) && s->losses[i] < LOSE_MAX)
				s->lose[i][s->losses[i]++] = (unsigned)strtoul(word[2], NULL, 10);
	} else if (strcmp(word[0], "at") == 0 && n == 4) {
		schedule(s, word);
	} else if (strcmp(word[0], "run") == 0 && n == 2) {
		s->end = strtoll(word[1], NULL, 10);
	} else {
		complain(s, "cannot be understood:", word[0]);
	}
}

/* Reads the script up to `expect`; returns what follows it. */
static const char *
read_script(struct script *s, const char *text)
{
	struct text conf = { 0 };
	unsigned which = 0;
	while (*text) {
		size_t n = strcspn(text, "\n");
		char line[LINE_MAX_];
		snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1),
			text);
		text += n + (text[n] == '\n');
		s->line++;
		if (strcmp(line, "expect") == 0)
			break;
		if (which && strcmp(line, "end") == 0) {
			set_conf(s, which, text_str(&conf));
			text_clear(&conf);
			which = 0;
		} else if (which) {
			text_addf(&conf, "%s\n", line);
		} else if (strncmp(line, "conf ", 5) == 0) {
			which = hosts(s, line + 5);
		} else {
			directive(s, line);
		}
	}
	text_free(&conf);
	return text;
}

static void
show_difference(const char *want, const char *got)
{
	unsigned line = 1, shown = 0;
	while ((*want || *got) && shown < 12) {
		size_t a = strcspn(want, "\n"), b = strcspn(got, "\n");
		if (a != b || strncmp(want, got, a) != 0) {
			printf("# line %u\n# want: %.*s\n# got:  %.*s\n", line, (int)a, want,
				(int)b, got);
			shown++;
		}
		want += a + (want[a] == '\n');
		got += b + (got[b] == '\n');
		line++;
	}
}

static bool
run_file(const char *file, struct cry *cry, bool update)
{
	struct script s = { .file = file };
	struct text in = { 0 };
	char why[256] = "";
	if (stmt_load(file, &in, why, sizeof(why))) {
		printf("# %s: %s\n", file, why);
		return false;
	}
	s.w = sim_new(1, &quiet, cry);
	s.w->level = LOG_L_INFO;
	s.w->filter = passes;
	s.w->filter_user = &s;
	s.w->show_wire = true;
	const char *want = read_script(&s, text_str(&in));
	size_t head = (size_t)(want - text_str(&in));
	for (unsigned i = 0; i < SIM_HOSTS && !s.bad; i++) {
		s.bad |= !s.w->host[i].config_text || !sim_host_start(s.w, i);
		sim_at(s.w, instant_add(s.w->now, TICK_MS), i, sim_sadb_tick, 0, 0);
	}
	if (!s.bad)
		sim_run(s.w, instant_add(s.w->now, s.end));
	sim_check_trace(s.w);
	if (sim_failed(s.w)) {
		printf("# %s: %s\n", file, text_str(&s.w->why));
		s.bad = true;
	}
	bool same = strcmp(want, text_str(&s.w->trace)) == 0;
	if (update && !s.bad && !same) {
		FILE *f = fopen(file, "w");
		same = f && fwrite(text_str(&in), 1, head, f) == head &&
		       fputs(text_str(&s.w->trace), f) >= 0;
		if (f)
			same = fclose(f) == 0 && same;
	} else if (!same) {
		show_difference(want, text_str(&s.w->trace));
	}
	sim_free(s.w);
	text_free(&in);
	return same && !s.bad;
}

int
main(int argc, char **argv)
{
	bool update = argc > 1 && strcmp(argv[1], "--update") == 0, good = true;
	struct cry *cry = cry_new();
	if (!cry || argc < 2 + update) {
		fprintf(stderr, "usage: trace [--update] FILE.trace...\n");
		return 2;
	}
	for (int i = 1 + update; i < argc; i++) {
		bool ok = run_file(argv[i], cry, update);
		printf("%s - trace: %s\n", ok ? "ok" : "not ok", argv[i]);
		good = good && ok;
	}
	printf("1..%d\n", argc - 1 - update);
	sim_dh_free();
	cry_free(cry);
	return good ? 0 : 1;
}
