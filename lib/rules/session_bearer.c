/* Which bearers of a session are active: binding-rules 3, "Several bearers". */
#include <string.h>

#include "lib/rules/lease.h"

static void forget(struct session_row *s, size_t i)
{
	s->bearer_count--;
	memmove(&s->bearers[i], &s->bearers[i + 1], (s->bearer_count - i) * sizeof *s->bearers);
}

void session_bearer_note(struct session_row *s, uint32_t bearer, bool ended)
{
	size_t i;

	for (i = 0; i < s->bearer_count; i++)
		if (s->bearers[i].id == bearer) {
			s->bearers[i].ended = s->bearers[i].ended || ended;
			return;
		}
	for (i = 0; s->bearer_count == SESSION_BEARERS_MAX && i < s->bearer_count; i++)
		if (s->bearers[i].ended)
			forget(s, i);
	if (s->bearer_count < SESSION_BEARERS_MAX)
		s->bearers[s->bearer_count++] = (struct session_bearer){bearer, ended};
}

bool session_has_active_bearer(const struct session_row *s)
{
	for (size_t i = 0; i < s->bearer_count; i++)
		if (!s->bearers[i].ended)
			return true;
	return false;
}
