/*
 * fuzz_ike.c - two live IKE engines in the middle of a conversation, and an attacker who may also
 * be a peer that knows the keys.
 *
 * First octet: how many datagrams pass before the attack (low four bits) and the exchange of phase
 * 1; second: bits, see below.  Then records of an op, a length and contents: datagrams as they
 * are, with the cookies of the SA, in fragments, or as payloads that are hashed and sealed with its
 * keys.  Nothing may crash or be lost, and the engines must come to rest.
 */
#include "tests/fuzz/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { RECORDS_MAX = 16, FRAG_PART = 64 };
enum op { OP_RAW, OP_COOKIES, OP_INFO, OP_QUICK, OP_PLAIN, OP_MAIN, OP_CHILD, OP_TIME, OP_FRAG,
	OP_SEALED_FRAG, OP_GROUP, OP_DELIVER, OP_COUNT };
enum { /* the second octet */
	BIT_NO_CHILDREN = 1, BIT_BETWEEN = 2, BIT_RUN_OUT = 4, BIT_SIGN = 8, BIT_NATT = 16,
	BIT_LOUD = 32 | 64, /* both: with traces, which are half the time */
	BIT_FREE = 128,
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	pair_init();
	return 0;
}

/* ---------------------------------------------------------------------------- the attack --- */

/* The same in fragments. */
static void
pieces(unsigned to, const uint8_t *p, size_t n)
{
	uint8_t buf[WIRE_HEADER + 8 + FRAG_PART];

	if (n < WIRE_HEADER)
		return;
	memcpy(buf, p, WIRE_HEADER);
	buf[2 * V1_COOKIE] = WIRE_FRAGMENT;
	for (size_t at = 0, index = 1; at < n; at += FRAG_PART, index++) {
		size_t part = n - at < FRAG_PART ? n - at : FRAG_PART;
		struct writer out = writer_of(buf + WIRE_HEADER, sizeof(buf) - WIRE_HEADER);

		write_u16(&out, 0);
		write_u16(&out, (uint16_t)(8 + part));
		write_u16(&out, 1);
		write_u8(&out, (uint8_t)index);
		write_u8(&out, at + part == n);
		write_bytes(&out, bytes_of(p + at, part));
		patch_u32(buf + WIRE_HEADER - 4, (uint32_t)(WIRE_HEADER + 8 + part));
		datagram(to, buf, WIRE_HEADER + 8 + part);
	}
}

/* Payloads whose first type is `first`, behind a right HASH when wanted, sealed. */
static void
sealed(unsigned to, enum op op, uint8_t first, struct bytes payloads, bool fragments)
{
	static uint8_t buf[BUF + 512];
	struct ike_sa *sa = sa_of(to);
	uint8_t iv[V1_IV_MAX], hash[CRY_HASH_MAX];
	if (!sa || sa->keys.key.n == 0 || !sa->encr || payloads.n > BUF)
		return;
	struct wire_header h = { .version = WIRE_VERSION_1, .flags = WIRE_F_ENCRYPTED,
		.exchange = WIRE_X_INFO, .message_id = (uint32_t)w.rng | 1 };
	memcpy(h.cookie_i, sa->cookie_i, V1_COOKIE);
	memcpy(h.cookie_r, sa->cookie_r, V1_COOKIE);
	if (op == OP_QUICK)
		h.exchange = WIRE_X_QUICK;
	if (op == OP_GROUP)
		h.exchange = WIRE_X_NEW_GROUP;
	if (op == OP_MAIN) {
		h.exchange = WIRE_X_MAIN;
		h.message_id = 0;
	}
	if (op == OP_CHILD) {
		h.exchange = WIRE_X_QUICK;
		LIST_FOREACH(at, &sa->quicks)
			h.message_id = container_of(at, struct ike_xchg, in_sa)->message_id;
	}
	if (op == OP_MAIN && sa->x)
		memcpy(iv, sa->x->iv, sizeof(iv));
	else if (v1_message_iv(engine[to], sa, h.message_id, iv))
		return;
	struct wire_builder b;
	wire_begin(&b, buf, sizeof(buf), &h);
	if (op == OP_INFO || op == OP_QUICK || op == OP_GROUP) {
		if (v1_hash_1(
			    cry, sa->hash, secret_view(&sa->keys.a), h.message_id, payloads, hash))
			return;
		wire_add_data(&b, WIRE_HASH, bytes_of(hash, sa->hash->out));
		*b.next = first;
	} else {
		*b.next = first;
	}
	write_bytes(&b.w, payloads);
	wire_pad(&b, sa->encr->block);
	struct bytes d = wire_finish(&b);
	if (d.n == 0)
		return;
	if (cry_cbc(cry, sa->encr, secret_view(&sa->keys.key), iv, buf + WIRE_HEADER,
		    d.n - WIRE_HEADER, true))
		return;
	if (fragments)
		pieces(to, buf, d.n);
	else
		datagram(to, buf, d.n);
}

