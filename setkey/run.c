/*
 * run.c - sending a script's requests and telling what the database answered.
 *
 * Called by setkey_main.c.  Runs of plain requests go out together; dumps and gets, which print,
 * wait for their turn.  Results go to stdout, what was refused to stderr.
 */
#include "setkey/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/pfkey.h"
#include "setkey/dump.h"
#include "setkey/json.h"
#include "setkey/words.h"

enum { HEX_PER_LINE = 16, WATCH_WAIT_MS = 1000 };

static void
print(struct text *t)
{
	if (t->failed)
		fputs("setkey: out of memory\n", stderr);
	fwrite(text_str(t), 1, t->n, stdout);
	text_free(t);
}

/* ------------------------------------------------------------------------------------- errors */

static void
broken(struct setkey_run *run, enum status status)
{
	char text[256];

	if (!run->broken) {
		status_format(text, sizeof(text), status, NULL, NULL);
		fprintf(stderr, "setkey: %s\n", text);
	}
	run->failed = run->broken = true;
}

static bool
is_spd(enum sadb_op op)
{
	return op >= SADB_OP_SPDUPDATE;
}

/* What a database may not have: "esp twofish-cbc", "ipcomp/tunnel". */
static void
wanted(const struct sadb_msg *m, struct text *out)
{
	const struct alg *algs[] = { m->sa.encr, m->sa.auth, m->sa.comp };

	if (m->has_sp) {
		for (unsigned i = 0; i < m->sp.rules; i++)
			text_addf(out, "%s%s/%s", i == 0 ? "" : " ",
				sa_proto_name(m->sp.rule[i].proto),
				sa_mode_name(m->sp.rule[i].mode));
		return;
	}
	if (!m->has_sa)
		return;
	text_add(out, sa_protocol_word(&m->sa));
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (algs[i] != NULL)
			text_addf(out, " %s", algs[i]->name);
}

/* The old program's words, and what the database says of it, or what to do about it. */
static void
refusal(const struct sadb_msg *m, int error, const char *why, struct text *out)
{
	enum status status = sadb_status(m->op, error);
	const struct message_row *row = status_row(status);

	if (error == ENOENT || error == ESRCH) {
		text_add(out, m->op == SADB_OP_DUMP ? "No SAD entries." :
			m->op == SADB_OP_SPDDUMP ? "No SPD entries." : "No entry.");
		return;
	}
	text_add(out, strerror(error));
	if (why != NULL) {
		text_addf(out, " (%s)", why);
		return;
	}
	if (status == ST_NOALG || status == ST_BADMSG) {
		text_add(out, ": ");
		wanted(m, out);
	}
	if (status == ST_BADMSG)
		text_add(out, " (the database cannot hold it as it is written)");
	else
		text_addf(out, " (%s: %s)", row->text, row->action);
}

static void
tell(struct setkey_run *run, const struct setkey_origin *origin, const struct sadb_msg *m,
	const struct sadb_msg *answer)
{
	struct text t = { 0 };

	refusal(m, answer->error, answer->why, &t);
	if (origin != NULL)
		fprintf(stderr, "%s:%u:%u: The result of line %u: %s\n", run->file, origin->line,
			origin->column, origin->line, text_str(&t));
	else
		fprintf(stderr, "setkey: %s: %s\n", sadb_op_name(m->op), text_str(&t));
	text_free(&t);
	run->failed = true;
}

/* -------------------------------------------------------------------------------------- dumps */

/* Out with what was written, so that a dump of any length needs one entry's memory. */
static void
flush_line(struct setkey_run *run)
{
	if (run->line.failed)
		run->failed = true;
	fwrite(text_str(&run->line), 1, run->line.n, stdout);
	text_clear(&run->line);
}

static void
show_entry(void *user, const struct sadb_msg *m)
{
	struct setkey_run *run = user;
	struct text *t = &run->line;

	if (!m->has_sp && (!m->has_sa || (m->sa.state == SA_DEAD && !run->all)))
		return;
	if (run->json != NULL && m->has_sp)
		setkey_json_sp(m, run->json);
	else if (run->json != NULL)
		setkey_json_sa(m, run->json);
	else if (m->has_sp)
		setkey_dump_sp(m, run->ports, t);
	else if (run->brief)
		setkey_dump_short(m, run->now, t);
	else
		setkey_dump_sa(m, run->now, t);
	flush_line(run);
}

