/*
 * ipsecd_uv.c - the engine's host: clients, operators, packets and time on one libuv loop.
 *
 * Called by ipsecd_main.c.  One turn of the loop: packets and requests come in through their own
 * watchers; before the loop sleeps, answers are pulled, routes and guard follow the policies, held
 * packets go, and only then the answers are sent: whoever is told that a policy is there may rely
 * on its effect.
 */
#include "ipsec/ipsecd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "ipsec/dp_keep.h"
#include "ipsec/sadb_stream.h"
#include "lib/ctl_uv.h"
#include "lib/log.h"

enum { SIGNALS = 2, EXIT_LOST = 1 };

struct daemon {
	struct ipsecd d; /* first: verbs get a pointer to it */
	uv_loop_t loop;
	uv_prepare_t turn;
	uv_idle_t busy;
	uv_timer_t timer;
	uv_signal_t signal[SIGNALS];
	struct ctl_service service;
	struct ctl_server *ctl;
	struct dp_keep *keep;
	int lock; /* one engine per network namespace */
	int status;
	bool ending;
};

/* -------------------------------------------------------------------------------- the engine */

static void
random_octets(void *user, uint8_t *out, size_t n)
{
	(void)user;
	cry_random(out, n);
}

static bool
make_engine(struct daemon *x, struct hash_key *key, char *why, size_t why_size)
{
	struct eng_env env = { .random = random_octets };
	struct sadb_msg m = { .op = SADB_OP_PROMISC };
	struct eng_answer a;

	x->d.cry = cry_new();
	if (x->d.cry == NULL) {
		snprintf(why, why_size, "OpenSSL cannot be used");
		return false;
	}
	cry_random(key, sizeof(*key));
	env.cry = x->d.cry;
	env.hash_key = *key;
	x->d.eng = eng_new(&env);
	if (x->d.eng == NULL) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	/* Hear of policies that expire, whoever else listens. */
	eng_control(x->d.eng, when_now(), when_wall(), IPSECD_SELF, &m);
	while (eng_answer(x->d.eng, &a))
		;
	return true;
}

/* Algorithms of the legacy provider become usable when an SA names one. */
static void
allow_legacy(struct daemon *x, const struct sadb_msg *m)
{
	const struct alg *a = m->sa.encr;

	if (!m->has_sa || a == NULL || !a->legacy || cry_has(x->d.cry, a))
		return;
	if (cry_allow_legacy(x->d.cry) == ST_NORMAL)
		log_line(LOG_L_WARNING, NULL, "an SA uses %s, which is weak: the legacy provider "
			"was loaded", a->name);
	else
		log_line(LOG_L_ERROR, NULL, "OpenSSL's legacy provider, needed for %s, cannot be "
			"loaded", a->name);
}

/* ------------------------------------------------------------------------------------- answers */

/* All of them, in order, into a new file. */
static void
keep_all(struct daemon *x)
{
	struct ipsec_policy p;

	dp_keep_begin(x->keep);
	for (uint32_t cursor = 0; eng_policy_next(x->d.eng, &cursor, &p);)
		dp_keep_note(x->keep, SADB_OP_SPDUPDATE, &p);
	(void)dp_keep_write(x->keep);
}

static void
keep_change(struct daemon *x, const struct eng_answer *a)
{
	const struct sadb_msg *m = &a->msg;

	if (m->error != 0 || x->keep == NULL)
		return;
	if (m->op == SADB_OP_SPDFLUSH && a->client != 0)
		dp_keep_note(x->keep, SADB_OP_SPDFLUSH, NULL);
	else if (a->client != 0 && (m->op == SADB_OP_SPDADD || m->op == SADB_OP_SPDUPDATE))
		dp_keep_note(x->keep, SADB_OP_SPDUPDATE, &m->sp);
	else if (m->op == SADB_OP_SPDEXPIRE || (a->client != 0 && (m->op == SADB_OP_SPDDELETE ||
		m->op == SADB_OP_SPDDELETE2)))
		dp_keep_note(x->keep, SADB_OP_SPDDELETE, &m->sp);
}

