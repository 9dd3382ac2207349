/*
 * hooks_uv.c - running the programs of `script` when phase 1 comes up, goes down or is found dead.
 *
 * Called by host_uv.c with the engine's notes.  A program is executed directly, never by a shell,
 * with the event as its only argument and nothing inherited; it is not waited for.  So many run at
 * once, so many wait their turn, and each has a time limit: a peer cannot make this host fork
 * without end.  With privilege separation the privileged process does it, at the worker's word.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/log.h"
#include "racoon/daemon/events.h"
#include "racoon/daemon/hooks.h"

enum {
	HOOKS_RUNNING = 8,
	HOOKS_WAITING = 256,
	HOOK_MS = 30 * 1000,
	HOOK_ARENA = 65536,
};

struct rd_hook {
	uv_process_t process;
	uv_timer_t limit;
	struct list node; /* waiting, or running */
	struct rd *d;
	struct arena *arena;
	const char *path;
	enum rc_hook hook;
	char **env;
	unsigned handles; /* to be closed before it is freed */
	bool overdue;
	char id[RD_SA_TEXT]; /* of the SA, for the end of a line */
};

static void
hook_free(struct rd_hook *h)
{
	list_remove(&h->node);
	arena_free(h->arena);
	free(h);
}

static void
on_closed(uv_handle_t *handle)
{
	struct rd_hook *h = handle->data;

	if (--h->handles == 0)
		hook_free(h);
}

static void
finish(struct rd_hook *h)
{
	struct rd *d = h->d;

	d->hooks_running--;
	uv_close((uv_handle_t *)&h->limit, on_closed);
	uv_close((uv_handle_t *)&h->process, on_closed);
	rd_hooks_next(d);
}

static void
on_exit_of(uv_process_t *process, int64_t status, int term_signal)
{
	struct rd_hook *h = process->data;

	if (h->overdue)
		log_line(LOG_L_ERROR, NULL, "script %s %s was killed: it ran longer than %d s%s",
			h->path, rd_hook_name(h->hook), HOOK_MS / 1000, h->id);
	else if (term_signal != 0)
		log_line(LOG_L_WARNING, NULL, "script %s %s ended by signal %d%s", h->path,
			rd_hook_name(h->hook), term_signal, h->id);
	else if (status != 0)
		log_line(LOG_L_WARNING, NULL, "script %s %s ended with status %d%s", h->path,
			rd_hook_name(h->hook), (int)status, h->id);
	finish(h);
}

static void
on_overdue(uv_timer_t *t)
{
	struct rd_hook *h = t->data;

	h->overdue = true;
	/* It leads a process group of its own: its children go with it. */
	(void)uv_kill(-uv_process_get_pid(&h->process), SIGKILL);
	(void)uv_process_kill(&h->process, SIGKILL);
}

static void
run(struct rd_hook *h)
{
	struct rd *d = h->d;
	const char *fault = rc_script_fault(h->path, d->rc_options.uid);
	char *args[] = { (char *)(uintptr_t)h->path, (char *)(uintptr_t)rd_hook_name(h->hook),
		NULL };
	uv_process_options_t o = { .exit_cb = on_exit_of, .file = h->path, .args = args,
		.env = h->env, .cwd = "/", .flags = UV_PROCESS_DETACHED };
	int rc;

	list_remove(&h->node);
	if (fault != NULL) {
		log_line(LOG_L_ERROR, NULL, "script %s %s; it is not run%s", h->path, fault,
			h->id);
		hook_free(h);
		return;
	}
	list_append(&d->hooks_active, &h->node);
	d->hooks_running++;
	h->process.data = h->limit.data = h;
	h->handles = 2;
	uv_timer_init(&d->loop, &h->limit);
	rc = uv_spawn(&d->loop, &h->process, &o);
	if (rc != 0) {
		log_line(LOG_L_ERROR, NULL, "script %s cannot be run: %s%s", h->path,
			uv_strerror(rc), h->id);
		finish(h);
		return;
	}
	log_line(LOG_L_DEBUG, NULL, "script %s %s runs as process %d%s", h->path,
		rd_hook_name(h->hook), uv_process_get_pid(&h->process), h->id);
	uv_timer_start(&h->limit, on_overdue, HOOK_MS, 0);
}

void
rd_hooks_next(struct rd *d)
{
	while (!list_empty(&d->hooks_waiting) && d->hooks_running < HOOKS_RUNNING) {
		d->hooks_pending--;
		run(container_of(d->hooks_waiting.next, struct rd_hook, node));
	}
}

void
rd_hooks_note(struct rd *d, const struct ike_note *n)
{
	enum rc_hook hook = rd_hook_of(n->type);
	char id[RD_SA_TEXT];
	struct rd_hook *h;

	rd_sa_text(id, sizeof(id), n->serial);
	if (hook == RC_HOOKS || n->conf == NULL || n->conf->script_path[hook] == NULL)
		return;
	if (d->priv != NULL) {
		if (!priv_hook(d->priv, hook, n))
			log_line(LOG_L_ERROR, NULL, "script %s %s is not run: %s%s",
				n->conf->script_path[hook], rd_hook_name(hook), strerror(errno),
				id);
		return;
	}
	if (d->hooks_pending >= HOOKS_WAITING) {
		log_line(LOG_L_ERROR, NULL, "script %s %s is not run: %d are waiting already%s",
			n->conf->script_path[hook], rd_hook_name(hook), HOOKS_WAITING, id);
		return;
	}
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return;
	h->d = d;
	h->hook = hook;
	memcpy(h->id, id, sizeof(id));
	h->arena = arena_new(HOOK_ARENA);
	list_append(&d->hooks_waiting, &h->node);
	d->hooks_pending++;
	if (h->arena != NULL) {
		h->path = arena_strdup(h->arena, n->conf->script_path[hook]);
		h->env = rd_hook_environment(h->arena, n);
	}
	if (h->path == NULL || h->env == NULL) {
		log_line(LOG_L_ERROR, NULL, "out of memory: a script is not run%s", id);
		d->hooks_pending--;
		hook_free(h);
		return;
	}
	rd_hooks_next(d);
}

/* At the end: phase1_down of what has just been deleted still runs; nobody waits for it. */
void
rd_hooks_close(struct rd *d)
{
	while (!list_empty(&d->hooks_waiting)) {
		d->hooks_pending--;
		run(container_of(d->hooks_waiting.next, struct rd_hook, node));
	}
	LIST_FOREACH(at, &d->hooks_active)
	{
		struct rd_hook *h = container_of(at, struct rd_hook, node);
		if (!uv_is_closing((uv_handle_t *)&h->process)) {
			uv_close((uv_handle_t *)&h->limit, on_closed);
			uv_close((uv_handle_t *)&h->process, on_closed);
		}
	}
}
