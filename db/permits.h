/* permits -- may this subscriber be told by this bearer, from when on, and in which form?
 *
 * The one place that knows what a subscriber chose (db/notification.h) when a sending is decided,
 * and how much of his rates is spent. Asked inside the transaction that logs a sending, before the
 * schedule decides; what was decided is spent in the same transaction, and given back where the
 * sending did not leave and is not counted.
 */
#ifndef HATO_DB_PERMITS_H
#define HATO_DB_PERMITS_H

#include "db/engine.h"
#include "db/outbox.h"
#include "lib/rules/notify.h"

struct permits {
	struct schedule_permit udp, sms;
	enum sms_form form;
	struct notify_rates rates;
	struct notify_spent spent;
};

/* msisdn: whom a short message would go to. */
int permits_get(struct engine *e, const struct schedule *s, const struct outbox_row *row,
		const char *msisdn, int64_t now_us, struct permits *out);
/* One sending by a bearer, to however many bindings it goes. */
int permits_spend(struct engine *e, const struct permits *p, int64_t subscriber, enum bearer bearer,
		  int64_t now_us);
int permits_give_back(struct engine *e, const struct schedule *s, int64_t subscriber,
		      enum bearer bearer);

#endif
