#include "authsrv/network_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "authsrv/bearer.h"
#include "lib/err.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])
#define FEEDER      "feeder-0123456789abcdef"
#define RADIO       "radio-0123456789abcdef"

static char dir[64];

static void file_write(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int folder_make(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/network-auth.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int folder_remove(void **state)
{
	static const char *const names[] = {"feeder.key", "radio.key"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* The feeder of the default realm, and a key of another realm that feeds for two NASes. */
static struct conf *conf_make(void)
{
	static const char *const sets[] = {
		"network-key radio.file=radio.key", "network-key radio.scopes=lease",
		"network-key radio.realm=corp", "network-key radio.nas_ids=nas-1, nas-2"};
	struct conf *c;
	char error[256];

	if (conf_load(NULL, dir, sets, COUNT_OF(sets), &c, error))
		fail_msg("%s", error);
	return c;
}

static const char *found(const struct network_keys *keys, const char *authorization)
{
	const struct network_key *key = network_keys_find(keys, authorization);

	return key ? key->conf->id : "none";
}

static void finds(void **state)
{
	struct conf *c = conf_make();
	struct network_keys *keys;
	char error[256], longest[600] = "Bearer ";

	(void)state;
	file_write("feeder.key", FEEDER "\n");
	file_write("radio.key", "  " RADIO " \r\nsecond line\n");
	if (network_keys_load(c, &keys, error))
		fail_msg("%s", error);
	assert_string_equal(found(keys, "Bearer " FEEDER), "feeder");
	assert_string_equal(found(keys, "bearer   " FEEDER " "), "feeder");
	assert_string_equal(found(keys, "Bearer " RADIO), "radio");
	static const char *const strangers[] = {
		"",
		"Bearer",
		"Bearer ",
		FEEDER,
		"Basic " FEEDER,
		"Bearer" FEEDER,
		"Bearer " FEEDER "x",
		"Bearer feeder-0123456789abcde",
		"Bearer FEEDER-0123456789ABCDEF",
		"Bearer " FEEDER " " RADIO,
		"Bearer second line",
	};
	for (size_t i = 0; i < COUNT_OF(strangers); i++)
		assert_string_equal(found(keys, strangers[i]), "none");
	assert_string_equal(found(keys, NULL), "none");
	memset(longest + 7, 'a', sizeof longest - 8);
	assert_string_equal(found(keys, longest), "none");
	network_keys_free(keys);
	conf_free(c);
}

static void rights(void **state)
{
	struct conf *c = conf_make();
	struct network_keys *keys;
	char error[256];

	(void)state;
	file_write("feeder.key", FEEDER);
	file_write("radio.key", RADIO);
	assert_int_equal(network_keys_load(c, &keys, error), 0);
	const struct network_key *feeder = network_keys_find(keys, "Bearer " FEEDER);
	const struct network_key *radio = network_keys_find(keys, "Bearer " RADIO);
	assert_true(network_key_has(feeder, SCOPE_LEASE) &&
		    network_key_has(feeder, SCOPE_PROVISION) &&
		    network_key_has(feeder, SCOPE_OPERATE));
	assert_true(network_key_has(radio, SCOPE_LEASE));
	assert_false(network_key_has(radio, SCOPE_PROVISION));
	assert_false(network_key_has(radio, SCOPE_OPERATE));
	assert_true(network_key_serves_realm(feeder, "default"));
	assert_false(network_key_serves_realm(feeder, "corp"));
	assert_true(network_key_serves_realm(radio, "corp"));
	assert_false(network_key_serves_realm(radio, "default"));
	assert_string_equal(network_key_realm(feeder), "default");
	assert_string_equal(network_key_realm(radio), "corp");
	assert_true(network_key_speaks_for(feeder, "anything"));
	assert_true(network_key_speaks_for(radio, "nas-1"));
	assert_true(network_key_speaks_for(radio, "nas-2"));
	static const char *const others[] = {"nas-3", "nas", "nas-11", "", "nas-1, nas-2", "radio"};
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(network_key_speaks_for(radio, others[i]));
	network_keys_free(keys);
	conf_free(c);
}

static void every_realm(void **state)
{
	struct conf_network_key row = {.id = "all", .realm = "*", .nas_ids = (char[]){" , "}};
	struct network_key key = {.conf = &row};

	(void)state;
	assert_true(network_key_serves_realm(&key, "default"));
	assert_true(network_key_serves_realm(&key, "corp"));
	assert_string_equal(network_key_realm(&key), "default");
	assert_true(network_key_speaks_for(&key, "nas-1"));
}

static void refuses_files(void **state)
{
	static const char *const bad[] = {"",
					  "\n",
					  "short",
					  "fifteen-letters",
					  "    \n",
					  "one two three four five six",
					  FEEDER, /* the feeder's own: whose would it be? */
					  "caf\xc3\xa9-0123456789abcdef"};
	struct conf *c = conf_make();
	struct network_keys *keys;
	char error[256], longest[300];

	(void)state;
	file_write("feeder.key", FEEDER "\n");
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		file_write("radio.key", bad[i]);
		error[0] = 0;
		if (!network_keys_load(c, &keys, error))
			fail_msg("took case %zu", i);
		assert_true(strstr(error, "radio") != NULL);
	}
	memset(longest, 'a', sizeof longest);
	longest[NETWORK_SECRET_MAX + 1] = 0;
	file_write("radio.key", longest);
	assert_int_not_equal(network_keys_load(c, &keys, error), 0);
	longest[NETWORK_SECRET_MAX] = 0;
	file_write("radio.key", longest);
	assert_int_equal(network_keys_load(c, &keys, error), 0);
	network_keys_free(keys);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(rights),
		cmocka_unit_test(every_realm),
		cmocka_unit_test(refuses_files),
	};

	return cmocka_run_group_tests_name("authsrv/network_auth", tests, folder_make,
					   folder_remove);
}
