/*
 * backend_pfkey.c - a kernel's AF_KEY socket (Linux, with KAME's policies) as a SA database.
 *
 * Used through sadb_link.h.  The kernel answers before a send returns, so an answer that is not
 * there afterwards was lost in a full buffer, which this protocol does not tell; dumps are counted
 * first and asked for again while anything is missing.  An ACQUIRE names its policy by number only:
 * the policy is fetched before the event is handed on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipsec/pfkey.h"
#include "ipsec/sadb_dump.h"
#include "lib/secret.h"

enum {
	KEY_V2 = 2,           /* the protocol of the socket; its header would clash with ours */
	WINDOW = 32,          /* requests under way */
	BUFFER = 8 << 20,     /* socket buffer, octets */
	FOREIGN_MAX = 64,     /* messages of others during a dump that cannot have crowded it out */
};

struct flight {
	uint32_t token; /* also the number on the wire, but of our own questions */
	uint32_t seq;
	enum sadb_op op;
	enum sa_proto proto;
	bool quiet;      /* nobody waits for this answer */
	bool of_acquire; /* a policy for the ACQUIRE kept here */
	struct { /* the ACQUIRE */
		struct net_addr src, dst;
		uint32_t seq;
	} acquire;
};

struct count { /* of the entries of a dump */
	bool only;               /* the first try, which hands nothing on */
	uint32_t now, before;    /* of this try, of the one before */
	uint32_t numbered;       /* the kernel's last number */
	unsigned foreign;
};

struct pfkey_link {
	struct sadb_link link;
	uint32_t pid;
	uint32_t own; /* numbers of our own questions count down from the top */
	bool labels, lost;
	size_t flights;
	struct flight flight[WINDOW + 4];
	struct sadb_dump dump;
	struct count count;
	char text[SADB_WHY];
	uint8_t in[2 * PFKEY_MSG_MAX];
};

static struct pfkey_link *
of(struct sadb_link *l)
{
	return container_of(l, struct pfkey_link, link);
}

/* ------------------------------------------------------------------------------------- sending */

/* One message; 0 or an errno. Errors of the request itself come as an answer. */
static int
put(struct pfkey_link *p, uint32_t seq, const struct sadb_msg *m, char *why, size_t why_size)
{
	uint8_t octets[PFKEY_MSG_MAX];
	struct writer w = writer_of(octets, sizeof(octets));
	struct sadb_msg copy = *m;
	int error;

	copy.seq = seq;
	copy.pid = p->pid;
	error = pfkey_encode_kernel(&copy, p->labels, &w, why, why_size);
	if (error == 0 && send(p->link.fd, octets, writer_len(&w), 0) < 0) {
		error = errno;
		snprintf(why, why_size, "%s", strerror(error));
	}
	sadb_msg_wipe(&copy);
	wipe(octets, sizeof(octets));
	return error;
}

static void
send_dump(struct pfkey_link *p)
{
	struct sadb_dump *d = &p->dump;
	struct sadb_msg m = { .op = d->op, .sa.proto = d->proto };

	p->count = (struct count){ .only = p->count.only, .before = p->count.now };
	d->lost = false;
	d->error = put(p, d->token, &m, p->text, sizeof(p->text));
	d->ending = d->error != 0;
}

static void
start_dump(struct pfkey_link *p)
{
	if (!sadb_dump_begin(&p->dump))
		return;
	p->count = (struct count){ .only = true };
	send_dump(p);
}

static struct flight *
new_flight(struct pfkey_link *p, uint32_t token, uint32_t seq, enum sadb_op op, enum sa_proto proto)
{
	struct flight *f = &p->flight[p->flights++];

	*f = (struct flight){ .token = token, .seq = seq, .op = op, .proto = proto };
	return f;
}

/* Linux registers one kind of SA at a time (RFC 2367 3.1.7 knows no other way). */
static void
send_register(struct pfkey_link *p, uint32_t token)
{
	static const enum sa_proto protos[] = { SA_AH, SA_IPCOMP, SA_ESP };

	for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
		struct sadb_msg m = { .op = SADB_OP_REGISTER, .sa.proto = protos[i] };
		bool last = i + 1 == ARRAY_LEN(protos);
		uint32_t seq = last ? token : --p->own;

		new_flight(p, token, seq, m.op, m.sa.proto)->quiet = !last;
		(void)put(p, seq, &m, p->text, sizeof(p->text));
	}
}

