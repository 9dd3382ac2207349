/*
 * nc_config_show.c - SHOW of the configuration mode.
 *
 * Called by nc_config.c.  Shows what is held in memory, in the form of the services file.
 */
#include "netcontrol/nc_config.h"

#include <stdio.h>
#include <string.h>

static const char *
state_of(const struct svc_file *was, const struct svc_conf *c)
{
	const struct svc_conf *old = was != NULL ? svc_find(was, c->name) : NULL;

	if (old == NULL || old->implied != c->implied)
		return old == NULL || old->implied ? "added" : "deleted";
	return svc_same(old, c) ? "" : "changed";
}

void
nc_config_list(const struct nc_config *g)
{
	struct stmt_errors errors = { 0 };
	struct svc_file *was = svc_read("saved", bytes_str(text_str(&g->edit.saved)), &errors);

	printf("%s%s%s\n", g->path, g->is_new ? " (new)" : "",
		svc_edit_changed(&g->edit) ? ", changed and not saved" : "");
	printf("  %-20s %-9s %-9s %s\n", "Service", "Start", "Edited", "Program");
	for (size_t i = 0; i < g->edit.file->services; i++) {
		const struct svc_conf *c = &g->edit.file->service[i];

		printf("%s %-20s %-9s %-9s %s\n", strcmp(c->name, g->selected) == 0 ? ">" : " ",
			c->name, c->enable ? "enabled" : "disabled", state_of(was, c),
			c->program != NULL ? c->program : "part of the server");
	}
	for (size_t i = 0; was != NULL && i < was->services; i++)
		if (svc_find(g->edit.file, was->service[i].name) == NULL)
			printf("  %-20s %-9s %-9s %s\n", was->service[i].name, "", "deleted",
				was->service[i].program);
	stmt_errors_free(&errors);
	svc_file_free(was);
}

/* A row that has no value, for SHOW/FULL: what it would look like. */
static void
without_value(const struct conf_row *row, const char *indent, const struct text *printed)
{
	char line[96];

	snprintf(line, sizeof(line), "%s%s ", indent, row->keyword);
	for (const char *p = text_str(printed); p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, strlen(line)) == 0)
			return;
	}
	if (strcmp(row->keyword, "service") != 0)
		printf("%s# %s %s: not given\n", indent, row->keyword, row->shape);
}

void
nc_config_service(const struct nc_config *g, const struct svc_conf *c, bool full)
{
	const char *indent = c != NULL ? "\t" : "";
	const void *from = c != NULL ? (const void *)c : g->edit.file;
	struct text out = { 0 };

	conf_print(svc_rows(c), from, indent, full, &out);
	if (c != NULL)
		printf("service %s {%s\n", c->name,
			c->implied ? " # with its defaults, not in the file" : "");
	fputs(text_str(&out), stdout);
	if (full)
		for (const struct conf_row *row = svc_rows(c); row->keyword != NULL; row++)
			without_value(row, indent, &out);
	if (c != NULL)
		printf("}\n");
	text_free(&out);
}

void
nc_config_differences(const struct nc_config *g)
{
	struct text out = { 0 };

	svc_edit_differences(&g->edit, &out);
	if (out.n == 0)
		text_add(&out, svc_edit_changed(&g->edit) ? "No statement differs.\n" :
			"Nothing has been changed.\n");
	fputs(text_str(&out), stdout);
	text_free(&out);
}
