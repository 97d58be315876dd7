/* What a handset shows for a SIM: a challenge, an AUTS. Octet 0 chooses: (0) the text as it came:
 * if it opens, sealing what it said gives the same text; (1) a mask over a good challenge: it opens
 * only if the mask is all zeros; (2) 14 octets of AUTS: they open only if they are the SIM's, and
 * what they say puts the SIM in step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/challenge.h"
#include "lib/err.h"

#define NOW_S INT64_C(1785585600)
#define KEYS                                                                                       \
	"1 active 0 0 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"            \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keyring *ring;
static struct key key;
static const struct sim_key sim = {.k = {1}, .opc = {2}};

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[] = "/tmp/hato-challenge-fuzz.XXXXXX";
	int fd = mkstemp(path);

	(void)argc;
	(void)argv;
	must(fd >= 0 && write(fd, KEYS, sizeof KEYS - 1) == sizeof KEYS - 1 && close(fd) == 0);
	must(keyring_open(path, &ring) == 0);
	unlink(path);
	must(key_of_prefix("default", "192.0.2.1", &key) == 0);
	return 0;
}

static void open_as_it_came(const char *text, size_t len)
{
	char again[CHALLENGE_TEXT + 1];
	struct challenge c;
	int err = challenge_open(ring, text, len, &key, NOW_S, &c);

	must(err == 0 || err == E_AUTH || err == E_EXPIRED);
	if (err == E_AUTH)
		return;
	must(len == CHALLENGE_TEXT && memchr(c.imsi, 0, sizeof c.imsi) != NULL);
	must(challenge_seal(ring, &c, &key, again) == 0);
	must(memcmp(text, again, CHALLENGE_TEXT) == 0);
}

static void open_masked(const uint8_t *mask, size_t len)
{
	const struct challenge good = {.kind = CHALLENGE_SIM,
				       .generation = UINT32_MAX,
				       .expires_s = NOW_S + 1,
				       .sqn = (UINT64_C(1) << 48) - 1,
				       .imsi = "440101234567890"};
	char text[CHALLENGE_TEXT + 1];
	struct challenge c;
	bool same = true;

	must(challenge_seal(ring, &good, &key, text) == 0);
	for (size_t i = 0; i < len && i < CHALLENGE_TEXT; i++) {
		text[i] = (char)(text[i] ^ mask[i]);
		same = same && mask[i] == 0;
	}
	int err = challenge_open(ring, text, CHALLENGE_TEXT, &key, NOW_S, &c);
	must(err == (same ? 0 : E_AUTH));
	if (same)
		must(memcmp(&c, &good, sizeof c) == 0);
}

static void open_auts(const uint8_t *data, size_t len)
{
	static const uint8_t rand[RAND_BYTES] = {3};
	uint8_t auts[AUTS_BYTES] = {0};
	uint64_t sqn_ms, sqn;

	memcpy(auts, data, len < sizeof auts ? len : sizeof auts);
	int err = aka_auts_open(&sim, rand, auts, &sqn_ms);
	must(err == 0 || err == E_AUTH);
	if (err) /* any SQN then, as if it were the SIM's */
		sqn_ms = aka_sqn_take(auts);
	int64_t dif = aka_resync(NOW_S * 1000000, 0, sqn_ms);
	err = aka_sqn(NOW_S * 1000000, dif, AKA_IND_MAX, &sqn);
	must(err == E_RANGE || sqn >> AKA_IND_BITS > sqn_ms >> AKA_IND_BITS);
	must(aka_resync(NOW_S * 1000000, dif, sqn_ms) == dif || err == E_RANGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] % 3 == 0)
		open_as_it_came((const char *)data + 1, size - 1);
	else if (data[0] % 3 == 1)
		open_masked(data + 1, size - 1);
	else
		open_auts(data + 1, size - 1);
	return 0;
}
