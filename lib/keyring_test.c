#include "lib/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyring_private.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define T0       1785585600 /* any moment will do: times are handed in */
#define HEX_64                                                                                     \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                         \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

static char folder[64], path[96];

static int folder_new(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/hato-keyring-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/token.keys", folder);
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder); /* fails if anything else was left there */
}

static void write_text(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static size_t read_text(char *text, size_t room)
{
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, room - 1, f);
	fclose(f);
	text[len] = '\0';
	return len;
}

static struct keyring *ring_open(void)
{
	struct keyring *ring;

	assert_int_equal(keyring_open(path, &ring), 0);
	return ring;
}

/* The id of the key that seals at now_s; 0 if none. */
static int active_id(const struct keyring *ring, int64_t now_s)
{
	const struct keyring_entry *e = keyring_active(ring, now_s);

	return e ? e->id : 0;
}

/* ---- the text ---- */

static void text_is_strict(void **state)
{
	static const struct {
		const char *text;
		size_t count; /* 0: refused */
	} cases[] = {
		{"1 active 100 0 " HEX_64 "\n", 1},
		{"255 active 0 0 " HEX_64 "\n", 1},
		{"1 retired 100 200 " HEX_64 "\n2 active 200 0 " HEX_64 "\n", 2},
		{"1 active 999999999999 0 " HEX_64 "\n", 1},
		{"", 0},
		{"\n", 0},
		{"1 active 100 0 " HEX_64, 0},          /* torn before its newline */
		{"1 active 100 0 " HEX_64 "\n2 ac", 0}, /* torn later */
		{"1 active 100 0 " HEX_64 "\n\n", 0},
		{"\n1 active 100 0 " HEX_64 "\n", 0},
		{"1 active 100 0 " HEX_64 " \n", 0},
		{"1 active 100 0 " HEX_64 "00\n", 0},
		{"1 active 100 0 " HEX_64 "\r\n", 0},
		{"1 active 100 0 0001\n", 0},
		{"1 active 100 0 \n", 0},
		{"1 active 100 0\n", 0},
		{"1 active 100\n", 0},
		{"1 active  100 0 " HEX_64 "\n", 0},
		{"1\tactive 100 0 " HEX_64 "\n", 0},
		{" 1 active 100 0 " HEX_64 "\n", 0},
		{"0 active 100 0 " HEX_64 "\n", 0},
		{"256 active 100 0 " HEX_64 "\n", 0},
		{"257 active 100 0 " HEX_64 "\n", 0},
		{"01 active 100 0 " HEX_64 "\n", 0},
		{"-1 active 100 0 " HEX_64 "\n", 0},
		{"+1 active 100 0 " HEX_64 "\n", 0},
		{"1 active -100 0 " HEX_64 "\n", 0},
		{"1 active 1000000000000 0 " HEX_64 "\n", 0},
		{"1 active 18446744073709551616 0 " HEX_64 "\n", 0},
		{"1 retired 100 0 " HEX_64 "\n",
		 0}, /* the state and the time contradict each other */
		{"1 active 100 200 " HEX_64 "\n", 0},
		{"1 Active 100 0 " HEX_64 "\n", 0},
		{"1 revoked 100 0 " HEX_64 "\n", 0},
		{"1 active 100 0 " HEX_64 "\n1 active 200 0 " HEX_64 "\n", 0}, /* an id twice */
		{"# a comment\n1 active 100 0 " HEX_64 "\n", 0},
	};
	struct keyring_keys keys;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int err = keyring_parse(cases[i].text, strlen(cases[i].text), &keys);

		if (err != (cases[i].count ? 0 : E_SYNTAX))
			fail_msg("'%s': %d", cases[i].text, err);
		if (!err)
			assert_int_equal(keys.count, cases[i].count);
	}
}

/* The text of one line may be cut anywhere: only the whole of it is a key. */
static void text_cut_anywhere_is_refused(void **state)
{
	static const char LINE[] = "1 retired 100 200 " HEX_64 "\n";
	struct keyring_keys keys;

	(void)state;
	for (size_t len = 0; len < sizeof LINE - 1; len++) {
		char *cut = strndup(LINE, len);

		assert_non_null(cut);
		assert_int_equal(keyring_parse(cut, len, &keys), E_SYNTAX);
		free(cut);
	}
	assert_int_equal(keyring_parse(LINE, sizeof LINE - 1, &keys), 0);
	assert_int_equal(keys.entries[0].active_from_s, 100);
	assert_int_equal(keys.entries[0].retired_s, 200);
	assert_int_equal(keys.entries[0].key[63], 63);
}

