#include "authsrv/watch.h"

#include "authsrv/counters.h"
#include "authsrv/radius/radius.h"
#include "lib/log.h"

static void on_change(void *arg, const struct change *change)
{
	struct worker *w = arg;
	char ip[KEY_TEXT_MAX];

	breakers_changed(w, change);
	if (change->kind != CHANGE_BINDING || change->state >= KEY_STATES)
		return;
	count_state(change->state);
	if (change->state != KEY_CONTESTED && change->state != KEY_QUARANTINED)
		return;
	if (w->radius && change->state == KEY_QUARANTINED && !w->stopping)
		radius_quarantined(w->radius, change);
	if (w->alarms++ >= ALARMS_PER_SECOND)
		return;
	log_event(LOG_WARN, key_state_name(change->state), LOG_TEXT("realm", change->key.realm),
		  LOG_TEXT("ip", key_format(&change->key, ip)),
		  LOG_INT("subscriber", change->subscriber),
		  LOG_INT("generation", change->generation), LOG_END);
}

int watch_start(struct worker *w)
{
	int err = db_watch(w->port, DB_BINDINGS, on_change, w);

	if (!err)
		breakers_start(w);
	return err;
}

void watch_second(struct worker *w)
{
	if (w->alarms > ALARMS_PER_SECOND)
		log_event(LOG_WARN, "alarms", LOG_INT("unwritten", w->alarms - ALARMS_PER_SECOND),
			  LOG_END);
	w->alarms = 0;
}
