/*
 * route.c - where a request goes: the server's own table, a service's process, or the service; and
 * the verbs that every service has.
 *
 * Called by the control session for each line before its own table is looked at.  A service that is
 * down never makes anyone wait: what it alone could answer is refused at once, with the reason.
 */
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 160, OWNER_PREFIX_MIN = 3 /* letters of a verb that tell whose it is */ };

static const struct verb_qual start_quals[] = {
	{ "NOWAIT", NULL, "do not wait until it is done" },
	{ NULL, NULL, NULL },
};

/* The first four are the master's whether the service runs or not. */
static const struct verb life_verbs[] = {
	{ .name = "RESTART", .quals = start_quals, .role = CTL_OPERATOR,
		.help = "stop the service's process and start it again" },
	{ .name = "SHUTDOWN", .quals = start_quals, .role = CTL_OPERATOR,
		.help = "end the service: it tells its peers, then its process is stopped" },
	{ .name = "START", .quals = start_quals, .role = CTL_OPERATOR,
		.help = "start the service's process and wait until it is ready" },
	{ .name = "STOP", .quals = start_quals, .role = CTL_OPERATOR, .help = "same as SHUTDOWN" },
	{ .name = "HELP", .params = "[topic]", .max_params = 1, .quals = ctl_quals_help,
		.role = CTL_READER, .help = "list the verbs, or explain one" },
	{ .name = "NOOP", .role = CTL_READER, .help = "do nothing" },
	{ .name = "SHOW", .quals = ctl_quals_format, .role = CTL_READER,
		.help = "while the service is down: why, and when it is started again" },
	{ .name = "VERSION", .role = CTL_READER, .help = "tell the version" },
	{ .name = NULL },
};

enum life { LIFE_RESTART, LIFE_SHUTDOWN, LIFE_START, LIFE_STOP, LIFE_HELP, LIFE_NOOP, LIFE_SHOW,
	LIFE_VERSION, LIFE_COUNT };

/* ------------------------------------------------------------------ word lists */

struct words { /* a list for verb_keyword: no word twice */
	const char *word[WORDS_MAX + 1];
	size_t n;
	struct text store; /* copies of words that are not NUL-terminated */
};

static void
words_add(struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (text_same(w->word[i], word))
			return;
	if (w->n < WORDS_MAX)
		w->word[w->n++] = word;
	w->word[w->n] = NULL;
}

/* Lines of a text, each ended by \n, cut in place. */
static void
words_add_lines(struct words *w, const char *lines)
{
	char *p, *end;

	text_add(&w->store, lines);
	if (w->store.p == NULL)
		return;
	for (p = w->store.p; (end = strchr(p, '\n')) != NULL; p = end + 1) {
		*end = '\0';
		words_add(w, p);
	}
}

static void
ambiguous(struct ctl_call *call, const struct words *w, const char *typed)
{
	struct text list = { .limit = 1024 };

	for (size_t i = 0; i < w->n; i++)
		if (text_prefix(typed, w->word[i]))
			text_addf(&list, "%s%s", list.n > 0 ? ", " : "", w->word[i]);
	ctl_done(call, ST_ABVERB, "\\%s\\ may be %s", typed, text_str(&list));
	text_free(&list);
}

/* ------------------------------------------------------------------ verbs of a process */

static void
not_running(struct ctl_call *call, struct svc *svc)
{
	struct text why = { .limit = 512 };

	svc_explain(svc, &why);
	ctl_done(call, ST_NOTRUNNING, "%s %s", svc->name, text_str(&why));
	text_free(&why);
}

static void
life_start(struct ctl_call *call, struct svc *svc, bool again)
{
	bool nowait = cmd_qual(call->cmd, "NOWAIT") != NULL;

	if (svc->server->phase != SERVER_UP) {
		ctl_done(call, ST_SHUTTING, "the server is ending");
		return;
	}
	if (!again && svc->super.state == SUPER_RUNNING) {
		ctl_done(call, ST_ALREADY, "%s is running, pid %d", svc->name, (int)svc->pid);
		return;
	}
	svc->pending_start = false;
	if (nowait) {
		ctl_done(call, ST_STARTING, "%s", svc->name);
		svc_event(svc, again ? SUPER_RESTART : SUPER_START, 0);
	} else if (server_wait(svc, call, true)) {
		/* Only after this the old process is out of the way, so no state before it
		 * counts. */
		svc_event(svc, again ? SUPER_RESTART : SUPER_START, 0);
	}
}

