#include "pushsrv/lmtp_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define STORED_MAX (4 * BODY_PIECE_MAX)

/* A store that knows five names, and what it was given. */
struct play {
	struct lmtp_session s;
	char said[65536];
	size_t said_n;
	int accept_err; /* the whole */
	int errs[16];   /* by slot */
	int piece_err;
	unsigned accepts, pieces;
	char body[STORED_MAX + 1]; /* of the last accepted mail */
	size_t body_n, ahead_n;
	char prefix[TRANSACTION_PREFIX_MAX];
	size_t prefix_n, subscribers;
	bool has_dot_lines, is_closed;
};

static const struct lmtp_limits limits = {
	.hostname = "mx.test",
	.max_size = 3 * BODY_PIECE_MAX,
	.max_line = 100,
	.max_command = 512,
	.max_recipients = 6,
	.max_errors = 4,
};

static const struct {
	const char *address;
	int err;
	int64_t subscriber;
} known[] = {
	{"a@x", 0, 1},         {"b@x", 0, 2},         {"c@x", 0, 3},
	{"a2@x", 0, 1},        {"full@x", E_FULL, 0}, {"frozen@x", E_CONFLICT, 0},
	{"busy@x", E_BUSY, 0}, {"io@x", E_IO, 0},
};

static void hear(void *arg, const char *octets, size_t n)
{
	struct play *p = arg;

	assert_true(n > 2 && p->said_n + n < sizeof p->said);
	memcpy(p->said + p->said_n, octets, n);
	p->said_n += n;
	p->said[p->said_n] = '\0';
}

static void check(struct play *p)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(p->s.recipient, known[i].address) == 0) {
			lmtp_recipient_checked(&p->s, known[i].err, known[i].subscriber);
			return;
		}
	lmtp_recipient_checked(&p->s, E_NOT_FOUND, 0);
}

static void store_piece(struct play *p)
{
	size_t n = 0;
	const uint8_t *piece = transaction_piece(&p->s.tx, p->s.is_complete, &n);

	assert_true(piece && n > 0 && n <= BODY_PIECE_MAX);
	assert_true(n == BODY_PIECE_MAX || p->s.is_complete); /* only the last may be short */
	assert_int_equal(p->s.tx.pieces, p->pieces);
	if (p->piece_err) {
		lmtp_piece_stored(&p->s, p->piece_err, 0);
		return;
	}
	assert_int_equal(p->s.tx.body, p->pieces ? 77 : 0);
	assert_true(p->ahead_n + n <= STORED_MAX);
	memcpy(p->body + p->ahead_n, piece, n);
	p->ahead_n += n;
	p->pieces++;
	lmtp_piece_stored(&p->s, 0, 77);
}

static void accept_mail(struct play *p)
{
	struct transaction *t = &p->s.tx;
	const struct transaction_trace trace = {
		.helo = p->s.client, .ip = "192.0.2.9", .by = "mx.test"};

	if (t->body) {
		assert_int_equal(t->held, 0);
		p->body_n = p->ahead_n;
	} else {
		if (t->held > 0)
			memcpy(p->body, t->octets, t->held);
		p->body_n = t->held;
	}
	assert_int_equal(p->body_n, t->size);
	p->body[p->body_n] = '\0';
	p->has_dot_lines = t->data.content.flags & SMTP_CONTENT_DOT_LINE;
	p->subscribers = t->subscriber_count;
	assert_int_equal(transaction_prefix(t, &trace, p->prefix, &p->prefix_n), 0);
	p->accepts++;
	p->pieces = 0;
	p->ahead_n = 0;
	lmtp_accepted(&p->s, p->accept_err, p->errs, t->subscriber_count);
}

