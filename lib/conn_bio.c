/* The socket as OpenSSL sees it. Its own BIO does the same, but cannot say that more is to come: a
 * ticket would be a packet of its own before the greeting, and so would the last record, the
 * close_notify and the FIN. */
#include <errno.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <sys/socket.h>

#include "lib/conn_private.h"

static int on_write(BIO *bio, const char *octets, int n)
{
	ssize_t sent = conn_put(BIO_get_data(bio), octets, (size_t)n);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)sent;
}

static int on_read(BIO *bio, char *octets, int room)
{
	struct conn *c = BIO_get_data(bio);
	ssize_t got = recv(c->fd, octets, (size_t)room, 0);

	BIO_clear_retry_flags(bio);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)got;
}

static long on_ctrl(BIO *bio, int what, long n, void *p)
{
	(void)bio;
	(void)n;
	(void)p;
	return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

/* Made once and never changed: null if there was no memory. */
static BIO_METHOD *method;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
	if (!method)
		return;
	BIO_meth_set_write(method, on_write);
	BIO_meth_set_read(method, on_read);
	BIO_meth_set_ctrl(method, on_ctrl);
}

bool conn_bio_set(struct conn *c)
{
	pthread_once(&made, make);
	BIO *bio = method ? BIO_new(method) : NULL;

	if (!bio)
		return false;
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->ssl, bio, bio);
	return true;
}
