/* Doors that are really kept in a store, and mails that are arrays. */
#include "smtpgw/door/reception.h"

#include "db/db_testing.h"
#include "db/filter.h"

#define CARRIERS "carrier.test\n"

struct stage {
	struct reception_host host;
	struct mailaddr
		to[3]; /* his of the filter, his of the other one, and his who chose nothing */
};

static struct mailaddr addr(const char *text)
{
	struct mailaddr a = {.is_utf8 = false};

	if (*text)
		assert_int_equal(mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &a), 0);
	return a;
}

static const char *const numbers[] = {"819000000001", "819000000002", "819000000003"};

static void choose(struct bench_store *s, int n, const struct filter *f)
{
	struct heard *h = HEARD(s);

	filter_put(s->port, &(struct filter_owner){.msisdn = numbers[n]}, f, on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static void subscribe(struct bench_store *s, struct stage *stage, int n)
{
	struct subscriber_put p = {.subscriber = {.address_count = 1}};

	strcpy(p.subscriber.msisdn, numbers[n]);
	snprintf(p.subscriber.addresses[0].shown, ADDRESS_MAX, "u%d@ours.test", n);
	strcpy(p.subscriber.addresses[0].canonical, p.subscriber.addresses[0].shown);
	struct heard *h = HEARD(s);
	subscriber_put(s->port, &p, on_put, h);
	assert_int_equal(wait_for(h), 0);
	stage->to[n] = addr(p.subscriber.addresses[0].shown);
}

static struct stage set_up(struct bench_store *s, const struct filter *first,
			   const struct filter *second)
{
	struct stage stage = {.host = {.port = s->port, .carriers = CARRIERS, .max_field = 1000}};

	for (int n = 0; n < 3; n++)
		subscribe(s, &stage, n);
	choose(s, 0, first);
	choose(s, 1, second);
	return stage;
}

static struct reception *begin(const struct stage *stage, const char *from, uint64_t declared,
			       const char *author)
{
	struct mailaddr path = addr(from), proved = addr(author ? author : "");
	const struct reception_mail mail = {
		.reverse_path = &path,
		.author = author ? &proved : NULL,
		.declared = declared,
		.id = "id",
	};
	struct reception *r = reception_new(&stage->host, &mail);

	assert_non_null(r);
	return r;
}

static int ask(struct reception *r, const struct mailaddr *to, bool is_first)
{
	struct ruling ruling = {0};

	reception_rcpt(r, to, is_first, &ruling);
	return ruling.code;
}

static int end(struct reception *r, const char *content, const struct findings *found)
{
	struct ruling ruling = {0};

	for (const char *at = content; *at; at++)
		reception_octets(r, (const uint8_t *)at, 1);
	reception_complete(r, found, &ruling);
	reception_free(r);
	return ruling.code;
}

static void recipients_who_share_a_mail(void **state)
{
	struct filter urls = filter_default(), receipts = urls;
	urls.refuses_urls = true;
	receipts.strips_receipts = true;
	struct stage t = set_up(*state, &urls, &receipts);
	struct reception *r = begin(&t, "a@b.test", 0, NULL);

	assert_int_equal(ask(r, &t.to[0], true), 0);
	assert_int_equal(ask(r, &t.to[0], false), 0);
	assert_int_equal(ask(r, &t.to[1], false), 452);
	assert_int_equal(ask(r, &t.to[2], false), 452);
	assert_false(reception_takes_receipts(r));
	/* none of them was taken in the end: the next one decides */
	assert_int_equal(ask(r, &t.to[1], true), 0);
	assert_true(reception_takes_receipts(r));
	assert_int_equal(ask(r, &t.to[0], false), 452);
	assert_int_equal(ask(r, &t.to[2], true), 0);
	assert_false(reception_takes_receipts(r));
	assert_int_equal(end(r, "\r\nhttp://b.test\r\n", NULL), 0);
}

/* A mail for `strength`, with an author's domain that says no to it, and what else is known. */
static int judge(struct stage *t, struct bench_store *s, enum filter_forged strength,
		 const struct findings *found)
{
	struct filter f = filter_default();

	f.forged = strength;
	choose(s, 0, &f);
	struct reception *r = begin(t, "a@b.test", 0, NULL);
	assert_int_equal(ask(r, &t->to[0], true), 0);
	return end(r, "From: x@sub.b.test\r\n\r\n", found);
}

static void what_was_found_out(void **state)
{
	struct filter open = filter_default();
	struct stage t = set_up(*state, &open, &open);
	struct findings found = {.spf_from.result = AUTHRES_FAIL,
				 .spf_mail_from.result = AUTHRES_PASS,
				 .from = addr("x@sub.b.test"),
				 .from_count = 1,
				 .dkim_count = 1,
				 .dkim = {{.result = AUTHRES_PASS, .domain = "other.test"}}};

	assert_int_equal(judge(&t, *state, FILTER_FORGED_HIGH, NULL), 0);
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HIGH, &found), 550);
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HEADER, &found), 550);
	assert_int_equal(judge(&t, *state, FILTER_FORGED_MIDDLE, &found), 0);
	strcpy(found.dkim[0].domain, "b.test"); /* its author signed it */
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HEADER, &found), 0);
	found.dkim[0].result = AUTHRES_FAIL;
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HEADER, &found), 550);
	found.dmarc.result = AUTHRES_PASS;
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HIGH, &found), 0);
	found.dmarc.result = AUTHRES_FAIL;
	found.dkim[0].result = AUTHRES_PASS;
	found.spf_from.result = AUTHRES_PASS;
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HEADER, &found), 550);
	found.dmarc.result = found.spf_from.result = AUTHRES_TEMPERROR;
	found.dkim[0].result = AUTHRES_TEMPERROR;
	found.spf_mail_from.result = AUTHRES_TEMPERROR;
	assert_int_equal(judge(&t, *state, FILTER_FORGED_HIGH, &found), 0);
}

/* One who has proved who he is cannot say that he is another. */
static void a_neighbour(void **state)
{
	struct filter listed = filter_default(), open = listed;
	listed.from = FILTER_FROM_LISTED;
	listed.forged = FILTER_FORGED_HIGH;
	listed.lists[FILTER_ALLOW] = "friend@ours.test\n";
	struct stage t = set_up(*state, &listed, &open);
	static const struct {
		const char *author;
		int code;
	} cases[] = {{"friend@ours.test", 0}, {"other@ours.test", 550}};

	for (size_t i = 0; i < 2; i++) {
		struct reception *r = begin(&t, "", 0, cases[i].author);
		assert_int_equal(ask(r, &t.to[0], true), 0);
		assert_int_equal(end(r, "From: friend@ours.test\r\n\r\n", NULL), cases[i].code);
	}
}

/* Letters of other scripts are compared as DNS has them, in the envelope and the header. */
static void other_scripts(void **state)
{
	struct filter deny = filter_default(), open = deny;
	deny.lists[FILTER_DENY] = "xn--8d0a.test\n";
	struct stage t = set_up(*state, &deny, &open);
	struct reception *r = begin(&t, "a@\xe7\xb5\xb5.test", 0, NULL);

	assert_int_equal(ask(r, &t.to[0], true), 550);
	reception_free(r);
	r = begin(&t, "a@b.test", 0, NULL);
	assert_int_equal(ask(r, &t.to[0], true), 0);
	assert_int_equal(end(r, "From: a@sub.\xe7\xb5\xb5.test\r\n\r\n", NULL), 550);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recipients_who_share_a_mail),
		TEST(what_was_found_out),
		TEST(a_neighbour),
		TEST(other_scripts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
