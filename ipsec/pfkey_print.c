/*
 * pfkey_print.c - the text of `setkey -x` and `-v` for one PF_KEYv2 message.
 *
 * Called by setkey.  Prints what the octets say, also of messages that pfkey_decode refuses, and
 * stops at the first extension whose length cannot be right.  Keys are shown, as setkey shows them
 * to root: never give this to a log.
 */
#include "ipsec/pfkey.h"

#include "ipsec/pfkey_wire.h"
#include "lib/text.h"

enum { HEX_GROUP = 4, HEX_LINE = 32 };

/* " 30313233 34353637", a new line after each 32 octets. */
static void
print_hex(struct text *out, struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (i != 0 && i % HEX_LINE == 0)
			text_add(out, "\n");
		if (i % HEX_GROUP == 0)
			text_add(out, " ");
		text_addf(out, "%02x", b.p[i]);
	}
}

static void
print_sockaddr_head(struct text *out, unsigned len, unsigned family, unsigned port)
{
	text_addf(out, "sockaddr{ len=%u family=%u port=%u\n", len, family, port);
}

static bool
print_sockaddr(struct reader *r, struct text *out)
{
	uint16_t family = read_u16_host(r);
	uint16_t port = read_u16(r);

	if (family == PFKEY_AF_INET) {
		print_sockaddr_head(out, PFKEY_SOCKADDR4, family, port);
		print_hex(out, read_bytes(r, 4));
		read_skip(r, 8);
	} else if (family == PFKEY_AF_INET6) {
		uint32_t flow = read_u32(r);
		struct bytes a = read_bytes(r, 16);

		print_sockaddr_head(out, PFKEY_SOCKADDR6, family, port);
		text_addf(out, " flowinfo=0x%08x, scope_id=0x%08x\n", flow, read_u32_host(r));
		print_hex(out, a);
	} else {
		text_addf(out, "sockaddr{ family=%u", family);
		r->bad = true;
	}
	text_add(out, "  }\n");
	return !r->bad;
}

static void
print_sa(struct reader r, struct text *out)
{
	uint32_t spi = read_u32(&r);
	uint8_t replay = read_u8(&r), state = read_u8(&r), auth = read_u8(&r), encr = read_u8(&r);

	text_addf(out, "sadb_sa{ spi=%u replay=%u state=%u\n", spi, replay, state);
	text_addf(out, "  auth=%u encrypt=%u flags=0x%08x }\n", auth, encr, read_u32_host(&r));
}

static void
print_life(struct reader r, struct text *out)
{
	uint32_t alloc = read_u32_host(&r);
	uint64_t bytes = read_u64_host(&r), add = read_u64_host(&r), use = read_u64_host(&r);

	text_addf(out, "sadb_lifetime{ alloc=%u, bytes=%llu\n", alloc, (unsigned long long)bytes);
	text_addf(out, "  addtime=%llu, usetime=%llu }\n", (unsigned long long)add,
		(unsigned long long)use);
}

static void
print_address(struct reader r, struct text *out)
{
	uint8_t proto = read_u8(&r), len = read_u8(&r);

	text_addf(out, "sadb_address{ proto=%u prefixlen=%u reserved=0x%04x }\n", proto, len,
		read_u16_host(&r));
	(void)print_sockaddr(&r, out);
}

static void
print_key(struct reader r, struct text *out)
{
	uint16_t bits = read_u16_host(&r), reserved = read_u16_host(&r);
	size_t octets = (bits + 7u) / 8;

	text_addf(out, "sadb_key{ bits=%u reserved=%u\n  key=", bits, reserved);
	print_hex(out, octets <= reader_left(&r) ? read_bytes(&r, octets) : read_rest(&r));
	text_add(out, " }\n");
}

static void
print_spirange(struct reader r, struct text *out)
{
	uint32_t min = read_u32_host(&r), max = read_u32_host(&r);

	text_addf(out, "sadb_spirange{ min=0x%08x max=0x%08x reserved=%u }\n", min, max,
		read_u32_host(&r));
}

