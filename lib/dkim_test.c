/* The signed messages that the RFCs print, and each way in which a signature can be less than good.
 * Those of the second kind are signed here; tests/e2e/mailauth_test.py has them from others. */
#include "lib/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/wire/base64.h"
#include "lib/wire/smtp/dkim_canon.h"

#define NOW_S 1700000000

/* ---- what the RFCs print ---- */

#define FOOTBALL                                                                                   \
	"From: Joe SixPack <joe@football.example.com>\r\n"                                         \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"                                             \
	"Subject: Is dinner ready?\r\n"                                                            \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                                          \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"

/* RFC 8463 A.2, A.3. */
#define ED25519_KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_KEY                                                                                    \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"                     \
	"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"                    \
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"                    \
	"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
static const char rfc8463[] =
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	" subject : date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
	" date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n" FOOTBALL
	"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

/* RFC 6376 A.2 with the key of appendix C; simple/simple. */
#define BRISBANE_KEY                                                                               \
	"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJ"                    \
	"W3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/"                    \
	"RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPS"                    \
	"PDdQPNUYckcQ2QIDAQAB"
static const char rfc6376[] = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
			      "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
			      "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
			      "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
			      "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
			      "        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
			      "        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
			      "        4bmp/YzhwvcubU4=;\r\n"
			      "Received: from client1.football.example.com  [192.0.2.1]\r\n"
			      "      by submitserver.example.com with SUBMISSION;\r\n"
			      "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n" FOOTBALL
			      "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";

/* ---- a verifier that is fed in pieces ---- */

struct record {
	const char *name, *text; /* text null: there is no such name; no record: no answer */
};

static struct dkim_limits limits = {DKIM_SIGNATURES_MAX, 65536};

static void on_field(void *arg, const struct header_field *f)
{
	dkim_field(arg, f);
}

static void on_end(void *arg, enum header_end how)
{
	(void)how;
	dkim_header_end(arg);
}

static void answer(struct dkim *d, const struct record *records)
{
	char name[DNS_NAME_MAX];

	for (size_t i = 0; i < dkim_count(d); i++) {
		if (!dkim_ask(d, i, name))
			continue;
		for (const struct record *r = records; r->name; r++) {
			if (strcmp(r->name, name) != 0)
				continue;
			struct dkim_text text = {r->text, r->text ? strlen(r->text) : 0};
			dkim_key(d, i, &text, r->text ? 1 : 0);
		}
	}
}

static struct dkim *verify(const char *mail, const struct record *records, size_t piece)
{
	static const struct header_sink sink = {.field = on_field, .end = on_end};
	const struct header_limits all = {65536, SIZE_MAX, SIZE_MAX};
	const uint8_t *at = (const uint8_t *)mail;
	size_t left = strlen(mail), used;
	struct header h;
	struct dkim *d;

	assert_int_equal(dkim_new(&limits, NOW_S, &d), 0);
	header_init(&h, &all, &sink, d);
	while (left > 0) {
		size_t n = left < piece ? left : piece;
		used = 0;
		if (!h.has_ended)
			assert_int_equal(header_feed(&h, at, n, &used), 0);
		dkim_body(d, at + used, n - used);
		at += n;
		left -= n;
	}
	if (!h.has_ended)
		assert_int_equal(header_finish(&h), 0);
	header_fini(&h);
	answer(d, records);
	dkim_finish(d);
	return d;
}

static void is(const char *mail, const struct record *records, enum authres_result first,
	       const char *reason)
{
	static const size_t pieces[] = {1, 2, 7, 100000};

	for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
		struct dkim *d = verify(mail, records, pieces[p]);
		assert_true(dkim_count(d) > 0);
		struct dkim_result r = dkim_result(d, 0);
		if (r.result != first || !strstr(r.reason, reason))
			fail_msg("%s (%s) for\n%s", authres_word(r.result), r.reason, mail);
		dkim_free(d);
	}
}

static const struct record football[] = {{"brisbane._domainkey.football.example.com", ED25519_KEY},
					 {"test._domainkey.football.example.com", RSA_KEY},
					 {"brisbane._domainkey.example.com", BRISBANE_KEY},
					 {0}};

static void printed_in_the_rfcs(void **unused)
{
	(void)unused;
	is(rfc8463, football, AUTHRES_PASS, "");
	is(strstr(rfc8463 + 1, "DKIM-Signature"), football, AUTHRES_PASS, "");
	is(rfc6376, football, AUTHRES_PASS, "");

	struct dkim *d = verify(rfc8463, football, 10);
	assert_int_equal(dkim_count(d), 2);
	assert_string_equal(dkim_result(d, 0).domain, "football.example.com");
	assert_string_equal(dkim_result(d, 0).selector, "brisbane");
	assert_string_equal(dkim_result(d, 1).selector, "test");
	dkim_free(d);
}

