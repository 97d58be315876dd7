/* A token from the network, at an address from the network. One octet selects the family, 16 are
 * the address, the rest is (1) the text as it came: if it opens, sealing what it said gives the
 * same text; (2) a mask over a good token: it opens if the mask is all zeros and the address is the
 * one it was sealed for, else not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/token.h"

#define HEAD 17
#define KEYS                                                                                       \
	"1 active 0 0 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"            \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keyring *ring;

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[] = "/tmp/hato-token-fuzz.XXXXXX";
	int fd = mkstemp(path);

	(void)argc;
	(void)argv;
	must(fd >= 0 && write(fd, KEYS, sizeof KEYS - 1) == sizeof KEYS - 1 && close(fd) == 0);
	must(keyring_open(path, &ring) == 0);
	unlink(path);
	return 0;
}

static void open_as_it_came(const char *text, size_t len, const struct key *k)
{
	char again[TOKEN_TEXT + 1];
	struct token t;
	int err = token_open(ring, text, len, k, 1785585600, &t);

	must(err == 0 || err == E_AUTH || err == E_EXPIRED);
	if (err == E_AUTH)
		return;
	must(len == TOKEN_TEXT && token_seal(ring, &t, k, again) == 0);
	must(memcmp(text, again, TOKEN_TEXT) == 0);
}

static void open_masked(const uint8_t *mask, size_t len, const struct key *sealed_for,
			const struct key *k)
{
	struct token t = {.subscriber = (int64_t)len, .generation = 7, .expires_s = 1000}, out;
	size_t count = len < TOKEN_TEXT ? len : TOKEN_TEXT;
	bool same = key_equal(sealed_for, k);
	char text[TOKEN_TEXT + 1];
	int err;

	must(token_seal(ring, &t, sealed_for, text) == 0 && strlen(text) == TOKEN_TEXT);
	for (size_t i = 0; i < count; i++) {
		text[i] = (char)(text[i] ^ mask[i]);
		same = same && mask[i] == 0;
	}
	err = token_open(ring, text, TOKEN_TEXT, k, 999, &out);
	must(err == (same ? 0 : E_AUTH));
	must(!same || (out.subscriber == t.subscriber && out.generation == t.generation &&
		       out.expires_s == t.expires_s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr a, home;
	struct key k, home_key;

	if (size < HEAD)
		return 0;
	memcpy(a.bytes, data + 1, sizeof a.bytes);
	if (data[0] & 1)
		memcpy(a.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	if (key_of_addr(REALM_DEFAULT, &a, &k))
		return 0;
	must(addr_parse("192.0.2.1", &home) == 0 &&
	     key_of_addr(REALM_DEFAULT, &home, &home_key) == 0);
	open_as_it_came((const char *)data + HEAD, size - HEAD, &k);
	open_masked(data + HEAD, size - HEAD, &home_key, &k);
	open_masked(data + HEAD, size - HEAD, &k, &k);
	return 0;
}