static enum status
send_message(struct sadb_link *l, uint32_t token, const struct sadb_msg *m, bool *queued)
{
	struct pfkey_link *p = of(l);
	char why[SADB_WHY] = "";
	int error;

	*queued = false;
	if (l->refusal.is || p->flights + 3 > WINDOW)
		return ST_NORMAL;
	if (sadb_is_dump(m->op)) {
		*queued = sadb_dump_ask(&p->dump, token, m);
		start_dump(p);
		return ST_NORMAL;
	}
	*queued = true;
	if (m->op == SADB_OP_REGISTER) {
		send_register(p, token);
		return ST_NORMAL;
	}
	if (m->op == SADB_OP_ACQUIRE) { /* it failed; the kernel forgets by itself */
		sadb_link_refuse(l, token, m, 0, "%s", "");
		return ST_NORMAL;
	}
	new_flight(p, token, token, m->op, m->sa.proto);
	error = put(p, token, m, why, sizeof(why));
	if (error != 0) {
		p->flights--;
		sadb_link_refuse(l, token, m, error, "%s", why);
	}
	return ST_NORMAL;
}

/* ----------------------------------------------------------------------------------- receiving */

static struct flight *
flight_of(struct pfkey_link *p, const struct sadb_msg *m)
{
	if (m->pid != p->pid)
		return NULL;
	for (size_t i = 0; i < p->flights; i++)
		if (p->flight[i].seq == m->seq && p->flight[i].op == m->op)
			return &p->flight[i];
	return NULL;
}

static void
remove_flight(struct pfkey_link *p, struct flight *f)
{
	size_t i = (size_t)(f - p->flight);

	memmove(f, f + 1, (p->flights - i - 1) * sizeof(*f));
	p->flights--;
}

static const char *
hint(enum sadb_op op, int error)
{
	switch (error) {
	case EPROTONOSUPPORT:
		return "the kernel has not this protocol (modules esp4, ah4, ipcomp and their 6)";
	case ENOSYS:
		return "the kernel has not this algorithm, or not through PF_KEY";
	case EPERM:
		return "only the superuser may do this";
	case ENOPROTOOPT:
		return "the kernel was built without this";
	case EINVAL:
		return op >= SADB_OP_SPDUPDATE ? "the kernel does not take this policy (outbound "
			"tunnels of level use are refused since Linux 6.1)" : NULL;
	}
	return NULL;
}

/*
 * The end of one try.  The first only counts.  After that all is there when nothing hints at a loss
 * or two tries agree in number; the last message of a try can get lost without a gap.
 */
static void
dump_done(struct pfkey_link *p, int error)
{
	struct sadb_dump *d = &p->dump;
	struct count *n = &p->count;
	bool sure = !d->lost && (n->foreign < FOREIGN_MAX || n->now == n->before) &&
		(n->only || n->now >= n->before || n->foreign != 0);

	if (error != 0 || d->error != 0) {
		if (d->error == 0 && error != ENOENT)
			d->error = error;
		d->ending = true;
	} else if (n->only && sure) {
		n->only = false;
		d->left = n->now;
		d->tries = 0;
		send_dump(p);
	} else if (!sure && sadb_dump_again(d)) {
		send_dump(p);
	} else {
		d->error = sure ? 0 : EAGAIN;
		d->ending = true;
	}
}

static enum sadb_got
dump_entry(struct pfkey_link *p, enum status decoded, const struct sadb_msg *m, struct sadb_came *c)
{
	struct sadb_dump *d = &p->dump;
	enum sadb_got got = SADB_GOT_NOTHING;
	bool last = m->seq == 0;

	p->count.now++;
	/* The entries of one try are numbered 1, 2, 3 … 0. */
	if (!last && m->seq != ++p->count.numbered)
		d->lost = true;
	if (decoded == ST_BADMSG)
		d->error = EPROTO;
	if (decoded == ST_NORMAL && !p->count.only && d->error == 0)
		got = sadb_dump_entry(d, m, c);
	if (last)
		dump_done(p, 0);
	return got;
}