/* The SPI that GETSPI took: the first lines of its SA's dump. */
static void
show_spi(const struct sadb_msg *m, struct sadb_msg *answer)
{
	struct text t = { 0 };

	/* Not all databases repeat what they were asked for. */
	answer->sa.mode = m->sa.mode;
	answer->sa.reqid = m->sa.reqid;
	answer->sa.natt = m->sa.natt;
	answer->sa.src = m->sa.src;
	answer->sa.dst = m->sa.dst;
	answer->sa.proto = m->sa.proto;
	setkey_dump_head(answer, &t);
	print(&t);
}

static bool
is_dump(enum sadb_op op)
{
	return op == SADB_OP_DUMP || op == SADB_OP_SPDDUMP;
}

/* GET, GETSPI, DUMP, SPDDUMP: one call, with its output. */
static void
call_and_show(struct setkey_run *run, struct sadb_msg *m, const struct setkey_origin *origin)
{
	struct sadb_msg answer = { 0 };
	enum status status = sadb_sync_call(run->db, m, &answer, show_entry, run);

	if (status != ST_NORMAL)
		broken(run, status);
	else if (answer.error == 0 && m->op == SADB_OP_GET)
		show_entry(run, &answer);
	else if (answer.error == 0 && m->op == SADB_OP_GETSPI)
		show_spi(m, &answer);
	else if (answer.error == ENOENT && is_dump(m->op) && run->json != NULL)
		; /* an empty array */
	else if (answer.error == ENOENT && is_dump(m->op))
		printf("No %s entries.\n", is_spd(m->op) ? "SPD" : "SAD");
	else if (answer.error != 0)
		tell(run, origin, m, &answer);
	sadb_msg_wipe(&answer);
}

void
setkey_run_dump(struct setkey_run *run, bool policies)
{
	struct sadb_msg m = { .op = policies ? SADB_OP_SPDDUMP : SADB_OP_DUMP,
		.has_sa = !policies };

	if (run->brief && !policies)
		fputs("time p   s spi      ltime   src -> dst\n", stdout);
	call_and_show(run, &m, NULL);
}

static void
json_database(struct setkey_run *run, bool policies)
{
	json_array(run->json, policies ? "spd" : "sad");
	if (!run->broken)
		setkey_run_dump(run, policies);
	json_end(run->json);
	flush_line(run);
}

void
setkey_run_json(struct setkey_run *run, bool sas, bool policies)
{
	struct json j = json_to(&run->line);

	run->json = &j;
	json_object(&j, NULL);
	json_string(&j, "schema", SETKEY_JSON_SCHEMA);
	json_uint(&j, "version", SETKEY_JSON_VERSION);
	json_int(&j, "time_ms", run->now.ms);
	if (sas)
		json_database(run, false);
	if (policies)
		json_database(run, true);
	json_end(&j);
	text_add(&run->line, "\n");
	flush_line(run);
	run->json = NULL;
}

void
setkey_run_clear(struct setkey_run *run)
{
	text_free(&run->line);
}

void
setkey_run_flush(struct setkey_run *run, bool policies)
{
	struct sadb_msg m = { .op = policies ? SADB_OP_SPDFLUSH : SADB_OP_FLUSH,
		.has_sa = !policies };
	struct sadb_msg answer = { 0 };
	enum status status = sadb_sync_call(run->db, &m, &answer, NULL, NULL);

	if (status != ST_NORMAL)
		broken(run, status);
	else if (answer.error != 0 && answer.error != ENOENT)
		tell(run, NULL, &m, &answer);
}

/* ------------------------------------------------------------------------------------ scripts */

struct outcome {
	int error;
	char *why; /* the database's own words, or NULL */
};

struct batch { /* a run of requests sent together */
	const struct setkey_script *script;
	size_t first;
	struct outcome *of; /* by request: answers come in any order */
};

static void
batch_result(void *user, size_t index, const struct sadb_msg *answer)
{
	struct batch *b = user;

	b->of[index].error = answer->error;
	if (answer->error != 0 && answer->why != NULL)
		b->of[index].why = strdup(answer->why);
}

/* Is a refusal worth a word? */
static bool
worth_telling(const struct setkey_run *run, const struct batch *b, size_t index)
{
	const struct setkey_origin *origin = &b->script->origin[b->first + index];
	enum sadb_op op = b->script->msg[b->first + index].op;
	int error = b->of[index].error;
	bool gone = error == ENOENT || error == ESRCH;

	if (error == 0 || (gone && (op == SADB_OP_FLUSH || op == SADB_OP_SPDFLUSH)))
		return false;
	if (run->update && error == EEXIST && op == SADB_OP_ADD)
		return false;
	if (!origin->twin)
		return true;
	/* What an `in` policy brings along has nothing new to say. */
	return !(gone && op == SADB_OP_SPDDELETE) &&
		!(index > 0 && b->of[index - 1].error == error);
}

