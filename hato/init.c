#include "hato/init.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/conf_running.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/keyring.h"
#include "lib/seal.h"
#include "lib/tls.h"

#define SECRET_BYTES    24
#define SMPP_SECRET_MAX 8

static int complain(char error[256], const char *path, const char *why)
{
	snprintf(error, 256, "%.180s: %.60s", path, why);
	return E_IO;
}

static void join(char path[PATH_MAX], const char *dir, const char *name)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		path[0] = 0;
}

static int folder_make(const char *dir, const char *name, mode_t mode, char error[256])
{
	char path[PATH_MAX];

	join(path, dir, name);
	if (mkdir(path, mode) && errno != EEXIST)
		return complain(error, path, strerror(errno));
	return 0;
}

static bool exists(const char *dir, const char *name)
{
	char path[PATH_MAX];

	join(path, dir, name);
	return access(path, F_OK) == 0;
}

/* On one machine, for a lab: logins without TLS on the loopback are offered, since every listener
 * is there. */
static int configuration_write(const char *dir, char error[256])
{
	char path[PATH_MAX], half[PATH_MAX];

	if (exists(dir, CONF_FILE))
		return 0;
	join(path, dir, CONF_FILE);
	join(half, dir, CONF_FILE ".new");
	FILE *f = fopen(half, "we");
	if (!f)
		return complain(error, half, strerror(errno));
	conf_print_example(f);
	fputs("\n# Set by hato init: every listener is on the loopback.\n"
	      "[smtpgw]\nauth_requires_tls = no\n\n[popgw]\nauth_requires_tls = no\n",
	      f);
	bool written = fflush(f) == 0 && fsync(fileno(f)) == 0;
	if (fclose(f) || !written || rename(half, path))
		return complain(error, path, strerror(errno));
	return 0;
}

static int text_write(const char *dir, const char *name, const char *text, char error[256])
{
	char path[PATH_MAX];
	int lock;

	join(path, dir, name);
	int rc = keyfile_lock(path, &lock);
	if (rc)
		return complain(error, path, err_text(rc));
	rc = keyfile_write(path, lock, text, strlen(text), false);
	close(lock);
	return rc && rc != E_EXISTS ? complain(error, path, err_text(rc)) : 0;
}

static int secret_write(const char *dir, const char *name, char error[256])
{
	char text[2 * SECRET_BYTES + 2];
	uint8_t octets[SECRET_BYTES];

	if (random_bytes(octets, sizeof octets))
		return complain(error, name, "no random octets");
	keyfile_hex(octets, sizeof octets, text);
	strcat(text, "\n");
	return text_write(dir, name, text, error);
}

/* SMPP 3.4 has room for eight characters. */
static int smpp_secret_write(const char *dir, char error[256])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t octets[SMPP_SECRET_MAX];
	char text[SMPP_SECRET_MAX + 2];

	if (random_bytes(octets, sizeof octets))
		return complain(error, "smpp.secret", "no random octets");
	for (size_t i = 0; i < sizeof octets; i++)
		text[i] = letters[octets[i] % (sizeof letters - 1)];
	memcpy(text + sizeof octets, "\n", 2);
	return text_write(dir, "smpp.secret", text, error);
}

static int keys_write(const char *dir, char error[256])
{
	char path[PATH_MAX];

	join(path, dir, "keys/token.keys");
	int rc = keyring_create(path, clock_now_s());
	if (rc && rc != E_EXISTS)
		return complain(error, path, err_text(rc));
	join(path, dir, "keys/secret.key");
	rc = secret_key_create(path);
	if (rc && rc != E_EXISTS)
		return complain(error, path, err_text(rc));
	join(path, dir, "keys/return.key");
	rc = secret_key_create(path);
	return rc && rc != E_EXISTS ? complain(error, path, err_text(rc)) : 0;
}

static int certificate_write(const char *dir, char error[256])
{
	char certificate[PATH_MAX], key[PATH_MAX];

	if (exists(dir, "tls/cert.pem") && exists(dir, "tls/key.pem"))
		return 0;
	join(certificate, dir, "tls/cert.pem");
	join(key, dir, "tls/key.pem");
	int rc = tls_self_signed("localhost,mx.hato.example,hato.example,127.0.0.1,::1",
				 certificate, key);
	return rc ? complain(error, certificate, err_text(rc)) : 0;
}

int init_dir(const char *dir, char error[256])
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"keys", 0700}, {"tls", 0755}, {"run", 0750}, {"db", 0700}};

	if (mkdir(dir, 0755) && errno != EEXIST)
		return complain(error, dir, strerror(errno));
	int rc = 0;
	for (size_t i = 0; !rc && i < sizeof folders / sizeof *folders; i++)
		rc = folder_make(dir, folders[i].name, folders[i].mode, error);
	if (!rc)
		rc = secret_write(dir, "feeder.key", error);
	if (!rc)
		rc = secret_write(dir, "radius.secret", error);
	if (!rc)
		rc = smpp_secret_write(dir, error);
	if (!rc)
		rc = keys_write(dir, error);
	if (!rc)
		rc = certificate_write(dir, error);
	/* Last: a DIR with a configuration is a DIR that is whole. */
	if (!rc)
		rc = configuration_write(dir, error);
	return rc;
}
