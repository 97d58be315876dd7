/* Clients, their ranges, and the kernel's program: it and radius_clients_find must agree on
 * everybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authsrv/radius/steer.h"
#include "lib/err.h"

struct folder {
	char path[64];
	struct conf *conf;
};

static void file_write(const struct folder *f, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", f->path, name);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static void folder_begin(struct folder *f, const char *const *sets, size_t n)
{
	char error[256];

	strcpy(f->path, "/tmp/hato-radius-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	file_write(f, "radius.secret", "the secret of this machine\n");
	file_write(f, "p.secret", "another secret");
	file_write(f, "short.secret", "short\n");
	assert_int_equal(conf_load(NULL, f->path, sets, n, &f->conf, error), 0);
}

static void folder_end(struct folder *f)
{
	char command[128];

	conf_free(f->conf);
	snprintf(command, sizeof command, "rm -r %s", f->path);
	assert_int_equal(system(command), 0);
}

static struct radius_clients *load(struct folder *f, const char *const *sets, size_t n)
{
	struct radius_clients *all;
	char error[256];

	folder_begin(f, sets, n);
	assert_int_equal(radius_clients_load(f->conf, &all, error), 0);
	return all;
}

static const char *name_of(const struct radius_clients *all, const char *ip)
{
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	const struct radius_client *c = radius_clients_find(all, &a);
	return c ? c->conf->name : "";
}

static void the_longest_range_is_the_client(void **state)
{
	static const char *const sets[] = {
		"radius-client wide.addresses=10.0.0.0/8, 2001:db8::/32",
		"radius-client wide.secret_file=p.secret",
		"radius-client narrow.addresses=10.1.2.0/24,10.1.3.4,2001:db8:0:1::/64",
		"radius-client narrow.secret_file=p.secret",
	};
	static const struct {
		const char *ip, *name;
	} cases[] = {
		{"127.0.0.1", "local"},
		{"127.255.0.9", "local"},
		{"::1", "local"},
		{"::2", ""},
		{"128.0.0.1", ""},
		{"10.0.0.1", "wide"},
		{"10.1.2.3", "narrow"},
		{"10.1.3.4", "narrow"},
		{"10.1.3.5", "wide"},
		{"2001:db8:0:1::5", "narrow"},
		{"2001:db8:0:2::5", "wide"},
		{"2001:db9::", ""},
		{"::ffff:10.1.2.3", "narrow"},
	};
	struct folder f;

	(void)state;
	struct radius_clients *all = load(&f, sets, 4);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(name_of(all, cases[i].ip), cases[i].name);
	assert_string_equal(all->client[0].secret, "the secret of this machine");
	assert_int_equal(all->client[1].secret_len, strlen("another secret"));
	assert_string_equal(all->client[1].feeder, "radius:wide");
	radius_clients_free(all);
	folder_end(&f);
}

static void the_default_client_may_be_absent(void **state)
{
	static const char *const sets[] = {"paths.radius_secret=nowhere"};
	struct folder f;

	(void)state;
	struct radius_clients *all = load(&f, sets, 1);
	assert_int_equal(all->count, 0);
	assert_string_equal(name_of(all, "127.0.0.1"), "");
	radius_clients_free(all);
	folder_end(&f);
}

static void faults_are_said(void **state)
{
	static const struct {
		const char *sets[2], *why;
	} cases[] = {
		{{"radius-client a.addresses=10.0.0.1/8", "radius-client a.secret_file=p.secret"},
		 "no prefix"},
		{{"radius-client a.addresses=10.0.0.0/33", "radius-client a.secret_file=p.secret"},
		 "no prefix"},
		{{"radius-client a.addresses=10.0.0.0/", "radius-client a.secret_file=p.secret"},
		 "no prefix"},
		{{"radius-client a.addresses=host", "radius-client a.secret_file=p.secret"},
		 "no prefix"},
		{{"radius-client a.addresses=::1", "radius-client a.secret_file=p.secret"},
		 "twice"},
		{{"radius-client a.addresses=10.0.0.1", "radius-client a.secret_file=none"},
		 "cannot read"},
		{{"radius-client a.addresses=10.0.0.1", "radius-client a.secret_file=short.secret"},
		 "8 to 128"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct folder f;
		struct radius_clients *all;
		char error[256] = "";
		folder_begin(&f, cases[i].sets, 2);
		assert_int_not_equal(radius_clients_load(f.conf, &all, error), 0);
		assert_non_null(strstr(error, cases[i].why));
		folder_end(&f);
	}
}

static void lists(void **state)
{
	(void)state;
	assert_false(radius_list_has("", ""));
	assert_false(radius_list_has("", "a"));
	assert_true(radius_list_has("a", "a"));
	assert_true(radius_list_has(" b ,, a", "a"));
	assert_false(radius_list_has("ab, ba", "a"));
}

/* ---- the kernel's program ---- */

