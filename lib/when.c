/*
 * when.c - reading the clocks and writing dates in the forms the documents show.
 *
 * when_now and when_wall are for glue and programs only; the pure engines get time with events.
 * The formatters never fail: a date that cannot be broken down prints as the epoch.
 */
#include "lib/when.h"

#include <stdio.h>
#include <time.h>

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };
static const char vms_months[12][4] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG",
	"SEP", "OCT", "NOV", "DEC" };

enum { MS_PER_SECOND = 1000, NS_PER_MS = 1000000, SECONDS_PER_DAY = 86400 };

instant
when_now(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (instant){ (int64_t)ts.tv_sec * MS_PER_SECOND + ts.tv_nsec / NS_PER_MS };
}

wall
when_wall(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall){ (int64_t)ts.tv_sec * MS_PER_SECOND + ts.tv_nsec / NS_PER_MS };
}

static struct tm
broken_down(wall t)
{
	struct tm tm = { .tm_mday = 1, .tm_year = 70 };
	time_t seconds = (time_t)(t.ms / MS_PER_SECOND - (t.ms % MS_PER_SECOND < 0));

	if (localtime_r(&seconds, &tm) == NULL || tm.tm_mon < 0 || tm.tm_mon > 11)
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	return tm;
}

char *
when_vms(char *buf, size_t size, wall t)
{
	struct tm tm = broken_down(t);
	int ms = (int)(t.ms % MS_PER_SECOND);

	if (ms < 0)
		ms += MS_PER_SECOND;
	snprintf(buf, size, "%2d-%s-%04d %02d:%02d:%02d.%02d", tm.tm_mday, vms_months[tm.tm_mon],
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, ms / 10);
	return buf;
}

char *
when_iso(char *buf, size_t size, wall t)
{
	struct tm tm = broken_down(t);

	snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return buf;
}

char *
when_setkey(char *buf, size_t size, wall t)
{
	struct tm tm = broken_down(t);

	snprintf(buf, size, "%s %2d %02d:%02d:%02d %04d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
	return buf;
}

char *
when_delta(char *buf, size_t size, int64_t ms)
{
	int64_t s = ms < 0 ? 0 : ms / MS_PER_SECOND;

	snprintf(buf, size, "%lld %02d:%02d:%02d", (long long)(s / SECONDS_PER_DAY),
		(int)(s % SECONDS_PER_DAY / 3600), (int)(s % 3600 / 60), (int)(s % 60));
	return buf;
}
