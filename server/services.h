/*
 * services.h - the services file: what the master server listens on and which programs it runs.
 *
 *	socket "/run/multinet/netcontrol.sock";
 *	service RACOON {
 *		program "racoon";
 *		arguments "-F" "-f" "multinet:racoon.conf";
 *		after IPSEC;
 *		enable on;
 *		restart on-failure;
 *		ready-time 10 sec;
 *		stop-time 5 sec;
 *		log-file "multinet:racoon.log";
 *	}
 *
 * A service is a stanza and no code.  Pure: text in, structs out, errors with file:line:column.
 */
#ifndef SERVER_SERVICES_H
#define SERVER_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/stmt.h"
#include "server/super.h"

enum { SVC_MAX = 64, SVC_ARGS_MAX = 32, SVC_AFTER_MAX = 16, SVC_NAME_MAX = 31,
	SVC_FILE_CAP = 4 << 20 };

#define SVC_SOCKET "/run/multinet/netcontrol.sock"
#define SVC_READER_SOCKET "/run/multinet/netcontrol-reader.sock"

/* The services of a host without a services file: IPSEC and RACOON. */
extern const char svc_default[];

struct svc_conf { /* strings live in the file's arena */
	const char *name; /* upper case */
	const char *program;
	const char *argument[SVC_ARGS_MAX + 1]; /* NULL-terminated, without argv[0] */
	size_t arguments;
	const char *after[SVC_AFTER_MAX];       /* names, upper case */
	struct stmt_pos after_pos[SVC_AFTER_MAX];
	size_t afters;
	const char *log_file; /* NULL: the server's own standard error */
	bool enable;          /* start it when the server starts */
	struct super_policy policy;
	struct stmt_pos pos;
};

struct svc_file {
	struct arena *arena; /* owns everything */
	const char *socket, *reader_socket, *group, *log_file;
	struct svc_conf service[SVC_MAX];
	size_t services;
};

/* NULL when anything is wrong: errors tells what. name is for messages. */
struct svc_file *svc_read(const char *name, struct bytes text, struct stmt_errors *errors);
void svc_file_free(struct svc_file *f);
const struct svc_conf *svc_find(const struct svc_file *f, const char *name);
bool svc_same(const struct svc_conf *a, const struct svc_conf *b);
/* The file as it would be written: read back it gives the same. */
void svc_print(const struct svc_file *f, struct text *out);

#endif