/* Gives the octets as a socket would, `step` at a time; false: it wants no more. */
static void feed(struct play *p, const char *in, size_t n, size_t step)
{
	size_t at = 0, seen = step < n ? step : n;

	while (!p->is_closed) {
		const char *lf;
		switch (p->s.need) {
		case LMTP_NEED_LINE:
			lf = memchr(in + at, '\n', seen - at);
			if (!lf)
				break;
			if (lf > in + at && lf[-1] == '\r')
				lmtp_line(&p->s, in + at, (size_t)(lf - (in + at)) - 1);
			else
				lmtp_bad_line(&p->s, LMTP_LINE_BARE_LF);
			at = (size_t)(lf - in) + 1;
			continue;
		case LMTP_NEED_OCTETS:
			if (at == seen)
				break;
			at += lmtp_octets(&p->s, (const uint8_t *)in + at, seen - at);
			continue;
		case LMTP_NEED_RECIPIENT:
			check(p);
			continue;
		case LMTP_NEED_PIECE:
			store_piece(p);
			continue;
		case LMTP_NEED_ACCEPT:
			accept_mail(p);
			continue;
		case LMTP_NEED_CLOSE:
		default:
			p->is_closed = true;
			continue;
		}
		if (seen == n)
			return;
		seen = n - seen < step ? n : seen + step;
	}
}

static struct play *play_new(void)
{
	struct play *p = calloc(1, sizeof *p);

	assert_non_null(p);
	lmtp_open(&p->s, &limits, "t-1", hear, p);
	return p;
}

static void play_free(struct play *p)
{
	lmtp_close(&p->s);
	free(p);
}

/* The first four octets of each reply, in order. */
static void codes(const struct play *p, char *out, size_t size)
{
	size_t n = 0;

	for (const char *at = p->said; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : at) {
		assert_true(n + 5 < size);
		memcpy(out + n, at, 3);
		out[n + 3] = ' ';
		n += 4;
	}
	out[n ? n - 1 : 0] = '\0';
}

#define HELLO  "LHLO me\r\n"
#define HELLOS "220 250 250 250 250 250 250 250 250 250 250"
#define TO_A   "MAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\n"
#define MAIL_A TO_A "DATA\r\n"
#define BODY   "Subject: 1\r\n\r\nx\r\n"

