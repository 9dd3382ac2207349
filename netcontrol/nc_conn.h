/*
 * nc_conn.h - the console's connection to a NETCONTROL server.
 */
#ifndef NETCONTROL_NC_CONN_H
#define NETCONTROL_NC_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/bytes.h"
#include "lib/status.h"
#include "lib/text.h"
#include "lib/when.h"

enum { NC_ANSWER_MAX = 64 << 20 }; /* octets of one line of an answer */

struct nc_conn {
	int fd; /* -1: none */
	struct cry_tls *tls; /* NULL: plain */
	struct cry_tls_ctx *ctx;
	char *in;
	size_t at, n, room;
};

/* ST_NOSERVER, ST_NOTPERM or ST_SYSERR with why. */
enum status nc_conn_open(struct nc_conn *c, const char *path, char *why,
	size_t why_size) ATTR_NODISCARD;
/*
 * Over TLS to host, "name", "name:port", "[address]:port"; files are paths.  ST_NOSERVER,
 * ST_NOTTLS, ST_NOFILE, ST_FILEPROT, ST_TIMEOUT, ST_SYSERR with why.
 */
struct cry_tls_files;
enum status nc_conn_open_host(struct nc_conn *c, const char *host,
	const struct cry_tls_files *files, char *why, size_t why_size) ATTR_NODISCARD;
/* Why the connection ended, when TLS knows it; "" when not. */
const char *nc_conn_why(const struct nc_conn *c);
void nc_conn_close(struct nc_conn *c);
/* Send one line (its end is added). False: the connection is gone. */
bool nc_conn_send(struct nc_conn *c, const char *line);
/* A whole line already received, without its end; stays until the next call. NULL: none yet. */
char *nc_conn_line(struct nc_conn *c);
/* Read what is there without waiting. False: the connection is gone. */
bool nc_conn_fill(struct nc_conn *c);
/*
 * Wait for the next line until the deadline.  ST_NORMAL, ST_TIMEOUT, ST_NOSERVER (the connection is
 * gone), ST_CANCELLED (*interrupt became non-zero).
 */
enum status nc_conn_wait(struct nc_conn *c, instant deadline, const volatile int *interrupt,
	char **line) ATTR_NODISCARD;

/* ---- nc_tls.c, for nc_conn.c */
bool nc_conn_send_all(int fd, struct bytes octets);
bool nc_tls_send(struct nc_conn *c, struct bytes octets);
bool nc_tls_fill(struct nc_conn *c); /* there is room for NC_TLS_CHUNK octets */
void nc_tls_close(struct nc_conn *c);

/* The code of an answer's line (0: none) and whether it is the last one. */
unsigned nc_answer_code(const char *line, bool *last);
/* What the operator is to see of a line: without code. */
const char *nc_answer_text(const char *line);

#endif
