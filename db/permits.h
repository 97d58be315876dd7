/* permits -- may this subscriber be told by this bearer, from when on, and in which form?
 *
 * The one place that knows settings of a subscriber's own. Asked inside the transaction that logs a
 * sending, before the schedule decides, and by nobody else.
 */
#ifndef HATO_DB_PERMITS_H
#define HATO_DB_PERMITS_H

#include "db/engine.h"
#include "db/outbox.h"

struct permits {
	struct schedule_permit udp, sms;
	enum sms_form form;
};

/* msisdn: whom a short message would go to. */
int permits_get(struct engine *e, const struct outbox_row *row, const char *msisdn, int64_t now_us,
		struct permits *out);

#endif
