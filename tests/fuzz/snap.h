/*
 * snap.h - a heap that goes back to where it was: for targets whose inputs begin in the middle of
 * something that took long to reach.
 *
 * The target is linked with --wrap for the allocating functions (GNUmakefile, FUZZ_SNAP).  While
 * snap_on is set, memory comes from one region, is never given out twice, and lies between poisoned
 * octets, as AddressSanitizer's own does; what was freed is poisoned.  snap_take copies the region
 * and its shadow, snap_back puts both back, which costs as much as the region has octets, less the
 * holes: scratch memory that needs no putting back.  Memory of other times is malloc's.
 */
#ifndef TESTS_FUZZ_SNAP_H
#define TESTS_FUZZ_SNAP_H

#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/attr.h"

#define SNAP_RAW __attribute__((no_sanitize("address"), noinline))

enum { SNAP_REGION = 256 << 20, SNAP_ZONE = 32, SNAP_LIVE = 0x6c697665, SNAP_HOLES = 4,
	SNAP_SHADOW = 8 /* octets to one of shadow */, SNAP_POISON = 0xf7,
	SNAP_LARGE = 65536 /* octets, at least, of a block with a hole */ };

struct snap {
	uint8_t *octets, *shadow; /* of all but the holes */
	size_t top;
	long live;
};

static struct {
	uint8_t *base, *shadow;
	size_t top, high; /* where the next block goes; the highest since a snap_back */
	long live;        /* blocks */
	bool freed;       /* a block with a hole may have been */
	struct { size_t from, to; } hole[SNAP_HOLES];
	unsigned holes;
} snap;
static bool snap_on;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);

/* Poisoned memory and shadow are none of the checked functions' business. */
static SNAP_RAW void
snap_copy(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static SNAP_RAW void
snap_fill(void *to, int with, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(with) : "memory");
}

