#include "authsrv/complaints.h"

#include "lib/clock.h"

#define MINUTE_US (60 * CLOCK_S)
#define PLACES    8 /* where one may lie */

static size_t hash(const struct addr *source, unsigned reason)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ reason;

	for (size_t i = 0; i < sizeof source->bytes; i++)
		h = (h ^ source->bytes[i]) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 29);
}

bool complaints_say(struct complaints *c, const struct addr *source, unsigned reason,
		    int64_t now_us, int64_t *unsaid)
{
	struct complaint *place = NULL;
	size_t first = hash(source, reason);

	for (size_t i = 0; i < PLACES; i++) {
		struct complaint *at = &c->at[(first + i) % COMPLAINTS_MAX];
		bool over = !at->said_us || now_us - at->said_us >= MINUTE_US;
		if (at->said_us && at->reason == reason && addr_equal(&at->source, source)) {
			if (!over) {
				at->unsaid++;
				return false;
			}
			*unsaid = at->unsaid;
			at->said_us = now_us;
			at->unsaid = 0;
			return true;
		}
		if (over && (!place || at->said_us < place->said_us))
			place = at;
	}
	if (!place)
		return false;
	*place = (struct complaint){.source = *source, .reason = reason, .said_us = now_us};
	*unsaid = 0;
	return true;
}