static char *replaced(const char *mail, const char *what, const char *with)
{
	static char out[8192];
	const char *at = strstr(mail, what);

	assert_non_null(at);
	snprintf(out, sizeof out, "%.*s%s%s", (int)(at - mail), mail, with, at + strlen(what));
	return out;
}

static void what_was_changed(void **unused)
{
	(void)unused;
	is(replaced(rfc8463, "hungry", "Hungry"), football, AUTHRES_FAIL, "body");
	is(replaced(rfc8463, "dinner", "Dinner"), football, AUTHRES_FAIL, "header");
	is(replaced(rfc8463, "1528637909", "1528637908"), football, AUTHRES_FAIL, "header");
	/* Blanks mean nothing to relaxed, much to simple. */
	is(replaced(rfc8463, "Is dinner", "Is \t dinner"), football, AUTHRES_PASS, "");
	is(replaced(rfc8463, "hungry yet?\r\n", "hungry \tyet?  \r\n"), football, AUTHRES_PASS, "");
	is(replaced(rfc8463, "Joe.\r\n", "Joe.\r\n\r\n \r\n"), football, AUTHRES_PASS, "");
	is(replaced(rfc6376, "Is dinner", "Is  dinner"), football, AUTHRES_FAIL, "header");
	is(replaced(rfc6376, "lost the", "lost  the"), football, AUTHRES_FAIL, "body");
	is(replaced(rfc6376, "Joe.\r\n", "Joe.\r\n\r\n\r\n"), football, AUTHRES_PASS, "");
	/* A second From or Subject: the names are there twice, so none may be added. */
	is(replaced(rfc8463, "Subject: Is", "Subject: Win\r\nSubject: Is"), football, AUTHRES_FAIL,
	   "header");
	/* A field that is not signed may come and go. */
	is(replaced(rfc8463, "To: Suzie", "X-New: 1\r\nTo: Suzie"), football, AUTHRES_PASS, "");
}

