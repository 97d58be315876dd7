#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/smpp.h"
#include "lib/wire/smpp/window.h"

#define SECOND_US INT64_C(1000000)

static struct smpp_window *window(uint32_t limit)
{
	struct smpp_window *w = smpp_window_new(limit, 10 * SECOND_US);

	assert_non_null(w);
	return w;
}

static void answers_in_any_order(void **state)
{
	struct smpp_window *w = window(3);
	uint32_t sequences[3], sequence = 0;
	struct smpp_request r;
	int args[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(smpp_window_add(w, SMPP_SUBMIT_SM, 7, &args[i], &sequences[i]), 0);
		assert_int_equal(sequences[i], i + 1);
	}
	assert_int_equal(smpp_window_room(w), 0);
	assert_int_equal(smpp_window_add(w, SMPP_SUBMIT_SM, 7, NULL, &sequence), E_FULL);
	assert_int_equal(sequence, 0);
	for (int i = 2; i >= 0; i--) {
		assert_int_equal(smpp_window_take(w, SMPP_SUBMIT_SM_RESP, sequences[i], &r), 0);
		assert_ptr_equal(r.arg, &args[i]);
		assert_int_equal(r.id, SMPP_SUBMIT_SM);
		assert_int_equal(r.sequence, sequences[i]);
		assert_int_equal(r.sent_us, 7);
	}
	assert_int_equal(smpp_window_count(w), 0);
	assert_int_equal(smpp_window_deadline_us(w), INT64_MAX);
	smpp_window_free(w);
	smpp_window_free(NULL);
}

static void refuses_what_nobody_asked(void **state)
{
	struct smpp_window *w = window(2);
	struct smpp_request r = {.id = 77};
	uint32_t sequence;

	(void)state;
	assert_int_equal(smpp_window_add(w, SMPP_SUBMIT_SM, 0, NULL, &sequence), 0);
	assert_int_equal(smpp_window_take(w, SMPP_SUBMIT_SM_RESP, sequence + 1, &r), E_NOT_FOUND);
	assert_int_equal(smpp_window_take(w, SMPP_SUBMIT_SM_RESP, 0, &r), E_NOT_FOUND);
	assert_int_equal(smpp_window_take(w, SMPP_ENQUIRE_LINK_RESP, sequence, &r), E_CONFLICT);
	assert_int_equal(r.id, 77);
	assert_int_equal(smpp_window_count(w), 1);
	assert_int_equal(smpp_window_take(w, SMPP_GENERIC_NACK, sequence, &r), 0);
	assert_int_equal(smpp_window_take(w, SMPP_SUBMIT_SM_RESP, sequence, &r), E_NOT_FOUND);
	smpp_window_free(w);
}

/* A full window still has room to ask whether the other side lives, and to part. */
static void controls_stand_beside(void **state)
{
	struct smpp_window *w = window(1);
	struct smpp_request r;
	uint32_t sequence;

	(void)state;
	assert_int_equal(smpp_window_add(w, SMPP_SUBMIT_SM, 0, NULL, &sequence), 0);
	for (int i = 0; i < SMPP_WINDOW_CONTROLS; i++)
		assert_int_equal(
			smpp_window_add(w, i ? SMPP_ENQUIRE_LINK : SMPP_UNBIND, 0, NULL, &sequence),
			0);
	assert_int_equal(smpp_window_add(w, SMPP_ENQUIRE_LINK, 0, NULL, &sequence), E_FULL);
	assert_int_equal(smpp_window_count(w), 1);
	assert_int_equal(smpp_window_take(w, SMPP_ENQUIRE_LINK_RESP, sequence, &r), 0);
	assert_int_equal(smpp_window_add(w, SMPP_BIND_TRANSCEIVER, 0, NULL, &sequence), 0);
	assert_int_equal(smpp_window_add(w, SMPP_SUBMIT_SM, 0, NULL, &sequence), E_FULL);
	smpp_window_free(w);
}

static void the_oldest_expires_first(void **state)
{
	struct smpp_window *w = window(4);
	uint32_t sequences[4];
	struct smpp_request r;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			smpp_window_add(w, SMPP_SUBMIT_SM, i * SECOND_US, NULL, &sequences[i]), 0);
	assert_int_equal(smpp_window_take(w, SMPP_SUBMIT_SM_RESP, sequences[1], &r), 0);
	assert_int_equal(smpp_window_deadline_us(w), 10 * SECOND_US);
	assert_false(smpp_window_expire(w, 10 * SECOND_US - 1, &r));
	assert_true(smpp_window_expire(w, 10 * SECOND_US, &r));
	assert_int_equal(r.sequence, sequences[0]);
	assert_false(smpp_window_expire(w, 11 * SECOND_US, &r));
	assert_true(smpp_window_expire(w, 12 * SECOND_US, &r));
	assert_int_equal(r.sequence, sequences[2]);
	/* too late */
	assert_int_equal(smpp_window_take(w, SMPP_SUBMIT_SM_RESP, sequences[2], &r), E_NOT_FOUND);
	assert_true(smpp_window_drain(w, &r));
	assert_int_equal(r.sequence, sequences[3]);
	assert_false(smpp_window_drain(w, &r));
	smpp_window_free(w);
}

/* A model of it, an array, must say the same through a long mixture; also past the last number. */
static void agrees_with_a_model(void **state)
{
	enum { LIMIT = 64, STEPS = 200000 };
	struct smpp_window *w = window(LIMIT);
	struct smpp_request r;
	uint32_t held[LIMIT], count = 0, random = 1;

	(void)state;
	for (int i = 0; i < STEPS; i++) {
		random = random * 1664525 + 1013904223;
		if ((random >> 16) % 5 < 3) {
			uint32_t sequence;
			int err = smpp_window_add(w, SMPP_SUBMIT_SM, i, NULL, &sequence);

			assert_int_equal(err, count < LIMIT ? 0 : E_FULL);
			if (!err)
				held[count++] = sequence;
		} else if (count > 0) {
			uint32_t which = (random >> 8) % count;

			if (random >> 30 == 0) {
				assert_true(smpp_window_drain(w, &r));
				which = 0;
			} else {
				assert_int_equal(
					smpp_window_take(w, SMPP_SUBMIT_SM_RESP, held[which], &r),
					0);
			}
			assert_int_equal(r.sequence, held[which]);
			memmove(held + which, held + which + 1, (--count - which) * sizeof held[0]);
		}
		assert_int_equal(smpp_window_count(w), count);
	}
	smpp_window_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_any_order),
		cmocka_unit_test(refuses_what_nobody_asked),
		cmocka_unit_test(controls_stand_beside),
		cmocka_unit_test(the_oldest_expires_first),
		cmocka_unit_test(agrees_with_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