static void
life_stop(struct ctl_call *call, struct svc *svc)
{
	svc->pending_start = false;
	if (svc->super.state == SUPER_HALTED) {
		ctl_done(call, ST_ALREADY, "%s is not running", svc->name);
	} else if (cmd_qual(call->cmd, "NOWAIT") != NULL) {
		ctl_done(call, ST_NORMAL, "%s is being stopped", svc->name);
		svc_event(svc, SUPER_STOP, 0);
	} else if (server_wait(svc, call, false)) {
		svc_event(svc, SUPER_STOP, 0);
	}
}

static void
life_help(struct ctl_call *call, struct svc *svc)
{
	struct ctl_service as = { .facility = svc->name, .version = svc->server->ctl.version,
		.verbs = life_verbs };

	/* The session outlives this call's service pointer: HELP ends at once. */
	call->service = &as;
	if (ctl_param(call, 0) == NULL && cmd_qual(call->cmd, "MESSAGE") == NULL && !call->json)
		ctl_line(call, "%s is not running: it has more verbs when it is.", svc->name);
	ctl_verb_help(call);
}

static void
life_show(struct ctl_call *call, struct svc *svc)
{
	const char *format = cmd_qual(call->cmd, "FORMAT");

	/* The service's own qualifiers and parameters may stand there: take FORMAT, pass over the
	 * rest. */
	for (size_t i = 0; format == NULL && i < call->cmd->quals; i++)
		if (text_prefix(call->cmd->qual[i].name, "FORMAT"))
			format = call->cmd->qual[i].value;
	call->json = format != NULL && format[0] != '\0' && text_prefix(format, "JSON");
	server_show_one(call, svc);
	if (svc->super.state == SUPER_RUNNING)
		ctl_done(call, ST_NORMAL, NULL);
	else
		not_running(call, svc);
}

/* The verbs that the master answers for a service; those of the process whatever its state. */
static void
life_call(struct ctl_call *call, struct svc *svc, enum life which)
{
	const struct verb *v;
	char why[512];
	enum status status;

	if (which == LIFE_SHOW) {
		life_show(call, svc);
		return;
	}
	status = verb_match(life_verbs, call->cmd, call->first, &v, why, sizeof(why));
	if (status == ST_NORMAL)
		call->verb = v; /* also a refusal is written down */
	if (status == ST_NORMAL && v->role > call->role) {
		status = ST_NOTPERM;
		snprintf(why, sizeof(why), "%s needs the operator's role", v->name);
	}
	if (status != ST_NORMAL) {
		ctl_done(call, status, "%s", why);
		return;
	}
	switch (which) {
	case LIFE_RESTART:
		life_start(call, svc, true);
		break;
	case LIFE_START:
		life_start(call, svc, false);
		break;
	case LIFE_SHUTDOWN:
	case LIFE_STOP:
		life_stop(call, svc);
		break;
	case LIFE_HELP:
		life_help(call, svc);
		break;
	case LIFE_NOOP:
		ctl_done(call, ST_NORMAL, NULL);
		break;
	case LIFE_VERSION:
		ctl_line(call, "%s is not running; NETCONTROL version %s, control interface %d",
			svc->name, svc->server->ctl.version, CTL_PROTOCOL);
		ctl_done(call, ST_NORMAL, NULL);
		break;
	case LIFE_SHOW:
	case LIFE_COUNT:
		break;
	}
}

/* ------------------------------------------------------------------ to the service */

/* A verb of a service that is part of the server. */
static void
internal_call(struct ctl_call *call, struct svc *svc)
{
	const struct svc_internal *row = svc->internal;
	const struct verb *v;
	char why[512];
	enum status status;

	if (!row->raw)
		status = verb_match(row->verbs, call->cmd, call->first, &v, why, sizeof(why));
	else
		status = verb_find(row->verbs, call->cmd->word[call->first], &v, why, sizeof(why));
	if (status == ST_NORMAL)
		call->verb = v;
	if (status == ST_NORMAL && v->role > call->role) {
		status = ST_NOTPERM;
		snprintf(why, sizeof(why), "%s needs the operator's role", v->name);
	}
	if (status != ST_NORMAL)
		ctl_done(call, status, "%s", why);
	else
		v->run(call);
}