static void keys(void **unused)
{
#define KEY(text) (const struct record[]){{"brisbane._domainkey.football.example.com", text}, {0}}
#define POINT     "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	(void)unused;
	is(rfc8463, KEY(NULL), AUTHRES_PERMERROR, "no key");
	is(rfc8463, (const struct record[]){{0}}, AUTHRES_TEMPERROR, "not known");
	is(rfc8463, KEY("v=DKIM1; k=ed25519; p="), AUTHRES_PERMERROR, "revoked");
	is(rfc8463, KEY("k=ed25519;" POINT), AUTHRES_PASS, "");
	is(rfc8463, KEY("k=ed25519;; n=a b, c; t=s; s=email:other; h=sha1:sha256; z=1;" POINT),
	   AUTHRES_PASS, "");
	is(rfc8463, KEY("k=ed25519; v=DKIM1;" POINT), AUTHRES_PERMERROR, "cannot be read");
	is(rfc8463, KEY("v=DKIM2; k=ed25519;" POINT), AUTHRES_PERMERROR, "cannot be read");
	is(rfc8463, KEY("v=DKIM1; k=ed25519"), AUTHRES_PERMERROR, "cannot be read");
	is(rfc8463, KEY("v=DKIM1; k=ed25519; p=!"), AUTHRES_PERMERROR, "cannot be read");
	is(rfc8463, KEY("v=DKIM1; k=ed25519; p=AAAA"), AUTHRES_PERMERROR, "no key");
	is(rfc8463, KEY("v=DKIM1; k=dsa;" POINT), AUTHRES_PERMERROR, "unknown kind");
	is(rfc8463, KEY("v=DKIM1; h=sha1; k=ed25519;" POINT), AUTHRES_PERMERROR, "sha256");
	is(rfc8463, KEY("v=DKIM1; s=tlsrpt; k=ed25519;" POINT), AUTHRES_PERMERROR, "for mail");
	is(rfc8463, KEY(RSA_KEY), AUTHRES_PERMERROR, "another kind");
	is(rfc8463, KEY("k=ed25519; p=21qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), AUTHRES_FAIL,
	   "another key");
	is(replaced(rfc8463, "dinner", "supper"), KEY("k=ed25519; t=y;" POINT), AUTHRES_NEUTRAL,
	   "testing");
	/* RSA of 512 bits. */
	is(strstr(rfc8463 + 1, "DKIM-Signature"),
	   (const struct record[]){
		   {"test._domainkey.football.example.com",
		    "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALVI635dLK4cJJAH3Lx6upo3X/Lm1tQz"
		    "3mezcWTA3BUBnyIsdnRf57aD5BtNmhPrYYDlWlzw3UgnKisIxktkk5sCAwEAAQ=="},
		   {0}},
	   AUTHRES_PERMERROR, "too short");
}

/* ---- signatures of our own ---- */

static EVP_PKEY *own_key;

static int make_key(void **unused)
{
	(void)unused;
	own_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return own_key ? 0 : -1;
}

static int free_key(void **unused)
{
	(void)unused;
	EVP_PKEY_free(own_key);
	return 0;
}

static const struct record *own_record(const char *flags)
{
	static char text[200];
	static struct record records[2] = {{"s._domainkey.b.test", text}, {0}};
	uint8_t point[32];
	char p[BASE64_TEXT_MAX(32)];
	size_t n = sizeof point;

	assert_int_equal(EVP_PKEY_get_raw_public_key(own_key, point, &n), 1);
	base64_encode(BASE64_STD, point, n, p);
	snprintf(text, sizeof text, "k=ed25519; %s p=%s", flags, p);
	return records;
}

struct pile {
	char octets[8192];
	size_t n;
};

static void pile_up(void *arg, const void *octets, size_t n)
{
	struct pile *p = arg;

	assert_true(n <= sizeof p->octets - p->n);
	memcpy(p->octets + p->n, octets, n);
	p->n += n;
}

static void body_hash(enum dkim_form form, const char *body, size_t length, char *text)
{
	struct pile pile = {.n = 0};
	struct dkim_sink sink = {pile_up, &pile};
	struct dkim_body b;
	uint8_t hash[SHA256_LEN];

	dkim_body_init(&b, form, &sink);
	dkim_body_feed(&b, (const uint8_t *)body, strlen(body));
	dkim_body_finish(&b);
	sha256(pile.octets, length < pile.n ? length : pile.n, hash);
	base64_encode(BASE64_STD, hash, sizeof hash, text);
}

/* A mail with one From, signed: relaxed header, simple body, tags as told. length: of the body that
 * is hashed. */
static const char *signed_mail(const char *tags, const char *body, size_t length)
{
	static char mail[8192];
	const char *from = "From: a@b.test\r\n";
	struct pile pile = {.n = 0};
	struct dkim_sink sink = {pile_up, &pile};
	uint8_t hash[SHA256_LEN], value[64];
	char bh[64], b[100], field[1000];
	size_t n = sizeof value;

	body_hash(DKIM_SIMPLE, body, length, bh);
	snprintf(field, sizeof field,
		 "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed; s=s; %s bh=%s; b=", tags, bh);
	dkim_canon_field(DKIM_RELAXED, from, strlen(from), &sink);
	dkim_canon_signature(DKIM_RELAXED, field, strlen(field), &sink);
	sha256(pile.octets, pile.n, hash);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, own_key), 1);
	assert_int_equal(EVP_DigestSign(ctx, value, &n, hash, sizeof hash), 1);
	EVP_MD_CTX_free(ctx);
	base64_encode(BASE64_STD, value, n, b);
	snprintf(mail, sizeof mail, "%s%s\r\n%s\r\n%s", field, b, from, body);
	return mail;
}

static void lengths_and_times(void **unused)
{
	const struct record *key = own_record("");

	(void)unused;
	is(signed_mail("d=b.test; h=From;", "body\r\n", 100), key, AUTHRES_PASS, "");
	is(signed_mail("d=b.test; h=From; l=6;", "body\r\n", 6), key, AUTHRES_PASS, "");
	is(signed_mail("d=b.test; h=From; l=4;", "body\r\n", 4), key, AUTHRES_POLICY, "not signed");
	is(signed_mail("d=b.test; h=From; l=0;", "body\r\n", 0), key, AUTHRES_POLICY, "not signed");
	is(signed_mail("d=b.test; h=From; l=7;", "body\r\n", 7), key, AUTHRES_FAIL, "body");
	is(signed_mail("d=b.test; h=From; l=-1;", "body\r\n", 7), key, AUTHRES_NEUTRAL, "read");
	is(signed_mail("d=b.test; h=From;", "", 100), key, AUTHRES_PASS, "");
	is(signed_mail("d=b.test; h=From; x=1700000000;", "b", 100), key, AUTHRES_PASS, "");
	is(signed_mail("d=b.test; h=From; x=1699999999;", "b", 100), key, AUTHRES_FAIL, "expired");
	is(signed_mail("d=b.test; h=From; t=1800000000; x=1800000000;", "b", 100), key,
	   AUTHRES_NEUTRAL, "expires before");
}

