/* The first datagram of a mail, from the thread that committed it: what leaves at once, what does
 * not leave at all, and what is handed to the loop. */
#include "pushsrv/prompt.h"

#include <pthread.h>

#include "pushsrv/testbed.h"

static bool left(void *arg, int64_t log)
{
	return triggers_left(((struct scene *)arg)->t, log);
}

static struct prompt *open_prompt(struct scene *s)
{
	const struct prompt_options with = {
		.loop = s->loop, .outgoing = triggers_outgoing(s->t), .left = left, .arg = s};
	struct prompt *p;

	assert_int_equal(prompt_new(&with, &p), 0);
	return p;
}

/* What a commit logged, as the store has it. */
static void *commit(void *arg)
{
	(void)arg;
	store.prompt(store.prompt_arg, NULL, store.out, store.count);
	return NULL;
}

static void it_leaves_before_the_loop_turns(void **state)
{
	struct scene *s = *state;
	struct prompt *p = open_prompt(s);
	int64_t first = counter_read(COUNT_TRIGGERS_FIRST);
	pthread_t writer;

	is_due(70); /* more than one view of the store is for */
	assert_int_equal(pthread_create(&writer, NULL, commit, NULL), 0);
	pthread_join(writer, NULL);
	assert_int_equal(datagrams(s), 70);
	assert_int_equal(counter_read(COUNT_TRIGGERS_FIRST) - first, 70);
	assert_false(prompt_is_any_left(p));
	prompt_free(p);
	assert_null(store.prompt);
}

/* The address went to somebody else, or is his in another generation, or in doubt. */
static void what_moved_gets_nothing(void **state)
{
	struct scene *s = *state;
	struct prompt *p = open_prompt(s);

	is_due(1);
	store.committed = binding_at(PLACE, BOB, 3);
	commit(NULL);
	store.committed = binding_at(PLACE, ALICE, 4);
	commit(NULL);
	store.committed = binding_at(PLACE, ALICE, 3);
	store.committed.state = KEY_CONTESTED;
	commit(NULL);
	store.committed = binding_at(PLACE, ALICE, 3);
	store.behind = true;
	commit(NULL);
	assert_false(prompt_is_any_left(p));
	pass(s, 1000);
	assert_int_equal(datagrams(s), 0);
	prompt_free(p);
}

static void without_a_last_look_the_loop_looks(void **state)
{
	struct scene *s = *state;
	struct prompt *p = open_prompt(s);

	is_due(1);
	store.check_err = E_IO;
	commit(NULL);
	assert_int_equal(datagrams(s), 0);
	assert_true(prompt_is_any_left(p));
	store.check_err = 0;
	pass(s, 1000);
	assert_int_equal(datagrams(s), 1);
	assert_false(prompt_is_any_left(p));
	prompt_free(p);
}

static void what_the_network_refused_is_put_back(void **state)
{
	struct scene *s = *state;
	struct prompt *p = open_prompt(s);

	strcpy(store.committed.key.realm, "elsewhere");
	is_due(1);
	commit(NULL);
	assert_int_equal(store.unsents, 0);
	pass(s, 1000);
	assert_int_equal(store.unsents, 1);
	assert_int_equal(store.unsent.subscriber, ALICE);
	prompt_free(p);
}

static void after_the_stop_it_stays_left(void **state)
{
	struct scene *s = *state;
	struct prompt *p = open_prompt(s);

	is_due(1);
	store.check_err = E_IO;
	commit(NULL);
	triggers_stop(s->t, NULL, NULL);
	store.check_err = 0;
	pass(s, 1000);
	assert_int_equal(datagrams(s), 0);
	assert_true(prompt_is_any_left(p));
	prompt_free(p);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE(it_leaves_before_the_loop_turns),
		SCENE(what_moved_gets_nothing),
		SCENE(without_a_last_look_the_loop_looks),
		SCENE(what_the_network_refused_is_put_back),
		SCENE(after_the_stop_it_stays_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
