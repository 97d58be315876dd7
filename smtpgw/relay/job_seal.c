/* What a late bounce of a mail proves itself by, put where hosts bring it back. */
#include <stdio.h>

#include "lib/clock.h"
#include "smtpgw/relay/job.h"

static bool write_seal(struct job *j, struct return_seal *seal)
{
	const struct sealed_mail mail = {
		.received_s = j->received_us / CLOCK_S, .sender = j->sender, .mail = j->mail};
	const char *to[RETURN_SEAL_RECIPIENTS];
	size_t n = j->envelope.count, first = j->count - n;

	if (n > RETURN_SEAL_RECIPIENTS)
		return false;
	for (size_t i = 0; i < n; i++)
		to[i] = j->rows[first + i].canonical;
	return return_seal_write(seal, &mail, to, n, j->seal) == 0;
}

void job_seal(struct job *j, const struct job_seals *seals, bool has_dsn)
{
	bool as_envid = has_dsn && !*j->envid;
	bool as_field = !as_envid && seals->in_header && j->envelope.count == 1;

	j->envelope.envid = j->envid;
	j->envelope.top = 0;
	if (!seals->seal || j->sender == 0 || !*j->reverse_path || !(as_envid || as_field) ||
	    !write_seal(j, seals->seal))
		return;
	if (as_envid)
		j->envelope.envid = j->seal;
	else
		j->envelope.top = (size_t)snprintf(j->top, sizeof j->top, "%s: %s\r\n",
						   RETURN_SEAL_FIELD, j->seal);
}