static void
run_batch(struct setkey_run *run, struct setkey_script *script, size_t first, size_t count)
{
	struct batch b = { script, first, calloc(count, sizeof(struct outcome)) };
	enum status status = ST_NOMEMORY;

	if (b.of != NULL)
		status = sadb_sync_bulk(run->db, script->msg + first, count, batch_result, &b);
	for (size_t i = 0; b.of != NULL && i < count; i++) {
		struct sadb_msg answer = { .error = b.of[i].error, .why = b.of[i].why };

		if (worth_telling(run, &b, i))
			tell(run, &script->origin[first + i], &script->msg[first + i],
				&answer);
		free(b.of[i].why);
	}
	if (status != ST_NORMAL)
		broken(run, status);
	free(b.of);
}

static bool
prints(enum sadb_op op)
{
	return op == SADB_OP_GET || op == SADB_OP_GETSPI || is_dump(op);
}

void
setkey_run_script(struct setkey_run *run, struct setkey_script *script)
{
	size_t i = 0;

	while (i < script->count && !run->broken) {
		size_t first = i;

		if (prints(script->msg[i].op)) {
			call_and_show(run, &script->msg[i], &script->origin[i]);
			i++;
			continue;
		}
		while (i < script->count && !prints(script->msg[i].op))
			i++;
		run_batch(run, script, first, i - first);
	}
}

bool
setkey_run_batch(void *user, struct setkey_script *script)
{
	struct setkey_run *run = user;

	for (size_t i = 0; run->update && i < script->count; i++)
		if (script->msg[i].op == SADB_OP_SPDADD)
			script->msg[i].op = SADB_OP_SPDUPDATE;
	setkey_run_script(run, script);
	return !run->broken;
}

/* ----------------------------------------------------------------------------------- messages */

/* "14:38:47.009961": the time of day, as far as the clock knows it. */
static void
add_time(wall t, struct text *out)
{
	char buf[32];

	when_iso(buf, sizeof(buf), t);
	text_addf(out, "%s.%03d000\n", buf + 11, (int)(t.ms % 1000));
}

static void
add_hex_lines(struct bytes msg, struct text *out)
{
	for (size_t i = 0; i < msg.n; i++) {
		if (i % HEX_PER_LINE == 0)
			text_addf(out, "%s%08zx:", i == 0 ? "" : "\n", i);
		text_addf(out, " %02x", msg.p[i]);
	}
	text_add(out, "\n");
}

void
setkey_show_message(void *user, bool sent, struct bytes msg)
{
	struct text t = { 0 };

	(void)user;
	(void)sent;
	pfkey_print(msg, &t);
	print(&t);
}

void
setkey_run_watch(struct setkey_run *run, bool hex)
{
	struct sadb_msg m = { .op = SADB_OP_PROMISC };
	struct sadb_msg answer = { 0 };
	enum status status = sadb_sync_call(run->db, &m, &answer, NULL, NULL);

	if (status == ST_NORMAL && answer.error != 0) {
		tell(run, NULL, &m, &answer);
		return;
	}
	while ((status == ST_NORMAL || status == ST_TIMEOUT) &&
		(run->stop == NULL || !*run->stop)) {
		struct text t = { 0 };
		struct bytes msg;

		fflush(stdout);
		status = sadb_sync_next(run->db, WATCH_WAIT_MS, &msg);
		if (status != ST_NORMAL)
			continue;
		add_time(run->clock(), &t);
		if (hex)
			add_hex_lines(msg, &t);
		print(&t);
		setkey_show_message(NULL, false, msg);
	}
	if (status != ST_NORMAL && status != ST_TIMEOUT)
		broken(run, status);
}

bool
setkey_replay(const char *file, struct bytes messages, bool hex)
{
	for (size_t at = 0; at < messages.n;) {
		struct bytes rest = bytes_of(messages.p + at, messages.n - at);
		size_t n = rest.n < PFKEY_HEADER ? 0 : pfkey_length(rest);
		struct text t = { 0 };

		if (n == 0 || n > rest.n) {
			fprintf(stderr,
				"setkey: %s: octet %zu begins no PF_KEY message: a script is loaded"
				" with -f\n", file, at);
			return false;
		}
		if (hex)
			add_hex_lines(bytes_of(rest.p, n), &t);
		print(&t);
		setkey_show_message(NULL, false, bytes_of(rest.p, n));
		at += n;
	}
	return true;
}
