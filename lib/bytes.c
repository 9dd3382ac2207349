/*
 * bytes.c - views and cursors: the only place where lengths of untrusted octets are compared.
 *
 * Called by every parser and builder.  A cursor never moves past its end and never aborts; after
 * the first violation it stays bad.
 */
#include "lib/bytes.h"

#include <string.h>

struct bytes
bytes_of(const void *p, size_t n)
{
	return (struct bytes){ .p = p, .n = n };
}

struct bytes
bytes_str(const char *s)
{
	return (struct bytes){ .p = (const uint8_t *)s, .n = s == NULL ? 0 : strlen(s) };
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int
bytes_compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return (a.n > b.n) - (a.n < b.n);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
bytes_from_hex(const char *hex, size_t digits, uint8_t *out, size_t size, size_t *n)
{
	size_t need = digits / 2 + digits % 2;
	size_t at = 0;
	unsigned octet = 0;

	if (need > size)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int d = hex_digit(hex[i]);

		if (d < 0)
			return false;
		octet = (octet << 4 | (unsigned)d) & 0xff;
		/* The last digit is always a low one, so an odd count begins with half an octet. */
		if ((digits - i) % 2 == 1)
			out[at++] = (uint8_t)octet;
	}
	*n = need;
	return true;
}

char *
bytes_to_hex(char *buf, size_t size, struct bytes b)
{
	static const char digit[] = "0123456789abcdef";
	size_t at = 0;

	if (size == 0)
		return buf;
	for (size_t i = 0; i < b.n && at + 2 < size; i++) {
		buf[at++] = digit[b.p[i] >> 4];
		buf[at++] = digit[b.p[i] & 15];
	}
	buf[at] = '\0';
	return buf;
}

/* ------------------------------------------------------------------------------------ readers */

struct reader
reader_of(struct bytes b)
{
	return (struct reader){ .p = b.p, .end = b.n == 0 ? b.p : b.p + b.n };
}

size_t
reader_left(const struct reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* n octets that may be read, or NULL and bad. */
static const uint8_t *
take(struct reader *r, size_t n)
{
	const uint8_t *at = r->p;

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return NULL;
	}
	if (n != 0)
		r->p += n;
	return at;
}

uint8_t
read_u8(struct reader *r)
{
	const uint8_t *p = take(r, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
read_u16(struct reader *r)
{
	const uint8_t *p = take(r, 2);

	return p == NULL ? 0 : get_u16(p);
}

uint32_t
read_u32(struct reader *r)
{
	const uint8_t *p = take(r, 4);

	return p == NULL ? 0 : get_u32(p);
}

uint64_t
read_u64(struct reader *r)
{
	const uint8_t *p = take(r, 8);

	return p == NULL ? 0 : get_u64(p);
}

uint16_t
read_u16_host(struct reader *r)
{
	uint16_t v = 0;

	read_copy(r, &v, sizeof(v));
	return v;
}

uint32_t
read_u32_host(struct reader *r)
{
	uint32_t v = 0;

	read_copy(r, &v, sizeof(v));
	return v;
}

uint64_t
read_u64_host(struct reader *r)
{
	uint64_t v = 0;

	read_copy(r, &v, sizeof(v));
	return v;
}

struct bytes
read_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = take(r, n);

	return r->bad ? (struct bytes){ 0 } : bytes_of(p, n);
}

void
read_copy(struct reader *r, void *out, size_t n)
{
	const uint8_t *p = take(r, n);

	if (n == 0)
		return;
	if (p == NULL)
		memset(out, 0, n);
	else
		memcpy(out, p, n);
}

void
read_skip(struct reader *r, size_t n)
{
	(void)take(r, n);
}

struct bytes
read_rest(struct reader *r)
{
	return read_bytes(r, reader_left(r));
}

/* ------------------------------------------------------------------------------------ writers */

struct writer
writer_of(void *buf, size_t size)
{
	uint8_t *p = buf;

	return (struct writer){ .start = p, .p = p, .end = size == 0 ? p : p + size };
}

size_t
writer_len(const struct writer *w)
{
	return (size_t)(w->p - w->start);
}

uint8_t *
write_hole(struct writer *w, size_t n)
{
	uint8_t *at = w->p;

	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	if (n != 0)
		w->p += n;
	return at;
}

static void
put(struct writer *w, const void *p, size_t n)
{
	uint8_t *at = write_hole(w, n);

	if (at != NULL && n != 0)
		memcpy(at, p, n);
}

void
write_u8(struct writer *w, uint8_t v)
{
	put(w, &v, 1);
}

void
write_u16(struct writer *w, uint16_t v)
{
	patch_u16(write_hole(w, 2), v);
}

void
write_u32(struct writer *w, uint32_t v)
{
	patch_u32(write_hole(w, 4), v);
}

void
write_u64(struct writer *w, uint64_t v)
{
	uint8_t *at = write_hole(w, 8);

	if (at == NULL)
		return;
	patch_u32(at, (uint32_t)(v >> 32));
	patch_u32(at + 4, (uint32_t)v);
}

void
write_u16_host(struct writer *w, uint16_t v)
{
	put(w, &v, sizeof(v));
}

void
write_u32_host(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

void
write_u64_host(struct writer *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

void
write_bytes(struct writer *w, struct bytes b)
{
	put(w, b.p, b.n);
}

void
write_zero(struct writer *w, size_t n)
{
	uint8_t *at = write_hole(w, n);

	if (at != NULL && n != 0)
		memset(at, 0, n);
}

void
patch_u16_host(uint8_t *at, uint16_t v)
{
	if (at != NULL)
		memcpy(at, &v, sizeof(v));
}

struct bytes
writer_bytes(const struct writer *w)
{
	return bytes_of(w->start, writer_len(w));
}
