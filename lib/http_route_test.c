#include "lib/http_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void nothing(void *arg, struct http_request *r)
{
	(void)arg;
	(void)r;
}

static const struct http_route ROUTES[] = {
	{"GET", "/", nothing},
	{"GET", "/v1/subscribers", nothing},
	{"PUT", "/v1/subscribers/{msisdn}", nothing},
	{"GET", "/v1/subscribers/{msisdn}", nothing},
	{"DELETE", "/v1/subscribers/{msisdn}", nothing},
	{"POST", "/v1/token", nothing},
	{"POST", "/v1/token/refresh", nothing},
	{"GET", "/v1/bindings/{ip}/history", nothing},
	{"GET", "/{a}/{b}/{c}/{d}", nothing},
	{0},
};

/* "r3 msisdn=1" for a match, "404", "405 GET, PUT", "bad", "large". */
static void look_up(const char *method, const char *target, char out[256])
{
	struct http_target t;
	struct http_match m;
	char text[2048], allow[64];

	snprintf(text, sizeof text, "%s", target);
	int rc = http_target_parse(text, &t);
	if (rc) {
		snprintf(out, 256, "%s", rc == E_SYNTAX ? "bad" : "large");
		return;
	}
	rc = http_route_find(ROUTES, method, &t, &m, allow);
	if (rc == E_NOT_FOUND) {
		snprintf(out, 256, "404");
	} else if (rc) {
		snprintf(out, 256, "405 %s", allow);
	} else {
		int n = snprintf(out, 256, "r%d", (int)(m.route - ROUTES));

		for (size_t i = 0; i < m.param_count; i++)
			n += snprintf(out + n, (size_t)(256 - n), " %.*s=%s",
				      (int)m.params[i].name_length, m.params[i].name,
				      m.params[i].value);
	}
}

static void routes(void **state)
{
	static const struct {
		const char *method, *target, *expected;
	} cases[] = {
		{"GET", "/", "r0"},
		{"HEAD", "/", "r0"},
		{"GET", "/v1/subscribers", "r1"},
		{"GET", "/v1/subscribers?after=1&limit=2", "r1"},
		{"GET", "/v1/subscribers/", "404"},
		{"GET", "/v1/subscribers/81", "r3 msisdn=81"},
		{"PUT", "/v1/subscribers/81", "r2 msisdn=81"},
		{"HEAD", "/v1/subscribers/81", "r3 msisdn=81"},
		{"POST", "/v1/subscribers/81", "405 PUT, GET, DELETE"},
		{"get", "/v1/subscribers/81", "405 PUT, GET, DELETE"},
		{"GET", "/v1/subscribers/%2B81", "r3 msisdn=+81"},
		{"GET", "/v1/subscribers/+81", "r3 msisdn=+81"},
		{"GET", "/v1/%73ubscribers", "r1"},
		/* An encoded slash or question mark is no border. */
		{"GET", "/v1/subscribers/8%2f1", "r3 msisdn=8/1"},
		{"GET", "/v1/subscribers/8%3F1", "r3 msisdn=8?1"},
		{"GET", "/v1%2fsubscribers", "404"},
		{"GET", "/v1/subscribers/81/", "404"},
		{"GET", "//v1/subscribers", "404"},
		{"GET", "/v1/../v1/subscribers", "r8 a=v1 b=.. c=v1 d=subscribers"},
		{"GET", "/v1/bindings/10.0.0.1/history", "r7 ip=10.0.0.1"},
		{"GET", "/v1/bindings/2001:db8::1/history", "r7 ip=2001:db8::1"},
		{"GET", "/v1/bindings//history", "404"},
		{"GET", "/v1/bindings/10.0.0.1", "404"},
		{"POST", "/v1/token", "r5"},
		{"POST", "/v1/token/refresh", "r6"},
		{"GET", "/v1/token", "405 POST"},
		{"GET", "/V1/token", "404"},
		{"GET", "http://host:80/v1/subscribers?x", "r1"},
		{"GET", "HTTPS://host/v1/subscribers", "r1"},
		{"GET", "http://host", "bad"},
		{"GET", "ftp://host/v1/subscribers", "bad"},
		{"OPTIONS", "*", "bad"},
		{"GET", "", "bad"},
		{"GET", "v1", "bad"},
		{"GET", "/v1/%", "bad"},
		{"GET", "/v1/%2", "bad"},
		{"GET", "/v1/%zz", "bad"},
		{"GET", "/v1/%00", "bad"},
		{"GET", "/v1/%00/x", "bad"},
		{"GET", "/v1/subscribers?a=%", "bad"},
		{"GET", "/v1/subscribers?%=a", "bad"},
		{"GET", "/v1/subscribers?a=%00", "bad"},
		{"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "404"},
		{"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "large"},
		{"GET", "/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16", "r0"},
		{"GET", "/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", "large"},
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		look_up(cases[i].method, cases[i].target, got);
		assert_string_equal(got, cases[i].expected);
	}
}

static void queries(void **state)
{
	static const struct {
		const char *target, *name, *value;
	} cases[] = {
		{"/?at=1", "at", "1"},
		{"/?at=1", "a", NULL},
		{"/?at=1", "att", NULL},
		{"/", "at", NULL},
		{"/?", "at", NULL},
		{"/?at", "at", ""},
		{"/?at=", "at", ""},
		{"/?a=1&at=2&at=3", "at", "2"},
		{"/?&&at=2", "at", "2"},
		{"/?at=a=b", "at", "a=b"},
		{"/?at=a%3Db%26c", "at", "a=b&c"},
		{"/?%61t=1", "at", "1"},
		{"/?at=2026-08-01T12:00:00+09:00", "at", "2026-08-01T12:00:00+09:00"},
		{"/?at=2026-08-01T12:00:00%2B09:00", "at", "2026-08-01T12:00:00+09:00"},
		{"/?at=1?2", "at", "1?2"},
		{"/?=1&at=2", "at", "2"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_target t;
		char text[256];

		snprintf(text, sizeof text, "%s", cases[i].target);
		assert_int_equal(http_target_parse(text, &t), 0);
		const char *value = http_pair_find(t.query, t.query_count, cases[i].name);
		if (cases[i].value)
			assert_string_equal(value, cases[i].value);
		else
			assert_null(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes),
		cmocka_unit_test(queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
