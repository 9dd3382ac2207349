/*
 * adm.h - racoonctl: one connection to racoon's control socket, and the old commands on it.
 *
 * For racoonctl_main.c and adm_*.c.  Requests and answers are NETCONTROL lines; what racoonctl
 * prints and its exit statuses are those of ipsec-tools.
 */
#ifndef RACOON_DAEMON_ADM_H
#define RACOON_DAEMON_ADM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/text.h"

enum {
	ADM_COLUMNS_MAX = 64,
	ADM_LINE_MAX = 64 * 1024,  /* octets of one line of an answer */
	ADM_ASK_MS = 30 * 1000,    /* an answer that should come at once */
	ADM_WAIT_MS = 150 * 1000,  /* one that a negotiation has to end for */
	ADM_IDENT_MAX = 24,
};

struct adm {
	const char *socket;  /* -s, or NULL: racoon's own, else the master server's */
	unsigned detail;     /* -l, -ll */
	bool dump;           /* -d */
	int fd;
	bool via_master;     /* requests begin with RACOON */
	char *in;            /* what was read and not yet used */
	size_t in_at, in_n, in_room;
	char ident[ADM_IDENT_MAX]; /* of the last answer: "NOSUCHSA" */
	char message[512];         /* its text, without facility and ident */
};

/* False: told on standard error. */
bool adm_open(struct adm *a);
void adm_close(struct adm *a);

typedef void adm_line(void *user, const char *text);
/* Send one request; each line of the answer goes to line (NULL: ignored).  The reply code, 0 when
 * none came (told). */
unsigned adm_ask(struct adm *a, int timeout_ms, adm_line *line, void *user, const char *fmt, ...)
	ATTR_PRINTF(5, 6);
/* The next line nobody asked for, without its sign; false: the connection ended. */
bool adm_news(struct adm *a, char *buf, size_t size);
/* Was it done (2xx)?  Else the condition is told on standard error. */
bool adm_done(const struct adm *a, unsigned code);

struct adm_rows { /* a CSV answer, line by line: the first names the columns */
	unsigned columns;
	char *names;       /* one after the other, each with its end */
	const char *name[ADM_COLUMNS_MAX];
	const char *value[ADM_COLUMNS_MAX];
	void (*row)(struct adm_rows *rows);
	void *user;
};
adm_line adm_rows_line; /* user: struct adm_rows */
const char *adm_value(const struct adm_rows *rows, const char *column); /* "" when it is none */
void adm_rows_free(struct adm_rows *rows);
/* Take a line of CSV apart in place; the number of values. */
unsigned adm_csv_split(char *line, const char **value, unsigned max);

/* The commands: argv[0] is the command itself; exit status of the program. */
int adm_reload(struct adm *a, int argc, char **argv);
int adm_schedule(struct adm *a, int argc, char **argv);
int adm_show_sa(struct adm *a, int argc, char **argv);
int adm_get_cert(struct adm *a, int argc, char **argv);
int adm_flush_sa(struct adm *a, int argc, char **argv);
int adm_delete_sa(struct adm *a, int argc, char **argv);
int adm_establish_sa(struct adm *a, int argc, char **argv);
int adm_vpn_connect(struct adm *a, int argc, char **argv);
int adm_vpn_disconnect(struct adm *a, int argc, char **argv);
int adm_show_event(struct adm *a, int argc, char **argv);
int adm_logout_user(struct adm *a, int argc, char **argv);
int adm_status(struct adm *a, int argc, char **argv);

enum adm_proto { ADM_ISAKMP, ADM_IPSEC, ADM_AH, ADM_ESP };
/* -1: told on standard error. */
int adm_proto(const char *word);

#endif
