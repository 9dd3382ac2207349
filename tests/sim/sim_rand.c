/*
 * sim_rand.c - a seeded generator in OpenSSL's place, so that DH values and keys follow from the
 * seed as well.  For the simulator only; the one file here that knows OpenSSL.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

#include "tests/sim/sim.h"

static struct sim_rng generator;

static int
rand_bytes(unsigned char *out, int n)
{
	for (int i = 0; i < n; i++)
		out[i] = (unsigned char)sim_random(&generator);
	return 1;
}

static int
rand_status(void)
{
	return 1;
}

uint64_t
sim_reseed_openssl(uint64_t state)
{
	uint64_t was = generator.state;

	generator.state = state;
	return was;
}

void
sim_seed_openssl(uint64_t seed)
{
	static const RAND_METHOD method = { .bytes = rand_bytes,
		.pseudorand = rand_bytes,
		.status = rand_status };
	generator.state = seed ^ UINT64_C(0x6f70656e73736c21);
	RAND_set_rand_method(&method);
}