static const struct {
	const char *what, *in, *codes;
	const char *body; /* of the last mail; null: none was accepted */
} cases[] = {
	{"one mail", HELLO MAIL_A BODY ".\r\nQUIT\r\n", HELLOS " 250 250 354 250 221", BODY},
	{"two in a row", HELLO MAIL_A "1\r\n.\r\n" MAIL_A "2\r\n.\r\n",
	 HELLOS " 250 250 354 250 250 250 354 250", "2\r\n"},
	{"SMTP's greetings are unknown", "HELO me\r\nEHLO me\r\n", "220 500 500", NULL},
	{"LHLO first", "MAIL FROM:<>\r\n", "220 503", NULL},
	{"nested MAIL", HELLO TO_A "MAIL FROM:<>\r\n", HELLOS " 250 250 503", NULL},
	{"RCPT before MAIL", HELLO "RCPT TO:<a@x>\r\n", HELLOS " 503", NULL},
	{"DATA without recipients", HELLO "MAIL FROM:<>\r\nDATA\r\n", HELLOS " 250 503", NULL},
	{"nobody was accepted", HELLO "MAIL FROM:<>\r\nRCPT TO:<no@x>\r\nDATA\r\n",
	 HELLOS " 250 550 503", NULL},
	{"each its own word",
	 HELLO "MAIL FROM:<>\r\nRCPT TO:<full@x>\r\nRCPT TO:<frozen@x>\r\nRCPT TO:<busy@x>\r\n"
	       "RCPT TO:<io@x>\r\nRCPT TO:<A@X>\r\n",
	 HELLOS " 250 452 450 451 451 250", NULL},
	{"a reply for each recipient",
	 HELLO
	 "MAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<no@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n1\r\n.\r\n",
	 HELLOS " 250 250 550 250 354 250 250", "1\r\n"},
	{"too many recipients",
	 HELLO "MAIL FROM:<>\r\n"
	       "RCPT TO:<a@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<a@x>\r\n"
	       "RCPT TO:<a@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<a@x>\r\n",
	 HELLOS " 250 250 250 250 250 250 250 452", NULL},
	{"RSET forgets", HELLO TO_A "RSET\r\nDATA\r\n" TO_A, HELLOS " 250 250 250 503 250 250",
	 NULL},
	{"LHLO forgets", HELLO TO_A HELLO "DATA\r\n",
	 HELLOS " 250 250 250 250 250 250 250 250 250 250 250 250 503", NULL},
	{"the rest of the verbs",
	 HELLO "NOOP\r\nNOOP x\r\nVRFY a\r\nHELP\r\nEXPN a\r\nSTARTTLS\r\n",
	 HELLOS " 250 250 252 214 502 502", NULL},
	{"too many errors", "A\r\nB\r\nC\r\nD\r\nNOOP\r\n", "220 500 500 500 500 421", NULL},
	{"a bare LF ends no command", HELLO "NOOP\nNOOP\r\n", HELLOS " 500 250", NULL},

	{"SIZE over the limit", HELLO "MAIL FROM:<> SIZE=786433\r\n", HELLOS " 552", NULL},
	{"SIZE at the limit", HELLO "MAIL FROM:<> SIZE=786432\r\n", HELLOS " 250", NULL},
	{"SIZE beyond all numbers", HELLO "MAIL FROM:<> SIZE=99999999999999999999\r\n",
	 HELLOS " 552", NULL},
	{"all parameters", HELLO "MAIL FROM:<\xc3\xa9@y> SMTPUTF8 BODY=8BITMIME SIZE=5 XATOMIC\r\n",
	 HELLOS " 250", NULL},
	{"UTF-8 must be asked for", HELLO "MAIL FROM:<\xc3\xa9@y>\r\n", HELLOS " 553", NULL},
	{"BINARYMIME", HELLO "MAIL FROM:<> BODY=BINARYMIME\r\n", HELLOS " 501", NULL},
	{"DSN was not offered", HELLO "MAIL FROM:<> RET=HDRS\r\n", HELLOS " 555", NULL},

	{"bare LF", HELLO MAIL_A "a\nb\r\n.\r\nNOOP\r\n", HELLOS " 250 250 354 550 250", NULL},
	{"bare CR", HELLO MAIL_A "a\rb\r\n.\r\nNOOP\r\n", HELLOS " 250 250 354 550 250", NULL},
	{"LF . CRLF ends nothing", HELLO MAIL_A "a\r\n\n.\r\nQUIT\r\n.\r\n",
	 HELLOS " 250 250 354 550", NULL},
	{"LF . LF ends nothing", HELLO MAIL_A "a\n.\nQUIT\r\n.\r\n", HELLOS " 250 250 354 550",
	 NULL},
	{"CRLF . LF ends nothing", HELLO MAIL_A "a\r\n.\nQUIT\r\n.\r\n", HELLOS " 250 250 354 550",
	 NULL},
	{"CR . CR ends nothing", HELLO MAIL_A "a\r.\rQUIT\r\n.\r\n", HELLOS " 250 250 354 550",
	 NULL},
	{"a long line",
	 HELLO MAIL_A "0123456789012345678901234567890123456789012345678901234567890123456789"
		      "0123456789012345678901234567891\r\n.\r\nNOOP\r\n",
	 HELLOS " 250 250 354 554 250", NULL},
	{"a line at the limit",
	 HELLO MAIL_A "0123456789012345678901234567890123456789012345678901234567890123456789"
		      "012345678901234567890123456789\r\n.\r\n",
	 HELLOS " 250 250 354 250",
	 "0123456789012345678901234567890123456789012345678901234567890123456789"
	 "012345678901234567890123456789\r\n"},
	{"an empty mail", HELLO MAIL_A ".\r\n", HELLOS " 250 250 354 250", ""},
	{"dots are unstuffed", HELLO MAIL_A "..\r\n..a\r\n.\r\n", HELLOS " 250 250 354 250",
	 ".\r\n.a\r\n"},
	{"a Return-Path that came along", HELLO MAIL_A "Return-Path: <e@v>\r\n" BODY ".\r\n",
	 HELLOS " 250 250 354 250", BODY},

	{"BDAT", HELLO TO_A "BDAT 3 LAST\r\na\r\n", HELLOS " 250 250 250", "a\r\n"},
	{"BDAT in pieces", HELLO TO_A "BDAT 2\r\naaBDAT 0\r\nBDAT 3\r\nb\r\nBDAT 0 LAST\r\n",
	 HELLOS " 250 250 250 250 250 250", "aab\r\n"},
	{"BDAT: dots are content", HELLO TO_A "BDAT 8 LAST\r\n.\r\n..x\r\n", HELLOS " 250 250 250",
	 ".\r\n..x\r\n"},
	{"BDAT lends a CRLF", HELLO TO_A "BDAT 1 LAST\r\na", HELLOS " 250 250 250", "a\r\n"},
	{"BDAT, bare LF: told at the end", HELLO TO_A "BDAT 3\r\na\nbBDAT 2 LAST\r\n\r\n",
	 HELLOS " 250 250 250 550", NULL},
	{"DATA after BDAT", HELLO TO_A "BDAT 1\r\naDATA\r\nRSET\r\nNOOP\r\n",
	 HELLOS " 250 250 250 503 250 250", NULL},
	{"RCPT after BDAT", HELLO TO_A "BDAT 1\r\naRCPT TO:<b@x>\r\nMAIL FROM:<>\r\n",
	 HELLOS " 250 250 250 503 503", NULL},
	{"BDAT at a wrong time is read all the same", HELLO "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
	 HELLOS " 503 250", NULL},
	{"BDAT that nobody understands ends it", HELLO TO_A "BDAT x\r\nNOOP\r\n",
	 HELLOS " 250 250 501", NULL},
	{"XTRACE", HELLO TO_A "XTRACE 6\r\nA: b\r\nBDAT 3 LAST\r\na\r\n", HELLOS " 250 250 250 250",
	 "a\r\n"},
	{"XTRACE between chunks", HELLO TO_A "BDAT 2\r\na\rXTRACE 0\r\nBDAT 1 LAST\r\n\n",
	 HELLOS " 250 250 250 250 250", "a\r\n"},
	{"XTRACE and DATA", HELLO TO_A "XTRACE 6\r\nA: b\r\nDATA\r\na\r\n.\r\n",
	 HELLOS " 250 250 250 354 250", "a\r\n"},
	{"XTRACE comes once", HELLO TO_A "XTRACE 6\r\nA: b\r\nXTRACE 6\r\nQUIT\r\nNOOP\r\n",
	 HELLOS " 250 250 250 503 250", NULL},
	{"XTRACE that is no header", HELLO TO_A "XTRACE 6\r\n\r\nab\r\nBDAT 3 LAST\r\na\r\n",
	 HELLOS " 250 250 554 250", "a\r\n"},
	{"XTRACE at a wrong time", HELLO "XTRACE 6\r\nQUIT\r\nMAIL FROM:<>\r\nXTRACE 0\r\nNOOP\r\n",
	 HELLOS " 503 250 503 250", NULL},
	{"XTRACE over the limit", HELLO TO_A "XTRACE 8193\r\n", HELLOS " 250 250", NULL},
	{"XTRACE that nobody understands ends it", HELLO TO_A "XTRACE 1 LAST\r\nNOOP\r\n",
	 HELLOS " 250 250 501", NULL},
	{"BDAT for each recipient", HELLO TO_A "RCPT TO:<b@x>\r\nBDAT 3 LAST\r\na\r\nNOOP\r\n",
	 HELLOS " 250 250 250 250 250 250", "a\r\n"},
};

