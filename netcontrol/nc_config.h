/*
 * nc_config.h - the console's configuration mode: SERVER-CONFIG.
 *
 * A services file is held in memory (lib/svc_edit.h) and edited there; nothing reaches the file
 * before SAVE, nothing the server before RELOAD or RESTART.
 */
#ifndef NETCONTROL_NC_CONFIG_H
#define NETCONTROL_NC_CONFIG_H

#include "lib/svc_edit.h"
#include "netcontrol/nc_console.h"

#define NC_CONFIG_FILE "MULTINET:SERVICES.MASTER_SERVER"

struct nc_config {
	struct svc_edit edit;
	char path[NC_PATH_MAX];
	struct text on_disk;  /* what the file held when it was read or saved */
	bool is_new;          /* there was no file */
	char selected[SVC_NAME_MAX + 1]; /* service, or "": the file's own statements */
};

/* ---- nc_config_file.c: errors are said */
enum nc_exit nc_config_read(struct nc *nc, struct nc_config *g, const char *spec);
/* spec NULL: where it was read; overwrite: whatever has become of the file meanwhile. */
enum nc_exit nc_config_write(struct nc *nc, struct nc_config *g, const char *spec, bool overwrite);

/* ---- nc_config_show.c */
void nc_config_list(const struct nc_config *g);
/* c NULL: the file's own statements. full: what is at its default too. */
void nc_config_service(const struct nc_config *g, const struct svc_conf *c, bool full);
void nc_config_differences(const struct nc_config *g);

#endif