static void full_ring_round_trip(void **state)
{
	struct keyring_keys *keys = calloc(2, sizeof *keys);
	char *text = malloc(KEYRING_TEXT_MAX);
	size_t len;

	(void)state;
	assert_true(keys && text);
	for (int i = 0; i < KEYRING_MAX; i++) {
		struct keyring_entry *e = &keys[0].entries[keys[0].count++];

		e->id = (uint8_t)(KEYRING_MAX - i);
		e->active_from_s = 999999999999 - i;
		e->retired_s = i % 2 ? 999999999999 : 0;
		memset(e->key, i, sizeof e->key);
	}
	len = keyring_format(&keys[0], text);
	assert_int_equal(keyring_parse(text, len, &keys[1]), 0);
	assert_memory_equal(&keys[0], &keys[1], sizeof keys[0]);
	free(keys);
	free(text);
}

/* ---- reading ---- */

static void open_fails(void **state)
{
	struct keyring *ring = NULL;

	(void)state;
	assert_int_equal(keyring_open(path, &ring), E_NOT_FOUND);
	assert_int_equal(keyring_open("/nonexistent/token.keys", &ring), E_NOT_FOUND);
	write_text("garbage", 7);
	assert_int_equal(keyring_open(path, &ring), E_SYNTAX);
	write_text("", 0);
	assert_int_equal(keyring_open(path, &ring), E_SYNTAX);
	assert_int_equal(keyring_open(folder, &ring), E_SYNTAX);
	assert_null(ring);
	keyring_free(NULL);
}

static void create(void **state)
{
	char before[512], after[512];
	struct keyring *ring;
	struct stat st;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	ring = ring_open();
	assert_int_equal(active_id(ring, T0), 1);
	assert_int_equal(active_id(ring, T0 - 1), 0);
	read_text(before, sizeof before);
	assert_int_equal(keyring_create(path, T0), E_EXISTS);
	read_text(after, sizeof after);
	assert_string_equal(before, after);
	keyring_free(ring);
	assert_int_equal(keyring_create("/nonexistent/token.keys", T0), E_IO);
}

static void active_is_the_newest_in_force(void **state)
{
	static const char TEXT[] = "9 active 300 0 " HEX_64 "\n"
				   "3 retired 100 200 " HEX_64 "\n"
				   "4 retired 150 400 " HEX_64 "\n"
				   "7 retired 350 360 " HEX_64 "\n"
				   "8 active 500 0 " HEX_64 "\n"
				   "5 active 500 0 " HEX_64 "\n";
	static const struct {
		int64_t now_s;
		int id;
	} cases[] = {
		{99, 0},  {100, 3}, {149, 3}, {150, 4}, {199, 4},
		{200, 4}, {299, 4}, {300, 9}, {349, 9}, {350, 7},
		{359, 7}, {360, 9}, {499, 9}, {500, 5}, {INT64_MAX, 5},
	};
	struct keyring *ring;

	(void)state;
	write_text(TEXT, sizeof TEXT - 1);
	ring = ring_open();
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(active_id(ring, cases[i].now_s), cases[i].id);
	keyring_free(ring);
}

static void damaged_file_keeps_the_keys(void **state)
{
	static const char GARBAGE[] = "\0\xff\x80 garbage\n";
	uint8_t key[KEYRING_KEY_BYTES];
	char good[512];
	struct keyring *ring;
	size_t len;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	ring = ring_open();
	memcpy(key, keyring_active(ring, T0)->key, sizeof key);
	len = read_text(good, sizeof good);
	for (size_t cut = 0; cut < len; cut += 7) {
		write_text(good, cut);
		assert_int_equal(keyring_refresh(ring), E_SYNTAX);
	}
	write_text(GARBAGE, sizeof GARBAGE);
	assert_int_equal(keyring_refresh(ring), E_SYNTAX);
	assert_int_equal(keyring_refresh(ring), E_SYNTAX); /* it is told as long as it lasts */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(keyring_refresh(ring), E_NOT_FOUND);
	assert_int_equal(active_id(ring, T0), 1);
	assert_memory_equal(keyring_active(ring, T0)->key, key, sizeof key);
	write_text(good, len);
	assert_int_equal(keyring_refresh(ring), 0);
	assert_memory_equal(keyring_active(ring, T0)->key, key, sizeof key);
	keyring_free(ring);
}

