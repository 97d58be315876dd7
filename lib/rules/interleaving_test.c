/* Every interleaving of a history, every prefix of it: whoever is bound may be bound. */
#include "lib/rules/lease_fixture.h"

#define HISTORY_MAX 7

/* Whoever is bound to a key: no newer Start of the key was delivered, and his session's Stop was
 * not. */
static void check_safety(const struct memory_store *m, const struct said *told[], size_t n)
{
	for (size_t i = 0; i < m->binding_count; i++) {
		const struct binding *b = &m->bindings[i];
		if (b->state == KEY_FREE || b->state == KEY_QUARANTINED)
			continue;
		const struct session_row *s = &m->sessions[b->session - 1];
		assert_int_equal(s->subscriber, b->subscriber);
		for (size_t j = 0; j < n; j++) {
			if (told[j]->kind == LEASE_START && told[j]->ip) {
				struct key k = key_v4(told[j]->ip);
				if (key_equal(&k, &b->key))
					assert_true(EPOCH + (int64_t)(told[j]->at * (double)S) <=
						    b->watermark_us);
			}
			if (told[j]->kind == LEASE_STOP)
				assert_string_not_equal(told[j]->session, s->session_id);
		}
	}
}

struct interleaving {
	const struct said *history;
	size_t n;
	const struct said *told[HISTORY_MAX];
	unsigned long count;
};

static void interleave(struct interleaving *w, const struct memory_store *m, size_t told,
		       unsigned used)
{
	w->count++;
	check_safety(m, w->told, told);
	for (size_t i = 0; i < w->n; i++) {
		if (used & (1u << i))
			continue;
		struct memory_store next = *m;
		struct said say = w->history[i];
		say.arrives = 100 + (double)told; /* late, in whatever order */
		w->told[told] = &w->history[i];
		tell(&next, say);
		interleave(w, &next, told + 1, used | (1u << i));
	}
}

static void test_all_interleavings(void **state)
{
	(void)state;
	static const struct said reuse[] = {
		{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		{LEASE_START, X, .session = "b1", .who = BOB, .at = 20},
		{LEASE_STOP, X, .session = "b1", .who = BOB, .at = 30},
		{LEASE_START, Y, .session = "a2", .who = ALICE, .at = 40},
		{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 15},
		{LEASE_START, X, .session = "c1", .who = CAROL, .at = 50},
		{LEASE_START, Y, .session = "b2", .who = BOB, .at = 60},
	};
	static const struct said swap[] = {
		{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		{LEASE_START, Y, .session = "b1", .who = BOB, .at = 10},
		{LEASE_START, Y, .session = "a2", .who = ALICE, .at = 20},
		{LEASE_START, X, .session = "b2", .who = BOB, .at = 20},
		{LEASE_STOP, .session = "a1", .at = 20},
		{LEASE_STOP, .session = "b1", .at = 20},
		{LEASE_START, X, .session = "u1", .who = 9, .at = 30},
	};
	struct interleaving w = {.history = reuse, .n = sizeof reuse / sizeof *reuse};
	struct memory_store m = world();

	interleave(&w, &m, 0, 0);
	assert_true(w.count > 13000);
	w = (struct interleaving){.history = swap, .n = sizeof swap / sizeof *swap};
	interleave(&w, &m, 0, 0);
	assert_true(w.count > 13000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_interleavings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
