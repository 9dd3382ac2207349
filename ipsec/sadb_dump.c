/*
 * sadb_dump.c - a dump from a kernel that can lose entries of it.
 *
 * Called by the kernel backends.  Whether a try is complete each of them knows in its own way; here
 * is what they share: kinds that wait for each other, entries that are told once however often they
 * come, and the newest of them held back, for the last one says that it is.
 */
#include "ipsec/sadb_dump.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void
sadb_dump_init(struct sadb_dump *d)
{
	memset(d, 0, sizeof(*d));
	if (getrandom(&d->seen.key, sizeof(d->seen.key), 0) < 0)
		d->seen.key.k0 = (uint64_t)getpid();
}

void
sadb_dump_clear(struct sadb_dump *d)
{
	sadb_seen_clear(&d->seen);
	sadb_msg_wipe(&d->entry);
}

bool
sadb_dump_ask(struct sadb_dump *d, uint32_t token, const struct sadb_msg *m)
{
	struct sadb_dump_waiting *w = &d->waiting[m->op == SADB_OP_SPDDUMP];

	if (w->is)
		return false;
	*w = (struct sadb_dump_waiting){ .is = true, .token = token, .proto = m->sa.proto };
	return true;
}

bool
sadb_dump_begin(struct sadb_dump *d)
{
	struct sadb_dump_waiting *w = &d->waiting[d->waiting[0].is ? 0 : 1];

	if (d->is || !w->is)
		return false;
	w->is = false;
	d->is = true;
	d->ending = d->lost = d->any = d->held = false;
	d->token = w->token;
	d->op = w == &d->waiting[0] ? SADB_OP_DUMP : SADB_OP_SPDDUMP;
	d->proto = w->proto;
	d->left = 0;
	d->tries = 0;
	d->error = 0;
	return true;
}

static enum sadb_got
hand_on(struct sadb_dump *d, bool last, struct sadb_came *c)
{
	d->left = d->left > 1 ? d->left - 1 : 1;
	c->token = d->token;
	c->raw = bytes_of(NULL, 0);
	c->msg = d->entry;
	c->msg.seq = last ? 0 : d->left;
	sadb_msg_wipe(&d->entry);
	d->held = false;
	return SADB_GOT_ENTRY;
}

enum sadb_got
sadb_dump_entry(struct sadb_dump *d, const struct sadb_msg *m, struct sadb_came *c)
{
	struct sadb_msg mine = *m;
	enum sadb_got got = SADB_GOT_NOTHING;
	bool known;

	if (!sadb_seen_add(&d->seen, &mine, &known)) {
		d->error = ENOMEM;
	} else if (!known) {
		if (d->held)
			got = hand_on(d, false, c);
		d->entry = mine;
		d->held = d->any = true;
	}
	sadb_msg_wipe(&mine);
	return got;
}

bool
sadb_dump_again(struct sadb_dump *d)
{
	if (++d->tries >= SADB_DUMP_TRIES)
		return false;
	sadb_seen_again(&d->seen);
	return true;
}

enum sadb_got
sadb_dump_end(struct sadb_dump *d, const char *why, struct sadb_came *c)
{
	if (d->held)
		return hand_on(d, true, c);
	memset(c, 0, sizeof(*c));
	c->token = d->token;
	c->msg.op = d->op;
	c->msg.error = d->error != 0 ? d->error : d->any ? 0 : ENOENT;
	if (d->error == EAGAIN)
		c->msg.why = "the kernel lost entries each time; the list is not complete";
	else if (d->error != 0)
		c->msg.why = why;
	sadb_seen_clear(&d->seen);
	d->is = false;
	return SADB_GOT_ANSWER;
}