static enum sadb_got
dump_ends(struct pfkey_link *p, struct sadb_came *c)
{
	struct sadb_dump *d = &p->dump;
	enum sadb_got got;

	got = sadb_dump_end(d, d->error == EPROTO ? p->text : hint(d->op, d->error), c);
	start_dump(p);
	return got;
}

/* ------------------------------------------------------------------------------------- acquires */

/* The event as it came has the policy's number alone; false: hand it on as it is. */
static bool
ask_policy(struct pfkey_link *p, const struct sadb_msg *m)
{
	struct sadb_msg q = { .op = SADB_OP_SPDGET, .has_sp = true, .sp.id = m->sp.id };
	struct flight *f;

	if (!m->has_sp || m->sp.id == 0 || p->flights == ARRAY_LEN(p->flight))
		return false;
	f = new_flight(p, 0, --p->own, q.op, m->sa.proto);
	f->quiet = f->of_acquire = true;
	f->acquire.src = m->sa.src.addr;
	f->acquire.dst = m->sa.dst.addr;
	f->acquire.seq = m->seq;
	if (put(p, f->seq, &q, p->text, sizeof(p->text)) == 0)
		return true;
	p->flights--;
	return false;
}

static void
make_acquire(const struct flight *f, struct sadb_msg *m)
{
	m->op = SADB_OP_ACQUIRE;
	m->seq = f->acquire.seq;
	m->pid = 0;
	m->has_sa = true;
	m->sa.proto = f->proto;
	m->sa.src.addr = f->acquire.src;
	m->sa.dst.addr = f->acquire.dst;
	m->sa.mode = SA_TRANSPORT;
	for (unsigned i = m->sp.rules; i-- > 0;) {
		const struct sp_rule *r = &m->sp.rule[i];

		if (r->proto != m->sa.proto || (r->mode == SA_TUNNEL &&
			!net_addr_is_any(&r->dst.addr) &&
			!net_addr_equal(&r->dst.addr, &m->sa.dst.addr)))
			continue;
		m->sa.mode = r->mode;
		m->sa.reqid = r->reqid;
	}
}

/* --------------------------------------------------------------------------------- handing on */

static enum sadb_got
answer(struct pfkey_link *p, struct flight *f, struct sadb_came *c)
{
	struct flight was = *f;

	remove_flight(p, f);
	if (was.of_acquire && c->msg.error == 0) {
		make_acquire(&was, &c->msg);
		c->raw = bytes_of(NULL, 0);
		return SADB_GOT_EVENT;
	}
	if (was.quiet)
		return SADB_GOT_NOTHING;
	/* Another socket of ours registered already: as good. */
	if (was.op == SADB_OP_REGISTER && c->msg.error == EEXIST)
		c->msg.error = 0;
	c->token = was.token;
	if (c->msg.error != 0)
		c->msg.why = hint(was.op, c->msg.error);
	return SADB_GOT_ANSWER;
}

static enum sadb_got
message(struct pfkey_link *p, struct sadb_came *c)
{
	enum status decoded = pfkey_decode_kernel(c->raw, &c->msg, p->text, sizeof(p->text));
	struct sadb_dump *d = &p->dump;
	struct flight *f;

	if (d->is && !d->ending && c->msg.pid == p->pid && c->msg.op == d->op) {
		if (c->msg.error != 0) {
			dump_done(p, c->msg.error);
			return SADB_GOT_NOTHING;
		}
		return dump_entry(p, decoded, &c->msg, c);
	}
	if (d->is)
		p->count.foreign++;
	f = flight_of(p, &c->msg);
	if (f != NULL && decoded != ST_NORMAL) {
		c->msg.error = c->msg.error != 0 ? c->msg.error : EPROTO;
		decoded = ST_NORMAL;
	}
	if (decoded != ST_NORMAL)
		return SADB_GOT_NOISE;
	if (f != NULL)
		return answer(p, f, c);
	if (c->msg.pid == p->pid) /* the second telling of a flush, an echo */
		return SADB_GOT_NOTHING;
	if (c->msg.op == SADB_OP_ACQUIRE && c->msg.error == 0 && ask_policy(p, &c->msg))
		return SADB_GOT_NOTHING;
	/* Larval SAs that nobody completed were never SAs to anyone. */
	if (c->msg.op == SADB_OP_EXPIRE && c->msg.sa.spi == 0)
		return SADB_GOT_NOTHING;
	return SADB_GOT_EVENT;
}

