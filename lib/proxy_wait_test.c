/* A balancer before a listener: whom it names is the peer, what comes behind its header is not
 * lost, and what it does wrong is cut, counted and forgotten. */
#include "lib/net_fixture.h"

#include "lib/balancers.h"
#include "lib/door.h"

#define NAMED "PROXY TCP4 192.0.2.1 198.51.100.7 40000 1110\r\n"

static struct metric counted[BALANCED_OUTCOMES];

static int64_t seen(enum balanced what)
{
	return atomic_load(&counted[what].value);
}

static void wait_for(enum balanced what, int64_t least)
{
	for (int i = 0; i < PATIENCE_S * 1000 && seen(what) < least; i++)
		usleep(1000);
	assert_int_equal(seen(what), least);
}

static struct balancers *balancers(int64_t wait_ms, size_t max_waiting)
{
	struct balancers *b = NULL;

	memset(counted, 0, sizeof counted);
	assert_int_equal(balancers_new("127.0.0.0/8", wait_ms, max_waiting, counted, &b), 0);
	assert_non_null(b);
	return b;
}

/* Ended, or reset because of what nobody read. */
static void expect_cut(int fd)
{
	char octet;

	assert_true(recv(fd, &octet, 1, 0) <= 0);
	close(fd);
}

static void who_is_named_is_the_peer(void **state)
{
	struct balancers *b = balancers(60000, 100);
	struct service s = {.options.balancers = b};
	char text[ADDR_TEXT_MAX];

	(void)state;
	s.options.admission = admission_new(100, 1);
	service_start(&s);
	int fd = client_of(&s);
	client_say(fd, NAMED "one\r\n");
	client_expect(fd, "hello\r\nplain one\r\n");
	assert_string_equal(addr_format(&s.last_peer.addr, text), "192.0.2.1");
	assert_int_equal(s.last_peer.port, 40000);
	assert_string_equal(addr_format(&s.last_peer.local, text), "198.51.100.7");
	assert_int_equal(s.last_peer.local_port, 1110);
	/* One connection an address: the second of this phone is one too many, another phone's not.
	 */
	int second = client_of(&s), other = client_of(&s);
	client_say(second, NAMED);
	client_expect_end(second);
	client_say(other, "PROXY TCP4 192.0.2.2 198.51.100.7 40000 1110\r\n");
	client_expect(other, "hello\r\n");
	assert_int_equal(seen(BALANCED_NAMED), 3);
	close(fd);
	close(other);
	service_stop(&s);
	assert_int_equal(admission_open(s.options.admission), 0);
	admission_free(s.options.admission);
	balancers_free(b);
}

static void who_has_no_name_counts_in_all_only(void **state)
{
	struct balancers *b = balancers(60000, 100);
	struct service s = {.options.balancers = b};
	struct addr nobody;
	int fd[3];

	(void)state;
	s.options.admission = admission_new(2, 1);
	service_start(&s);
	for (int i = 0; i < 3; i++) {
		fd[i] = client_of(&s);
		client_say(fd[i], "PROXY UNKNOWN\r\n");
		if (i < 2)
			client_expect(fd[i], "hello\r\n");
		else
			client_expect_end(fd[i]);
	}
	assert_true(s.last_peer.is_nameless);
	assert_int_equal(addr_parse("0.0.0.0", &nobody), 0);
	assert_true(addr_equal(&s.last_peer.addr, &nobody));
	assert_false(addr_is_bindable(&s.last_peer.addr));
	close(fd[0]);
	close(fd[1]);
	service_stop(&s);
	assert_int_equal(admission_open(s.options.admission), 0);
	admission_free(s.options.admission);
	balancers_free(b);
}

static void what_is_wrong_is_cut(void **state)
{
	struct balancers *b = balancers(60000, 2);
	struct service s = {.options.balancers = b};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_say(fd, "EHLO me\r\n");
	expect_cut(fd);
	wait_for(BALANCED_REFUSED, 1);
	close(client_of(&s));
	wait_for(BALANCED_EMPTY, 1);
	int one = client_of(&s), two = client_of(&s);
	client_say(one, "PROXY TCP4 ");
	client_expect_end(client_of(&s)); /* two wait already */
	wait_for(BALANCED_CROWDED, 1);
	client_say(one, "192.0.2.1 198.51.100.7 40000 1110\r\n");
	client_expect(one, "hello\r\n");
	int three = client_of(&s);
	client_say(three, NAMED);
	client_expect(three, "hello\r\n");
	assert_int_equal(s.opened, 2);
	close(one);
	close(three);
	service_stop(&s); /* with `two` still waiting */
	client_expect_end(two);
	balancers_free(b);
}

/* Its time is for the whole header, however it comes. */
static void what_is_late_is_cut(void **state)
{
	struct balancers *b = balancers(150, 100);
	struct service s = {.options.balancers = b};

	(void)state;
	service_start(&s);
	int silent = client_of(&s), slow = client_of(&s);
	for (size_t i = 0; i < sizeof NAMED - 1 && seen(BALANCED_LATE) < 2; i++) {
		send(slow, &NAMED[i], 1, MSG_NOSIGNAL);
		usleep(20000);
	}
	wait_for(BALANCED_LATE, 2);
	client_expect_end(silent);
	close(slow);
	assert_int_equal(s.opened, 0);
	service_stop(&s);
	balancers_free(b);
}

static void a_list_of_nobody_is_none(void **state)
{
	struct balancers *b = NULL;
	struct addr a;

	(void)state;
	assert_int_equal(balancers_new("", 1, 1, NULL, &b), 0);
	assert_null(b);
	assert_int_equal(addr_parse("127.0.0.1", &a), 0);
	assert_false(balancers_include(NULL, &a));
	assert_int_equal(balancers_new("127.0.0.1/8", 1, 1, NULL, &b), E_RANGE);
	assert_null(b);
}

/* ---- a door on one device ---- */

static void a_door_on_a_device(void **state)
{
	struct service s = {.options.device = "lo"};
	struct door_place place = {.device = "no-such-dev"};
	struct door *d;
	uint16_t port;
	int fd;

	(void)state;
	service_start(&s);
	fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	close(fd);
	service_stop(&s);
	assert_int_equal(addr_parse("127.0.0.1", &place.addr), 0);
	assert_int_equal(door_open(&place, &d, &fd, &port), E_NOT_FOUND);
	place.device = "a-name-that-no-device-can-have";
	assert_int_equal(door_open(&place, &d, &fd, &port), E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_named_is_the_peer),
		cmocka_unit_test(who_has_no_name_counts_in_all_only),
		cmocka_unit_test(what_is_wrong_is_cut),
		cmocka_unit_test(what_is_late_is_cut),
		cmocka_unit_test(a_list_of_nobody_is_none),
		cmocka_unit_test(a_door_on_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
