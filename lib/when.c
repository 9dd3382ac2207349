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

char *
when_json(char *buf, size_t size, wall t)
{
	time_t seconds = (time_t)(t.ms / MS_PER_SECOND - (t.ms % MS_PER_SECOND < 0));
	int ms = (int)(t.ms % MS_PER_SECOND);
	struct tm tm;

	if (ms < 0)
		ms += MS_PER_SECOND;
	if (gmtime_r(&seconds, &tm) == NULL)
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
	return buf;
}

/* ------------------------------------------------------------------ reading */

/* "10:22", "10:22:19", "10:22:19.75" and nothing behind it: milliseconds, -1: it is none. */
static int64_t
clock_of(const char *p)
{
	unsigned h, m, s = 0, hundredths = 0;
	int n = 0;

	if (sscanf(p, "%2u:%2u%n", &h, &m, &n) != 2)
		return -1;
	p += n;
	if (*p == ':') {
		if (sscanf(p, ":%2u%n", &s, &n) != 1)
			return -1;
		p += n;
	}
	if (*p == '.') {
		if (sscanf(p, ".%2u%n", &hundredths, &n) != 1)
			return -1;
		hundredths *= n == 2 ? 10 : 1; /* .5 is half a second */
		p += n;
	}
	if (*p != '\0' || h > 23 || m > 59 || s > 59)
		return -1;
	return (((int64_t)h * 60 + m) * 60 + s) * MS_PER_SECOND + hundredths * 10;
}

static wall
at_local(struct tm tm, int64_t clock)
{
	time_t midnight;

	tm.tm_hour = (int)(clock / 3600 / MS_PER_SECOND);
	tm.tm_min = (int)(clock / 60 / MS_PER_SECOND % 60);
	tm.tm_sec = (int)(clock / MS_PER_SECOND % 60);
	tm.tm_isdst = -1;
	midnight = mktime(&tm);
	return (wall){ (int64_t)midnight * MS_PER_SECOND + clock % MS_PER_SECOND };
}

static bool
same_word(const char *a, const char *word)
{
	for (; *a != '\0' && *word != '\0'; a++, word++)
		if ((*a >= 'a' && *a <= 'z' ? *a - 'a' + 'A' : *a) != *word)
			return false;
	return *a == '\0' && *word == '\0';
}

/* "-1-02:30": how long ago. */
static bool
parse_ago(const char *p, wall now, wall *out)
{
	unsigned days = 0;
	int64_t clock;
	int n = 0;

	if (sscanf(p, "%5u%n", &days, &n) == 1 && p[n] == '-')
		p += n + 1;
	else
		days = 0;
	clock = clock_of(p);
	if (clock < 0)
		return false;
	out->ms = now.ms - clock - (int64_t)days * SECONDS_PER_DAY * MS_PER_SECOND;
	return true;
}

bool
when_parse(const char *text, wall now, wall *out)
{
	struct tm today = broken_down(now), tm = today;
	char month[4] = "";
	unsigned day;
	int64_t clock = 0;
	int n = 0, m;

	if (text[0] == '-')
		return parse_ago(text + 1, now, out);
	if (same_word(text, "NOW"))
		return *out = now, true;
	if (same_word(text, "TODAY") || same_word(text, "YESTERDAY")) {
		tm.tm_mday -= same_word(text, "YESTERDAY");
		return *out = at_local(tm, 0), true;
	}
	if (sscanf(text, " %2u-%3[A-Za-z]%n", &day, month, &n) == 2) {
		for (m = 0; m < 12 && !same_word(month, vms_months[m]); m++)
			continue;
		if (m == 12 || day < 1 || day > 31)
			return false;
		tm.tm_mon = m;
		tm.tm_mday = (int)day;
		text += n;
		if (sscanf(text, "-%4d%n", &tm.tm_year, &n) == 1) {
			tm.tm_year -= 1900;
			text += n;
		}
		if (*text == '\0')
			return *out = at_local(tm, 0), true;
		if (*text != ' ' && *text != ':')
			return false;
		text++;
	}
	clock = clock_of(text);
	if (clock < 0)
		return false;
	*out = at_local(tm, clock);
	return true;
}

/* "0:1:00", "1-00:00", "0:30": days-hours:minutes:seconds, as milliseconds; -1: it is none. */
static int64_t
delta_ms(const char *text)
{
	unsigned days = 0, h = 0, m = 0, s = 0;
	int n = 0;

	if (sscanf(text, "%3u-%n", &days, &n) == 1 && n > 0)
		text += n;
	else
		days = 0;
	n = 0;
	if (sscanf(text, "%4u%n:%2u%n:%2u%n", &h, &n, &m, &n, &s, &n) < 1 || text[n] != '\0' ||
		m > 59 || s > 59)
		return -1;
	return ((int64_t)days * SECONDS_PER_DAY + (int64_t)h * 3600 + (int64_t)m * 60 + s) *
		MS_PER_SECOND;
}

bool
when_parse_later(const char *text, wall now, wall *out)
{
	int64_t delta = text[0] == '+' ? delta_ms(text + 1) : -1;

	if (delta >= 0)
		return out->ms = now.ms + delta, true;
	if (text[0] == '+')
		return false;
	if (!same_word(text, "TOMORROW"))
		return when_parse(text, now, out);
	struct tm tomorrow = broken_down(now);

	tomorrow.tm_mday++;
	*out = at_local(tomorrow, 0);
	return true;
}
