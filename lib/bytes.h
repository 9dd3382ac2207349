/*
 * bytes.h - views of octets and bounded cursors with a sticky error.
 *
 * A reader or writer never goes past its end: the first violation sets `bad`, every later call is
 * harmless (reads give zero, writes nothing), and the caller checks once at the end.
 * All multi-byte integers are in network byte order unless the name says _host.
 */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes { /* a borrowed view; owns nothing */
	const uint8_t *p;
	size_t n;
};

struct bytes bytes_of(const void *p, size_t n);
struct bytes bytes_str(const char *s); /* without the NUL */
bool bytes_equal(struct bytes a, struct bytes b); /* not constant time: see secret_equal */
int bytes_compare(struct bytes a, struct bytes b); /* memcmp order, shorter first */

/* Decode hex digits (an odd count gets a leading zero); false on a non-digit or no room. */
bool bytes_from_hex(const char *hex, size_t digits, uint8_t *out, size_t size, size_t *n);
/* Lower-case hex, NUL-terminated, truncated to size. Returns buf. */
char *bytes_to_hex(char *buf, size_t size, struct bytes b);

struct reader {
	const uint8_t *p, *end;
	bool bad;
};

struct reader reader_of(struct bytes b);
size_t reader_left(const struct reader *r);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
uint16_t read_u16_host(struct reader *r);
uint32_t read_u32_host(struct reader *r);
uint64_t read_u64_host(struct reader *r);
struct bytes read_bytes(struct reader *r, size_t n); /* empty view when bad */
void read_copy(struct reader *r, void *out, size_t n); /* zero-fills when bad */
void read_skip(struct reader *r, size_t n);
struct bytes read_rest(struct reader *r);

struct writer {
	uint8_t *start, *p, *end;
	bool bad;
};

struct writer writer_of(void *buf, size_t size);
size_t writer_len(const struct writer *w); /* bytes written so far */
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_u16_host(struct writer *w, uint16_t v);
void write_u32_host(struct writer *w, uint32_t v);
void write_u64_host(struct writer *w, uint64_t v);
void write_bytes(struct writer *w, struct bytes b);
void write_zero(struct writer *w, size_t n);
/* Reserve n bytes and return where they are (NULL when bad); for lengths patched later. */
uint8_t *write_hole(struct writer *w, size_t n);
void patch_u16_host(uint8_t *at, uint16_t v);
struct bytes writer_bytes(const struct writer *w);

/* Inline, because the engine calls them for each packet. at may be NULL: then nothing happens. */
static inline void
patch_u16(uint8_t *at, uint16_t v)
{
	if (at == NULL)
		return;
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void
patch_u32(uint8_t *at, uint32_t v)
{
	if (at == NULL)
		return;
	patch_u16(at, (uint16_t)(v >> 16));
	patch_u16(at + 2, (uint16_t)v);
}

static inline uint16_t
get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

static inline uint64_t
get_u64(const uint8_t *p)
{
	return (uint64_t)get_u32(p) << 32 | get_u32(p + 4);
}

#endif
