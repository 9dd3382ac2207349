/*
 * v1_vid.c - vendor IDs as rows.
 *
 * Called by the first messages of phase 1.  A row says what a value means and when we send it; we
 * announce only what we do.  Values are compared whole, or by their first octets where the rest is
 * a version or a capability.
 */
#include <string.h>

#include "racoon/ikev1/v1_id.h"

enum when { NEVER, ALWAYS };

struct vendor {
	const char *name;
	enum v1_vendor bit;
	enum when send;
	uint8_t n;      /* octets that are compared */
	bool longer_ok; /* more may follow */
	uint8_t value[16];
};

static const struct vendor vendors[] = {
	{ "IPSec-Tools", V1_VENDOR_RACOON, ALWAYS, 16, false,
		{ 0x20, 0xa3, 0x62, 0x2c, 0x1c, 0xea, 0x7c, 0xe3,
			0x7b, 0xee, 0x3c, 0xa4, 0x84, 0x42, 0x52, 0x76 } },
	{ "KAME/racoon", V1_VENDOR_KAME, NEVER, 16, false,
		{ 0x70, 0x03, 0xcb, 0xc1, 0x09, 0x7d, 0xbe, 0x9c,
			0x26, 0x00, 0xba, 0x69, 0x83, 0xbc, 0x8b, 0x35 } },
	{ "DPD", V1_VENDOR_DPD, NEVER, 14, true,
		{ 0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9,
			0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57, 0x01, 0x00 } },
	{ "draft-ietf-ipsra-isakmp-xauth-06.txt", V1_VENDOR_XAUTH, NEVER, 8, true,
		{ 0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12 } },
	{ "CISCO-UNITY", V1_VENDOR_UNITY, NEVER, 14, true,
		{ 0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9,
			0x70, 0x2d, 0x9f, 0xe2, 0x74, 0xcc, 0x01, 0x00 } },
	{ "FRAGMENTATION", V1_VENDOR_FRAGMENTATION, NEVER, 16, true,
		{ 0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85,
			0x25, 0xe7, 0xde, 0x7f, 0x00, 0xd6, 0xc2, 0xd3 } },
	{ "RFC 3947", V1_VENDOR_NATT_RFC, NEVER, 16, false,
		{ 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45,
			0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95, 0x45, 0x2f } },
	{ "draft-ietf-ipsec-nat-t-ike-02\\n", V1_VENDOR_NATT_DRAFT, NEVER, 16, false,
		{ 0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e,
			0x08, 0x63, 0x81, 0xb5, 0xec, 0x42, 0x7b, 0x1f } },
	{ "draft-ietf-ipsec-nat-t-ike-02", V1_VENDOR_NATT_DRAFT, NEVER, 16, false,
		{ 0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8,
			0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6, 0xa4, 0x48 } },
	{ "draft-ietf-ipsec-nat-t-ike-03", V1_VENDOR_NATT_DRAFT, NEVER, 16, false,
		{ 0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f,
			0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52, 0x9d, 0x56 } },
	{ "MS NT5 ISAKMPOAKLEY", V1_VENDOR_MICROSOFT, NEVER, 16, true,
		{ 0x1e, 0x2b, 0x51, 0x69, 0x05, 0x99, 0x1c, 0x7d,
			0x7c, 0x96, 0xfc, 0xbf, 0xb5, 0x87, 0xe4, 0x61 } },
};

static const struct vendor *
vendor_of(struct bytes b)
{
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
		const struct vendor *v = &vendors[i];
		if (b.n >= v->n && (b.n == v->n || v->longer_ok) &&
		    memcmp(b.p, v->value, v->n) == 0)
			return v;
	}
	return NULL;
}

void
v1_vendors_recv(struct ike *e, struct ike_sa *sa, const struct wire_msg *m)
{
	const struct wire_payload *p;

	for (unsigned i = 0; (p = wire_find(m, WIRE_VENDOR, i)) != NULL; i++) {
		const struct vendor *v = vendor_of(p->body);
		if (v == NULL) {
			ike_log(e, LOG_L_DEBUG, &sa->remote, sa->serial,
				"received unknown Vendor ID");
			continue;
		}
		sa->peer_vendors |= (uint32_t)v->bit;
		ike_log(e, LOG_L_INFO, &sa->remote, sa->serial, "received Vendor ID: %s", v->name);
	}
}

void
v1_vendors_send(const struct ike_sa *sa, struct wire_builder *b)
{
	(void)sa;
	for (size_t i = 0; i < ARRAY_LEN(vendors); i++)
		if (vendors[i].send == ALWAYS)
			wire_add_data(b, WIRE_VENDOR, bytes_of(vendors[i].value, vendors[i].n));
}