static void signatures_that_are_none(void **unused)
{
	const struct record *key = own_record("");

	(void)unused;
	is(signed_mail("d=b.test; h=To;", "b", 100), key, AUTHRES_NEUTRAL, "From is not signed");
	is(signed_mail("d=b.test; h=From:;", "b", 100), key, AUTHRES_NEUTRAL, "read");
	is(signed_mail("d=b.test;", "b", 100), key, AUTHRES_NEUTRAL, "read");
	is(signed_mail("h=From;", "b", 100), key, AUTHRES_NEUTRAL, "read");
	is(signed_mail("d=b.test; d=b.test; h=From;", "b", 100), key, AUTHRES_NEUTRAL, "read");
	is(signed_mail("d=b..test; h=From;", "b", 100), key, AUTHRES_NEUTRAL, "read");
	is(signed_mail("d=b.test; h=From; i=@xb.test;", "b", 100), key, AUTHRES_NEUTRAL, "within");
	is(signed_mail("d=b.test; h=From; q=web;", "b", 100), key, AUTHRES_NEUTRAL, "no way");
	is(replaced(signed_mail("d=b.test; h=From;", "b", 100), "ed25519-sha256", "rsa-sha1"), key,
	   AUTHRES_NEUTRAL, "sha1");
	is(replaced(signed_mail("d=b.test; h=From;", "b", 100), "v=1", "v=2"), key, AUTHRES_NEUTRAL,
	   "version");
	is(replaced(signed_mail("d=b.test; h=From;", "b", 100), "c=relaxed", "c=nowsp"), key,
	   AUTHRES_NEUTRAL, "canonicalisation");
	is("DKIM-Signature:\r\nFrom: a@b\r\n\r\n", key, AUTHRES_NEUTRAL, "read");
}

static void identities(void **unused)
{
	(void)unused;
	const char *below = signed_mail("d=b.test; h=From; i=x@y.b.test;", "b", 100);
	is(below, own_record(""), AUTHRES_PASS, "");
	is(below, own_record("t=y:s;"), AUTHRES_PERMERROR, "subdomains");
	is(signed_mail("d=B.test; h=From; i=@b.Test;", "b", 100), own_record("t=s;"), AUTHRES_PASS,
	   "");
}

static void domains_of_other_scripts(void **unused)
{
	static const char label[] = "s._domainkey.xn--r8jz45g.test";
	const struct record keys[] = {{label, own_record("")->text}, {0}};

	(void)unused;
	is(signed_mail("d=\xe4\xbe\x8b\xe3\x81\x88.test; h=From;", "b", 100), keys, AUTHRES_PASS,
	   "");
}

static void what_it_may_cost(void **unused)
{
	static char mail[60000];
	const char *one = signed_mail("d=b.test; h=From;", "b", 100);
	const struct record *key = own_record("");
	size_t n = 0, field = (size_t)(strstr(one, "From: ") - one);

	(void)unused;
	for (int i = 0; i < 20; i++)
		n += (size_t)snprintf(mail + n, sizeof mail - n, "%.*s", (int)field, one);
	snprintf(mail + n, sizeof mail - n, "%s", one + field);
	struct dkim *d = verify(mail, key, 1000);
	assert_int_equal(dkim_count(d), DKIM_SIGNATURES_MAX);
	assert_int_equal(dkim_result(d, DKIM_SIGNATURES_MAX - 1).result, AUTHRES_PASS);
	dkim_free(d);

	limits.header_octets = strlen(one) - strlen("\r\nb");
	is(one, key, AUTHRES_PASS, "");
	limits.header_octets--;
	is(one, key, AUTHRES_PERMERROR, "too large");
	limits.header_octets = 65536;

	n = (size_t)snprintf(mail, sizeof mail, "%.*s", (int)field, one);
	for (int i = 0; i < DKIM_FIELDS_MAX - 2; i++)
		n += (size_t)snprintf(mail + n, sizeof mail - n, "A:\r\n");
	snprintf(mail + n, sizeof mail - n, "%s", one + field);
	is(mail, key, AUTHRES_PASS, "");
	snprintf(mail + n, sizeof mail - n, "A:\r\n%s", one + field);
	is(mail, key, AUTHRES_PERMERROR, "too large");
}

static void no_signature(void **unused)
{
	(void)unused;
	struct dkim *d = verify("From: a@b\r\n\r\nbody", football, 3);
	assert_int_equal(dkim_count(d), 0);
	dkim_free(d);
	dkim_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_in_the_rfcs),
		cmocka_unit_test(what_was_changed),
		cmocka_unit_test(keys),
		cmocka_unit_test(lengths_and_times),
		cmocka_unit_test(signatures_that_are_none),
		cmocka_unit_test(identities),
		cmocka_unit_test(domains_of_other_scripts),
		cmocka_unit_test(what_it_may_cost),
		cmocka_unit_test(no_signature),
	};
	return cmocka_run_group_tests(tests, make_key, free_key);
}
