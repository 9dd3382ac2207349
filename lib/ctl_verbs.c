/*
 * ctl_verbs.c - the verbs that every service has: NOOP, VERSION, HELP, MONITOR.
 *
 * Named in the verb tables of the services; everything they say comes from those tables and from
 * messages.def.
 */
#include "lib/ctl.h"

#include <stdio.h>

#include "lib/json.h"

const struct verb_qual ctl_quals_format[] = {
	{ "FORMAT", "TEXT|JSON", "form of the answer" },
	{ NULL, NULL, NULL },
};

const struct verb_qual ctl_quals_help[] = {
	{ "FORMAT", "TEXT|JSON", "form of the answer" },
	{ "MESSAGE", "[ident]", "explain a message instead of a verb" },
	{ NULL, NULL, NULL },
};

void
ctl_verb_noop(struct ctl_call *call)
{
	ctl_done(call, ST_NORMAL, NULL);
}

void
ctl_verb_version(struct ctl_call *call)
{
	ctl_line(call, "%s version %s, control interface %d", call->service->facility,
		call->service->version, CTL_PROTOCOL);
	ctl_done(call, ST_NORMAL, NULL);
}

static const char *
severity_word(char severity)
{
	switch (severity) {
	case 'S':
		return "success";
	case 'I':
		return "informational";
	case 'W':
		return "warning";
	case 'E':
		return "error";
	case 'F':
		return "fatal";
	}
	return "unknown";
}

static void
message_json(struct ctl_call *call, const struct message_row *row)
{
	struct text out = { 0 };
	struct json j = json_to(&out);

	json_object(&j, NULL);
	json_string(&j, "schema", "multinet.message");
	json_int(&j, "version", 1);
	json_string(&j, "facility", row->facility);
	json_string(&j, "ident", row->ident);
	json_string(&j, "severity", severity_word(row->severity));
	json_uint(&j, "reply", row->reply);
	json_uint(&j, "notify", row->notify);
	json_string(&j, "text", row->text);
	json_string(&j, "explanation", row->explain);
	json_string(&j, "action", row->action);
	json_end(&j);
	ctl_text(call, text_str(&out));
	text_free(&out);
}

static void
help_message(struct ctl_call *call, const char *ident)
{
	const struct message_row *row;
	enum status status;
	char message[256];

	if (ident == NULL || ident[0] == '\0') {
		for (int i = 0; i < (int)ST_COUNT; i++) {
			row = status_row((enum status)i);
			ctl_line(call, "%-8s %-16s %s", row->facility, row->ident, row->text);
		}
		ctl_done(call, ST_NORMAL, NULL);
		return;
	}
	status = status_by_ident(ident);
	if (status == ST_COUNT) {
		ctl_done(call, ST_NOTOPIC, "no message \\%s\\, HELP/MESSAGE lists them", ident);
		return;
	}
	row = status_row(status);
	if (call->json) {
		message_json(call, row);
	} else {
		status_format(message, sizeof(message), status, NULL, NULL);
		ctl_line(call, "%s", message);
		ctl_line(call, "  Severity:    %s, reply code %u", severity_word(row->severity),
			row->reply);
		ctl_line(call, "  Explanation: %s", row->explain);
		ctl_line(call, "  Action:      %s", row->action);
	}
	ctl_done(call, ST_NORMAL, NULL);
}

static void
help_json(struct ctl_call *call, const char *topic)
{
	struct text out = { 0 };
	struct json j = json_to(&out);

	json_object(&j, NULL);
	json_string(&j, "schema", "multinet.help");
	json_int(&j, "version", 1);
	json_string(&j, "service", call->service->facility);
	json_array(&j, "verbs");
	for (const struct verb *v = call->service->verbs; v->name != NULL; v++) {
		if (v->help == NULL || (topic != NULL && !text_prefix(topic, v->name)))
			continue;
		json_object(&j, NULL);
		json_string(&j, "verb", v->name);
		json_string(&j, "parameters", v->params != NULL ? v->params : "");
		json_string(&j, "role", v->role == CTL_OPERATOR ? "operator" : "reader");
		json_string(&j, "help", v->help);
		json_array(&j, "qualifiers");
		for (const struct verb_qual *q = v->quals; q != NULL && q->name != NULL; q++) {
			json_object(&j, NULL);
			json_string(&j, "name", q->name);
			json_string(&j, "value", q->value);
			json_string(&j, "help", q->help);
			json_end(&j);
		}
		json_end(&j);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	ctl_text(call, text_str(&out));
	text_free(&out);
	ctl_done(call, ST_NORMAL, NULL);
}

void
ctl_verb_help(struct ctl_call *call)
{
	const char *message = cmd_qual(call->cmd, "MESSAGE");
	const char *topic = ctl_param(call, 0);
	struct text out = { 0 };

	if (message != NULL) {
		help_message(call, message[0] != '\0' ? message : topic);
		return;
	}
	if (!verb_help(call->service->verbs, call->service->facility, topic, &out)) {
		ctl_done(call, ST_NOTOPIC, "\\%s\\", topic != NULL ? topic : "");
	} else if (call->json) {
		help_json(call, topic);
	} else {
		if (topic == NULL)
			ctl_line(call, "%s, any unique abbreviation will do:",
				call->service->facility);
		ctl_text(call, text_str(&out));
		ctl_done(call, ST_NORMAL, NULL);
	}
	text_free(&out);
}

const char *const ctl_classes[] = { "LOG", "ISAKMP", "IPSEC", "FAILURE", NULL };

const struct verb_qual ctl_quals_monitor[] = {
	{ "OFF", NULL, "stop showing events" },
	{ NULL, NULL, NULL },
};

void
ctl_verb_monitor(struct ctl_call *call)
{
	static const char *const words[] = { "LOG", "ISAKMP", "IPSEC", "FAILURE", "ALL", "ON",
		"OFF", NULL };
	static const unsigned classes[] = { CTL_NEWS_LOG, CTL_NEWS_ISAKMP, CTL_NEWS_IPSEC,
		CTL_NEWS_FAILURE, CTL_NEWS_ALL, CTL_NEWS_LOG, 0 };
	bool off = call->cmd->quals > 0 && text_prefix(call->cmd->qual[0].name, "OFF");
	unsigned wanted = 0;
	const char *typed;

	for (unsigned n = 0; (typed = ctl_param(call, n)) != NULL; n++) {
		int which = verb_keyword(words, typed);

		if (which < 0) {
			ctl_done(call, ST_IVKEYW, "\\%s\\, ON, OFF, ALL or classes are expected: "
				"LOG, ISAKMP, IPSEC, FAILURE", typed);
			return;
		}
		off = off || classes[which] == 0;
		wanted |= classes[which];
	}
	if (wanted == 0)
		wanted = CTL_NEWS_LOG;
	ctl_set_monitor(call->session, off ? 0 : wanted);
	ctl_done(call, ST_NORMAL, "monitoring is %s", off ? "off" : "on");
}
