#include "lib/daemon_open.h"

#include <stdlib.h>

#include "lib/err.h"

int daemon_open_tls(struct daemon *d, struct tls_server **out)
{
	const struct conf *c = daemon_conf(d);
	char error[256] = "";
	char *certificate = conf_path(c, c->paths_tls_certificate);
	char *key = conf_path(c, c->paths_tls_key);
	int err = certificate && key ? tls_server_new(certificate, key, out, error) : E_NOMEM;

	if (err)
		daemon_fail(d, "TLS: %s", *error ? error : err_text(err));
	free(certificate);
	free(key);
	return err;
}

int daemon_open_listener(struct daemon *d, struct loop *loop, const char *what,
			 const struct listener_options *options, struct listener **out)
{
	if (!options->port && !options->unix_path)
		return 0;
	int err = listener_open(loop, options, out);
	if (err && options->unix_path)
		daemon_fail(d, "%s %s: %s", what, options->unix_path, err_text(err));
	else if (err)
		daemon_fail(d, "%s port %u: %s", what, options->port,
			    err == E_EXISTS      ? "in use"
			    : err == E_NOT_FOUND ? "there is no such device"
						 : err_text(err));
	return err;
}
