/*
 * keyd_main.c - a key daemon for tests: answers every ACQUIRE, after a while, with a fixed SA.
 *
 *	keyd SOCKET DELAY_MS SPI
 *
 * The SA has the addresses, the mode and the reqid of the ACQUIRE, AES-CBC with the key
 * "0123456789abcdef" and HMAC-SHA1 with "01234567890123456789".  Prints a line per event.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "ipsec/sadb_uv.h"

static struct {
	uv_loop_t loop;
	uv_timer_t timer;
	struct sadb_client *client;
	uint64_t delay_ms;
	struct sadb_msg add;
} keyd;

static void
on_ready(void *user)
{
	(void)user;
	puts("ready");
	fflush(stdout);
}

static void
on_lost(void *user)
{
	(void)user;
	puts("lost");
	fflush(stdout);
}

static void
on_answer(void *user, uint64_t id, enum status status, const struct sadb_msg *m, bool last)
{
	(void)user;
	(void)m;
	(void)last;
	printf("answer %" PRIu64 " %s\n", id, status_row(status)->ident);
	fflush(stdout);
}

static void
on_timer(uv_timer_t *timer)
{
	(void)timer;
	sadb_client_request(keyd.client, 1, &keyd.add);
}

static void
on_event(void *user, const struct sadb_msg *m)
{
	struct ipsec_sa *sa = &keyd.add.sa;
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT];

	(void)user;
	printf("event %s %s %s %s reqid %" PRIu32 " policy %" PRIu32 "\n", sadb_op_name(m->op),
		sa_proto_name(m->sa.proto), net_addr_text(src, sizeof(src), &m->sa.src.addr),
		net_addr_text(dst, sizeof(dst), &m->sa.dst.addr), m->sa.reqid, m->sp.id);
	fflush(stdout);
	if (m->op != SADB_OP_ACQUIRE)
		return;
	sa->src = m->sa.src;
	sa->dst = m->sa.dst;
	sa->proto = m->sa.proto;
	sa->mode = m->sa.mode;
	sa->reqid = m->sa.reqid;
	uv_timer_start(&keyd.timer, on_timer, keyd.delay_ms, 0);
}

int
main(int argc, char **argv)
{
	struct sadb_handlers h = { .ready = on_ready, .lost = on_lost, .answer = on_answer,
		.event = on_event };
	struct ipsec_sa *sa = &keyd.add.sa;

	if (argc != 4) {
		fputs("usage: keyd SOCKET DELAY_MS SPI\n", stderr);
		return 2;
	}
	keyd.delay_ms = strtoull(argv[2], NULL, 0);
	keyd.add.op = SADB_OP_ADD;
	keyd.add.has_sa = true;
	sa->spi = (uint32_t)strtoul(argv[3], NULL, 0);
	sa->replay = 32;
	sa->state = SA_MATURE;
	sa->encr = alg_by_name(ALG_ENCR, "aes-cbc");
	sa->auth = alg_by_name(ALG_AUTH, "hmac-sha1");
	sa->encr_key.octets = 16;
	memcpy(sa->encr_key.b, "0123456789abcdef", 16);
	sa->auth_key.octets = 20;
	memcpy(sa->auth_key.b, "01234567890123456789", 20);
	uv_loop_init(&keyd.loop);
	uv_timer_init(&keyd.loop, &keyd.timer);
	keyd.client = sadb_client_new(&keyd.loop, "engine", argv[1], &h);
	if (keyd.client == NULL)
		return 1;
	uv_run(&keyd.loop, UV_RUN_DEFAULT);
	return 0;
}
