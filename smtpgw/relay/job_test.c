#include "smtpgw/relay/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtpgw/relay/window.h"

static struct job *job_to(const char *const *to, bool is_utf8)
{
	struct queue_recipient rows[8];
	struct job *j;
	size_t n = 0;

	for (; to[n]; n++)
		rows[n] = (struct queue_recipient){.id = (uint32_t)n + 1,
						   .address = to[n],
						   .canonical = to[n],
						   .orcpt = "",
						   .attempts = (uint32_t)n};
	const struct queue_job from = {.mail = 7,
				       .reverse_path = "a@b.test",
				       .envid = "",
				       .is_utf8 = is_utf8,
				       .size = 10,
				       .recipients = rows,
				       .recipient_count = n};
	assert_int_equal(job_new(&from, &j), 0);
	return j;
}

static void look(struct job *j, const char *octets)
{
	assert_int_equal(job_look(j, (const uint8_t *)octets, strlen(octets)), 0);
}

static void answer(struct job *j, size_t i, enum relay_stage stage, int code)
{
	j->recipients[i].answer = (struct relay_answer){.stage = stage, .code = code};
}

static bool needs_utf8(const char *to, bool is_utf8, const char *octets)
{
	const char *const all[] = {to, NULL};
	struct job *j = job_to(all, is_utf8);

	look(j, octets);
	bool needs = j->envelope.needs_utf8;
	job_free(j);
	return needs;
}

static void utf8_is_needed_where_it_is_used(void **state)
{
	(void)state;
	assert_false(needs_utf8("x@y.test", true, "Subject: a\r\n\r\n\xc3\xa4\r\n"));
	assert_true(needs_utf8("x@y.test", true, "Subject: \xc3\xa4\r\n\r\na\r\n"));
	assert_true(needs_utf8("\xc3\xa4@y.test", true, "Subject: a\r\n\r\na\r\n"));
	/* Raw 8-bit header fields as carriers' clients send them, without a word of SMTPUTF8. */
	assert_false(needs_utf8("x@y.test", false, "Subject: \x8e\xa9\r\n\r\na\r\n"));
}

static void received_fields_are_counted(void **state)
{
	static const char *const to[] = {"x@y.test", NULL};
	struct job *j = job_to(to, false);

	(void)state;
	look(j, "Received: a\r\nX-Received: b\r\nreceived: c\r\n\r\nReceived: body\r\n");
	assert_int_equal(j->received, 2);
	job_free(j);
}

static void those_who_were_too_many_come_again(void **state)
{
	static const char *const to[] = {"a@y.test", "b@y.test", "c@y.test", "d@y.test", NULL};
	struct job *j = job_to(to, false);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		answer(j, i, RELAY_STAGE_CONTENT, 250);
	j->recipients[0].is_again = j->recipients[2].is_again = true;
	assert_true(job_again(j));
	assert_int_equal(j->envelope.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const char *address = j->envelope.recipients[i].address;
		assert_true(!strcmp(address, "a@y.test") || !strcmp(address, "c@y.test"));
		assert_string_equal(address, j->rows[2 + i].canonical);
		assert_int_equal(j->rows[2 + i].id, address[0] - 'a' + 1);
		j->envelope.recipients[i].is_again = false;
	}
	assert_false(job_again(j));
	job_free(j);
}

static void a_carrier_may_want_its_own_spelling(void **state)
{
	static const char *const to[] = {"\"a..b\"@docomo.test", "x@docomo.test", NULL};
	struct job *j = job_to(to, false);

	(void)state;
	answer(j, 0, RELAY_STAGE_RCPT, 553);
	answer(j, 1, RELAY_STAGE_RCPT, 553);
	assert_true(job_again(j));
	assert_int_equal(j->envelope.count, 1);
	assert_string_equal(j->envelope.recipients[0].address, "a..b@docomo.test");
	answer(j, 1, RELAY_STAGE_RCPT, 553);
	assert_false(job_again(j));
	job_free(j);
}

static void a_window_grows_and_halves(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 5, 7);
	for (int i = 0; i < 5; i++)
		window_good(&w);
	assert_int_equal(w.size, 6);
	for (int i = 0; i < 100; i++)
		window_good(&w);
	assert_int_equal(w.size, 7);
	window_bad(&w);
	assert_int_equal(w.size, 3);
	for (int i = 0; i < 9; i++)
		window_bad(&w);
	assert_int_equal(w.size, 1);
	window_good(&w);
	assert_int_equal(w.size, 2);
}