static void says_what_it_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].in);
		for (size_t step = 1; step <= n; step = step < 5 ? step + 1 : step * 2) {
			struct play *p = play_new();
			char got[1024];
			feed(p, cases[i].in, n, step);
			codes(p, got, sizeof got);
			if (strcmp(got, cases[i].codes) != 0)
				fail_msg("%s, by %zu: %s", cases[i].what, step, got);
			if (!cases[i].body != (p->accepts == 0) ||
			    (cases[i].body && strcmp(p->body, cases[i].body) != 0))
				fail_msg("%s, by %zu: \"%s\"", cases[i].what, step, p->body);
			play_free(p);
		}
	}
}

static void nul_is_refused(void **state)
{
	static const char in[] = HELLO MAIL_A "a\0b\r\n.\r\n";
	struct play *p = play_new();

	(void)state;
	feed(p, in, sizeof in - 1, 3);
	assert_non_null(strstr(p->said, "550 5.5.2"));
	assert_int_equal(p->accepts, 0);
	play_free(p);
}

static void offers_what_it_can(void **state)
{
	static const char *const words[] = {
		"PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 786432", "ENHANCEDSTATUSCODES",
		"CHUNKING",   "XATOMIC",  "XTRACE",   "XID"};
	struct play *p = play_new();

	(void)state;
	feed(p, HELLO, strlen(HELLO), 100);
	for (size_t i = 0; i < COUNT(words); i++)
		assert_non_null(strstr(p->said, words[i]));
	assert_non_null(strstr(p->said, "\r\n250 ENHANCEDSTATUSCODES\r\n"));
	play_free(p);
}

