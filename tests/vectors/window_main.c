/*
 * window_main.c - the replay window against a set.
 *
 *	window [NUMBERS]
 *
 * So many random sequence numbers (2000000; ESN's 64 bits included) as a bad network delivers them:
 * late, twice, far ahead, across the ends of the lower half.  For each, the window and a set of the
 * numbers it has seen must agree whether it is fresh.  TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipsec/engine/eng_int.h"
#include "lib/attr.h"

enum { SET = 1 << 16 }; /* far more than any window; a slot holds one number */

struct oracle {
	uint64_t seen[SET]; /* the last number accepted in that slot, plus one */
	uint64_t top;
	uint32_t size;
};

struct random {
	uint64_t x;
};

static uint64_t
next(struct random *r)
{
	r->x ^= r->x << 13;
	r->x ^= r->x >> 7;
	r->x ^= r->x << 17;
	return r->x;
}

/* Numbers that share a slot lie SET apart: the older one is behind every window by then. */
static bool
seen(const struct oracle *o, uint64_t n)
{
	return o->seen[n % SET] == n + 1;
}

static bool
fresh(const struct oracle *o, uint64_t n)
{
	if (n == 0)
		return false;
	if (n > o->top)
		return true;
	return o->top - n < o->size && !seen(o, n);
}

static uint64_t
number(struct random *r, uint64_t top, uint32_t size, bool extended)
{
	uint64_t what = next(r) % 1000, near = next(r) % (2 * (uint64_t)size + 2), n;

	if (what < 500)
		n = top + 1;
	else if (what < 900)
		n = top > near ? top - near : near;
	else if (what < 990)
		n = top + 1 + next(r) % (size / 2 + 2);
	else if (what < 999)
		n = top + 1 + next(r) % (3 * (uint64_t)size + 70);
	else if (extended)
		n = top + 1 + next(r) % 0x7fff0000; /* soon over the end of the lower half */
	else
		n = next(r) % (top + 1);
	return extended ? n : n & UINT32_MAX;
}

/* What a receiver would make of the number's lower half must be the number, while it is near. */
static bool
guessed(const struct eng_window *w, uint64_t n)
{
	uint64_t bottom = w->top < w->size ? 0 : w->top - w->size + 1;

	if (n < bottom || n - bottom > UINT32_MAX)
		return true;
	return eng_window_guess(w, (uint32_t)n) == n;
}

static bool
run(struct random *r, uint32_t size, bool extended, uint64_t numbers)
{
	static struct oracle o;
	struct eng_window w;
	uint64_t accepted = 0, refused = 0;
	bool good = true;

	memset(&o, 0, sizeof(o));
	o.size = size;
	if (!eng_window_new(&w, size))
		return false;
	for (uint64_t i = 0; i < numbers && good; i++) {
		uint64_t n = number(r, o.top, size, extended);
		bool want = fresh(&o, n);

		good = eng_window_fresh(&w, n) == want && (!extended || guessed(&w, n));
		if (!good)
			printf("# size %u: number %llu, top %llu\n", size, (unsigned long long)n,
				(unsigned long long)o.top);
		if (!want)
			refused++;
		if (!want || i % 16 == 5) /* only what has a sound ICV moves the window */
			continue;
		eng_window_accept(&w, n);
		o.seen[n % SET] = n + 1;
		if (n > o.top)
			o.top = n;
		accepted++;
	}
	eng_window_free(&w);
	return good && accepted > numbers / 4 && refused > numbers / 20;
}

int
main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 32, 33, 63, 64, 65, 128, 1000, 1024, 4095, 4096 };
	uint64_t numbers = argc > 1 ? strtoull(argv[1], NULL, 0) : 2000000;
	struct random r = { 88172645463325252u };
	unsigned failed = 0;

	printf("1..%zu\n", 2 * ARRAY_LEN(sizes));
	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		bool good = run(&r, sizes[i / 2], i % 2 != 0, numbers / (2 * ARRAY_LEN(sizes)));

		failed += !good;
		printf("%sok %zu - %s numbers, a window of %u\n", good ? "" : "not ", i + 1,
			i % 2 != 0 ? "extended" : "plain", sizes[i / 2]);
	}
	return failed != 0;
}
