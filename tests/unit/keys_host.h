/*
 * keys_host.h - the engine behind its PF_KEY socket, without a datapath: what ipsecd is to clients.
 */
#ifndef TESTS_KEYS_HOST_H
#define TESTS_KEYS_HOST_H

#include <uv.h>

#include "ipsec/dp_keys.h"
#include "ipsec/engine/eng.h"

struct keys_host {
	uv_loop_t *loop;
	uv_prepare_t turn;
	uv_idle_t busy;
	struct cry *cry;
	struct eng *eng;
	struct dp_keys *keys;
	size_t paused; /* times a client was paused */
};

/* A fresh socket path in a fresh directory of this process. */
const char *keys_host_path(void);
/* A request to add an ESP SA with this SPI. */
struct sadb_msg keys_host_add(uint32_t spi);
void keys_host_open(struct keys_host *h, uv_loop_t *loop, const char *path);
void keys_host_close(struct keys_host *h); /* runs the loop until it is closed */
/* The same in a child process; its pid. Ends with keys_host_reap. */
int keys_host_fork(const char *path);
void keys_host_reap(int pid);

#endif
