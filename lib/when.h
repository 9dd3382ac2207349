/*
 * when.h - typed time.  `instant` is monotonic, `wall` is the calendar; they never mix, and the
 * pure engines receive both with each event.
 */
#ifndef LIB_WHEN_H
#define LIB_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { int64_t ms; } instant; /* monotonic, milliseconds */
typedef struct { int64_t ms; } wall;    /* since 1970-01-01 UTC, milliseconds; 0 = not known */

#define INSTANT_NEVER ((instant){ INT64_MAX })

static inline instant
instant_add(instant t, int64_t ms)
{
	return t.ms > INT64_MAX - ms ? INSTANT_NEVER : (instant){ t.ms + ms };
}

static inline int64_t
instant_diff(instant later, instant earlier) /* milliseconds */
{
	return later.ms - earlier.ms;
}

static inline bool
instant_reached(instant t, instant now)
{
	return t.ms <= now.ms;
}

static inline instant
instant_min(instant a, instant b)
{
	return a.ms < b.ms ? a : b;
}

/* The clocks: for *_uv.c and *_main.c only; engines get time with their events. */
instant when_now(void);
wall when_wall(void);

/* "21-NOV-2026 10:22:19.75", blank-padded day, local time (size >= 24). */
char *when_vms(char *buf, size_t size, wall t);
/* "2026-11-21 10:22:19", local time (size >= 20). */
char *when_iso(char *buf, size_t size, wall t);
/* "2026-11-21T10:22:19.750Z", UTC: for JSON (size >= 25). */
char *when_json(char *buf, size_t size, wall t);
/*
 * A time as operators write it, local: "21-NOV-2026 10:22:19.75", "21-NOV-2026:10:22", "21-NOV",
 * "10:22", TODAY, YESTERDAY, NOW, or so long ago: "-0:05", "-1-00:00" (days-hours:minutes[:s]).
 * False: it is none of these.
 */
bool when_parse(const char *text, wall now, wall *out);
/*
 * A time to come, local: "+0:30:00", "+1-00:00" (days-hours:minutes:seconds from now), TOMORROW, or
 * as when_parse has it.  What is past already is returned as it is.  False: it is none.
 */
bool when_parse_later(const char *text, wall now, wall *out);
/* "Nov 21 10:22:19 2026", local time (size >= 21): setkey's form. */
char *when_setkey(char *buf, size_t size, wall t);
/* "0 00:05:00" (days hours:minutes:seconds) from milliseconds. */
char *when_delta(char *buf, size_t size, int64_t ms);

#endif