static void
print_sa2(struct reader r, struct text *out)
{
	uint8_t mode = read_u8(&r), reserved1 = read_u8(&r);
	uint16_t reserved2 = read_u16_host(&r);
	uint32_t sequence = read_u32_host(&r), reqid = read_u32_host(&r);

	text_addf(out, "sadb_x_sa2{ mode=%u reqid=%u\n", mode, reqid);
	text_addf(out, "  reserved1=%u reserved2=%u sequence=%u }\n", reserved1, reserved2,
		sequence);
}

static void
print_policy(struct reader r, struct text *out)
{
	uint16_t type = read_u16_host(&r);
	uint8_t dir = read_u8(&r);
	uint32_t id, priority;

	read_skip(&r, 1);
	id = read_u32_host(&r);
	priority = read_u32_host(&r);
	text_addf(out, "sadb_x_policy{ type=%u dir=%u id=%x priority=%u }\n", type, dir, id,
		priority);
	while (reader_left(&r) >= PFKEY_LEN_REQUEST) {
		struct reader one = r;
		uint16_t n = read_u16_host(&one), proto = read_u16_host(&one);
		uint8_t mode = read_u8(&one), level = read_u8(&one);

		text_addf(out, " { len=%u proto=%u mode=%u level=%u", n, proto, mode, level);
		read_skip(&one, 2);
		text_addf(out, " reqid=%u\n", read_u32_host(&one));
		if (n < PFKEY_LEN_REQUEST || n > reader_left(&r)) {
			text_add(out, "  invalid length }\n");
			return;
		}
		one = reader_of(read_bytes(&r, n));
		read_skip(&one, PFKEY_LEN_REQUEST);
		if (reader_left(&one) >= PFKEY_SOCKADDR4 && print_sockaddr(&one, out))
			(void)print_sockaddr(&one, out);
		text_add(out, " }\n");
	}
}

/* sadb_comb of RFC 2367 2.3.7: 72 octets each behind the header of 8. */
static void
print_proposal(struct reader r, struct text *out)
{
	text_addf(out, "sadb_prop{ replay=%u\n", read_u8(&r));
	read_skip(&r, 3);
	while (reader_left(&r) >= 72) {
		uint8_t auth = read_u8(&r), encr = read_u8(&r);
		uint16_t flags = read_u16_host(&r);
		uint16_t amin = read_u16_host(&r), amax = read_u16_host(&r);
		uint16_t emin = read_u16_host(&r), emax = read_u16_host(&r);

		text_addf(out, "sadb_comb{ auth=%u encrypt=%u flags=0x%04x reserved=0x%08x\n", auth,
			encr, flags, read_u32_host(&r));
		text_addf(out, "  auth_minbits=%u auth_maxbits=%u", amin, amax);
		text_addf(out, " encrypt_minbits=%u encrypt_maxbits=%u }\n", emin, emax);
		read_skip(&r, 56);
	}
	text_add(out, "}\n");
}

static void
print_supported(struct reader r, struct text *out)
{
	read_skip(&r, 4);
	text_add(out, "sadb_sup{\n");
	while (reader_left(&r) >= PFKEY_UNIT) {
		uint8_t id = read_u8(&r), iv = read_u8(&r);
		uint16_t min = read_u16_host(&r), max = read_u16_host(&r);

		read_skip(&r, 2);
		text_addf(out, " { id=%u ivlen=%u min=%u max=%u }\n", id, iv, min, max);
	}
	text_add(out, "}\n");
}

static void
print_context(struct reader r, struct text *out)
{
	uint8_t alg = read_u8(&r), doi = read_u8(&r);
	uint16_t n = read_u16_host(&r);

	text_addf(out, "sadb_x_sec_ctx{ ctx_alg=%u ctx_doi=%u ctx_len=%u\n  ctx=", alg, doi, n);
	print_hex(out, n <= reader_left(&r) ? read_bytes(&r, n) : read_rest(&r));
	text_add(out, " }\n");
}