static void
hand_out(struct daemon *x, const struct eng_answer *a)
{
	uint8_t octets[PFKEY_MSG_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	bool encoded = false;

	keep_change(x, a);
	/* A change is told twice, to who asked and to all others; expiry only to all. */
	if (a->client != 0 || a->msg.op == SADB_OP_SPDEXPIRE)
		dp_spd_changed(x->d.dp, &a->msg);
	if (a->client != 0)
		dp_sad_changed(x->d.dp, &a->msg);
	if (ipsecd_show_answer(&x->d, a))
		return;
	for (uint32_t id = dp_keys_next(x->d.keys, 0); id != 0; id = dp_keys_next(x->d.keys, id)) {
		if (!eng_wants(x->d.eng, id, a))
			continue;
		if (!encoded && pfkey_encode(&a->msg, &w) != ST_NORMAL) {
			log_line(LOG_L_ERROR, NULL, "an answer to %s could not be encoded",
				sadb_op_name(a->msg.op));
			break;
		}
		encoded = true;
		dp_keys_send(x->d.keys, id, writer_bytes(&w));
	}
	if (encoded)
		wipe(octets, sizeof(octets));
}

/* True when there may be more. */
static bool
pull_answers(struct daemon *x)
{
	struct eng_answer a;

	for (unsigned i = 0; i < IPSECD_TURN; i++) {
		if (!eng_answer(x->d.eng, &a))
			return false;
		hand_out(x, &a);
		sadb_msg_wipe(&a.msg);
	}
	return true;
}

static void
on_busy(uv_idle_t *idle)
{
	(void)idle; /* its being there keeps the loop from sleeping */
}

static void
on_timer(uv_timer_t *timer)
{
	struct daemon *x = timer->data;

	eng_timer(x->d.eng, when_now(), when_wall());
}

static void
arm(struct daemon *x)
{
	instant when = instant_min(eng_deadline(x->d.eng), dp_deadline(x->d.dp));
	int64_t ms = instant_diff(when, when_now());

	uv_timer_stop(&x->timer);
	if (when.ms == INSTANT_NEVER.ms)
		return;
	uv_update_time(&x->loop);
	uv_timer_start(&x->timer, on_timer, ms < 0 ? 0 : (uint64_t)ms, 0);
}

static void
on_turn(uv_prepare_t *prepare)
{
	struct daemon *x = prepare->data;
	bool more;

	if (x->ending)
		return;
	more = pull_answers(x);
	dp_settle(x->d.dp);
	if (x->keep != NULL && dp_keep_write(x->keep))
		keep_all(x);
	dp_keys_flush(x->d.keys);
	ipsecd_audit(&x->d);
	if (more && !uv_is_active((uv_handle_t *)&x->busy))
		uv_idle_start(&x->busy, on_busy);
	else if (!more)
		uv_idle_stop(&x->busy);
	arm(x);
}

/* -------------------------------------------------------------------------------------- clients */

static void
on_request(void *user, uint32_t client, const struct sadb_msg *m)
{
	struct daemon *x = user;

	allow_legacy(x, m);
	eng_control(x->d.eng, when_now(), when_wall(), client, m);
	/* At once: what this client changed must not be forgotten when it leaves now. */
	(void)pull_answers(x);
}

static void
on_gone(void *user, uint32_t client)
{
	struct daemon *x = user;

	eng_client_gone(x->d.eng, client);
}

static void
on_pause(void *user, uint32_t client, bool paused)
{
	struct daemon *x = user;

	eng_client_pause(x->d.eng, client, paused);
	if (!paused)
		uv_idle_start(&x->busy, on_busy);
}

static void
poke(struct ipsecd *d)
{
	struct daemon *x = container_of(d, struct daemon, d);

	uv_idle_start(&x->busy, on_busy);
}

/* -------------------------------------------------------------------------------------- the end */

static void
on_part_closed(void *user)
{
	(void)user;
}

static void
log_to_monitors(void *user, enum log_level level, const char *line)
{
	struct daemon *x = user;

	(void)level;
	if (!x->ending)
		ctl_server_news(x->ctl, line);
}

/* Close what is open; the loop ends when the last of it is closed. */
static void
end(struct daemon *x)
{
	uv_handle_t *own[] = { (uv_handle_t *)&x->turn, (uv_handle_t *)&x->busy,
		(uv_handle_t *)&x->timer, (uv_handle_t *)&x->signal[0],
		(uv_handle_t *)&x->signal[1] };

	if (x->ending)
		return;
	x->ending = true;
	log_set_watch(NULL);
	for (unsigned i = 0; i < IPSECD_SHOWS_MAX; i++)
		if (x->d.show[i].call != NULL)
			x->d.show[i].call->cancel(x->d.show[i].call);
	if (x->d.keys != NULL)
		dp_keys_close(x->d.keys, on_part_closed, x);
	if (x->d.dp != NULL)
		dp_close(x->d.dp, on_part_closed, x);
	if (x->ctl != NULL)
		ctl_server_close(x->ctl, on_part_closed, x);
	for (unsigned i = 0; i < ARRAY_LEN(own); i++)
		uv_close(own[i], NULL);
}

static void
shut_down(struct ipsecd *d)
{
	struct daemon *x = container_of(d, struct daemon, d);

	log_line(LOG_L_INFO, NULL, "shutting down");
	end(x);
}

static void
on_signal(uv_signal_t *handle, int number)
{
	struct daemon *x = handle->data;

	(void)number;
	shut_down(&x->d);
}

/*
 * The master was killed, and another may start soon.  Like a killed ipsecd this one leaves the TUN,
 * the guard and the kept policies to its successor: an end in order would let packets pass
 * unprotected.
 */
static void
on_orphan(void *user)
{
	struct daemon *x = container_of((struct ipsecd *)user, struct daemon, d);

	log_line(LOG_L_WARNING, NULL, "the master server is gone: ending too; the policies stay");
	if (x->keep != NULL)
		(void)dp_keep_write(x->keep);
	log_close();
	_exit(EXIT_LOST);
}

static void
on_broken(void *user, const char *why)
{
	struct daemon *x = user;

	log_line(LOG_L_ERROR, NULL, "the TUN device was taken away: %s", why);
	x->status = EXIT_LOST;
	end(x);
}

/* ------------------------------------------------------------------------------------ the start */

/* A name without a file, visible in this network namespace only. */
static bool
take_lock(struct daemon *x, char *why, size_t why_size)
{
	static const char name[] = "\0multinet-ipsecd";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1);

	memcpy(un.sun_path, name, sizeof(name) - 1);
	x->lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (x->lock >= 0 && bind(x->lock, (struct sockaddr *)&un, n) == 0)
		return true;
	snprintf(why, why_size, errno == EADDRINUSE ?
		"another ipsecd runs on this host (in this network namespace)" : "%s",
		strerror(errno));
	return false;
}

