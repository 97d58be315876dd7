/* hato key rotate: a new key that seals tokens; the old one opens what it sealed until the last of
 * them ends */
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"
#include "lib/clock.h"
#include "lib/conf_running.h"
#include "lib/err.h"
#include "lib/keyring.h"

/* Every daemon re-reads a changed keyring within a second, and at once when it meets an unknown
 * key. */
#define PUBLISH_S 3

static int rotate(const struct command_line *line, const struct conf *c, const char *path)
{
	uint8_t id = 0;
	int rc;

	if (line->revoke) {
		char *end;
		unsigned long n = strtoul(line->revoke, &end, 10);
		if (*end || n < 1 || n > KEYRING_MAX)
			return command_fail("--revoke %s: a key's id is 1..%d", line->revoke,
					    KEYRING_MAX);
		rc = keyring_revoke(path, clock_now_s(), (uint8_t)n);
		if (rc)
			return command_fail("key %lu: %s", n, err_text(rc));
		if (line->json)
			printf("{\"revoked\":%lu}\n", n);
		else
			printf("key %lu is revoked: what it sealed opens nothing any more\n", n);
		return 0;
	}
	rc = keyring_rotate(path, clock_now_s(), PUBLISH_S, c->authsrv_token_seconds, &id);
	if (rc)
		return command_fail("%s: %s", path, err_text(rc));
	if (line->json)
		printf("{\"key\":%u,\"active_in_s\":%d}\n", id, PUBLISH_S);
	else
		printf("key %u seals new tokens in %d s; older tokens open until their own end\n",
		       id, PUBLISH_S);
	return 0;
}

int command_key_rotate(const struct command_line *line)
{
	struct conf *c;
	char error[256];

	if (conf_load_running(line->dir, line->sets, line->set_count, &c, error))
		return command_fail("%s", error);
	char *path = conf_path(c, c->paths_token_keys);
	int status = path ? rotate(line, c, path) : command_fail("out of memory");
	free(path);
	conf_free(c);
	return status;
}