static void
print_extension(uint16_t type, struct reader r, struct text *out)
{
	switch (type) {
	case PFKEY_EXT_SA:
		print_sa(r, out);
		break;
	case PFKEY_EXT_CURRENT:
	case PFKEY_EXT_HARD:
	case PFKEY_EXT_SOFT:
		print_life(r, out);
		break;
	case PFKEY_EXT_SRC:
	case PFKEY_EXT_DST:
	case PFKEY_EXT_PROXY:
	case PFKEY_EXT_NATT_OA:
	case PFKEY_EXT_SEL_SRC:
	case PFKEY_EXT_SEL_DST:
		print_address(r, out);
		break;
	case PFKEY_EXT_KEY_AUTH:
	case PFKEY_EXT_KEY_ENCR:
		print_key(r, out);
		break;
	case PFKEY_EXT_PROPOSAL:
		print_proposal(r, out);
		break;
	case PFKEY_EXT_SUPPORTED_AUTH:
	case PFKEY_EXT_SUPPORTED_ENCR:
		print_supported(r, out);
		break;
	case PFKEY_EXT_SPIRANGE:
		print_spirange(r, out);
		break;
	case PFKEY_EXT_POLICY:
		print_policy(r, out);
		break;
	case PFKEY_EXT_SA2:
		print_sa2(r, out);
		break;
	case PFKEY_EXT_NATT_TYPE:
		text_addf(out, "sadb_x_nat_t_type{ type=%u }\n", read_u8(&r));
		break;
	case PFKEY_EXT_NATT_SPORT:
	case PFKEY_EXT_NATT_DPORT:
		text_addf(out, "sadb_x_nat_t_port{ port=%u }\n", read_u16(&r));
		break;
	case PFKEY_EXT_SEC_CTX:
		print_context(r, out);
		break;
	case PFKEY_EXT_SEQ_HIGH:
		text_addf(out, "sadb_x_seq{ high=%u }\n", read_u32_host(&r));
		break;
	case PFKEY_EXT_NATT_FRAG:
		text_addf(out, "sadb_x_nat_t_frag{ fraglen=%u }\n", read_u32_host(&r));
		break;
	case PFKEY_EXT_REPLAY:
		text_addf(out, "sadb_x_replay{ replay=%u }\n", read_u32_host(&r));
		break;
	default:
		text_add(out, "  ");
		print_hex(out, read_rest(&r));
		text_add(out, "\n");
	}
}

void
pfkey_print(struct bytes msg, struct text *out)
{
	struct reader r = reader_of(msg);
	uint8_t version = read_u8(&r), type = read_u8(&r), err = read_u8(&r), satype = read_u8(&r);
	uint16_t len = read_u16_host(&r), reserved = read_u16_host(&r);
	uint32_t seq = read_u32_host(&r), pid = read_u32_host(&r);

	if (r.bad) {
		text_addf(out, "invalid message of %zu octets\n", msg.n);
		return;
	}
	text_addf(out, "sadb_msg{ version=%u type=%u errno=%u satype=%u\n", version, type, err,
		satype);
	text_addf(out, "  len=%u reserved=%u seq=%u pid=%u\n", len, reserved, seq, pid);
	while (reader_left(&r) >= PFKEY_EXT_HEADER) {
		struct reader one = r;
		uint16_t units = read_u16_host(&one), ext = read_u16_host(&one);
		size_t n = (size_t)units * PFKEY_UNIT;

		text_addf(out, "sadb_ext{ len=%u type=%u }\n", units, ext);
		if (n < PFKEY_UNIT || n > reader_left(&r)) {
			text_add(out, "invalid extension length\n");
			return;
		}
		one = reader_of(read_bytes(&r, n));
		read_skip(&one, PFKEY_EXT_HEADER);
		print_extension(ext, one, out);
	}
}