static ATTR_UNUSED void
snap_init(void)
{
	snap.base = mmap(NULL, SNAP_REGION, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (snap.base == MAP_FAILED)
		abort();
#if __has_feature(address_sanitizer)
	size_t scale, offset;

	__asan_get_shadow_mapping(&scale, &offset);
	snap.shadow = (uint8_t *)(((uintptr_t)snap.base >> scale) + offset);
	ASAN_POISON_MEMORY_REGION(snap.base, SNAP_REGION);
#else /* to count lines (coverage.sh): one that nobody looks at */
	snap.shadow = mmap(NULL, SNAP_REGION / SNAP_SHADOW, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (snap.shadow == MAP_FAILED)
		abort();
#endif
}

static bool
snap_owns(const void *p)
{
	return (const uint8_t *)p >= snap.base && (const uint8_t *)p < snap.base + SNAP_REGION;
}

struct snap_head { /* before each block, poisoned */
	size_t n;
	uint32_t live;
};

static SNAP_RAW struct snap_head *
snap_head_of(void *p)
{
	return (struct snap_head *)(void *)((uint8_t *)p - SNAP_ZONE / 2);
}

SNAP_RAW void *
__wrap_malloc(size_t n)
{
	size_t room = (n + SNAP_ZONE + SNAP_ZONE / 2 - 1) / (SNAP_ZONE / 2) * (SNAP_ZONE / 2);
	uint8_t *p;

	if (!snap_on)
		return __real_malloc(n);
	if (n > SNAP_REGION || snap.top + room + SNAP_ZONE > SNAP_REGION)
		return NULL;
	p = snap.base + snap.top + SNAP_ZONE / 2;
	snap.top += room;
	snap.live++;
	if (snap.top > snap.high)
		snap.high = snap.top;
	*snap_head_of(p) = (struct snap_head){ n, SNAP_LIVE };
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	return p;
}

SNAP_RAW void
__wrap_free(void *p)
{
	struct snap_head *h;

	if (!snap_owns(p)) {
		__real_free(p);
		return;
	}
	h = snap_head_of(p);
	if (h->live != SNAP_LIVE)
		abort(); /* freed twice, or no block */
	h->live = 0;
	snap.live--;
	snap.freed |= h->n > SNAP_LARGE;
	ASAN_POISON_MEMORY_REGION(p, h->n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *p;

	if (!snap_on)
		return __real_calloc(n, size);
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	p = __wrap_malloc(n * size);
	if (p != NULL)
		memset(p, 0, n * size);
	return p;
}

SNAP_RAW void *
__wrap_realloc(void *p, size_t n)
{
	size_t old;
	void *q;

	if (p == NULL)
		return __wrap_malloc(n);
	if (!snap_owns(p))
		return __real_realloc(p, n);
	old = snap_head_of(p)->n;
	q = __wrap_malloc(n);
	if (q == NULL)
		return NULL;
	snap_copy(q, p, old < n ? old : n);
	__wrap_free(p);
	return q;
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	return __wrap_realloc(p, n * size);
}

char *
__wrap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p;

	if (!snap_on)
		return __real_strdup(s);
	p = __wrap_malloc(n);
	if (p != NULL)
		memcpy(p, s, n);
	return p;
}

/* Of the region, what need not be put back; in the order of addresses, whole granules of it. */
static ATTR_UNUSED void
snap_hole(const void *from, const void *to)
{
	size_t a = (size_t)((const uint8_t *)from - snap.base);
	size_t b = (size_t)((const uint8_t *)to - snap.base);

	if (snap.holes == SNAP_HOLES)
		abort();
	snap.hole[snap.holes].from = (a + SNAP_SHADOW - 1) / SNAP_SHADOW * SNAP_SHADOW;
	snap.hole[snap.holes++].to = b / SNAP_SHADOW * SNAP_SHADOW;
}

/* Between the region and a copy, around the holes. */
static ATTR_UNUSED void
snap_move(uint8_t *region, uint8_t *copy, size_t top, size_t unit, bool back)
{
	size_t at = 0;

	for (unsigned i = 0; i <= snap.holes; i++) {
		size_t end = i < snap.holes && snap.hole[i].from < top ? snap.hole[i].from : top;
		size_t n = (end - at) / unit;

		if (back)
			snap_copy(region + at / unit, copy, n);
		else
			snap_copy(copy, region + at / unit, n);
		copy += n;
		if (end == top)
			return;
		at = snap.hole[i].to;
	}
}

static ATTR_UNUSED void
snap_take(struct snap *s)
{
	bool was = snap_on;

	snap_on = false;
	s->top = (snap.top + SNAP_SHADOW - 1) / SNAP_SHADOW * SNAP_SHADOW;
	s->live = snap.live;
	s->octets = malloc(s->top);
	s->shadow = malloc(s->top / SNAP_SHADOW);
	if (s->octets == NULL || s->shadow == NULL)
		abort();
	snap_move(snap.base, s->octets, s->top, 1, false);
	snap_move(snap.shadow, s->shadow, s->top, SNAP_SHADOW, false);
	snap_on = was;
}

static ATTR_UNUSED void
snap_back(const struct snap *s)
{
	snap_move(snap.base, s->octets, s->top, 1, true);
	snap_move(snap.shadow, s->shadow, s->top, SNAP_SHADOW, true);
	for (unsigned i = 0; snap.freed && i < snap.holes; i++)
		snap_fill(snap.shadow + snap.hole[i].from / SNAP_SHADOW, 0,
			(snap.hole[i].to - snap.hole[i].from) / SNAP_SHADOW);
	snap.freed = false;
	if (snap.high > s->top)
		snap_fill(snap.shadow + s->top / SNAP_SHADOW, SNAP_POISON,
			(snap.high - s->top) / SNAP_SHADOW + 1);
	snap.top = snap.high = s->top;
	snap.live = s->live;
}

/*
 * The same without a snapshot, for targets that begin with nothing: all that an input allocates is
 * to be freed by its end, and goes with it.
 */
static ATTR_UNUSED void
snap_begin(void)
{
	if (snap.base == NULL)
		snap_init();
	snap_on = true;
}

static ATTR_UNUSED void
snap_end(void)
{
	snap_on = false;
	if (snap.live != 0)
		abort(); /* a leak */
	snap_fill(snap.shadow, SNAP_POISON, snap.high / SNAP_SHADOW + 1);
	snap.top = snap.high = 0;
}

#endif
