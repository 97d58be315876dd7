#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/tls.h"

#define VALID_DAYS  3650
#define SERIAL_BITS 127
#define NAMES_MAX   1024

/* ---- the certificate ---- */

static bool name_is_plain(const char *name)
{
	return name[strspn(name,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*")] ==
	       '\0';
}

/* "a.example, 192.0.2.1" -> "DNS:a.example,IP:192.0.2.1"; *first is for the subject. */
static int names_to_san(const char *names, char san[NAMES_MAX], char first[NAMES_MAX])
{
	char copy[NAMES_MAX], *rest = copy, *name;
	size_t used = 0;

	if (strlen(names) >= sizeof copy)
		return E_TOO_LARGE;
	strcpy(copy, names);
	*first = '\0';
	while ((name = strsep(&rest, ", "))) {
		struct addr ignored;
		bool is_name = addr_parse(name, &ignored) != 0;

		if (!*name)
			continue;
		if (is_name && !name_is_plain(name))
			return E_SYNTAX;
		if (!*first)
			strcpy(first, name);
		used += (size_t)snprintf(san + used, NAMES_MAX - used, "%s%s:%s", used ? "," : "",
					 is_name ? "DNS" : "IP", name);
		if (used >= NAMES_MAX)
			return E_TOO_LARGE;
	}
	return used ? 0 : E_SYNTAX;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool added = extension && X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	bool set = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		   BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

	BN_free(n);
	return set;
}

/* The common name has room for 64 octets (RFC 5280, ub-common-name); who checks looks at the SANs.
 */
static bool set_names(X509 *x, const char *first, const char *san)
{
	X509_NAME *name = X509_get_subject_name(x);
	const char *shown = strlen(first) <= 64 ? first : "hato";

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)shown,
					  -1, -1, 0) &&
	       X509_set_issuer_name(x, name) && add_extension(x, NID_subject_alt_name, san);
}

/* No CA: whoever trusts it trusts these names, and not whatever its key might sign. */
static X509 *make_certificate(EVP_PKEY *key, const char *first, const char *san)
{
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -3600) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) &&
	    X509_set_pubkey(x, key) && set_names(x, first, san) &&
	    add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(x, NID_ext_key_usage, "serverAuth") &&
	    add_extension(x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* ---- the files ---- */

typedef int pem_writer(FILE *to, void *what);

static int write_key(FILE *to, void *key)
{
	return PEM_write_PrivateKey(to, key, NULL, NULL, 0, NULL, NULL);
}

static int write_certificate(FILE *to, void *x)
{
	return PEM_write_X509(to, x);
}

/* Whole or not at all: written beside the path, synced, renamed. */
static int write_file(const char *path, mode_t mode, pem_writer *writer, void *what)
{
	char *beside;
	int fd, rc = E_IO;
	FILE *to = NULL;

	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return E_NOMEM;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		goto out;
	if (fchmod(fd, mode) || !(to = fdopen(fd, "w"))) {
		close(fd);
		goto out_unlink;
	}
	bool written = writer(to, what) && fflush(to) == 0 && fsync(fd) == 0;
	written = fclose(to) == 0 && written;
	if (written && rename(beside, path) == 0) {
		rc = 0;
		goto out;
	}
out_unlink:
	unlink(beside);
out:
	free(beside);
	return rc;
}

int tls_self_signed(const char *names, const char *certificate_path, const char *key_path)
{
	char san[NAMES_MAX], first[NAMES_MAX];
	int rc = names_to_san(names, san, first);

	if (rc)
		return rc;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? make_certificate(key, first, san) : NULL;
	rc = x ? 0 : E_NOMEM;
	if (!rc)
		rc = write_file(key_path, 0600, write_key, key);
	if (!rc)
		rc = write_file(certificate_path, 0644, write_certificate, x);
	X509_free(x);
	EVP_PKEY_free(key);
	return rc;
}
