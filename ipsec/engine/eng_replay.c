/*
 * eng_replay.c - the anti-replay window (RFC 4303 3.4.3) as a ring of words (RFC 6479).
 *
 * Asked before the ICV is verified, told after.  A window of 0 accepts everything, which is what
 * manually keyed SAs have by default.  Numbers have 64 bits; with extended ones only the lower half
 * is sent, and the upper half is guessed (RFC 4303 2.2.1, appendix A).
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>

enum { WORD_BITS = 64 };
#define HALF 0x80000000u

bool
eng_window_new(struct eng_window *w, uint32_t size)
{
	uint32_t words = 1;

	*w = (struct eng_window){ .size = size > ENG_WINDOW_MAX ? ENG_WINDOW_MAX : size };
	if (size == 0)
		return true;
	/* One word more than the window: the one being filled is not yet all valid. */
	while (words < (w->size + WORD_BITS - 1) / WORD_BITS + 1)
		words *= 2;
	w->mask = words - 1;
	w->word = calloc(words, sizeof(*w->word));
	return w->word != NULL;
}

void
eng_window_free(struct eng_window *w)
{
	free(w->word);
	*w = (struct eng_window){ 0 };
}

/*
 * RFC 4303 A2.2: the upper half that puts the number nearest to the window.  Without a window, half
 * of all numbers lie on each side.  What would lie before the first number is taken as it is said:
 * it is then too old, or its ICV is wrong.
 */
uint64_t
eng_window_guess(const struct eng_window *w, uint32_t low)
{
	uint32_t high = (uint32_t)(w->top >> 32), top = (uint32_t)w->top;
	uint32_t span = w->size == 0 ? HALF : w->size;
	uint32_t bottom = top - span + 1;

	if (top >= span - 1) { /* the window lies within one upper half */
		if (low < bottom)
			high++;
	} else if (low >= bottom && high != 0) {
		high--;
	}
	return (uint64_t)high << 32 | low;
}

uint64_t
eng_sa_seq(const struct eng_sa *sa, uint32_t said)
{
	return (sa->flags & SA_F_ESN) != 0 ? eng_window_guess(&sa->window, said) : said;
}

bool
eng_window_fresh(const struct eng_window *w, uint64_t seq)
{
	if (w->size == 0)
		return true;
	if (seq == 0) /* RFC 4303 2.2: the first packet has number 1 */
		return false;
	if (seq > w->top)
		return true;
	if (w->top - seq >= w->size)
		return false;
	return (w->word[(seq / WORD_BITS) & w->mask] >> (seq % WORD_BITS) & 1) == 0;
}

void
eng_window_accept(struct eng_window *w, uint64_t seq)
{
	if (w->size == 0) {
		if (seq > w->top)
			w->top = seq;
		return;
	}
	if (seq > w->top) {
		uint64_t from = w->top / WORD_BITS, to = seq / WORD_BITS;
		uint64_t fresh = to - from > w->mask ? w->mask + 1u : to - from;

		for (uint64_t i = 0; i < fresh; i++)
			w->word[(to - i) & w->mask] = 0;
		w->top = seq;
	}
	w->word[(seq / WORD_BITS) & w->mask] |= (uint64_t)1 << (seq % WORD_BITS);
}
