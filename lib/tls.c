#include "lib/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

struct tls_server {
	SSL_CTX *context;
};

/* One line for the person who starts the program: what was tried, and what OpenSSL said first about
 * it. */
static int refuse(char error[256], const char *what, const char *path)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(code) ? strerrordesc_np(ERR_GET_REASON(code))
						    : ERR_reason_error_string(code);

	snprintf(error, 256, "%s %s: %s", what, path, reason ? reason : "unusable");
	ERR_clear_error();
	return E_IO;
}

static int context_configure(SSL_CTX *ctx)
{
	static const unsigned char id[] = "hato";

	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Idle connections by the ten thousand: no read and write buffers between records, no
	 * sessions kept here (tickets carry them). */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	       SSL_CTX_set_num_tickets(ctx, 1) &&
	       SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
}

int tls_server_new(const char *certificate, const char *key, struct tls_server **out,
		   char error[256])
{
	int rc = E_IO;
	struct tls_server *t = calloc(1, sizeof *t);

	ERR_clear_error();
	if (!t || !(t->context = SSL_CTX_new(TLS_server_method())) ||
	    !context_configure(t->context)) {
		snprintf(error, 256, "TLS: out of memory");
		goto fail;
	}
	if (SSL_CTX_use_certificate_chain_file(t->context, certificate) != 1) {
		rc = refuse(error, "certificate", certificate);
		goto fail;
	}
	if (SSL_CTX_use_PrivateKey_file(t->context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(t->context) != 1) {
		rc = refuse(error, "private key", key);
		goto fail;
	}
	*out = t;
	return 0;
fail:
	tls_server_free(t);
	return rc;
}

void tls_server_free(struct tls_server *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

SSL_CTX *tls_server_context(struct tls_server *t)
{
	return t->context;
}

/* ---- the client's side ---- */

struct tls_client {
	SSL_CTX *context;
};

static bool trust(SSL_CTX *context, const struct tls_client_options *o)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

	if (o->is_unverified) {
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		return true;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (*o->name && X509_VERIFY_PARAM_set1_ip_asc(param, o->name) != 1 &&
	    X509_VERIFY_PARAM_set1_host(param, o->name, 0) != 1)
		return false;
	ERR_clear_error(); /* of a name that is no address */
	return *o->certificates ? SSL_CTX_load_verify_locations(context, o->certificates, NULL)
				: SSL_CTX_set_default_verify_paths(context);
}

int tls_client_open(const struct tls_client_options *options, struct tls_client **out,
		    char error[256])
{
	struct tls_client *t = calloc(1, sizeof *t);

	if (!t)
		return E_NOMEM;
	ERR_clear_error();
	t->context = SSL_CTX_new(TLS_client_method());
	if (!t->context || !SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION) ||
	    !trust(t->context, options)) {
		tls_client_free(t);
		return refuse(error, "certificates", options->certificates);
	}
	SSL_CTX_set_options(t->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	*out = t;
	return 0;
}

int tls_client_new(const char *certificates, struct tls_client **out, char error[256])
{
	const struct tls_client_options any_name = {.certificates = certificates, .name = ""};

	return tls_client_open(&any_name, out, error);
}

void tls_client_free(struct tls_client *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

SSL_CTX *tls_client_context(struct tls_client *t)
{
	return t->context;
}

int tls_client_expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	bool is_ok = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;

	if (!is_ok)
		is_ok = SSL_set_tlsext_host_name(ssl, name) == 1 &&
			X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
	ERR_clear_error(); /* of a name that is no address */
	return is_ok ? 0 : E_NOMEM;
}