static void huge_file_is_refused(void **state)
{
	static char huge[70000];

	(void)state;
	memset(huge, '1', sizeof huge);
	write_text(huge, sizeof huge);
	assert_int_equal(keyring_open(path, &(struct keyring *){NULL}), E_SYNTAX);
}

static void unknown_id_looks_once_a_second(void **state)
{
	struct keyring *ring;
	uint8_t id;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	ring = ring_open();
	assert_int_equal(keyring_rotate(path, T0, 5, 3600, &id), 0);
	assert_int_equal(id, 2);
	assert_non_null(keyring_find(ring, 2)); /* read because it was asked for */
	assert_int_equal(keyring_rotate(path, T0 + 9, 5, 3600, &id), 0);
	assert_int_equal(id, 3);
	assert_null(keyring_find(ring, 3)); /* within the second, so not read */
	assert_null(keyring_find(ring, 77));
	assert_non_null(keyring_find(ring, 1));
	assert_int_equal(ring->keys.count, 2);
	ring->looked_us -= CLOCK_S;
	assert_null(keyring_find(ring, 77)); /* an unknown id spends the look as well */
	assert_int_equal(ring->keys.count, 3);
	assert_non_null(keyring_find(ring, 3));
	keyring_free(ring);
}

static void id_zero_never_looks(void **state)
{
	struct keyring *ring;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	ring = ring_open();
	assert_null(keyring_find(ring, 0));
	assert_false(ring->looked);
	keyring_free(ring);
}

/* ---- writing ---- */

