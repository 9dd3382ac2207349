/*
 * eng_replay.c - the anti-replay window (RFC 4303 3.4.3) as a ring of words (RFC 6479).
 *
 * Asked before the ICV is verified, told after.  A window of 0 accepts everything, which is what
 * manually keyed SAs have by default.
 */
#include "ipsec/engine/eng_int.h"

#include <stdlib.h>

enum { WORD_BITS = 64 };

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

bool
eng_window_fresh(const struct eng_window *w, uint32_t seq)
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
eng_window_accept(struct eng_window *w, uint32_t seq)
{
	if (w->size == 0) {
		if (seq > w->top)
			w->top = seq;
		return;
	}
	if (seq > w->top) {
		uint32_t from = w->top / WORD_BITS, to = seq / WORD_BITS;
		uint32_t fresh = to - from > w->mask ? w->mask + 1 : to - from;

		for (uint32_t i = 0; i < fresh; i++)
			w->word[(to - i) & w->mask] = 0;
		w->top = seq;
	}
	w->word[(seq / WORD_BITS) & w->mask] |= (uint64_t)1 << (seq % WORD_BITS);
}