static bool
open_control(struct daemon *x, const struct ipsecd_options *o, char *why, size_t why_size)
{
	struct ctl_listen l = { .path = o->control, .mode = 0660, .role = CTL_OPERATOR };
	struct log_watch watch = { .line = log_to_monitors, .user = x };

	x->service = (struct ctl_service){ .facility = "IPSEC", .version = MULTINET_VERSION,
		.verbs = ipsecd_verbs, .user = &x->d };
	x->ctl = ctl_server_new(&x->loop, &x->service);
	if (x->ctl == NULL) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	log_set_watch(&watch);
	if (o->control != NULL && ctl_server_listen(x->ctl, &l, why, why_size) != ST_NORMAL)
		return false;
	if (o->channel < 0)
		return true;
	ctl_server_on_orphan(x->ctl, on_orphan);
	if (ctl_server_channel(x->ctl, o->channel) == ST_NORMAL)
		return true;
	snprintf(why, why_size, "the channel to the master server cannot be used");
	return false;
}

static void
load_one(void *user, const struct sadb_msg *m)
{
	struct daemon *x = user;
	struct eng_answer a;

	eng_control(x->d.eng, when_now(), when_wall(), IPSECD_SELF, m);
	while (eng_answer(x->d.eng, &a)) {
		if (a.client != 0)
			dp_spd_changed(x->d.dp, &a.msg);
		sadb_msg_wipe(&a.msg);
	}
}

