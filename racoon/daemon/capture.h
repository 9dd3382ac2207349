/*
 * capture.h - IKE's datagrams as a pcap file, and the keys that decrypt them aside.
 */
#ifndef RACOON_DAEMON_CAPTURE_H
#define RACOON_DAEMON_CAPTURE_H

#include "lib/bytes.h"
#include "lib/net.h"
#include "lib/text.h"
#include "lib/when.h"

enum {
	CAPTURE_SIZE_MB = 16,       /* of the file, when nobody says */
	CAPTURE_SIZE_MAX_MB = 1024,
	CAPTURE_TIME_S = 600,       /* of the capture, when nobody says */
	CAPTURE_TIME_MAX_S = 86400,
	CAPTURE_PATH_MAX = 1000,
};

void capture_head(struct text *out); /* of a pcap file, raw IP packets */
/* A datagram as a packet: IP and UDP headers are made up, checksums right. */
void capture_packet(struct text *out, wall t, const struct net_endpoint *from,
	const struct net_endpoint *to, bool natt, struct bytes octets);
/* A line of tshark's ikev1_decryption_table: initiator's cookie, cipher's key. */
void capture_key(struct text *out, const uint8_t *cookie_i, struct bytes key);

#endif
