/* air_sms -- where short messages come and go: one connection to smsc-sim's radio side for all
 * phones
 *
 * Made again after a pause whenever it is lost; what is said meanwhile is lost too, as on the air.
 * `linked` tells when it is there and when it is gone: all phones are detached then, and attach
 * again. Callers: world_radio. OWNERSHIP a frame's payload lives for the callback; air_sms_close
 * frees all. THREADS the loop's. ERRORS what the other side sends that is no frame ends the
 * connection. SEE lib/wire/sms/radio.h
 */
#ifndef HATO_HANDSET_SIM_AIR_SMS_H
#define HATO_HANDSET_SIM_AIR_SMS_H

#include <stdbool.h>

#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/wire/sms/radio.h"

struct air_sms;

struct air_sms_ops {
	void (*linked)(void *arg, bool up);
	void (*frame)(void *arg, const struct radio_frame *frame);
};

/* Connects in the background. E_NOMEM. */
int air_sms_open(struct loop *loop, const struct addr *to, uint16_t port,
		 const struct air_sms_ops *ops, void *arg, struct air_sms **out);
void air_sms_close(struct air_sms *a);

void air_sms_say(struct air_sms *a, enum radio_kind kind, const char *number,
		 const uint8_t *payload, size_t n);

#endif
