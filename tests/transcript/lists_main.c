/*
 * lists_main.c - prints the lists of doc/NETCONTROL.md from the tables: `lists NAME`.
 *
 * Called by tests/lint/protocol.sh, which compares them with the document or puts them into it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/ipsecd.h"
#include "lib/cmd.h"
#include "lib/ctl_channel.h"
#include "lib/sorted.h"
#include "lib/status.h"
#include "lib/verb.h"
#include "logicals/lnm.h"
#include "netcontrol/nc_console.h"
#include "racoon/daemon/tickets.h"
#include "racoon/daemon/verbs.h"
#include "server/account.h"
#include "server/server.h"

/* A bar would end the cell. */
static void
cell(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text == '\n' ? ' ' : *text);
	}
}

static void
verbs(const char *service, const struct verb *v)
{
	printf("| verb of %s | role | |\n|---|---|---|\n", service);
	for (; v->name != NULL; v++) {
		if (v->help == NULL)
			continue;
		printf("| `%s", v->name);
		if (v->params != NULL && v->params[0] != '\0') {
			printf(" ");
			cell(v->params);
		}
		for (const struct verb_qual *q = v->quals; q != NULL && q->name != NULL; q++) {
			const char *value = q->value != NULL ? q->value : "";

			printf(" [/%s%s", q->name, value[0] == '\0' ? "" :
				value[0] == '[' ? "[=" : "=");
			cell(value + (value[0] == '['));
			printf("]");
		}
		printf("` | %s | ", v->role == CTL_OPERATOR ? "operator" : "reader");
		cell(v->help);
		printf(" |\n");
	}
}

static int
by_code(const void *a, const void *b)
{
	const struct message_row *x = *(const struct message_row *const *)a,
				 *y = *(const struct message_row *const *)b;

	return x->reply != y->reply ? (int)x->reply - (int)y->reply : strcmp(x->ident, y->ident);
}

static void
replies(void)
{
	const struct message_row *row[ST_COUNT];

	for (unsigned i = 0; i < ST_COUNT; i++)
		row[i] = status_row((enum status)i);
	qsort(row, ST_COUNT, sizeof(row[0]), by_code);
	printf("| code | condition | text |\n|---|---|---|\n");
	for (unsigned i = 0; i < ST_COUNT; i++) {
		printf("| %03u | `%%%s-%c-%s` | ", row[i]->reply, row[i]->facility,
			row[i]->severity, row[i]->ident);
		cell(row[i]->text);
		printf(" |\n");
	}
}

static void
bounds(void)
{
	static const struct {
		const char *what;
		long bound;
	} rows[] = {
		{ "octets of a request line, without its end", CMD_LINE_MAX },
		{ "words of a request", CMD_WORDS_MAX },
		{ "qualifiers of a request", CMD_QUALS_MAX },
		{ "octets of waiting requests of a session; then it is not read from",
			CTL_INPUT_MAX },
		{ "octets of unsent answers at which requests wait and SHOW pauses",
			CTL_HIGH_WATER },
		{ "octets of unsent answers at which the session is ended", CTL_OUTPUT_MAX },
		{ "sessions; further ones get 452", CTL_SESSIONS_MAX },
		{ "services in the services file", SVC_MAX },
		{ "accept and reject rules of a service", ACC_RULES_MAX },
		{ "requests that ACCOUNTING knows", ACCOUNT_MAX },
		{ "refusals of one source that are written down in a minute",
			SERVER_REFUSALS_A_MINUTE },
		{ "octets that a service may leave unread in its channel", LINK_UNSENT_MAX },
		{ "milliseconds of silence after which a service is asked for a sign of life",
			LINK_PROBE_MS },
		{ "milliseconds of silence after which its requests are given up", LINK_SILENT_MS },
		{ "octets of an asker's name on a channel", CTL_WHO_MAX - 1 },
		{ "commands of RACOON under way", RD_COMMANDS_MAX },
		{ "tickets that RACOON knows", RD_TICKETS_MAX },
		{ "keys of one /SORT", SORTED_KEYS_MAX },
		{ "octets that all sorted SHOWs of a service take together", SORTED_OCTETS_MAX },
		{ "characters of a logical name, and of a value", LNM_NAME_MAX },
		{ "values of a search list", LNM_VALUES_MAX },
		{ "levels of a translation", LNM_DEPTH_MAX },
		{ "hosts of one /HOST=(...)", NC_HOSTS_MAX },
	};

	printf("| what | bound |\n|---|---|\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		printf("| %s | %ld |\n", rows[i].what, rows[i].bound);
}

static void
names(void)
{
	printf("| name | read by | value | |\n|---|---|---|---|\n");
	for (const struct lnm_known *k = lnm_known; k->name != NULL; k++) {
		printf("| `%s` | %s%s | ", k->name, k->reader, k->waiting ? " (to come)" : "");
		cell(k->value);
		printf(" | ");
		cell(k->meaning);
		printf(" |\n");
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "replies") == 0)
		replies();
	else if (strcmp(what, "bounds") == 0)
		bounds();
	else if (strcmp(what, "names") == 0)
		names();
	else if (strcmp(what, "netcontrol") == 0)
		verbs("NETCONTROL", server_verbs);
	else if (strcmp(what, "logicals") == 0)
		verbs("LOGICALS", logicals_verbs);
	else if (strcmp(what, "racoon") == 0)
		verbs("RACOON", rd_verbs);
	else if (strcmp(what, "ipsec") == 0)
		verbs("IPSEC", ipsecd_verbs);
	else
		return fprintf(stderr, "lists: no list \"%s\"\n", what), 2;
	return 0;
}
