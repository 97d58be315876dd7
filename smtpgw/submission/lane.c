#include "smtpgw/submission/lane.h"

#include "lib/idn.h"

int lane_of(const struct local_domains *ours, const struct mailaddr *to, char lane[QUEUE_LANE_MAX])
{
	if (!local_domains_has(ours, to->domain))
		return idn_to_ascii(to->domain, lane, QUEUE_LANE_MAX);
	lane[0] = '\0';
	return 0;
}
