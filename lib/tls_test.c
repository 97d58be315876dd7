#include "lib/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char dir[] = "/tmp/tls-test-XXXXXX";
static char certificate[64], key[64];

static X509 *read_certificate(void)
{
	FILE *f = fopen(certificate, "re");

	assert_non_null(f);
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(x);
	return x;
}

static void self_signed(void **state)
{
	struct stat st;
	time_t almost = time(NULL) + 3640L * 86400, over = time(NULL) + 3660L * 86400;

	(void)state;
	assert_int_equal(tls_self_signed("mx.example, 192.0.2.1,2001:db8::1,*.pop.example",
					 certificate, key),
			 0);
	assert_int_equal(stat(certificate, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	X509 *x = read_certificate();
	assert_int_equal(X509_check_host(x, "mx.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "a.pop.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "other.example", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "2001:db8::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.2", 0), 0);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(x)), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
	assert_int_equal(X509_cmp_time(X509_get0_notAfter(x), &almost), 1);
	assert_int_equal(X509_cmp_time(X509_get0_notAfter(x), &over), -1);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(x)), -1);
	X509_free(x);
}

static void self_signed_replaces(void **state)
{
	char other[64], error[256];
	struct tls_server *t;

	(void)state;
	snprintf(other, sizeof other, "%s/other.pem", dir);
	assert_int_equal(tls_self_signed("a.example", certificate, key), 0);
	assert_int_equal(rename(key, other), 0);
	assert_int_equal(tls_self_signed("b.example", certificate, key), 0);
	X509 *x = read_certificate();
	assert_int_equal(X509_check_host(x, "b.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "a.example", 0, 0, NULL), 0);
	X509_free(x);
	assert_int_equal(tls_server_new(certificate, key, &t, error), 0);
	assert_non_null(tls_server_context(t));
	tls_server_free(t);
	/* A key of another certificate. */
	assert_int_equal(tls_server_new(certificate, other, &t, error), E_IO);
	assert_non_null(strstr(error, other));
	unlink(other);
}

static void self_signed_refuses(void **state)
{
	char nowhere[64], too_long[1200];
	static const struct {
		const char *names;
		int rc;
	} cases[] = {
		{"", E_SYNTAX},
		{" , ", E_SYNTAX},
		{"a.example,b/c", E_SYNTAX},
		{"a.example;DNS:evil", E_SYNTAX},
		{"copy:x", E_SYNTAX},
		{"@section", E_SYNTAX},
	};

	(void)state;
	unlink(certificate);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(tls_self_signed(cases[i].names, certificate, key), cases[i].rc);
	memset(too_long, 'a', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';
	assert_int_equal(tls_self_signed(too_long, certificate, key), E_TOO_LARGE);
	snprintf(nowhere, sizeof nowhere, "%s/none/key.pem", dir);
	assert_int_equal(tls_self_signed("a.example", certificate, nowhere), E_IO);
	assert_int_equal(access(certificate, F_OK), -1);
	/* A long name goes into the SANs all the same. */
	too_long[200] = '\0';
	for (int i = 20; i < 200; i += 20)
		too_long[i] = '.';
	assert_int_equal(tls_self_signed(too_long, certificate, key), 0);
	X509 *x = read_certificate();
	assert_int_equal(X509_check_host(x, too_long, 0, 0, NULL), 1);
	X509_free(x);
}

static void server_refuses(void **state)
{
	char error[256] = "", nothing[64];
	struct tls_server *t = NULL;

	(void)state;
	snprintf(nothing, sizeof nothing, "%s/nothing.pem", dir);
	assert_int_equal(tls_self_signed("a.example", certificate, key), 0);
	assert_int_equal(tls_server_new(nothing, key, &t, error), E_IO);
	assert_non_null(strstr(error, nothing));
	assert_non_null(strstr(error, "No such file"));
	assert_int_equal(tls_server_new(certificate, nothing, &t, error), E_IO);
	assert_non_null(strstr(error, nothing));
	assert_int_equal(tls_server_new(key, key, &t, error), E_IO); /* no certificate in it */
	assert_int_equal(tls_server_new(certificate, certificate, &t, error), E_IO);
	assert_null(strchr(error, '\n'));
	assert_null(t);
	assert_int_equal(ERR_peek_error(), 0);
	tls_server_free(NULL);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(certificate, sizeof certificate, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	return 0;
}

/* Nothing but the two files is left. */
static int remove_dir(void **state)
{
	(void)state;
	unlink(certificate);
	unlink(key);
	return rmdir(dir);
}

/* ---- the client's side ---- */

/* A handshake in memory: what the client's side makes of this server. */
static bool shakes_hands(struct tls_server *server, struct tls_client *client)
{
	SSL *s = SSL_new(tls_server_context(server)), *c = SSL_new(tls_client_context(client));
	BIO *s_bio, *c_bio;
	int rc = -1;

	assert_int_equal(BIO_new_bio_pair(&s_bio, 0, &c_bio, 0), 1);
	SSL_set_bio(s, s_bio, s_bio);
	SSL_set_bio(c, c_bio, c_bio);
	for (int i = 0; i < 10 && rc != 1; i++) {
		rc = SSL_connect(c);
		SSL_accept(s);
	}
	SSL_free(s);
	SSL_free(c);
	ERR_clear_error();
	return rc == 1;
}

static void client_trusts_what_it_is_told_to(void **state)
{
	char other[64], other_key[64], error[256];
	struct tls_server *server;

	(void)state;
	snprintf(other, sizeof other, "%s/stranger.pem", dir);
	snprintf(other_key, sizeof other_key, "%s/stranger.key", dir);
	assert_int_equal(tls_self_signed("smsc.example,192.0.2.1", certificate, key), 0);
	assert_int_equal(tls_self_signed("smsc.example,192.0.2.1", other, other_key), 0);
	assert_int_equal(tls_server_new(certificate, key, &server, error), 0);
	const struct {
		struct tls_client_options options;
		bool trusts;
	} cases[] = {
		{{certificate, "", false}, true},
		{{certificate, "smsc.example", false}, true},
		{{certificate, "192.0.2.1", false}, true},
		{{certificate, "other.example", false}, false},
		{{certificate, "192.0.2.2", false}, false},
		{{other, "smsc.example", false}, false},
		{{"", "smsc.example", false}, false}, /* the system knows it not */
		{{"", "", true}, true},
		{{"", "other.example", true}, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tls_client *client;

		assert_int_equal(tls_client_open(&cases[i].options, &client, error), 0);
		assert_int_equal(shakes_hands(server, client), cases[i].trusts);
		tls_client_free(client);
	}
	const struct tls_client_options absent = {"/nowhere.pem", "", false};
	struct tls_client *client;

	assert_int_equal(tls_client_open(&absent, &client, error), E_IO);
	assert_non_null(strstr(error, "/nowhere.pem"));
	tls_server_free(server);
	unlink(other);
	unlink(other_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_signed),
		cmocka_unit_test(self_signed_replaces),
		cmocka_unit_test(self_signed_refuses),
		cmocka_unit_test(server_refuses),
		cmocka_unit_test(client_trusts_what_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