/* The last replies, after what the store said. */
static const struct {
	const char *what, *mail;
	int whole, errs[3];
	const char *codes;
} stores[] = {
	{"all is well", "MAIL FROM:<>\r\n", 0, {0, 0, 0}, "250 250 250"},
	{"one is full", "MAIL FROM:<>\r\n", 0, {0, E_FULL, 0}, "250 452 250"},
	{"one went away", "MAIL FROM:<>\r\n", 0, {E_NOT_FOUND, 0, 0}, "550 250 250"},
	{"busy", "MAIL FROM:<>\r\n", E_BUSY, {0}, "451 451 451"},
	{"disk full", "MAIL FROM:<>\r\n", E_IO, {0}, "451 451 451"},
	{"closed", "MAIL FROM:<>\r\n", E_CLOSED, {0}, "451 451 451"},
	{"atomic, well", "MAIL FROM:<> XATOMIC\r\n", 0, {0, 0, 0}, "250 250 250"},
	{"atomic, one is full", "MAIL FROM:<> XATOMIC\r\n", 0, {0, E_FULL, 0}, "452 452 452"},
	{"atomic, one went away",
	 "MAIL FROM:<> XATOMIC\r\n",
	 0,
	 {0, 0, E_NOT_FOUND},
	 "451 451 451"},
	{"atomic, busy", "MAIL FROM:<> XATOMIC\r\n", E_BUSY, {0}, "451 451 451"},
};

static void says_what_the_store_said(void **state)
{
	static const char rest[] =
		"RCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n1\r\n.\r\n";

	(void)state;
	for (size_t i = 0; i < COUNT(stores); i++) {
		struct play *p = play_new();
		char in[512], got[256];
		p->accept_err = stores[i].whole;
		memcpy(p->errs, stores[i].errs, sizeof stores[i].errs);
		snprintf(in, sizeof in, "%s%s%s", HELLO, stores[i].mail, rest);
		feed(p, in, strlen(in), 4096);
		codes(p, got, sizeof got);
		const char *last = got + strlen(got) - strlen(stores[i].codes);
		if (strcmp(last, stores[i].codes) != 0)
			fail_msg("%s: %s", stores[i].what, got);
		assert_int_equal(p->accepts, 1);
		assert_int_equal(p->s.state, LMTP_READY);
		play_free(p);
	}
}

static void two_names_of_one_subscriber_are_one_mail(void **state)
{
	static const char in[] =
		HELLO "MAIL FROM:<>\r\nRCPT TO:<b@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<a2@x>\r\n"
		      "DATA\r\n1\r\n.\r\n";
	struct play *p = play_new();

	(void)state;
	p->errs[1] = E_FULL; /* subscriber 1, both of its names */
	feed(p, in, strlen(in), 4096);
	assert_int_equal(p->subscribers, 2);
	char got[256];
	codes(p, got, sizeof got);
	assert_string_equal(got + strlen(got) - 11, "250 452 452");
	play_free(p);
}