static void
relay(struct ctl_call *call, struct svc *svc)
{
	const char *request = call->line + call->cmd->word_at[call->first];
	int64_t most = svc->conf != NULL ? svc->conf->max_sessions : 0;

	if (most > 0 && link_busy(svc->link) >= (size_t)most) {
		ctl_done(call, ST_LIMIT, "%s takes %lld requests at once", svc->name,
			(long long)most);
		return;
	}
	link_relay(svc->link, call, request, server_now(svc->server));
}

/* Is this one of the verbs that the running service told? */
static bool
has_verb(const struct svc *svc, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text_str(&svc->verbs); *p != '\0';) {
		size_t len = strcspn(p, "\n");

		if (len == n && text_prefix(name, p))
			return true;
		p += len + (p[len] == '\n');
	}
	return false;
}

/* HELP of a running service: the master's part first, then the service's own. */
static void
help_of_every(struct ctl_call *call, struct svc *svc)
{
	struct text out = { 0 };

	ctl_line(call, "Verbs of every service:");
	for (enum life i = LIFE_RESTART; i <= LIFE_STOP; i++)
		if (!has_verb(svc, life_verbs[i].name))
			verb_entry(&out, life_verbs[i].name, life_verbs[i].help);
	ctl_text(call, text_str(&out));
	text_free(&out);
}

static void
relay_help(struct ctl_call *call, struct svc *svc)
{
	if (ctl_param(call, 0) == NULL && call->cmd->quals == 0)
		help_of_every(call, svc);
	relay(call, svc);
}

/* Its own verbs, START and STOP, and nothing else when it is stopped. */
static void
service_internal(struct ctl_call *call, struct svc *svc, const char *typed)
{
	struct words w = { .n = 0 };
	int k;

	for (enum life i = LIFE_RESTART; i <= LIFE_STOP; i++)
		words_add(&w, life_verbs[i].name);
	for (const struct verb *v = svc->internal->verbs; v->name != NULL; v++)
		words_add(&w, v->name);
	k = verb_keyword(w.word, typed);
	if (k == -2)
		ambiguous(call, &w, typed);
	else if (k >= 0 && k <= (int)LIFE_STOP)
		life_call(call, svc, (enum life)k);
	else if (svc->super.state == SUPER_RUNNING)
		internal_call(call, svc);
	else
		not_running(call, svc);
}

static void
service_call(struct ctl_call *call, struct svc *svc)
{
	struct words w = { .n = 0 };
	const char *typed;
	int k;

	if (!server_may_use(call, svc))
		return;
	if (call->first >= call->cmd->words) {
		ctl_done(call, ST_IVVERB, "a verb is expected after %s, %s HELP lists them",
			svc->name,
			svc->name);
		return;
	}
	typed = call->cmd->word[call->first];
	if (call->cmd->quals > 0 && call->cmd->qual[0].name < typed) {
		ctl_done(call, ST_IVQUAL, "\\%s\\, qualifiers stand after the verb",
			call->cmd->qual[0].name);
		return;
	}
	if (svc->internal != NULL && !svc->internal->always) {
		service_internal(call, svc, typed);
		return;
	}
	for (size_t i = 0; i < LIFE_COUNT; i++)
		words_add(&w, life_verbs[i].name);
	words_add_lines(&w, text_str(&svc->verbs));
	k = verb_keyword(w.word, typed);
	if (k == -2)
		ambiguous(call, &w, typed);
	else if (k >= 0 && k <= (int)LIFE_STOP)
		life_call(call, svc, (enum life)k);
	else if (k >= 0 && text_same(w.word[k], "MONITOR"))
		ctl_verb_monitor(call); /* what the service tells comes to us */
	else if (svc->super.state == SUPER_RUNNING && svc->link != NULL && k == (int)LIFE_HELP)
		relay_help(call, svc);
	else if (svc->super.state == SUPER_RUNNING && svc->link != NULL)
		relay(call, svc);
	else if (k >= 0 && k < (int)LIFE_COUNT)
		life_call(call, svc, (enum life)k);
	else if (svc->super.state == SUPER_RUNNING)
		ctl_done(call, ST_IVVERB, "\\%s\\, %s takes no commands", typed, svc->name);
	else
		not_running(call, svc);
	text_free(&w.store);
}