/* The next datagram, before the jobs that the last one began. */
static void
deliver(void)
{
	for (size_t i = w.head; i < w.tail; i++)
		if (queue[i].type == IT_DATAGRAM) {
			happen(&queue[i]);
			return;
		}
}

static void
record(unsigned to, enum op op, const uint8_t *p, size_t n)
{
	static uint8_t buf[BUF + 64];
	struct ike_sa *sa = sa_of(to);
	struct ike_event ev = { .type = IKE_EV_TIMER };
	switch (op) {
	case OP_RAW:
		datagram(to, p, n);
		break;
	case OP_COOKIES:
	case OP_FRAG:
		if (n + 2 * V1_COOKIE > BUF || !sa)
			break;
		memcpy(buf, sa->cookie_i, V1_COOKIE);
		memcpy(buf + V1_COOKIE, sa->cookie_r, V1_COOKIE);
		memcpy(buf + 2 * V1_COOKIE, p, n);
		if (n >= 12)
			patch_u32(buf + 24, (uint32_t)(n + 2 * V1_COOKIE));
		if (op == OP_FRAG)
			pieces(to, buf, n + 2 * V1_COOKIE);
		else
			datagram(to, buf, n + 2 * V1_COOKIE);
		break;
	case OP_INFO:
	case OP_QUICK:
	case OP_PLAIN:
	case OP_MAIN:
	case OP_CHILD:
	case OP_GROUP:
		if (n > 0)
			sealed(to, op, p[0], bytes_of(p + 1, n - 1), false);
		break;
	case OP_SEALED_FRAG:
		if (n > 0)
			sealed(to, OP_INFO, p[0], bytes_of(p + 1, n - 1), true);
		break;
	case OP_TIME:
		w.now = instant_add(w.now, n > 0 ? p[0] * 100 : 1);
		step(to, &ev);
		break;
	case OP_DELIVER:
		deliver();
		break;
	case OP_COUNT:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > BUF)
		return 0;
	pair_begin(data[0] >> 4,
		(data[1] & BIT_SIGN ? PAIR_CERTIFICATES : 0u) |
			(data[1] & BIT_NATT ? PAIR_NATT : 0u) |
			(data[1] & BIT_NO_CHILDREN ? PAIR_NO_CHILDREN : 0u),
		data[0] % DATAGRAMS,
		(data[1] & BIT_LOUD) == BIT_LOUD ? LOG_L_DEBUG2 : LOG_L_ERROR);
	size_t at = 2;
	for (unsigned i = 0; i < RECORDS_MAX && at + 3 <= size; i++) {
		unsigned to = data[at] >> 7;
		enum op op = (enum op)((data[at] & 0x7f) % OP_COUNT);
		size_t n = get_u16(data + at + 1);
		at += 3;
		if (n > size - at)
			n = size - at;
		record(to, op, data + at, n);
		at += n;
		if (data[1] & BIT_BETWEEN)
			settle(w.passed + 1);
	}
	if (data[1] & BIT_RUN_OUT)
		run_out();
	pair_end((data[1] & BIT_FREE) != 0);
	return 0;
}