static void trace_fields(void **state)
{
	static const char one[] =
		HELLO "MAIL FROM:<\"s s\"@y>\r\nRCPT TO:<a@x>\r\nDATA\r\n1\r\n.\r\n";
	static const char two[] =
		HELLO "MAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n1\r\n.\r\n";
	static const char ours[] =
		HELLO "MAIL FROM:<s@y> XATOMIC\r\nRCPT TO:<a@x>\r\nDATA\r\n1\r\n.\r\n";
	static const char traced[] =
		HELLO "MAIL FROM:<s@y> XATOMIC\r\nRCPT TO:<a@x>\r\nXTRACE 6\r\nA: b\r\n"
		      "BDAT 3 LAST\r\n1\r\n";
	static const char foreign[] =
		HELLO "MAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\nBDAT 1\r\n1XTRACE 6\r\nA: b\r\n"
		      "BDAT 2 LAST\r\n\r\n";
	static const char refused[] =
		HELLO "MAIL FROM:<s@y> XATOMIC\r\nRCPT TO:<a@x>\r\nXTRACE 6\r\nA: b c"
		      "BDAT 3 LAST\r\n1\r\n";
	struct play *p = play_new();

	(void)state;
	feed(p, one, strlen(one), 4096);
	p->prefix[p->prefix_n] = '\0';
	static const char begins[] =
		"Return-Path: <\"s s\"@y>\r\nReceived: from me ([192.0.2.9])\r\n";
	assert_memory_equal(p->prefix, begins, strlen(begins));
	assert_non_null(strstr(p->prefix, "by mx.test"));
	assert_non_null(strstr(p->prefix, "with LMTP id t-1.1\r\n"));
	assert_non_null(strstr(p->prefix, "for <a@x>"));
	feed(p, two, strlen(two), 4096);
	p->prefix[p->prefix_n] = '\0';
	assert_memory_equal(p->prefix, "Return-Path: <>\r\nReceived: ", 27);
	assert_null(strstr(p->prefix, "for <"));
	feed(p, ours, strlen(ours), 4096);
	p->prefix[p->prefix_n] = '\0';
	assert_string_equal(p->prefix, "Return-Path: <s@y>\r\n");
	feed(p, traced, strlen(traced), 4096);
	p->prefix[p->prefix_n] = '\0';
	assert_string_equal(p->prefix, "Return-Path: <s@y>\r\nA: b\r\n");
	feed(p, foreign, strlen(foreign), 4096);
	p->prefix[p->prefix_n] = '\0';
	static const char above[] = "Return-Path: <s@y>\r\nA: b\r\nReceived: ";
	assert_memory_equal(p->prefix, above, strlen(above));
	feed(p, refused, strlen(refused), 4096);
	p->prefix[p->prefix_n] = '\0';
	assert_string_equal(p->prefix, "Return-Path: <s@y>\r\n");
	play_free(p);
}

/* Content of `lines` lines of 64 octets. */
static char *large(size_t lines, const char *head, const char *tail, size_t *n)
{
	size_t size = strlen(head) + lines * 64 + strlen(tail);
	char *in = malloc(size + 1), *at = in;

	assert_non_null(in);
	at = stpcpy(at, head);
	for (size_t i = 0; i < lines; i++)
		at += sprintf(at, "%061zu.\r\n", i);
	stpcpy(at, tail);
	*n = size;
	return in;
}

