/*
 * hooks.c - the environment of `script` programs.
 *
 * Called by hooks_uv.c and by tests.  A peer chooses its identity: it goes into one variable, never
 * into a command line, and control characters in it do not.
 */
#include "racoon/daemon/hooks.h"

#include <string.h>

#include "lib/text.h"

enum rc_hook
rd_hook_of(enum ike_note_type type)
{
	switch (type) {
	case IKE_NOTE_PH1_UP:
		return RC_HOOK_UP;
	case IKE_NOTE_PH1_DOWN:
		return RC_HOOK_DOWN;
	case IKE_NOTE_PH1_DEAD:
		return RC_HOOK_DEAD;
	case IKE_NOTE_PH2_UP:
	case IKE_NOTE_PH2_DOWN:
	case IKE_NOTE_FAILURE:
		break;
	}
	return RC_HOOKS;
}

const char *
rd_hook_name(enum rc_hook hook)
{
	static const char *const name[RC_HOOKS] = { "phase1_up", "phase1_down", "phase1_dead" };

	return (unsigned)hook < RC_HOOKS ? name[hook] : "?";
}

/* "FQDN www.example.net": the type goes, the identity stays. */
static char *
identity(struct arena *arena, const char *text)
{
	static const char *const types[] = { "FQDN ", "USER_FQDN ", "KEYID ", "DN ", "GN " };
	char *copy;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strncasecmp(text, types[i], strlen(types[i])) == 0) {
			text += strlen(types[i]);
			break;
		}
	copy = arena_strdup(arena, text);
	for (char *p = copy; p != NULL && *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

char **
rd_hook_environment(struct arena *arena, const struct ike_note *n)
{
	char **env = arena_array(arena, RD_HOOK_VARIABLES, sizeof(*env));
	char *id = identity(arena, n->peer_id == NULL ? "" : n->peer_id);
	char local[NET_ADDR_TEXT], remote[NET_ADDR_TEXT], i[17], r[17];
	unsigned k = 0;

	if (env == NULL || id == NULL)
		return NULL;
	net_addr_text(local, sizeof(local), &n->local.addr);
	net_addr_text(remote, sizeof(remote), &n->remote.addr);
	bytes_to_hex(i, sizeof(i), bytes_of(n->cookie_i, sizeof(n->cookie_i)));
	bytes_to_hex(r, sizeof(r), bytes_of(n->cookie_r, sizeof(n->cookie_r)));
	env[k++] = arena_strdup(arena, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	env[k++] = arena_printf(arena, "LOCAL_ADDR=%s", local);
	env[k++] = arena_printf(arena, "LOCAL_PORT=%u", (unsigned)n->local.port);
	env[k++] = arena_printf(arena, "REMOTE_ADDR=%s", remote);
	env[k++] = arena_printf(arena, "REMOTE_PORT=%u", (unsigned)n->remote.port);
	env[k++] = arena_printf(arena, "REMOTE_ID=%s", id);
	env[k++] = arena_printf(arena, "IKE_COOKIE=%s:%s", i, r);
	for (unsigned v = 0; v < k; v++)
		if (env[v] == NULL)
			return NULL;
	return env;
}
