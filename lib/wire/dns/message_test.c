/* Answers as servers send them, and as nobody should. A message is written by the small writer
 * below, or octet by octet where it is to be wrong. */
#include "lib/wire/dns/message.h"

#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct writer {
	uint8_t octets[65536];
	size_t n;
};

static void put(struct writer *w, const void *data, size_t n)
{
	memcpy(w->octets + w->n, data, n);
	w->n += n;
}

static void put16(struct writer *w, unsigned v)
{
	put(w, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

/* A name, or "@N": a pointer to offset N. A final "@N" label is one, too. */
static void put_name(struct writer *w, const char *name)
{
	while (*name && *name != '@') {
		size_t n = strcspn(name, ".");
		put(w, (uint8_t[]){(uint8_t)n}, 1);
		put(w, name, n);
		name += n + (name[n] == '.');
	}
	unsigned to = 0;
	if (sscanf(name, "@%u", &to) == 1)
		put16(w, 0xc000 | to);
	else
		put(w, "", 1);
}

static void begin(struct writer *w, const char *name, unsigned type, unsigned flags,
		  unsigned answers, unsigned authorities)
{
	w->n = 0;
	put16(w, 0x1234);
	put16(w, 0x8180 | flags);
	put16(w, 1);
	put16(w, answers);
	put16(w, authorities);
	put16(w, 0);
	put_name(w, name);
	put16(w, type);
	put16(w, 1);
}

/* data: n octets, or a name if n is 0. */
static void put_record(struct writer *w, const char *owner, unsigned type, unsigned ttl_s,
		       const void *data, size_t n)
{
	put_name(w, owner);
	put16(w, type);
	put16(w, 1);
	put16(w, ttl_s >> 16);
	put16(w, ttl_s & 0xffff);
	size_t length = w->n;
	put16(w, 0);
	if (n)
		put(w, data, n);
	else
		put_name(w, data);
	w->octets[length] = (uint8_t)((w->n - length - 2) >> 8);
	w->octets[length + 1] = (uint8_t)(w->n - length - 2);
}

static char heard[512];

static void on_record(void *arg, const struct dns_record *r)
{
	size_t n = strlen(heard);

	if (*(uint16_t *)arg == DNS_RECORD_MX)
		snprintf(heard + n, sizeof heard - n, "%u %s;", r->preference, r->name);
	else if (*(uint16_t *)arg == DNS_RECORD_PTR)
		snprintf(heard + n, sizeof heard - n, "%s;", r->name);
	else if (*(uint16_t *)arg == DNS_RECORD_TXT)
		heard[n + dns_strings_join(r->data, r->length, heard + n)] = ';';
	else
		snprintf(heard + n, sizeof heard - n, "%u;", r->data[r->length - 1]);
}

static int read(const struct writer *w, const char *name, uint16_t type, struct dns_message *m)
{
	memset(heard, 0, sizeof heard);
	return dns_message_read(w->octets, w->n, name, type, on_record, &type, m);
}

static void records_are_found_behind_aliases(void **state)
{
	static struct writer w;
	struct dns_message m;

	(void)state;
	begin(&w, "WWW.example.org", 1, 0, 4, 0);
	put_record(&w, "far.example", 1, 60, "\1\2\3\4", 4); /* before what leads to it */
	put_record(&w, "@12", 5, 300, "mid.@16", 0);
	put_record(&w, "mid.EXAMPLE.org", 5, 30, "far.example", 0);
	put_record(&w, "other.example", 1, 1, "\1\2\3\5", 4); /* not asked for: not believed */
	assert_int_equal(read(&w, "www.example.org", 1, &m), 0);
	assert_string_equal(heard, "4;");
	assert_int_equal(m.count, 1);
	assert_int_equal(m.ttl_s, 30);
	assert_int_equal(m.rcode, DNS_RCODE_OK);
}

static void every_type_is_read(void **state)
{
	static struct writer w;
	struct dns_message m;

	(void)state;
	begin(&w, "a.b", DNS_RECORD_MX, 0, 3, 0);
	put_record(&w, "@12", 15, 9, "\0\12\2mX\300\14", 7);
	put_record(&w, "@12", 15, 8, "\0\5\0", 3);      /* null MX */
	put_record(&w, "@12", 15, 8, "\0\5\3a.b\0", 7); /* no name of ours */
	assert_int_equal(read(&w, "a.b", 15, &m), 0);
	assert_string_equal(heard, "10 mx.a.b;5 ;");
	assert_int_equal(m.ttl_s, 8);

	begin(&w, "a.b", DNS_RECORD_TXT, 0, 2, 0);
	put_record(&w, "@12", 16, 9, "\2v=\0\4spf1", 9);
	put_record(&w, "@12", 16, 9, "\0", 1);
	assert_int_equal(read(&w, "a.b", 16, &m), 0);
	assert_string_equal(heard, "v=spf1;;");

	begin(&w, "a.b", DNS_RECORD_PTR, 0, 1, 0);
	put_record(&w, "@12", 12, 9, "Host.@12", 0);
	assert_int_equal(read(&w, "a.b", 12, &m), 0);
	assert_string_equal(heard, "host.a.b;");

	begin(&w, "a.b", DNS_RECORD_AAAA, 0, 1, 0);
	put_record(&w, "@12", 28, 0x80000001, "0123456789abcde\7", 16);
	assert_int_equal(read(&w, "a.b", 28, &m), 0);
	assert_string_equal(heard, "7;");
	assert_int_equal(m.ttl_s, 0); /* RFC 2181 8 */
}

static const char soa[] = "\0\0"
			  "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\24";

static void absence_has_the_time_of_its_soa(void **state)
{
	static struct writer w;
	struct dns_message m;

	(void)state;
	begin(&w, "a.b", DNS_RECORD_MX, 3, 0, 1);
	put_record(&w, "b", 6, 900, soa, sizeof soa - 1);
	assert_int_equal(read(&w, "a.b", 15, &m), 0);
	assert_int_equal(m.rcode, DNS_RCODE_NO_NAME);
	assert_int_equal(m.count, 0);
	assert_int_equal(m.ttl_s, 20);

	begin(&w, "a.b", DNS_RECORD_MX, 0, 1, 1);
	put_record(&w, "@12", 5, 7, "c.b", 0);
	put_record(&w, "b", 6, 10, soa, sizeof soa - 1);
	assert_int_equal(read(&w, "a.b", 15, &m), 0);
	assert_int_equal(m.rcode, DNS_RCODE_OK);
	assert_int_equal(m.ttl_s, 7);

	begin(&w, "a.b", DNS_RECORD_MX, 0, 0, 0);
	assert_int_equal(read(&w, "a.b", 15, &m), 0);
	assert_int_equal(m.ttl_s, 0);

	begin(&w, "a.b", DNS_RECORD_MX, 2, 0, 0);
	assert_int_equal(read(&w, "a.b", 15, &m), 0);
	assert_int_equal(m.rcode, 2);
}

static void loops_of_aliases_end(void **state)
{
	static struct writer w;
	struct dns_message m;
	char from[8], to[8];

	(void)state;
	begin(&w, "a.b", 1, 0, 2, 0);
	put_record(&w, "a.b", 5, 7, "c.b", 0);
	put_record(&w, "c.b", 5, 7, "a.b", 0);
	assert_int_equal(read(&w, "a.b", 1, &m), E_SYNTAX);

	for (int links = DNS_CNAMES_MAX; links <= DNS_CNAMES_MAX + 1; links++) {
		begin(&w, "n0", 1, 0, (unsigned)links + 1, 0);
		for (int i = 0; i < links; i++) {
			snprintf(from, sizeof from, "n%d", i);
			snprintf(to, sizeof to, "n%d", i + 1);
			put_record(&w, from, 5, 7, to, 0);
		}
		put_record(&w, to, 1, 7, "\1\2\3\4", 4);
		assert_int_equal(read(&w, "n0", 1, &m), links > DNS_CNAMES_MAX ? E_SYNTAX : 0);
	}
}

static void nonsense_is_refused(void **state)
{
	static struct writer w;
	struct dns_message m;

	(void)state;
	begin(&w, "a.b", 1, 0x200, 0, 0); /* cut */
	assert_int_equal(read(&w, "a.b", 1, &m), E_SYNTAX);
	begin(&w, "a.b", 1, 0, 0, 0);
	assert_int_equal(read(&w, "a.c", 1, &m), E_SYNTAX);
	assert_int_equal(read(&w, "a.b", 15, &m), E_SYNTAX);
	assert_int_equal(read(&w, "a", 1, &m), E_SYNTAX);
	assert_int_equal(read(&w, "a.b.c", 1, &m), E_SYNTAX);
	w.octets[2] = 0; /* a question */
	assert_int_equal(read(&w, "a.b", 1, &m), E_SYNTAX);
	begin(&w, "a.b", 1, 0, 1, 0);
	put_record(&w, "@12", 1, 9, "\1\2\3", 3);
	assert_int_equal(read(&w, "a.b", 1, &m), E_SYNTAX);
	begin(&w, "a.b", 1, 0, 1, 0);
	put_record(&w, "@21", 1, 9, "\1\2\3\4", 4); /* points to itself */
	assert_int_equal(read(&w, "a.b", 1, &m), 0);
	assert_int_equal(m.count, 0);
	begin(&w, "a.b", 16, 0, 1, 0);
	put_record(&w, "@12", 16, 9, "\5abcd", 5); /* a string over the end */
	assert_int_equal(read(&w, "a.b", 16, &m), E_SYNTAX);
	begin(&w, "a.b", 15, 0, 1, 0);
	put_record(&w, "@12", 15, 9, "\0\1\1m\0x", 6); /* something behind the name */
	assert_int_equal(read(&w, "a.b", 15, &m), E_SYNTAX);
	begin(&w, "a.b", 1, 0, 2, 0);
	put_record(&w, "@12", 5, 9, "c", 0);
	put_record(&w, "@12", 1, 9, "\1\2\3\4", 4); /* an alias that has an address, too */
	assert_int_equal(read(&w, "a.b", 1, &m), E_SYNTAX);
}

static void a_cut_message_is_refused_anywhere(void **state)
{
	static struct writer w;
	struct dns_message m;

	(void)state;
	begin(&w, "www.example.org", DNS_RECORD_MX, 0, 2, 0);
	put_record(&w, "@12", 5, 300, "mid.@16", 0);
	put_record(&w, "mid.example.org", 15, 30, "\0\12\2mx\300\20", 7);
	size_t whole = w.n;
	assert_int_equal(read(&w, "www.example.org", 15, &m), 0);
	for (w.n = 0; w.n < whole; w.n++)
		assert_int_equal(read(&w, "www.example.org", 15, &m), E_SYNTAX);
}

static void many_records_cost_little(void **state)
{
	static struct writer w;
	struct dns_message m;

	(void)state;
	begin(&w, "a.b", 1, 0, 4000, 0);
	for (int i = 0; i < 4000; i++)
		put_record(&w, "@12", 1, 9, "\1\2\3\4", 4);
	assert_int_equal(read(&w, "a.b", 1, &m), 0);
	assert_int_equal(m.count, DNS_ANSWERS_MAX);
	assert_true(m.is_cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_found_behind_aliases),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(absence_has_the_time_of_its_soa),
		cmocka_unit_test(loops_of_aliases_end),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_cut_message_is_refused_anywhere),
		cmocka_unit_test(many_records_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