/* ------------------------------------------------------------------ services in second place */

/* Does the service have a verb that the word may stand for? */
static bool
may_mean_verb_of(const struct svc *svc, const char *typed)
{
	if (svc->removed || strlen(typed) < OWNER_PREFIX_MIN)
		return false;
	if (svc->internal != NULL) {
		for (const struct verb *v = svc->internal->verbs; v->name != NULL; v++)
			if (v->help != NULL && text_prefix(typed, v->name))
				return true;
		return false;
	}
	for (const char *p = text_str(&svc->verbs); *p != '\0'; p += strcspn(p, "\n") + 1)
		if (text_prefix(typed, p))
			return true;
	return false;
}

/* The one service that has such a verb; NULL: none, or several. */
static const struct svc *
verb_owner(struct server *s, const char *typed)
{
	const struct svc *found = NULL;

	LIST_FOREACH(n, &s->services) {
		const struct svc *svc = container_of(n, struct svc, node);

		if (!may_mean_verb_of(svc, typed))
			continue;
		if (found != NULL)
			return NULL;
		found = svc;
	}
	return found;
}

/* The service that a word means, in full or abbreviated; NULL: none, or a verb of ours as well. */
static struct svc *
service_of(struct server *s, const char *typed)
{
	struct svc *found = NULL;
	unsigned count = 0;

	for (const struct verb *v = server_verbs; v->name != NULL; v++)
		if (text_prefix(typed, v->name))
			return NULL;
	LIST_FOREACH(n, &s->services) {
		struct svc *svc = container_of(n, struct svc, node);

		if (svc->removed || !text_prefix(typed, svc->name))
			continue;
		if (text_same(typed, svc->name))
			return svc;
		found = svc;
		count++;
	}
	return count == 1 ? found : NULL;
}

/* HELP TOPIC where the topic is a service's verb and none of ours: which it is, is told. */
static bool
help_of_verb(struct ctl_call *call, struct server *s, const char *typed)
{
	const struct svc *owner = verb_owner(s, typed);

	for (const struct verb *v = server_verbs; v->name != NULL; v++)
		if (text_prefix(typed, v->name))
			return false;
	if (owner == NULL)
		return false;
	ctl_done(call, ST_NOTOPIC, "\\%s\\ is a verb of %s, did you mean \\HELP %s %s\\?", typed,
		owner->name, owner->name, typed);
	return true;
}

/* HELP SERVICE [topic] is SERVICE HELP [topic]. */
static bool
help_service(struct ctl_call *call, struct server *s)
{
	struct cmd *c = call->cmd;
	struct svc *svc = c->words == 2 || c->words == 3 ? service_of(s, c->word[1]) : NULL;
	struct text request = { .limit = CMD_LINE_MAX };

	if (svc == NULL && c->words == 2 && c->quals == 0)
		return help_of_verb(call, s, c->word[1]);
	if (svc == NULL || c->quals > 0)
		return false;
	call->first = 1; /* what follows is the topic */
	if (svc->internal != NULL) {
		if (!verb_help(svc->internal->verbs, svc->name, ctl_param(call, 1), &request)) {
			ctl_done(call, ST_NOTOPIC, "\\%s\\", ctl_param(call, 1));
		} else {
			ctl_text(call, text_str(&request));
			ctl_done(call, ST_NORMAL, NULL);
		}
		text_free(&request);
		return true;
	}
	if (svc->super.state != SUPER_RUNNING || svc->link == NULL) {
		life_help(call, svc);
		return true;
	}
	if (c->words == 2)
		help_of_every(call, svc);
	text_add(&request, "HELP");
	for (const char *p = c->words == 3 ? c->word[2] : ""; *p != '\0'; p++)
		text_addf(&request, "%s%c", p == c->word[2] ? " " : "", *p == '"' ? ' ' : *p);
	link_relay(svc->link, call, text_str(&request), server_now(s));
	text_free(&request);
	return true;
}

/* `STOP RACOON`: the service comes first. */
static bool
wrong_order(struct ctl_call *call, struct server *s, enum status status)
{
	struct cmd *c = call->cmd;
	struct svc *svc = c->words > 1 ? service_of(s, c->word[1]) : NULL;
	struct text should = { .limit = 256 };

	if (svc == NULL)
		return false;
	text_addf(&should, "%s %s", svc->name, c->word[0]);
	for (size_t i = 2; i < c->words; i++)
		text_addf(&should, " %s", c->word[i]);
	ctl_done(call, status, "the service comes first, did you mean \\%s\\?", text_str(&should));
	text_free(&should);
	return true;
}