static void rotate(void **state)
{
	struct keyring *ring;
	uint8_t id;

	(void)state;
	assert_int_equal(keyring_rotate(path, T0, 5, 3600, &id), E_NOT_FOUND);
	assert_int_equal(keyring_create(path, T0), 0);
	ring = ring_open();
	assert_int_equal(keyring_rotate(path, T0 + 100, 5, 3600, &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(active_id(ring, T0 + 200), 1);
	assert_int_equal(keyring_refresh(ring), 0);
	assert_int_equal(active_id(ring, T0 + 104), 1);
	assert_int_equal(active_id(ring, T0 + 105), 2);
	assert_non_null(keyring_find(ring, 1));
	assert_int_equal(keyring_find(ring, 1)->retired_s, T0 + 105);
	assert_memory_not_equal(keyring_find(ring, 1)->key, keyring_find(ring, 2)->key,
				KEYRING_KEY_BYTES);
	/* 1 retired at T0 + 105: kept for 3600 s, forgotten after. */
	assert_int_equal(keyring_rotate(path, T0 + 105 + 3600, 5, 3600, &id), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	assert_non_null(keyring_find(ring, 1));
	assert_int_equal(keyring_rotate(path, T0 + 105 + 3601, 5, 3600, &id), 0);
	assert_int_equal(id, 4);
	assert_int_equal(keyring_refresh(ring), 0);
	assert_null(keyring_find(ring, 1));
	assert_non_null(keyring_find(ring, 2));
	keyring_free(ring);
}

static void rotate_goes_round(void **state)
{
	struct keyring *ring;
	uint8_t id, last = 1;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	for (int i = 1; i <= 600; i++) {
		assert_int_equal(keyring_rotate(path, T0 + i * 10, 1, 30, &id), 0);
		assert_int_equal(id, last == 255 ? 1 : last + 1);
		last = id;
	}
	ring = ring_open();
	assert_in_range(ring->keys.count, 3, 6);
	keyring_free(ring);
}

static void rotate_full(void **state)
{
	struct keyring *ring;
	uint8_t id;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	for (int i = 2; i <= KEYRING_MAX; i++)
		assert_int_equal(keyring_rotate(path, T0 + i, 0, 3600, &id), 0);
	id = 0;
	assert_int_equal(keyring_rotate(path, T0 + 300, 0, 3600, &id), E_FULL);
	assert_int_equal(id, 0);
	/* What was leaked must go even then. */
	assert_int_equal(keyring_revoke(path, T0 + 300, 255), 0);
	ring = ring_open();
	assert_int_equal(ring->keys.count, KEYRING_MAX);
	assert_int_equal(active_id(ring, T0 + 300), 255);
	assert_int_equal(keyring_active(ring, T0 + 300)->active_from_s, T0 + 300);
	keyring_free(ring);
}

static void revoke_the_active(void **state)
{
	uint8_t key[KEYRING_KEY_BYTES];
	struct keyring *ring;

	(void)state;
	assert_int_equal(keyring_revoke(path, T0, 1), E_NOT_FOUND);
	assert_int_equal(keyring_create(path, T0), 0);
	ring = ring_open();
	memcpy(key, keyring_active(ring, T0)->key, sizeof key);
	assert_int_equal(keyring_revoke(path, T0 + 10, 2), E_NOT_FOUND);
	assert_int_equal(keyring_revoke(path, T0 + 10, 1), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	assert_null(keyring_find(ring, 1));
	/* Not 1 again: a daemon that has not read yet would try the revoked key and not look. */
	assert_int_equal(active_id(ring, T0 + 10), 2);
	assert_memory_not_equal(keyring_active(ring, T0 + 10)->key, key, sizeof key);
	keyring_free(ring);
}

static void revoke_the_retired(void **state)
{
	struct keyring *ring;
	uint8_t id;

	(void)state;
	assert_int_equal(keyring_create(path, T0), 0);
	assert_int_equal(keyring_rotate(path, T0 + 10, 5, 3600, &id), 0);
	assert_int_equal(keyring_revoke(path, T0 + 20, 1), 0);
	ring = ring_open();
	assert_int_equal(ring->keys.count, 1);
	assert_int_equal(active_id(ring, T0 + 20), 2);
	keyring_free(ring);
}

static void revoke_while_a_rotation_is_on_its_way(void **state)
{
	struct keyring *ring;
	uint8_t id;

	(void)state;
	/* The successor: the key that was to retire stays in force. */
	assert_int_equal(keyring_create(path, T0), 0);
	assert_int_equal(keyring_rotate(path, T0 + 10, 5, 3600, &id), 0);
	assert_int_equal(keyring_revoke(path, T0 + 11, 2), 0);
	ring = ring_open();
	assert_int_equal(active_id(ring, T0 + 11), 1);
	assert_int_equal(active_id(ring, T0 + 1000000), 1);
	keyring_free(ring);
	/* The key in force: a new one now, and the successor when its time comes. */
	assert_int_equal(keyring_rotate(path, T0 + 20, 5, 3600, &id), 0);
	assert_int_equal(id, 2);
	assert_int_equal(keyring_revoke(path, T0 + 21, 1), 0);
	ring = ring_open();
	assert_int_equal(active_id(ring, T0 + 21), 3);
	assert_int_equal(active_id(ring, T0 + 24), 3);
	assert_int_equal(active_id(ring, T0 + 25), 2);
	keyring_free(ring);
}

static void writers_leave_a_damaged_file_alone(void **state)
{
	char after[64];
	uint8_t id = 9;

	(void)state;
	write_text("garbage", 7);
	assert_int_equal(keyring_rotate(path, T0, 5, 3600, &id), E_SYNTAX);
	assert_int_equal(keyring_revoke(path, T0, 1), E_SYNTAX);
	assert_int_equal(id, 9);
	read_text(after, sizeof after);
	assert_string_equal(after, "garbage");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_new, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_strict),
		cmocka_unit_test(text_cut_anywhere_is_refused),
		cmocka_unit_test(full_ring_round_trip),
		TEST(open_fails),
		TEST(create),
		TEST(active_is_the_newest_in_force),
		TEST(damaged_file_keeps_the_keys),
		TEST(huge_file_is_refused),
		TEST(unknown_id_looks_once_a_second),
		TEST(id_zero_never_looks),
		TEST(rotate),
		TEST(rotate_goes_round),
		TEST(rotate_full),
		TEST(revoke_the_active),
		TEST(revoke_the_retired),
		TEST(revoke_while_a_rotation_is_on_its_way),
		TEST(writers_leave_a_damaged_file_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
