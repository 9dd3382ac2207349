/*
 * test_metrics.c - Prometheus text, a round of metrics, and the HTTP that serves them.
 */
#include "lib/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/gather.h"
#include "server/http.h"

static void
escapes(void **state)
{
	const struct metric_label labels[] = { { "a", "x\"y\\z\nw" }, { "b", "\xff\xc3\xa9" },
		{ NULL, NULL } };
	struct text out = { 0 };
	char value[32];
	uint64_t number = 0;

	(void)state;
	metrics_family(&out, "m_total", METRIC_COUNTER, "one\\two\nthree \"four\"");
	metrics_sample(&out, "m_total", labels, UINT64_MAX);
	metrics_sample(&out, "m_total", NULL, 0);
	assert_string_equal(text_str(&out), "# HELP m_total one\\\\two\\nthree \"four\"\n"
		"# TYPE m_total counter\n"
		"m_total{a=\"x\\\"y\\\\z\\nw\",b=\"\xef\xbf\xbd\xc3\xa9\"} 18446744073709551615\n"
		"m_total 0\n");
	text_clear(&out);
	metrics_sample(&out, "m", labels, 7);
	out.p[--out.n] = '\0';
	assert_true(metrics_read_label(text_str(&out), "m", "a", value, sizeof(value)));
	assert_string_equal(value, "x\"y\\z\nw");
	assert_true(metrics_read_value(text_str(&out), &number));
	assert_int_equal(number, 7);
	assert_false(metrics_read_label(text_str(&out), "m", "c", value, sizeof(value)));
	assert_false(metrics_read_label(text_str(&out), "n", "a", value, sizeof(value)));
	assert_false(metrics_read_label("m{a=\"no end", "m", "a", value, sizeof(value)));
	assert_false(metrics_read_label("m{", "m", "a", value, sizeof(value)));
	assert_false(metrics_read_value("m x", &number));
	text_free(&out);
}

static void
round_of_answers(void **state)
{
	struct gather g = { 0 };
	char request[64];

	(void)state;
	gather_begin(&g, "METRICSD", request, sizeof(request));
	assert_string_equal(request, "SHOW METRICS");
	assert_int_equal(gather_line(&g, "+news", request, 64), GATHER_MORE);
	gather_line(&g, "200-netcontrol_service_up{service=\"IPSEC\"} 1", request, 64);
	gather_line(&g, "200-netcontrol_service_up{service=\"RACOON\"} 1", request, 64);
	gather_line(&g, "200-netcontrol_service_up{service=\"DOWN\"} 0", request, 64);
	gather_line(&g, "200-netcontrol_service_up{service=\"metricsd\"} 1", request, 64);
	gather_line(&g, "200-netcontrol_service_up{service=\"A B\"} 1", request, 64);
	assert_int_equal(gather_line(&g, "200 done", request, 64), GATHER_ASK);
	assert_string_equal(request, "IPSEC SHOW METRICS");
	gather_line(&g, "200-half an answer", request, 64);
	assert_int_equal(gather_line(&g, "408 too late", request, 64), GATHER_ASK);
	assert_string_equal(request, "RACOON SHOW METRICS");
	gather_line(&g, "200-racoon_isakmp_sas 3", request, 64);
	assert_int_equal(gather_line(&g, "200 done", request, 64), GATHER_DONE);
	assert_null(strstr(text_str(&g.out), "half an answer"));
	assert_non_null(strstr(text_str(&g.out), "\nracoon_isakmp_sas 3\n"));
	assert_non_null(strstr(text_str(&g.out), "\nmetricsd_services_asked 2\n"));
	assert_non_null(strstr(text_str(&g.out), "\nmetricsd_services_refused 1\n"));
	gather_free(&g);
}

static enum http_status
ask(const char *request, bool *head)
{
	return http_request(bytes_str(request), head);
}

static void
requests(void **state)
{
	static uint8_t large[HTTP_REQUEST_MAX];
	bool head;

	(void)state;
	assert_int_equal(ask("", &head), HTTP_MORE);
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n", &head), HTTP_MORE);
	assert_int_equal(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &head), HTTP_OK);
	assert_false(head);
	assert_int_equal(ask("HEAD /metrics?x=1 HTTP/1.0\n\n", &head), HTTP_OK);
	assert_true(head);
	assert_int_equal(ask("GET / HTTP/1.1\r\n\r\n", &head), HTTP_NOT_FOUND);
	assert_int_equal(ask("GET /metrics/../etc HTTP/1.1\r\n\r\n", &head), HTTP_NOT_FOUND);
	assert_int_equal(ask("POST /metrics HTTP/1.1\r\n\r\n", &head), HTTP_METHOD);
	assert_int_equal(ask("GET /metrics\r\n\r\n", &head), HTTP_BAD);
	assert_int_equal(ask("GET /metrics HTTP/2\r\n\r\n", &head), HTTP_BAD);
	assert_int_equal(ask("GET /metrics HTTP/1.1 more\r\n\r\n", &head), HTTP_BAD);
	assert_int_equal(ask("\r\n\r\n", &head), HTTP_BAD);
	memset(large, 'x', sizeof(large));
	assert_int_equal(http_request(bytes_of(large, sizeof(large)), &head), HTTP_TOO_LARGE);
	memcpy(large, "GET \0x HTTP/1.1\n\n", 17);
	assert_int_equal(http_request(bytes_of(large, 17), &head), HTTP_BAD);
}

static void
answers(void **state)
{
	struct text out = { 0 };

	(void)state;
	http_answer(&out, HTTP_OK, bytes_str("m 1\n"), false);
	assert_string_equal(text_str(&out), "HTTP/1.1 200 OK\r\n"
		"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 4\r\n"
		"Connection: close\r\n\r\nm 1\n");
	text_clear(&out);
	http_answer(&out, HTTP_OK, bytes_str("m 1\n"), true);
	assert_non_null(strstr(text_str(&out), "Content-Length: 4\r\n"));
	assert_null(strstr(text_str(&out), "m 1"));
	text_clear(&out);
	http_answer(&out, HTTP_METHOD, (struct bytes){ NULL, 0 }, false);
	assert_non_null(strstr(text_str(&out), "Allow: GET, HEAD\r\n"));
	assert_non_null(strstr(text_str(&out), "\r\n\r\n405 Method Not Allowed\n"));
	text_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(round_of_answers),
		cmocka_unit_test(requests),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
