/* init -- a new DIR: configuration, keys, secrets, a self-signed certificate
 *
 * DIR/hato.conf, DIR/feeder.key, DIR/radius.secret, DIR/keys/, DIR/tls/, DIR/run/, DIR/db/. What is
 * there already stays as it is, so it may be called on every start: it makes what is missing. E_IO
 * with error[] filled.
 */
#ifndef HATO_HATO_INIT_H
#define HATO_HATO_INIT_H

int init_dir(const char *dir, char error[256]);

#endif
