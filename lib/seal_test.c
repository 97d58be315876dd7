#include "lib/seal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "lib/err.h"
#include "lib/keyfile.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX_MAX  128

struct vector {
	const char *name, *key;
	const char *parts[3];
	const char *text, *sealed;
};

#define KEY_48                                                                                     \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                         \
	"202122232425262728292a2b2c2d2e2f"
#define KEY_64 KEY_48 "303132333435363738393a3b3c3d3e3f"

/* The RFC has vectors for 32-octet keys only; the rest come from an independent S2V (over AES-ECB,
 * in Python) that gives the RFC's two as well. */
static const struct vector VECTORS[] = {
	{"RFC 5297 A.1",
	 "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	 {"101112131415161718191a1b1c1d1e1f2021222324252627"},
	 "112233445566778899aabbccddee",
	 "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"},
	{"RFC 5297 A.2",
	 "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",
	 {"00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100",
	  "102030405060708090a0", "09f911029d74e35bd84156c5635688c0"},
	 "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d"
	 "414553",
	 "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748"
	 "ba8af829ea64ad544a272e9c485b62a3fd5c0d"},
	{"AES-256-SIV, as a token",
	 KEY_64,
	 {"6861746f2d746f6b656e2d31", "64656661756c74",
	  "00000000000000000000ffffc0000201800000ffff"},
	 "0000000001000000076a6ddfc0",
	 "1112d684a5cf81847406e71fe655ca2f12f9fe195dad6b91781e36bc19"},
	{"AES-256-SIV, text over a block",
	 KEY_64,
	 {"61", "6263"},
	 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627",
	 "1492437b83e6d6fdb9a6e2cb9fb0891d7c8cfd7e58eeebacb0340821b7054e4da80b779ea7a028d94332d0e0"
	 "5cb82aa6630d87765b477b18"},
	{"AES-256-SIV, no data", KEY_64, {NULL}, "78", "315fc8b42454cb95e5a7eb7a7da0cb02de"},
	{"AES-192-SIV",
	 KEY_48,
	 {"61", "6263"},
	 "000102030405060708090a0b0c0d0e0f",
	 "1b0340e974e73d36f9cbdafd3823df85011f582480db3dc7d9e887ea48911f94"},
};

static size_t unhex(const char *hex, uint8_t bytes[HEX_MAX])
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= HEX_MAX && keyfile_unhex(hex, bytes, len));
	return len;
}

static struct siv *siv_of(const char *hex)
{
	uint8_t key[HEX_MAX];
	struct siv *siv;

	assert_int_equal(siv_new(key, unhex(hex, key), NULL, 0, &siv), 0);
	return siv;
}

static void vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(VECTORS); i++) {
		const struct vector *v = &VECTORS[i];
		uint8_t data[3][HEX_MAX], text[HEX_MAX], expected[HEX_MAX], out[HEX_MAX];
		struct siv_part parts[3];
		size_t count = 0, len = unhex(v->text, text),
		       sealed_len = unhex(v->sealed, expected);
		struct siv *siv = siv_of(v->key);

		for (; count < 3 && v->parts[count]; count++)
			parts[count] =
				(struct siv_part){data[count], unhex(v->parts[count], data[count])};
		print_message("%s\n", v->name);
		assert_int_equal(sealed_len, len + SIV_TAG_BYTES);
		/* Twice each, mixed: a message leaves nothing behind for the next. */
		for (int round = 0; round < 2; round++) {
			memset(out, 0, sizeof out);
			assert_int_equal(siv_seal(siv, parts, count, text, len, out), 0);
			assert_memory_equal(out, expected, sealed_len);
			memset(out, 0, sizeof out);
			assert_int_equal(siv_open(siv, parts, count, expected, sealed_len, out), 0);
			assert_memory_equal(out, text, len);
		}
		siv_free(siv);
	}
}

static void key_lengths(void **state)
{
	uint8_t key[128] = {0};
	struct siv *siv = NULL;

	(void)state;
	for (size_t len = 0; len <= sizeof key; len++) {
		bool good = len == 32 || len == 48 || len == 64;

		assert_int_equal(siv_new(key, len, NULL, 0, &siv), good ? 0 : E_RANGE);
		if (good)
			siv_free(siv);
	}
	siv_free(NULL);
}

