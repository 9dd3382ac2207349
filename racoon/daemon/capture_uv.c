/*
 * capture_uv.c - CAPTURE under way: two files of root's own, bounded in size and time.
 *
 * Called by the verb, and by sockets_uv.c for each datagram.  The files are new ones, 0600; nothing
 * that is there is written over.  It stops by itself; a capture that cannot be written stops too.
 */
#include "racoon/daemon/host_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "racoon/daemon/capture.h"

enum { COOKIE = 8, CAPTURE_SEEN = 4096, PEEK = 2 * COOKIE };

struct rd_capture {
	uv_timer_t timer; /* first: freed with it */
	struct rd *d;
	int file, keys;
	char path[CAPTURE_PATH_MAX + 1];
	uint64_t octets, limit, packets;
	size_t key_count;
	/* Initiators' cookies whose key is written, each in its place; one may push another out,
	 * whose key is then written again. */
	uint8_t seen[CAPTURE_SEEN][COOKIE];
};

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

void
rd_capture_stop(struct rd *d, const char *why)
{
	struct rd_capture *c = d->capture;

	if (c == NULL)
		return;
	d->capture = NULL;
	log_line(LOG_L_NOTIFY, NULL, "capture to %s ends (%s): %llu messages, %zu keys", c->path,
		why, (unsigned long long)c->packets, c->key_count);
	close(c->file);
	close(c->keys);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void
on_time(uv_timer_t *t)
{
	struct rd_capture *c = t->data;

	rd_capture_stop(c->d, "its time is over");
}

static bool
write_all(struct rd_capture *c, int fd, struct text *what)
{
	bool good = !what->failed && file_write(fd, bytes_of(what->p, what->n));

	c->octets += what->n;
	if (!good)
		log_line(LOG_L_ERROR, NULL, "capture to %s: %s", c->path, strerror(errno));
	text_free(what); /* wiped: there may be a key in it */
	return good;
}

static int
new_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum status
rd_capture_start(struct rd *d, const char *path, uint64_t octets, int64_t seconds, char *why,
	size_t size)
{
	char keys[CAPTURE_PATH_MAX + 8];
	struct rd_capture *c;
	struct text head = { 0 };

	if (d->capture != NULL) {
		snprintf(why, size, "to %s; CAPTURE OFF ends it", d->capture->path);
		return ST_ALREADY;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return ST_NOMEMORY;
	snprintf(c->path, sizeof(c->path), "%s", path);
	snprintf(keys, sizeof(keys), "%s.keys", path);
	c->file = new_file(path);
	c->keys = c->file < 0 ? -1 : new_file(keys);
	if (c->keys < 0) {
		snprintf(why, size, "%s: %s", c->file < 0 ? path : keys, strerror(errno));
		if (c->file >= 0) {
			close(c->file);
			(void)unlink(path);
		}
		free(c);
		return ST_SYSERR;
	}
	c->d = d;
	c->limit = octets;
	uv_timer_init(&d->loop, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_time, (uint64_t)seconds * 1000, 0);
	d->capture = c;
	capture_head(&head);
	if (!write_all(c, c->file, &head))
		rd_capture_stop(d, "an error");
	log_line(LOG_L_NOTIFY, NULL, "capture to %s begins: it and %s hold secrets", path, keys);
	snprintf(why, size, "to %s, the keys to %s", path, keys);
	return ST_NORMAL;
}

static uint8_t *
place_of(struct rd_capture *c, const uint8_t *cookie)
{
	return c->seen[get_u16(cookie) % CAPTURE_SEEN];
}

/* The key of the SA that a message belongs to, once, as soon as there is one. */
void
rd_capture_key(struct rd *d, struct bytes octets)
{
	struct rd_capture *c = d->capture;
	struct text line = { 0 };
	struct bytes key;

	if (c == NULL || octets.n < PEEK ||
		memcmp(place_of(c, octets.p), octets.p, COOKIE) == 0 ||
		!ike_show_key(d->engine, octets.p, &key))
		return;
	memcpy(place_of(c, octets.p), octets.p, COOKIE);
	c->key_count++;
	capture_key(&line, octets.p, key);
	if (!write_all(c, c->keys, &line))
		rd_capture_stop(d, "an error");
}

void
rd_capture_datagram(struct rd *d, const struct net_endpoint *from, const struct net_endpoint *to,
	bool natt, struct bytes octets)
{
	struct rd_capture *c = d->capture;
	struct text packet = { 0 };

	if (c == NULL)
		return;
	capture_packet(&packet, when_wall(), from, to, natt, octets);
	if (c->octets + packet.n > c->limit) {
		text_free(&packet);
		rd_capture_stop(d, "its size is reached");
		return;
	}
	c->packets++;
	if (!write_all(c, c->file, &packet))
		rd_capture_stop(d, "an error");
	else
		rd_capture_key(d, octets);
}

bool
rd_capture_state(const struct rd *d, struct text *out)
{
	const struct rd_capture *c = d->capture;

	if (c != NULL && out != NULL)
		text_addf(out, "%s: %llu messages, %llu of %llu octets, %zu keys", c->path,
			(unsigned long long)c->packets, (unsigned long long)c->octets,
			(unsigned long long)c->limit, c->key_count);
	return c != NULL;
}
