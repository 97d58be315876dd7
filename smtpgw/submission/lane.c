#include "smtpgw/submission/lane.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/utf8.h"

static int to_ascii(const char *domain, char lane[QUEUE_LANE_MAX])
{
	char *ascii = NULL;
	int rc = idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);

	if (rc != IDN2_OK)
		return rc == IDN2_MALLOC ? E_NOMEM : E_SYNTAX;
	int n = snprintf(lane, QUEUE_LANE_MAX, "%s", ascii);
	idn2_free(ascii);
	return n < QUEUE_LANE_MAX ? 0 : E_SYNTAX;
}

int lane_of(const struct local_domains *ours, const struct mailaddr *to, char lane[QUEUE_LANE_MAX])
{
	if (local_domains_has(ours, to->domain))
		lane[0] = '\0';
	else if (utf8_is_printable(to->domain, strlen(to->domain), false))
		snprintf(lane, QUEUE_LANE_MAX, "%s", to->domain);
	else
		return to_ascii(to->domain, lane);
	return 0;
}
