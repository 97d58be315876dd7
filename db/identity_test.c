#include "db/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW_US   INT64_C(1785585600000000)
#define LATER    (NOW_US + 1)
#define EARLIER  (NOW_US - 1)

/* Every way the token and the committed binding can stand to each other. The token names (5,
 * generation 3). */
static const struct {
	const char *what;
	enum key_state state;
	uint32_t generation;
	int64_t subscriber, expires_us;
	int opened;
	enum identity_verdict want;
} judged[] = {
	{"good", KEY_CONFIRMED, 3, 5, 0, 0, IDENTITY_GOOD},
	{"good, lease ends later", KEY_CONFIRMED, 3, 5, LATER, 0, IDENTITY_GOOD},
	{"contested goes on", KEY_CONTESTED, 3, 5, 0, 0, IDENTITY_GOOD},
	{"lease is over", KEY_CONFIRMED, 3, 5, EARLIER, 0, IDENTITY_NO_BINDING},
	{"free", KEY_FREE, 3, 0, 0, 0, IDENTITY_NO_BINDING},
	{"free, junk token", KEY_FREE, 3, 0, 0, E_AUTH, IDENTITY_NO_BINDING},
	{"older generation", KEY_CONFIRMED, 4, 5, 0, 0, IDENTITY_OVER},
	{"older generation, next holder", KEY_CONFIRMED, 4, 6, 0, 0, IDENTITY_OVER},
	{"token from the future", KEY_CONFIRMED, 2, 5, 0, 0, IDENTITY_OVER},
	{"unconfirmed has no tokens", KEY_UNCONFIRMED, 3, 5, 0, 0, IDENTITY_OVER},
	{"quarantined", KEY_QUARANTINED, 3, 5, 0, 0, IDENTITY_QUARANTINED},
	{"quarantined, other", KEY_QUARANTINED, 3, 6, 0, 0, IDENTITY_QUARANTINED},
	{"quarantine outlives the lease", KEY_QUARANTINED, 3, 5, EARLIER, 0, IDENTITY_QUARANTINED},
	{"hard evidence", KEY_CONFIRMED, 3, 6, 0, 0, IDENTITY_OTHER},
	{"hard evidence, contested", KEY_CONTESTED, 3, 6, 0, 0, IDENTITY_OTHER},
	{"hard evidence, unconfirmed", KEY_UNCONFIRMED, 3, 6, 0, 0, IDENTITY_OTHER},
	{"hard evidence by an expired token", KEY_CONFIRMED, 3, 6, 0, E_EXPIRED, IDENTITY_OTHER},
	{"expired", KEY_CONFIRMED, 3, 5, 0, E_EXPIRED, IDENTITY_EXPIRED},
	{"expired and older", KEY_CONFIRMED, 4, 6, 0, E_EXPIRED, IDENTITY_EXPIRED},
	{"not ours", KEY_CONFIRMED, 3, 5, 0, E_AUTH, IDENTITY_TOKEN},
	{"not ours, quarantined", KEY_QUARANTINED, 3, 5, 0, E_AUTH, IDENTITY_TOKEN},
};

static void test_token_and_binding(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(judged); i++) {
		struct binding b = {.state = judged[i].state,
				    .generation = judged[i].generation,
				    .subscriber = judged[i].subscriber,
				    .expires_us = judged[i].expires_us};
		/* A token that did not open says nothing: fields that would be let in must not be.
		 */
		struct token t = {.subscriber = 5, .generation = 3, .expires_s = 1};
		enum identity_verdict got = identity_judge(&b, judged[i].opened, &t, NOW_US);
		if (got != judged[i].want)
			print_error("%s: %d\n", judged[i].what, got);
		assert_int_equal(got, judged[i].want);
	}
}

/* Whatever the other fields are: mail opens for (5, 3) in state confirmed or contested, and for
 * nothing else. */
static void test_nothing_else_opens(void **state)
{
	(void)state;
	for (int s = 0; s < KEY_STATES; s++)
		for (uint32_t generation = 0; generation < 6; generation++)
			for (int64_t subscriber = 0; subscriber < 8; subscriber++) {
				struct binding b = {.state = (enum key_state)s,
						    .generation = generation,
						    .subscriber = subscriber};
				struct token t = {.subscriber = 5, .generation = 3};
				bool opens = identity_judge(&b, 0, &t, NOW_US) == IDENTITY_GOOD;
				bool may = (s == KEY_CONFIRMED || s == KEY_CONTESTED) &&
					   generation == 3 && subscriber == 5;
				assert_int_equal(opens, may);
			}
}

static const struct {
	const char *name;
	enum login_ids ids;
	enum identity_verdict want;
} named[] = {
	{"819011112222", LOGIN_ID_BOTH, IDENTITY_GOOD},
	{"+819011112222", LOGIN_ID_BOTH, IDENTITY_GOOD},
	{"++819011112222", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"819011112222", LOGIN_ID_ACCOUNT, IDENTITY_GOOD},
	{"819011112222", LOGIN_ID_ADDRESS, IDENTITY_NAME_FORM},
	{"81901111222", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"8190111122223", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"taro@hato.example", LOGIN_ID_BOTH, IDENTITY_GOOD},
	{"taro@hato.example", LOGIN_ID_ADDRESS, IDENTITY_GOOD},
	{"taro@hato.example", LOGIN_ID_ACCOUNT, IDENTITY_NAME_FORM},
	{"TARO@Hato.Example", LOGIN_ID_BOTH, IDENTITY_GOOD},
	{"second..dots.@hato.example", LOGIN_ID_BOTH, IDENTITY_GOOD},
	{"\"second..dots.\"@hato.example", LOGIN_ID_BOTH, IDENTITY_GOOD},
	{"hanako@hato.example", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"taro@other.example", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"taro@", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"@", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"taro", LOGIN_ID_BOTH, IDENTITY_NAME},
	{"+", LOGIN_ID_BOTH, IDENTITY_NAME},
};

static void test_names(void **state)
{
	struct subscriber owner = {.id = 5, .msisdn = "819011112222", .address_count = 2};

	(void)state;
	snprintf(owner.addresses[0].canonical, ADDRESS_MAX, "taro@hato.example");
	snprintf(owner.addresses[1].canonical, ADDRESS_MAX, "second..dots.@hato.example");
	for (size_t i = 0; i < COUNT(named); i++) {
		enum identity_verdict got = identity_name_fits(&owner, named[i].name, named[i].ids);
		if (got != named[i].want)
			print_error("%s: %d\n", named[i].name, got);
		assert_int_equal(got, named[i].want);
	}
}

static void test_setting(void **state)
{
	enum login_ids ids;

	(void)state;
	assert_int_equal(login_ids_parse("account", &ids), 0);
	assert_int_equal(ids, LOGIN_ID_ACCOUNT);
	assert_int_equal(login_ids_parse("address", &ids), 0);
	assert_int_equal(ids, LOGIN_ID_ADDRESS);
	assert_int_equal(login_ids_parse("both", &ids), 0);
	assert_int_equal(ids, LOGIN_ID_BOTH);
	assert_int_equal(login_ids_parse("", &ids), E_SYNTAX);
	assert_int_equal(login_ids_parse("Both", &ids), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_and_binding),
		cmocka_unit_test(test_nothing_else_opens),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