static void every_bit_counts(void **state)
{
	static const struct siv_part PARTS[] = {{"label", 5}, {"realm", 5}};
	struct siv *siv = siv_of(KEY_64);
	uint8_t sealed[SIV_TAG_BYTES + 6], text[6], zeros[6] = {0};

	(void)state;
	assert_int_equal(siv_seal(siv, PARTS, 2, "secret", 6, sealed), 0);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memset(text, 0x5a, sizeof text);
		assert_int_equal(siv_open(siv, PARTS, 2, sealed, sizeof sealed, text), E_AUTH);
		assert_memory_equal(text, zeros, sizeof text);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof sealed; len++)
		assert_int_equal(siv_open(siv, PARTS, 2, sealed, len, text), E_AUTH);
	assert_int_equal(siv_open(siv, PARTS, 2, sealed, sizeof sealed, text), 0);
	assert_memory_equal(text, "secret", 6);
	assert_int_equal(ERR_peek_error(), 0);
	siv_free(siv);
}

static void borders_of_components_count(void **state)
{
	static const struct siv_part SEALED[] = {{"ab", 2}, {"c", 1}};
	static const struct {
		struct siv_part parts[3];
		size_t count;
	} cases[] = {
		{{{"a", 1}, {"bc", 2}}, 2},           {{{"abc", 3}}, 1},
		{{{"c", 1}, {"ab", 2}}, 2},           {{{"ab", 2}}, 1},
		{{{"ab", 2}, {"c", 1}, {"", 1}}, 3},  {{{"ab", 2}, {"c", 2}}, 2},
		{{{"ab", 3}, {"c", 1}}, 2},           {{{NULL, 0}}, 0},
		{{{"ab", 2}, {"c", 1}, {"c", 1}}, 3}, {{{"Ab", 2}, {"c", 1}}, 2},
	};
	struct siv *siv = siv_of(KEY_64);
	uint8_t sealed[SIV_TAG_BYTES + 1], text[1];

	(void)state;
	assert_int_equal(siv_seal(siv, SEALED, 2, "x", 1, sealed), 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
			siv_open(siv, cases[i].parts, cases[i].count, sealed, sizeof sealed, text),
			E_AUTH);
	assert_int_equal(siv_open(siv, SEALED, 2, sealed, sizeof sealed, text), 0);
	siv_free(siv);
}

/* Components may lead or follow: it is the same message. */
static void leading_components(void **state)
{
	static const struct siv_part PARTS[] = {{"ab", 2}, {"c", 1}, {"def", 3}};
	struct siv *plain = siv_of(KEY_64);
	uint8_t key[HEX_MAX], expected[SIV_TAG_BYTES + 1], sealed[SIV_TAG_BYTES + 1], text[1];

	(void)state;
	assert_int_equal(siv_seal(plain, PARTS, 3, "x", 1, expected), 0);
	for (size_t leading = 0; leading <= 3; leading++) {
		const struct siv_part *rest = PARTS + leading;
		struct siv *siv;

		assert_int_equal(siv_new(key, unhex(KEY_64, key), PARTS, leading, &siv), 0);
		for (int round = 0; round < 2; round++) {
			assert_int_equal(siv_seal(siv, rest, 3 - leading, "x", 1, sealed), 0);
			assert_memory_equal(sealed, expected, sizeof sealed);
			assert_int_equal(
				siv_open(siv, rest, 3 - leading, sealed, sizeof sealed, text), 0);
			assert_int_equal(text[0], 'x');
		}
		if (leading)
			assert_int_equal(siv_open(siv, PARTS, 3, sealed, sizeof sealed, text),
					 E_AUTH);
		siv_free(siv);
	}
	siv_free(plain);
}