static uint32_t load_at(const uint8_t *ip, uint32_t k, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | ip[k - (uint32_t)SKF_NET_OFF + i];
	return value;
}

static uint32_t run(const struct sock_filter *program, size_t n, const uint8_t *ip)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &program[pc];
		switch (f->code) {
		case BPF_LD | BPF_B | BPF_ABS:
			a = load_at(ip, f->k, 1);
			break;
		case BPF_LD | BPF_W | BPF_ABS:
			a = load_at(ip, f->k, 4);
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			a >>= f->k;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("instruction %x", f->code);
		}
	}
	fail_msg("no return");
	return 0;
}

static uint32_t steered(const struct sock_filter *program, size_t n, const struct addr *source)
{
	uint8_t ip[40] = {0x60};

	if (addr_is_v4(source)) {
		ip[0] = 0x45;
		memcpy(ip + 12, source->bytes + 12, 4);
	} else {
		memcpy(ip + 8, source->bytes, 16);
	}
	return run(program, n, ip);
}

/* Few bits, so that addresses and ranges meet. */
static struct addr some_addr(void)
{
	struct addr a = {.bytes = {0x20, 1}};

	if (rand() % 2)
		a = (struct addr){.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10}};
	for (size_t i = addr_is_v4(&a) ? 13 : 2; i < 16; i++)
		a.bytes[i] = (uint8_t)(rand() % 4 ? 0 : rand() % 2 ? 0xff : rand());
	return a;
}

static void the_kernel_and_we_agree(void **state)
{
	static struct radius_clients all;
	static struct sock_filter program[RADIUS_STEER_MAX];
	size_t clients = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < 40; round++) {
		all.range_count = round == 39 ? RADIUS_RANGES_MAX : (size_t)(rand() % 12);
		for (size_t i = 0; i < all.range_count; i++) {
			struct radius_range *r = &all.range[i];
			r->addr = some_addr();
			r->plen = (uint8_t)(addr_is_v4(&r->addr) ? 96 + rand() % 33
								 : 1 + rand() % 128);
			if (round == 39) {
				r->addr = (struct addr){.bytes = {0x20, 1, [14] = (uint8_t)i}};
				r->plen = 128;
			}
			addr_mask(&r->addr, r->plen);
			r->client = &all.client[0];
		}
		size_t n = radius_steer(&all, program);
		assert_true(n <= RADIUS_STEER_MAX);
		for (int i = 0; i < 2000; i++) {
			struct addr a = some_addr();
			bool ours = radius_clients_find(&all, &a) != NULL;
			assert_int_equal(steered(program, n, &a),
					 ours ? RADIUS_STEER_CLIENTS : RADIUS_STEER_STRANGERS);
			clients += ours;
		}
	}
	assert_true(clients > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_range_is_the_client),
		cmocka_unit_test(the_default_client_may_be_absent),
		cmocka_unit_test(faults_are_said),
		cmocka_unit_test(lists),
		cmocka_unit_test(the_kernel_and_we_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
