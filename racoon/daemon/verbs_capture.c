/*
 * verbs_capture.c - CAPTURE: IKE's datagrams into a file, and the keys aside, for root alone.
 *
 * A row of rd_verbs.  The operators' group may do everything else; whoever reads these files reads
 * what the peers say in confidence.
 */
#include "racoon/daemon/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ctl.h"
#include "racoon/daemon/capture.h"
#include "racoon/daemon/host.h"

const struct verb_qual rd_quals_capture[] = {
	{ "SIZE", "megabytes", "end when the file is so large (16)" },
	{ "TIME", "seconds", "end after so long (600)" },
	{ NULL, NULL, NULL },
};

static bool
is_root(const struct ctl_call *call)
{
	bool here = call->from == NULL || call->from->family == 0;

	return here && (strcmp(call->who, "uid 0") == 0 ||
		strncmp(call->who, "uid 0 ", 6) == 0);
}

static bool
number(struct ctl_call *call, const char *name, unsigned long most, unsigned long *out)
{
	const char *value = cmd_qual(call->cmd, name);
	unsigned long v;
	char *end;

	if (value == NULL)
		return true;
	v = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || v == 0 || v > most) {
		ctl_done(call, ST_VALREQ, "/%s: expected 1 to %lu", name, most);
		return false;
	}
	*out = v;
	return true;
}

static void
tell_state(struct ctl_call *call)
{
	struct text out = { 0 };
	bool on = rd_capture_state(call->user, &out);

	call->looks = true;
	ctl_done(call, ST_NORMAL, "%s", on ? text_str(&out) : "nothing is being captured");
	text_free(&out);
}

void
rd_verb_capture(struct ctl_call *call)
{
	unsigned long megabytes = CAPTURE_SIZE_MB, seconds = CAPTURE_TIME_S;
	const char *path = ctl_param(call, 0);
	char why[2 * CAPTURE_PATH_MAX + 64] = "";
	enum status status;

	if (path == NULL) {
		tell_state(call);
		return;
	}
	if (!is_root(call)) {
		ctl_done(call, ST_NOTPERM, "only root may capture what is said in confidence");
		return;
	}
	if (text_same(path, "OFF")) {
		status = rd_capture_state(call->user, NULL) ? ST_NORMAL : ST_ALREADY;
		rd_capture_stop(call->user, "CAPTURE OFF");
		ctl_done(call, status, NULL);
		return;
	}
	if (path[0] != '/' || strlen(path) > CAPTURE_PATH_MAX) {
		ctl_done(call, ST_IVPARM, "\\%s\\: the whole path of a new file, or OFF", path);
		return;
	}
	if (!number(call, "SIZE", CAPTURE_SIZE_MAX_MB, &megabytes) ||
		!number(call, "TIME", CAPTURE_TIME_MAX_S, &seconds))
		return;
	status = rd_capture_start(call->user, path, (uint64_t)megabytes << 20, (int64_t)seconds,
		why, sizeof(why));
	ctl_done(call, status, "%s", why);
}
