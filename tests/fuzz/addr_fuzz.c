/* Any text as an address and as a prefix: what is taken must come back as the same value from its
 * own text, and a key must cover its own address. */
#include <stdlib.h>
#include <string.h>

#include "lib/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_key(const struct key *k)
{
	char text[KEY_TEXT_MAX];
	struct key again;

	must(key_covers(k, &k->addr) && key_overlaps(k, k));
	key_format(k, text);
	must(key_of_prefix(k->realm, text, &again) == 0 && key_equal(k, &again));
}

static void check_addr(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	struct addr again;
	struct sockaddr_storage ss;
	uint16_t port;
	struct key k;

	addr_format(a, text);
	must(addr_parse(text, &again) == 0 && addr_equal(a, &again));
	addr_to_sockaddr(a, 2948, &ss);
	must(addr_from_sockaddr((struct sockaddr *)&ss, &again, &port) == 0);
	must(addr_equal(a, &again) && port == 2948);
	if (key_of_addr(REALM_DEFAULT, a, &k) == 0) {
		must(addr_is_bindable(a) && key_covers(&k, a));
		check_key(&k);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct addr a;
	struct key k;

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (addr_parse(text, &a) == 0)
		check_addr(&a);
	if (key_of_prefix(REALM_DEFAULT, text, &k) == 0) {
		must(k.plen == KEY_PLEN_V4 || (k.plen >= KEY_PLEN_V6_MIN && k.plen <= KEY_PLEN_V6));
		check_key(&k);
	}
	free(text);
	return 0;
}