/* Nothing is left to read: what has not been answered never will be. */
static enum sadb_got
nothing_more(struct pfkey_link *p, struct sadb_came *c)
{
	struct sadb_dump *d = &p->dump;

	if (d->is && !d->ending) {
		d->lost = true;
		dump_done(p, 0);
		return SADB_GOT_NOISE;
	}
	if (p->flights != 0) {
		memset(c, 0, sizeof(*c));
		c->msg.op = p->flight[0].op;
		c->msg.pid = p->pid;
		c->msg.seq = p->flight[0].seq;
		c->msg.error = ENOBUFS;
		if (answer(p, &p->flight[0], c) != SADB_GOT_ANSWER)
			return SADB_GOT_NOISE;
		c->msg.why = "the kernel's answer was lost";
		return SADB_GOT_ANSWER;
	}
	if (!p->lost)
		return SADB_GOT_NOTHING;
	p->lost = false;
	return SADB_GOT_OVERRUN;
}

static enum sadb_got
next(struct sadb_link *l, struct sadb_came *c)
{
	struct pfkey_link *p = of(l);
	enum sadb_got got;
	ssize_t n;

	for (;;) {
		if (sadb_link_refused(l, c))
			return SADB_GOT_ANSWER;
		if (p->dump.is && p->dump.ending)
			return dump_ends(p, c);
		n = recv(l->fd, p->in, sizeof(p->in), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			p->lost = p->dump.lost = true;
			continue;
		}
		if (n < 0) {
			got = nothing_more(p, c);
			if (got == SADB_GOT_NOISE)
				continue;
			return got;
		}
		c->token = 0;
		c->raw = bytes_of(p->in, (size_t)n <= sizeof(p->in) ? (size_t)n : sizeof(p->in));
		got = message(p, c);
		if (got != SADB_GOT_NOTHING)
			return got;
		sadb_msg_wipe(&c->msg);
	}
}

static enum status
work(struct sadb_link *l)
{
	(void)l; /* requests go out at once, and `next` reads */
	return ST_NORMAL;
}

static void
close_link(struct sadb_link *l)
{
	struct pfkey_link *p = of(l);

	if (l->fd >= 0)
		close(l->fd);
	sadb_dump_clear(&p->dump);
	wipe(p, sizeof(*p));
	free(p);
}

static const struct sadb_link_ops ops = { .name = "pfkey", .send = send_message, .work = work,
	.next = next, .close = close_link };

enum status
backend_pfkey_open(struct sadb_link **out, char *why, size_t why_size)
{
	struct pfkey_link *p = calloc(1, sizeof(*p));
	int octets = BUFFER;

	if (p == NULL) {
		snprintf(why, why_size, "out of memory");
		return ST_NOMEMORY;
	}
	p->link.ops = &ops;
	p->pid = (uint32_t)getpid();
	p->link.fd = socket(AF_KEY, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, KEY_V2);
	if (p->link.fd < 0) {
		snprintf(why, why_size, "pfkey: %s", errno == EAFNOSUPPORT ?
			"the kernel has no PF_KEY" : strerror(errno));
		close_link(&p->link);
		return ST_NOBACKEND;
	}
	if (setsockopt(p->link.fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof(octets)) < 0)
		(void)setsockopt(p->link.fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
	p->link.events = p->link.fd;
	sadb_dump_init(&p->dump);
	p->own = UINT32_MAX;
	p->labels = access("/sys/fs/selinux/enforce", F_OK) == 0;
	*out = &p->link;
	return ST_NORMAL;
}
