/* Every interleaving of small histories, every prefix of each: so every loss too, and every order
 * in which what was not lost may come. The rules and the reference model say the same at each step,
 * and what must hold does (judge.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/model/judge.h"

#define HISTORY_MAX 7
#define S           INT64_C(1000000)
#define EPOCH       (INT64_C(1700000000) * S)

/* Keys of realm 0: X and Y are IPv4 addresses, P1 and P2 are /64s inside the /56 P. */
enum { X = 0, Y = 1, P1 = 6, P2 = 7, P = 8, NONE = -1 };
enum { ALICE = 1, BOB, CAROL };

struct said {
	enum lease_kind kind;
	int nas, name, who, key, key6, at_s, batch;
};

struct interleaving {
	const struct said *history;
	size_t n;
	struct history world; /* nothing but its flags */
	struct court *at[HISTORY_MAX + 1];
	unsigned long count;
};

static struct step step_of(const struct said *say, size_t position)
{
	struct step s = {.kind = STEP_EVENT};

	s.ev = (struct model_event){.kind = say->kind,
				    .nas = say->nas,
				    .name = say->name,
				    .who = say->who,
				    .time_us = EPOCH + say->at_s * S,
				    .received_us = EPOCH + (100 + (int64_t)position) * S,
				    .batch = say->batch};
	if (say->kind == LEASE_NAS_ON || say->kind == LEASE_NAS_OFF)
		return s;
	if (say->key != NONE)
		s.ev.keys[s.ev.key_count++] = say->key;
	if (say->key6 != NONE)
		s.ev.keys[s.ev.key_count++] = say->key6;
	return s;
}

static void interleave(struct interleaving *w, size_t told, unsigned used)
{
	for (size_t i = 0; i < w->n; i++) {
		if (used & (1u << i))
			continue;
		struct step s = step_of(&w->history[i], told);
		court_fork(w->at[told + 1], w->at[told]);
		const char *bad = court_step(w->at[told + 1], &w->world, &s);
		w->count++;
		if (bad)
			fail_msg("%s, after event %zu as number %zu (told: %x)", bad, i + 1,
				 told + 1, used);
		interleave(w, told + 1, used | (1u << i));
	}
}

static void all_of(const struct said *history, size_t n)
{
	struct interleaving w = {.history = history, .n = n};

	for (size_t i = 0; i <= n; i++)
		w.at[i] = court_new();
	court_begin(w.at[0]);
	interleave(&w, 0, 0);
	assert_true(n < 7 || w.count == 13699);
	for (size_t i = 0; i <= n; i++)
		court_free(w.at[i]);
}
#define ALL(history) all_of(history, sizeof(history) / sizeof *(history))

/* The replay of 2011, and addresses that change hands at once. */
static void test_reuse(void **state)
{
	(void)state;
	static const struct said reuse[] = {
		{LEASE_START, 0, 11, ALICE, X, NONE, 10, 0},
		{LEASE_START, 0, 21, BOB, X, NONE, 20, 0},
		{LEASE_STOP, 0, 21, BOB, X, NONE, 30, 0},
		{LEASE_START, 0, 12, ALICE, Y, NONE, 40, 0},
		{LEASE_STOP, 0, 11, ALICE, X, NONE, 15, 0},
		{LEASE_START, 0, 31, CAROL, X, NONE, 50, 0},
		{LEASE_START, 0, 22, BOB, Y, NONE, 60, 0},
	};
	static const struct said swap[] = {
		{LEASE_START, 0, 11, ALICE, X, NONE, 10, 0},
		{LEASE_START, 0, 21, BOB, Y, NONE, 10, 0},
		{LEASE_START, 0, 12, ALICE, Y, NONE, 20, 0},
		{LEASE_START, 0, 22, BOB, X, NONE, 20, 0},
		{LEASE_STOP, 0, 11, WHO_UNNAMED, NONE, NONE, 20, 0},
		{LEASE_STOP, 0, 21, WHO_UNNAMED, NONE, NONE, 20, 0},
		{LEASE_START, 0, 41, WHO_STRANGER, X, NONE, 30, 0},
	};
	ALL(reuse);
	ALL(swap);
}

