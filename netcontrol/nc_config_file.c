/*
 * nc_config_file.c - the services file of the configuration mode: read, and written as a whole.
 *
 * Called by nc_config.c.  The new file takes the place of the old one in one step, with its mode
 * and owner, so that a server that reads it meanwhile sees the one or the other.
 */
#include "netcontrol/nc_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

/* The path of the specification in path. */
static enum nc_exit
find(struct nc *nc, const char *spec, char *path, size_t size)
{
	enum status status = lnm_file_spec(nc->lnm, spec, path, size);

	return status == ST_NORMAL ? NC_DONE : nc_say(NC_FAILED, status, "%s", spec);
}

enum nc_exit
nc_config_read(struct nc *nc, struct nc_config *g, const char *spec)
{
	struct text text = { .limit = SVC_TEXT_MAX };
	struct stmt_errors errors = { 0 };
	char path[NC_PATH_MAX], why[256] = "";
	enum nc_exit status = find(nc, spec, path, sizeof(path));
	bool is_new = status == NC_DONE && access(path, F_OK) != 0 && errno == ENOENT;
	enum status loaded = ST_NORMAL;

	if (status != NC_DONE)
		return status;
	if (is_new)
		text_add(&text, svc_default);
	else
		loaded = stmt_load(path, &text, why, sizeof(why));
	if (loaded != ST_NORMAL) {
		status = nc_say(NC_FAILED, loaded, "%s%s%s", path, why[0] != '\0' ? ": " : "", why);
	} else if (!svc_edit_open(&g->edit, path, bytes_str(text_str(&text)), &errors)) {
		fflush(stdout);
		fputs(text_str(&errors.text), stderr);
		status = nc_say(NC_FAILED, ST_CFGBAD, "%s", path);
	} else {
		snprintf(g->path, sizeof(g->path), "%s", path);
		g->is_new = is_new;
		g->selected[0] = '\0';
		text_clear(&g->on_disk);
		text_add(&g->on_disk, text_str(&text));
	}
	stmt_errors_free(&errors);
	text_free(&text);
	return status;
}

/* Has somebody else written the file since? */
static bool
is_as_read(const struct nc_config *g, const char *path)
{
	struct text now = { .limit = SVC_TEXT_MAX };
	char why[256] = "";
	bool same;

	if (strcmp(path, g->path) != 0)
		return access(path, F_OK) != 0; /* another file: only a new one */
	if (access(path, F_OK) != 0)
		return g->is_new;
	same = !g->is_new && stmt_load(path, &now, why, sizeof(why)) == ST_NORMAL &&
		strcmp(text_str(&now), text_str(&g->on_disk)) == 0;
	text_free(&now);
	return same;
}

static bool
replace(const char *path, const struct text *text)
{
	struct stat st;

	return file_replace(path, bytes_of(text->p, text->n),
		stat(path, &st) == 0 ? &st : NULL, 0644);
}

enum nc_exit
nc_config_write(struct nc *nc, struct nc_config *g, const char *spec, bool overwrite)
{
	char path[NC_PATH_MAX], target[NC_PATH_MAX];
	enum nc_exit status = NC_DONE;

	if (spec != NULL)
		status = find(nc, spec, path, sizeof(path));
	else
		snprintf(path, sizeof(path), "%s", g->path);
	if (status != NC_DONE)
		return status;
	if (!overwrite && !is_as_read(g, path))
		return nc_say(NC_FAILED, ST_CFGSTALE, "%s", path);
	/* A link stays one: what it names is replaced. */
	if (realpath(path, target) == NULL)
		snprintf(target, sizeof(target), "%s", path);
	errno = 0;
	if (!replace(target, &g->edit.text))
		return nc_say(NC_FAILED, ST_CFGWRITE, "%s: %s", path, strerror(errno));
	if (strcmp(path, g->path) != 0) {
		printf("Written to %s; %s is as it was.\n", path, g->path);
		return NC_DONE;
	}
	g->is_new = false;
	svc_edit_saved(&g->edit);
	text_clear(&g->on_disk);
	text_add(&g->on_disk, text_str(&g->edit.text));
	return nc_say(NC_DONE, ST_CFGSAVED, "%s", path);
}
