/* tls -- TLS contexts (OpenSSL)
 *
 * TLS 1.2 and later, the system's cipher policy, session tickets on (shared by the workers of a
 * process). One context per process, made at start from paths.tls_certificate and paths.tls_key,
 * borrowed by every listener.
 *
 * THREADS  read-only after tls_server_new
 */
#ifndef HATO_LIB_TLS_H
#define HATO_LIB_TLS_H

#include <stdbool.h>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
struct tls_server;

/* E_IO with error[] filled: no such file, key and certificate do not match. */
int tls_server_new(const char *certificate, const char *key, struct tls_server **out,
		   char error[256]);
void tls_server_free(struct tls_server *t);
SSL_CTX *tls_server_context(struct tls_server *t);

/* The client's side: trusts what `certificates` (PEM) holds, no name is checked: addresses are what
 * handsets know. E_IO with error[]. */
struct tls_client;
int tls_client_new(const char *certificates, struct tls_client **out, char error[256]);
/* The same with a choice: whom to trust, and which name its certificate must have. */
struct tls_client_options {
	const char *certificates; /* PEM; "": the system's */
	const char *name;         /* host name or address; "": any */
	bool is_unverified; /* anybody: this hides from listeners, not from who stands between */
};
int tls_client_open(const struct tls_client_options *options, struct tls_client **out,
		    char error[256]);
void tls_client_free(struct tls_client *t);
SSL_CTX *tls_client_context(struct tls_client *t);
/* Of one handshake: asks for that name (SNI) and, unless the context trusts anybody, wants it in
 * the certificate; an address is not asked for. E_NOMEM. */
int tls_client_expect(SSL *ssl, const char *name);

/* A self-signed certificate for `names` (commas; address literals become IP SANs) with a P-256 key,
 * ten years: what `hato init` makes. The key's file has mode 0600, the certificate's 0644; each is
 * there whole or not at all. E_SYNTAX: no name, or what is none; E_TOO_LARGE, E_IO, E_NOMEM. */
int tls_self_signed(const char *names, const char *certificate_path, const char *key_path);

#endif
