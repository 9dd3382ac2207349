/*
 * pool.h - the memory of the crypto library while its callers are fuzzed.
 *
 * libcrypto takes hundreds of blocks to read one certificate; with AddressSanitizer's own allocator
 * that is most of a target's time.  Here they come from queues of one region, one queue to a size.
 * Every block lies between poisoned octets, and is poisoned itself from when it was freed until
 * others of its queue have been, so that code of ours that reads past an octet string of the
 * library, or after its end, is found as before.  pool_leaks tells of leaks.
 *
 * pool_use comes before anything that makes the library allocate.  One thread.
 */
#ifndef TESTS_FUZZ_POOL_H
#define TESTS_FUZZ_POOL_H

#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define POOL_RAW __attribute__((no_sanitize("address"), noinline))

enum { POOL_UNIT = 16, POOL_LARGEST = 8192, POOL_REGION = 256 << 20,
	POOL_REST = 32 /* blocks of a size that were freed and are left alone */ };

struct pool_block { /* before each, poisoned */
	union {
		struct pool_block *next; /* of those that are free */
		size_t n;
	};
	size_t units;
};

static struct {
	uint8_t *base, *at;
	long live;
	struct { struct pool_block *first, *last; unsigned n; } rest[POOL_LARGEST / POOL_UNIT + 1];
} pool;

/* Of the library, whose headers only lib/cry_*.c sees. */
int CRYPTO_set_mem_functions(void *(*take)(size_t, const char *, int),
	void *(*again)(void *, size_t, const char *, int), void (*give)(void *, const char *, int));

static bool
pool_owns(const void *p)
{
	return (const uint8_t *)p >= pool.base && (const uint8_t *)p < pool.base + POOL_REGION;
}

static POOL_RAW void *
pool_take(size_t n, const char *file, int line)
{
	size_t units = (n + POOL_UNIT - 1) / POOL_UNIT;
	struct pool_block *b;

	(void)file, (void)line;
	if (n == 0)
		return NULL;
	if (n > POOL_LARGEST)
		return malloc(n);
	if (pool.rest[units].n > POOL_REST) {
		b = pool.rest[units].first;
		pool.rest[units].first = b->next;
		pool.rest[units].n--;
	} else {
		if (pool.at + (units + 2) * POOL_UNIT > pool.base + POOL_REGION)
			abort(); /* that much is a leak */
		b = (struct pool_block *)(void *)pool.at;
		pool.at += (units + 1) * POOL_UNIT;
		b->units = units;
	}
	b->n = n;
	pool.live++;
	ASAN_UNPOISON_MEMORY_REGION(b + 1, n);
	return b + 1;
}

static POOL_RAW void
pool_give(void *p, const char *file, int line)
{
	struct pool_block *b = (struct pool_block *)p - 1;

	(void)file, (void)line;
	if (!pool_owns(p)) {
		free(p);
		return;
	}
#if __has_feature(address_sanitizer)
	if (__asan_address_is_poisoned(p))
		abort(); /* freed twice */
#endif
	ASAN_POISON_MEMORY_REGION(p, b->n);
	b->next = NULL;
	if (pool.rest[b->units].n++ == 0)
		pool.rest[b->units].first = b;
	else
		pool.rest[b->units].last->next = b;
	pool.rest[b->units].last = b;
	pool.live--;
}

static POOL_RAW void *
pool_again(void *p, size_t n, const char *file, int line)
{
	struct pool_block *b = (struct pool_block *)p - 1;
	void *q;

	if (p == NULL)
		return pool_take(n, file, line);
	if (n == 0) {
		pool_give(p, file, line);
		return NULL;
	}
	if (!pool_owns(p)) /* and stays there, when it shrinks */
		return realloc(p, n);
	q = pool_take(n, file, line);
	if (q != NULL) {
		memcpy(q, p, b->n < n ? b->n : n);
		pool_give(p, file, line);
	}
	return q;
}

static void
pool_use(void)
{
	pool.base = mmap(NULL, POOL_REGION, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool.base == MAP_FAILED)
		abort();
	pool.at = pool.base;
	ASAN_POISON_MEMORY_REGION(pool.base, POOL_REGION);
	if (CRYPTO_set_mem_functions(pool_take, pool_again, pool_give) != 1)
		abort();
}

/*
 * Does one(data, size) leak blocks of the library?  What the library keeps for itself, it takes
 * once; what is lost, each time.
 */
static bool
pool_leaks(void (*one)(const uint8_t *, size_t), const uint8_t *data, size_t size)
{
	for (int i = 0; i < 32; i++) {
		long before = pool.live;

		one(data, size);
		if (pool.live <= before)
			return false;
	}
	return true;
}

#endif
