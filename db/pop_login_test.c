/* POP before SMTP: the last login of an address is found, an older one is not, and old ones go. */
#include "db/db_testing.h"
#include "db/pop_login.h"

static struct pop_login last;

static void on_login(void *arg, int err, const struct pop_login *login)
{
	if (!err)
		last = *login;
	on_done(arg, err);
}

static int find(struct bench_store *s, const char *realm, const char *ip)
{
	struct heard *h = HEARD(s);
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	pop_login_find(s->port, realm, &a, on_login, h);
	return wait_for(h);
}

static int put(struct bench_store *s, const char *ip, int64_t subscriber, int64_t at_us)
{
	const struct pop_login l = {.subscriber = subscriber, .generation = 7, .at_us = at_us};
	struct heard *h = HEARD(s);
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	pop_login_put(s->port, REALM_DEFAULT, &a, &l, on_done, h);
	return wait_for(h);
}

static void test_last_login(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();

	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1"), E_NOT_FOUND);
	assert_int_equal(put(s, "10.0.0.1", 5, now_us - 10), 0);
	assert_int_equal(put(s, "2001:db8::1", 6, now_us - 9), 0);
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1"), 0);
	assert_int_equal(last.subscriber, 5);
	assert_int_equal(last.generation, 7);
	assert_int_equal(last.at_us, now_us - 10);
	assert_int_equal(put(s, "10.0.0.1", 8, now_us), 0);
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1"), 0);
	assert_int_equal(last.subscriber, 8);
	assert_int_equal(find(s, "other", "10.0.0.1"), E_NOT_FOUND);
	assert_int_equal(find(s, REALM_DEFAULT, "2001:db8::2"), E_NOT_FOUND);
}

static void test_sweep(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = HEARD(s);
	int64_t now_us = clock_now_us();

	assert_int_equal(put(s, "10.0.0.1", 5, now_us - POP_LOGIN_KEEP_US - 1), 0);
	assert_int_equal(put(s, "10.0.0.2", 5, now_us - POP_LOGIN_KEEP_US + 60000000), 0);
	mail_sweep(s->port, now_us, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1"), E_NOT_FOUND);
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.2"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_last_login),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