/* A NAS begins anew and uses its names again; the Stops of its sessions never come, or late. */
static void test_epochs(void **state)
{
	(void)state;
	static const struct said names_again[] = {
		{LEASE_START, 0, 11, ALICE, X, NONE, 10, 0},
		{LEASE_STOP, 0, 11, ALICE, X, NONE, 18, 0},
		{LEASE_NAS_ON, 0, 0, 0, NONE, NONE, 20, 0},
		{LEASE_START, 0, 11, BOB, X, NONE, 21, 0},
		{LEASE_UPDATE, 0, 11, BOB, X, NONE, 25, 0},
		{LEASE_UPDATE, 0, 11, ALICE, X, NONE, 15, 0},
		{LEASE_START, 0, 12, ALICE, Y, NONE, 30, 0},
	};
	static const struct said off_and_on[] = {
		{LEASE_START, 0, 11, ALICE, X, P1, 10, 0},
		{LEASE_NAS_OFF, 0, 0, 0, NONE, NONE, 20, 0},
		{LEASE_NAS_ON, 0, 0, 0, NONE, NONE, 20, 0},
		{LEASE_START, 0, 12, BOB, X, NONE, 20, 0},
		{LEASE_STOP, 0, 12, BOB, X, NONE, 26, 0},
		{LEASE_START, 1, 11, ALICE, Y, NONE, 22, 0},
		{LEASE_NAS_ON, 1, 0, 0, NONE, NONE, 22, 0},
	};
	ALL(names_again);
	ALL(off_and_on);
}

/* Starts and Stops lost: updates alone tell. Two NASes. */
static void test_updates(void **state)
{
	(void)state;
	static const struct said updates[] = {
		{LEASE_START, 0, 11, ALICE, X, NONE, 10, 0},
		{LEASE_UPDATE, 0, 21, BOB, X, NONE, 20, 0},
		{LEASE_UPDATE, 0, 21, BOB, X, P1, 30, 0},
		{LEASE_UPDATE, 0, 11, ALICE, X, NONE, 25, 0},
		{LEASE_UPDATE, 1, 12, ALICE, Y, NONE, 28, 0},
		{LEASE_STOP, 0, 21, BOB, X, P1, 40, 0},
		{LEASE_UPDATE, 0, 21, BOB, X, P1, 35, 0},
	};
	ALL(updates);
}

/* A /56 and /64s inside it, and equal times in and out of a batch. */
static void test_prefixes_and_equal_times(void **state)
{
	(void)state;
	static const struct said prefixes[] = {
		{LEASE_START, 0, 11, ALICE, NONE, P1, 10, 0},
		{LEASE_START, 0, 21, BOB, NONE, P, 20, 0},
		{LEASE_STOP, 0, 21, BOB, NONE, P, 40, 0},
		{LEASE_START, 0, 31, CAROL, NONE, P2, 30, 0},
		{LEASE_UPDATE, 0, 12, ALICE, NONE, P1, 35, 0},
		{LEASE_START, 0, 22, BOB, X, P2, 20, 0},
	};
	static const struct said equal[] = {
		{LEASE_START, 0, 11, ALICE, X, NONE, 10, 0},
		{LEASE_START, 0, 21, BOB, X, NONE, 10, 0},
		{LEASE_STOP, 0, 11, ALICE, X, NONE, 10, 7},
		{LEASE_START, 0, 31, CAROL, X, NONE, 10, 7},
		{LEASE_START, 0, 12, ALICE, X, NONE, 10, 0},
		{LEASE_START, 0, 13, ALICE, Y, NONE, 11, 7},
		{LEASE_START, 0, 21, CAROL, X, NONE, 12, 0},
	};
	ALL(prefixes);
	ALL(equal);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_prefixes_and_equal_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