/* An empty component is a mistake of ours: it must stop a test, not pass for an absent one. */
static void empty_component_is_asserted(void **state)
{
	static const struct siv_part PARTS[] = {{"label", 5}, {"", 0}};
	struct siv *siv = siv_of(KEY_64);
	uint8_t sealed[SIV_TAG_BYTES + 1];
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		close(STDERR_FILENO);
		_exit(siv_seal(siv, PARTS, 2, "x", 1, sealed) ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	siv_free(siv);
}

static void secrets(void **state)
{
	uint8_t key[HEX_MAX], other[HEX_MAX], k[16], blob[32], expected[HEX_MAX], out[16];

	(void)state;
	unhex(KEY_64, key);
	memcpy(other, key, sizeof other);
	other[0] ^= 1;
	for (size_t i = 0; i < sizeof k; i++)
		k[i] = (uint8_t)i;
	unhex("4355320dc8703ad823d7f4fd2bffc916ecf4fdd2e69394c3c528d656db60419b", expected);
	assert_int_equal(secret_seal(key, "opc", 5, k, sizeof k, blob), 0);
	assert_memory_equal(blob, expected, sizeof blob);
	assert_int_equal(secret_open(key, "opc", 5, blob, sizeof blob, out), 0);
	assert_memory_equal(out, k, sizeof k);
	assert_int_equal(secret_open(key, "k", 5, blob, sizeof blob, out), E_AUTH);
	assert_int_equal(secret_open(key, "opc", 6, blob, sizeof blob, out), E_AUTH);
	assert_int_equal(secret_open(key, "opc", 5 + (INT64_C(1) << 40), blob, sizeof blob, out),
			 E_AUTH);
	assert_int_equal(secret_open(other, "opc", 5, blob, sizeof blob, out), E_AUTH);
	assert_int_equal(secret_open(key, "opc", 5, blob, sizeof blob - 1, out), E_AUTH);
	assert_int_equal(secret_open(key, "opc", 5, blob, 0, out), E_AUTH);
}

/* ---- the key file ---- */

static char folder[64], path[96];

static int folder_new(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/hato-seal-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/secret.key", folder);
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder); /* fails if anything else was left there */
}

static void write_text(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void key_file(void **state)
{
	uint8_t key[SECRET_KEY_BYTES], again[SECRET_KEY_BYTES], other[SECRET_KEY_BYTES];
	struct stat st;

	(void)state;
	assert_int_equal(secret_key_load(path, key), E_NOT_FOUND);
	assert_int_equal(secret_key_create(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 129);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(secret_key_load(path, key), 0);
	assert_int_equal(secret_key_create(path), E_EXISTS);
	assert_int_equal(secret_key_load(path, again), 0);
	assert_memory_equal(key, again, sizeof key);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(secret_key_create(path), 0);
	assert_int_equal(secret_key_load(path, other), 0);
	assert_memory_not_equal(key, other, sizeof key);
}

static void key_file_refuses(void **state)
{
	char good[132], bad[132];
	uint8_t key[SECRET_KEY_BYTES] = {7}, before[SECRET_KEY_BYTES] = {7};

	(void)state;
	memset(good, 'a', 128);
	memcpy(good + 128, "\n\n", 3);
	write_text(good, 129);
	assert_int_equal(secret_key_load(path, key), 0);
	memcpy(key, before, sizeof key);
	static const size_t lengths[] = {0, 1, 127, 128, 130};
	for (size_t i = 0; i < COUNT(lengths); i++) {
		write_text(good, lengths[i]);
		assert_int_equal(secret_key_load(path, key), E_SYNTAX);
	}
	static const size_t places[] = {0, 1, 64, 127, 128};
	static const char wrong[] = {'g', ' ', '\0', '/', ':', '@', '`', '\n', 'x'};
	for (size_t i = 0; i < COUNT(places) * COUNT(wrong); i++) {
		memcpy(bad, good, sizeof bad);
		bad[places[i / COUNT(wrong)]] = wrong[i % COUNT(wrong)];
		if (memcmp(bad, good, 129) == 0)
			continue;
		write_text(bad, 129);
		assert_int_equal(secret_key_load(path, key), E_SYNTAX);
	}
	assert_memory_equal(key, before, sizeof key);
	assert_int_equal(secret_key_load(folder, key), E_SYNTAX);
}

static void key_file_without_folder(void **state)
{
	(void)state;
	assert_int_equal(secret_key_create("/nonexistent/folder/secret.key"), E_IO);
}

/* A writer that was killed leaves its half beside the path, with whatever mode. */
static void key_file_after_a_crash(void **state)
{
	uint8_t key[SECRET_KEY_BYTES];
	char beside[128];
	struct stat st;
	FILE *f;

	(void)state;
	unlink(path);
	snprintf(beside, sizeof beside, "%s.new", path);
	f = fopen(beside, "w");
	assert_non_null(f);
	fputs("half", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(secret_key_create(path), 0);
	assert_int_equal(secret_key_load(path, key), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(access(beside, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(key_lengths),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(borders_of_components_count),
		cmocka_unit_test(leading_components),
		cmocka_unit_test(empty_component_is_asserted),
		cmocka_unit_test(secrets),
		cmocka_unit_test_setup_teardown(key_file, folder_new, folder_remove),
		cmocka_unit_test_setup_teardown(key_file_refuses, folder_new, folder_remove),
		cmocka_unit_test(key_file_without_folder),
		cmocka_unit_test_setup_teardown(key_file_after_a_crash, folder_new, folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
