/*
 * hooks.h - what a hook's program is told: its environment, from a note of the engine.
 *
 * Pure; hooks_uv.c runs the programs.
 */
#ifndef RACOON_DAEMON_HOOKS_H
#define RACOON_DAEMON_HOOKS_H

#include "lib/arena.h"
#include "racoon/ike/ike.h"

enum { RD_HOOK_VARIABLES = 16 };

/* Which hook a note is for; RC_HOOKS: none. */
enum rc_hook rd_hook_of(enum ike_note_type type);
const char *rd_hook_name(enum rc_hook hook); /* "phase1_up" */
/*
 * The program's whole environment, NULL-terminated, in the arena: LOCAL_ADDR, LOCAL_PORT,
 * REMOTE_ADDR, REMOTE_PORT, REMOTE_ID, IKE_COOKIE, and PATH.  NULL: out of memory.
 */
char **rd_hook_environment(struct arena *arena, const struct ike_note *n);

#endif