/* ------------------------------------------------------------------ COMPLETE */

/* The line so far names a service, rest is what follows: its verbs, ours and its own. */
static void
complete_service(struct ctl_call *call, struct svc *svc, const char *rest)
{
	bool up = svc->super.state == SUPER_RUNNING &&
		(svc->link != NULL || svc->internal != NULL);
	struct text out = { .limit = CMD_LINE_MAX - 64 };
	struct text quoted = { .limit = CMD_LINE_MAX - 64 };
	size_t word = strcspn(rest, " \t/\"");

	if (!up) {
		verb_complete(life_verbs, rest, &out);
	} else if (rest[word] == '\0') { /* the verb itself is being typed */
		for (enum life i = LIFE_RESTART; i <= LIFE_STOP; i++)
			if (text_prefix(rest, life_verbs[i].name) &&
				!has_verb(svc, life_verbs[i].name) &&
				(svc->internal == NULL || !svc->internal->always))
				text_addf(&out, "%s\t%s\n", life_verbs[i].name,
					life_verbs[i].help);
	}
	if (up && svc->internal != NULL)
		verb_complete(svc->internal->verbs, rest, &out);
	ctl_text(call, text_str(&out));
	text_free(&out);
	text_add(&quoted, "COMPLETE \"");
	for (const char *p = rest; *p != '\0'; p++)
		text_add_n(&quoted, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	text_add(&quoted, "\"");
	if (!up || quoted.failed || svc->internal != NULL)
		ctl_done(call, ST_NORMAL, NULL);
	else
		link_relay(svc->link, call, text_str(&quoted), server_now(svc->server));
	text_free(&quoted);
}

static void
list_services(struct ctl_call *call, struct server *s, const char *prefix)
{
	LIST_FOREACH(l, &s->services) {
		struct svc *each = container_of(l, struct svc, node);

		if (!each->removed && text_prefix(prefix, each->name))
			ctl_line(call, "%s\tservice, %s", each->name,
				super_state_name(each->super.state));
	}
}

static void
complete_own(struct ctl_call *call, struct server *s, const char *rest)
{
	struct text out = { 0 };
	const char *last = rest + strlen(rest);

	verb_complete(server_verbs, rest, &out);
	while (last > rest && last[-1] != ' ' && last[-1] != '\t')
		last--;
	/* HELP's topics are services too. */
	if (verb_take_placeholder(&out, "entry"))
		server_queue_candidates(s, last, &out);
	if (verb_take_placeholder(&out, "service") ||
		(text_prefix("HELP ", rest) && strchr(rest, '/') == NULL))
		list_services(call, s, last);
	ctl_text(call, text_str(&out));
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}

/* The first word that was typed, when it is finished, as the word it stands for; NULL: of none. */
static const char *
first_word(struct server *s, const char *partial, size_t n, struct words *w, char *typed,
	size_t size)
{
	int k;

	for (const struct verb *v = server_verbs; v->name != NULL; v++)
		words_add(w, v->name);
	words_add(w, "NETCONTROL");
	LIST_FOREACH(l, &s->services)
		if (!container_of(l, struct svc, node)->removed)
			words_add(w, container_of(l, struct svc, node)->name);
	snprintf(typed, size, "%.*s", (int)n, partial);
	k = verb_keyword(w->word, typed);
	return k >= 0 ? w->word[k] : NULL;
}

/* "racoon est" behind HELP: the service, and where its verb begins; NULL: no such line. */
static struct svc *
help_topic(struct server *s, const char *rest, const char **topic)
{
	char typed[SVC_NAME_MAX + 2];
	size_t n = strcspn(rest, " \t/");

	snprintf(typed, sizeof(typed), "%.*s", (int)n, rest);
	*topic = rest + n + strspn(rest + n, " \t");
	if (n == 0 || *topic == rest + n || (*topic)[strcspn(*topic, " \t/\"")] != '\0')
		return NULL;
	return service_of(s, typed);
}

static void
complete(struct ctl_call *call, struct server *s)
{
	const char *partial = ctl_param(call, 0), *found, *rest;
	struct words w = { .n = 0 };
	char typed[SVC_NAME_MAX + 2];
	struct svc *svc, *topic_of;
	const char *topic;
	size_t n;

	partial = partial != NULL ? partial : "";
	partial += strspn(partial, " \t");
	n = strcspn(partial, " \t/");
	if (partial[n] == '\0') { /* the first word is being typed */
		list_services(call, s, partial);
		complete_own(call, s, partial);
		return;
	}
	found = first_word(s, partial, n, &w, typed, sizeof(typed));
	svc = found != NULL ? server_find(s, found) : NULL;
	rest = partial + n + strspn(partial + n, " \t");
	if (found != NULL && text_same(found, "HELP") && (topic_of = help_topic(s, rest, &topic)))
		complete_service(call, topic_of, topic);
	else if (svc != NULL)
		complete_service(call, svc, rest);
	else
		complete_own(call, s, found != NULL && text_same(found, "NETCONTROL") ? rest :
										     partial);
	text_free(&w.store);
}

/* ------------------------------------------------------------------ the first word */

static void
no_such(struct ctl_call *call, const struct words *all, const char *typed)
{
	const char *near = text_nearest(typed, all->word);
	struct server *s = call->user;
	const struct svc *owner = verb_owner(s, typed);

	if (owner != NULL) {
		ctl_done(call, ST_IVVERB, "\\%s\\ is a verb of %s, did you mean \\%s %s\\?", typed,
			owner->name, owner->name, call->line + call->cmd->word_at[0]);
		return;
	}
	/* With more words behind it, it was most likely meant as a service. */
	if (call->cmd->words > 1 && (near == NULL || server_find(s, near) != NULL))
		ctl_done(call, ST_NOSERVICE, "\\%s\\%s%s%s", typed,
			near != NULL ? ", did you mean " : "",
			near != NULL ? near : ", SHOW lists them", near != NULL ? "?" : "");
	else
		ctl_done(call, ST_IVVERB, "\\%s\\%s%s%s", typed,
			near != NULL ? ", did you mean " : "",
			near != NULL ? near : ", HELP lists them", near != NULL ? "?" : "");
}

static bool
is_life_verb(const char *typed)
{
	for (const struct verb *v = life_verbs; v->name != NULL; v++)
		if (text_prefix(typed, v->name))
			return true;
	return false;
}

bool
server_route(struct ctl_call *call)
{
	struct server *s = call->user;
	struct words w = { .n = 0 };
	const char *typed;
	struct svc *svc;
	size_t verbs = 0;
	int k;

	if (call->cmd->words == 0)
		return false;
	typed = call->cmd->word[0];
	if (text_same(typed, "COMPLETE")) {
		complete(call, s);
		return true;
	}
	/* A verb in full: no list need be made to find it. */
	for (const struct verb *v = server_verbs; v->name != NULL; v++)
		if (text_same(typed, v->name))
			return text_same(v->name, "HELP") ? help_service(call, s) :
				call->cmd->words > v->max_params + 1 &&
				wrong_order(call, s, ST_MAXPARM);
	for (const struct verb *v = server_verbs; v->name != NULL; v++, verbs++)
		words_add(&w, v->name);
	words_add(&w, "NETCONTROL");
	LIST_FOREACH(n, &s->services) {
		svc = container_of(n, struct svc, node);
		if (!svc->removed)
			words_add(&w, svc->name);
	}
	k = verb_keyword(w.word, typed);
	if (k == -2) {
		ambiguous(call, &w, typed);
		return true;
	}
	if (k == -1) {
		if (!is_life_verb(typed))
			no_such(call, &w, typed);
		else if (!wrong_order(call, s, ST_IVVERB))
			ctl_done(call, ST_IVVERB, "\\%s\\ is for a service, whose name comes first",
				typed);
		return true;
	}
	if ((size_t)k < verbs && text_same(w.word[k], "HELP"))
		return help_service(call, s);
	if ((size_t)k < verbs)
		return call->cmd->words > server_verbs[k].max_params + 1 &&
			wrong_order(call, s, ST_MAXPARM);
	call->first = 1;
	if ((size_t)k == verbs)
		return false; /* NETCONTROL VERB */
	svc = server_find(s, w.word[k]);
	if (svc == NULL)
		return false;
	service_call(call, svc);
	return true;
}
