/*
 * fuzz_frag.c - fragments of IKE messages, at two live engines in the middle of a conversation.
 *
 * First octet: how many datagrams passed (low four bits) and the exchange; second: with what, and
 * whether what is put together is let have its effects.  Then records: flags (which engine, of an
 * SA or of a first message, of which cookie, last, later), number of the message, index, length,
 * data.
 */
#include "tests/fuzz/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { RECORD = 4, RECORDS_MAX = 64 };
enum flag { F_ENGINE = 1, F_FIRST = 2, F_OTHER = 4, F_LAST = 8, F_LATER = 16, F_STRANGER = 32,
	F_WRONG = 64 };
enum { BIT_WITH = 7, BIT_RUN_OUT = 8, BIT_SETTLE = 16,
	BIT_LOUD = 32 | 64, /* both: with traces, which are half the time */ BIT_FREE = 128 };

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	pair_init();
	return 0;
}

static void
fragment(uint8_t flags, uint8_t id, uint8_t index, struct bytes part)
{
	uint8_t buf[WIRE_HEADER + 8 + 256];
	unsigned to = (flags & F_ENGINE) != 0;
	const struct ike_sa *sa = sa_of(to);
	struct net_endpoint local = address[to], remote = address[!to];
	struct writer out = writer_of(buf, sizeof(buf));
	uint8_t cookie[2 * V1_COOKIE] = { 1, 2, 3, 4, 5, 6, 7, (uint8_t)(flags & F_OTHER) };

	if (sa != NULL && (flags & F_FIRST) == 0) {
		memcpy(cookie, sa->cookie_i, V1_COOKIE);
		memcpy(cookie + V1_COOKIE, sa->cookie_r, V1_COOKIE);
		cookie[2 * V1_COOKIE - 1] ^= (uint8_t)(flags & F_OTHER);
		local = sa->local;
		remote = sa->remote;
	}
	if (flags & F_STRANGER)
		remote.addr = net_ipv4(0x0a000100 + index);
	write_bytes(&out, bytes_of(cookie, sizeof(cookie)));
	write_u8(&out, WIRE_FRAGMENT);
	write_u8(&out, WIRE_VERSION_1);
	write_u8(&out, WIRE_X_MAIN);
	write_u8(&out, 0);
	write_u32(&out, 0);
	write_u32(&out, (uint32_t)(WIRE_HEADER + 8 + part.n));
	write_u16(&out, 0);
	/* A length that lies is the message parser's affair: here now and then. */
	write_u16(&out, (uint16_t)(8 + part.n - ((flags & F_WRONG) != 0)));
	write_u16(&out, id);
	write_u8(&out, index);
	write_u8(&out, (flags & F_LAST) != 0);
	write_bytes(&out, part);
	arrive(to, &local, &remote, sa != NULL && sa->natt, buf, writer_len(&out));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > BUF)
		return 0;
	pair_begin(data[0] >> 4, data[1] & BIT_WITH, data[0] % DATAGRAMS,
		(data[1] & BIT_LOUD) == BIT_LOUD ? LOG_L_DEBUG2 : LOG_L_ERROR);
	size_t at = 2;
	for (unsigned i = 0; i < RECORDS_MAX && at + RECORD <= size; i++) {
		const uint8_t *r = data + at;
		size_t n = r[3] < size - at - RECORD ? r[3] : size - at - RECORD;

		if (r[0] & F_LATER)
			w.now = instant_add(w.now, r[2] * 100);
		fragment(r[0], r[1], r[2], bytes_of(r + RECORD, n));
		at += RECORD + n;
	}
	if (data[1] & BIT_SETTLE)
		settle(w.passed + 2);
	else if (data[1] & BIT_RUN_OUT)
		run_out();
	pair_end((data[1] & BIT_FREE) != 0);
	return 0;
}