static void a_large_body_goes_in_pieces(void **state)
{
	static const size_t lines[] = {4095, 4096, 4097, 8192, 12288, 9999};
	static const size_t steps[] = {1000, 65536, 3 * BODY_PIECE_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		for (size_t k = 0; k < COUNT(steps); k++) {
			struct play *p = play_new();
			size_t n;
			char *in = large(lines[i], HELLO MAIL_A, ".\r\n", &n);
			feed(p, in, n, steps[k]);
			assert_int_equal(p->accepts, 1);
			assert_int_equal(p->body_n, lines[i] * 64);
			assert_memory_equal(p->body, in + strlen(HELLO MAIL_A), p->body_n);
			assert_int_equal(p->s.tx.held, 0);
			free(in);
			play_free(p);
		}
}

static void a_large_body_by_bdat(void **state)
{
	struct play *p = play_new();
	size_t n;
	char *in = large(12288, HELLO TO_A "BDAT 786432 LAST\r\n", "NOOP\r\n", &n);

	(void)state;
	feed(p, in, n, 65536);
	assert_int_equal(p->body_n, 12288 * 64);
	assert_memory_equal(p->body, in + strlen(HELLO TO_A "BDAT 786432 LAST\r\n"), p->body_n);
	char got[256];
	codes(p, got, sizeof got);
	assert_string_equal(got, HELLOS " 250 250 250 250");
	free(in);
	play_free(p);
}

static void over_max_size_is_read_to_the_end(void **state)
{
	struct play *p = play_new();
	size_t n;
	char *in = large(12289, HELLO MAIL_A, ".\r\nNOOP\r\n", &n);
	char got[256];

	(void)state;
	feed(p, in, n, 65536);
	codes(p, got, sizeof got);
	assert_string_equal(got, HELLOS " 250 250 354 552 250");
	assert_int_equal(p->accepts, 0);
	free(in);
	play_free(p);
}

/* What the mail itself is guilty of counts first: the answer to the same mail is always the same.
 */
static void the_store_fails_in_the_middle(void **state)
{
	static const char *const tails[] = {".\r\n", "a\nb\r\n.\r\n"};
	static const char *const expected[] = {HELLOS " 250 250 354 451",
					       HELLOS " 250 250 354 550"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct play *p = play_new();
		size_t n;
		char *in = large(9000, HELLO MAIL_A, tails[i], &n), got[256];
		p->piece_err = E_BUSY;
		feed(p, in, n, 65536);
		codes(p, got, sizeof got);
		assert_string_equal(got, expected[i]);
		assert_int_equal(p->accepts, 0);
		free(in);
		play_free(p);
	}
}

static void a_refused_mail_holds_no_memory(void **state)
{
	struct play *p = play_new();
	static const char in[] = HELLO MAIL_A "a\nb\r\n";

	(void)state;
	feed(p, in, strlen(in), 4096);
	assert_int_equal(p->s.tx.fate, TRANSACTION_UNSAFE);
	assert_null(p->s.tx.octets);
	for (int i = 0; i < 1000; i++)
		feed(p, BODY, strlen(BODY), 4096);
	assert_null(p->s.tx.octets);
	play_free(p);
}

static void dot_lines_are_told(void **state)
{
	struct play *p = play_new();

	(void)state;
	feed(p, HELLO MAIL_A "a.\r\n.\r\n", strlen(HELLO MAIL_A "a.\r\n.\r\n"), 4096);
	assert_false(p->has_dot_lines);
	feed(p, MAIL_A "..a\r\n.\r\n", strlen(MAIL_A "..a\r\n.\r\n"), 4096);
	assert_true(p->has_dot_lines);
	play_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_must),
		cmocka_unit_test(nul_is_refused),
		cmocka_unit_test(offers_what_it_can),
		cmocka_unit_test(says_what_the_store_said),
		cmocka_unit_test(two_names_of_one_subscriber_are_one_mail),
		cmocka_unit_test(trace_fields),
		cmocka_unit_test(a_large_body_goes_in_pieces),
		cmocka_unit_test(a_large_body_by_bdat),
		cmocka_unit_test(over_max_size_is_read_to_the_end),
		cmocka_unit_test(the_store_fails_in_the_middle),
		cmocka_unit_test(a_refused_mail_holds_no_memory),
		cmocka_unit_test(dot_lines_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