/* ---- what a late bounce proves itself by ---- */

struct sealing {
	struct job *j;
	struct job_seals seals;
	struct sealed_mail mail; /* what the seal says */
};

static void begin_sealing(struct sealing *s, const char *const *to)
{
	static const uint8_t key[SECRET_KEY_BYTES] = {1};

	s->seals = (struct job_seals){.in_header = true};
	assert_int_equal(return_seal_new(key, &s->seals.seal), 0);
	s->j = job_to(to, false);
	s->j->sender = 3;
	s->j->received_us = INT64_C(1700000000000000);
}

static void end_sealing(struct sealing *s)
{
	return_seal_free(s->seals.seal);
	job_free(s->j);
}

static bool has_envid(struct sealing *s, bool has_dsn)
{
	job_seal(s->j, &s->seals, has_dsn);
	return return_seal_read(s->seals.seal, s->j->envelope.envid, &s->mail) == 0;
}

static bool has_field(struct sealing *s, bool has_dsn)
{
	char text[JOB_TOP_MAX];
	static const char name[] = RETURN_SEAL_FIELD ": ";

	job_seal(s->j, &s->seals, has_dsn);
	if (s->j->envelope.top == 0)
		return false;
	assert_int_equal(s->j->envelope.top, strlen(s->j->top));
	assert_memory_equal(s->j->top, name, sizeof name - 1);
	strcpy(text, s->j->top + sizeof name - 1);
	assert_string_equal(text + strlen(text) - 2, "\r\n");
	text[strlen(text) - 2] = '\0';
	return return_seal_read(s->seals.seal, text, &s->mail) == 0;
}

static void a_seal_goes_where_hosts_bring_it_back(void **state)
{
	static const char *const one[] = {"a@b.test", NULL}, *const two[] = {"a@b.test", "c@b.test",
									     NULL};
	struct sealing s;

	(void)state;
	begin_sealing(&s, one);
	assert_true(has_envid(&s, true) && !has_field(&s, true));
	assert_true(has_field(&s, false));
	assert_true(s.mail.sender == 3 && s.mail.mail == 7 && s.mail.received_s == 1700000000);
	assert_true(sealed_mail_has(&s.mail, "a@b.test"));
	s.seals.in_header = false;
	assert_false(has_field(&s, false));
	end_sealing(&s);
	begin_sealing(&s, two);
	assert_true(has_envid(&s, true) && s.mail.count == 2);
	assert_false(has_field(&s, false));
	answer(s.j, 0, RELAY_STAGE_RCPT, 250);
	s.j->recipients[1].is_again = true;
	assert_true(job_again(s.j)); /* the second one alone */
	assert_true(has_field(&s, false) && s.mail.count == 1);
	assert_true(sealed_mail_has(&s.mail, "c@b.test") && !sealed_mail_has(&s.mail, "a@b.test"));
	end_sealing(&s);
}

static void the_senders_own_envid_goes_along(void **state)
{
	static const char *const one[] = {"a@b.test", NULL};
	struct sealing s;

	(void)state;
	begin_sealing(&s, one);
	free(s.j->envid);
	s.j->envid = strdup("mine");
	assert_false(has_envid(&s, true));
	assert_string_equal(s.j->envelope.envid, "mine");
	assert_true(has_field(&s, true));
	end_sealing(&s);
}

static void nobodys_mail_has_no_seal(void **state)
{
	static const char *const one[] = {"a@b.test", NULL};
	struct sealing s;

	(void)state;
	begin_sealing(&s, one);
	s.j->sender = 0;
	assert_false(has_envid(&s, true) || has_field(&s, false));
	s.j->sender = 3;
	*s.j->reverse_path = '\0';
	assert_false(has_envid(&s, true) || has_field(&s, false));
	end_sealing(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_needed_where_it_is_used),
		cmocka_unit_test(received_fields_are_counted),
		cmocka_unit_test(those_who_were_too_many_come_again),
		cmocka_unit_test(a_carrier_may_want_its_own_spelling),
		cmocka_unit_test(a_window_grows_and_halves),
		cmocka_unit_test(a_seal_goes_where_hosts_bring_it_back),
		cmocka_unit_test(the_senders_own_envid_goes_along),
		cmocka_unit_test(nobodys_mail_has_no_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