/* Policies of an ipsecd that was killed: they hold before anything else happens. */
static void
load_kept(struct daemon *x)
{
	struct dp_keep *keep = dp_keep_open(x->d.socket);

	if (keep != NULL && dp_keep_load(keep, load_one, x) > 0)
		log_line(LOG_L_WARNING, NULL, "the last ipsecd did not end in order: %zu policies "
			"of it hold on", eng_policy_count(x->d.eng));
	dp_ready(x->d.dp);
	x->keep = keep;
	if (keep != NULL)
		keep_all(x);
}

static bool
start(struct daemon *x, const struct ipsecd_options *o, char *why, size_t why_size)
{
	struct dp_keys_handlers h = { .user = x, .request = on_request, .gone = on_gone,
		.pause = on_pause };
	struct dp_options dpo = { .tun = o->tun, .mtu = o->mtu, .socket = x->d.socket,
		.broken = on_broken, .user = x };

	sadb_engine_path(o->socket, x->d.socket, sizeof(x->d.socket));
	if (!take_lock(x, why, why_size) || !make_engine(x, &dpo.key, why, why_size))
		return false;
	x->d.dp = dp_new(&x->loop, x->d.eng, &dpo, why, why_size);
	if (x->d.dp == NULL)
		return false;
	load_kept(x);
	x->d.keys = dp_keys_open(&x->loop, x->d.socket, &h, why, why_size);
	if (x->d.keys == NULL)
		return false;
	return open_control(x, o, why, why_size);
}

static void
make_handles(struct daemon *x)
{
	static const int numbers[SIGNALS] = { SIGTERM, SIGINT };

	uv_loop_init(&x->loop);
	uv_prepare_init(&x->loop, &x->turn);
	uv_idle_init(&x->loop, &x->busy);
	uv_timer_init(&x->loop, &x->timer);
	x->turn.data = x->busy.data = x->timer.data = x;
	for (unsigned i = 0; i < SIGNALS; i++) {
		uv_signal_init(&x->loop, &x->signal[i]);
		x->signal[i].data = x;
		uv_signal_start(&x->signal[i], on_signal, numbers[i]);
	}
}

int
ipsecd_run(const struct ipsecd_options *o, char *why, size_t why_size)
{
	struct daemon *x = calloc(1, sizeof(*x));
	int status;

	why[0] = '\0';
	if (x == NULL)
		return EXIT_FAILURE;
	(void)signal(SIGPIPE, SIG_IGN);
	x->lock = -1;
	x->d.started = when_wall();
	x->d.started_at = when_now();
	x->d.shut_down = shut_down;
	x->d.poke = poke;
	make_handles(x);
	if (start(x, o, why, why_size)) {
		uv_prepare_start(&x->turn, on_turn);
		log_line(LOG_L_INFO, NULL, "ready, keys come in at %s", x->d.socket);
		ctl_server_ready(x->ctl);
	} else {
		x->status = EXIT_FAILURE;
		end(x);
	}
	uv_run(&x->loop, UV_RUN_DEFAULT);
	uv_loop_close(&x->loop);
	dp_keep_close(x->keep, x->status == EXIT_SUCCESS);
	eng_free(x->d.eng);
	cry_free(x->d.cry);
	if (x->lock >= 0)
		close(x->lock);
	status = x->status;
	free(x);
	return status;
}
