/* sms_time -- the times in short messages: time stamps and validity periods
 *
 * A time stamp is seven octets of swapped decimal digits: year, month, day, hour, minute, second
 * in local time, and the distance from UTC in quarters of an hour with a sign. Two digits of a
 * year are 2000 to 2099. A stamp that is no time is no reason to lose the message
 * (TS 23.040 9.2.3.11): it is read as `is_known` false, and that is written as seven zero octets.
 *
 * A validity period says how long the service centre tries: in steps (relative), by a time stamp
 * (absolute), or in the enhanced form, of which the lengths are read and written, in seconds, but
 * no other function than "single shot".
 *
 * OWNERSHIP  values. THREADS any. TRUST octets: any
 * ERRORS     E_SYNTAX; E_RANGE: a period or time that cannot be written; E_TOO_LARGE
 * SEE        TS 23.040 9.2.3.11 (SCTS), 9.2.3.12 (VP), 9.2.3.13 (discharge time); protocols 2.1
 */
#ifndef HATO_LIB_WIRE_SMS_TIME_H
#define HATO_LIB_WIRE_SMS_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire/octets.h"

#define SMS_TIME_LEN          7
#define SMS_TIME_LEAST_S      INT64_C(946684800)  /* 2000-01-01T00:00:00 */
#define SMS_TIME_MOST_S       INT64_C(4102444799) /* 2099-12-31T23:59:59 */
#define SMS_ZONE_MAX          79                  /* quarters, as far as the digits go */
#define SMS_VALIDITY_MAX_S    (63 * 7 * 86400)    /* relative: 63 weeks */
#define SMS_VALIDITY_DIGITS_S (99 * 3600 + 59 * 60 + 59)

struct sms_time {
	bool is_known;
	int64_t time_s;       /* Unix seconds */
	int8_t zone_quarters; /* the writer's zone: +36 is nine hours ahead of UTC */
};

/* The values of TP-VPF. */
enum sms_validity_form {
	SMS_VALIDITY_NONE = 0, /* the service centre's own */
	SMS_VALIDITY_ENHANCED = 1,
	SMS_VALIDITY_RELATIVE = 2,
	SMS_VALIDITY_ABSOLUTE = 3
};

struct sms_validity {
	enum sms_validity_form form;
	bool is_single_shot;   /* ENHANCED: try once */
	bool has_period;       /* ENHANCED: false is the service centre's own; else see period_s */
	uint32_t period_s;     /* RELATIVE, ENHANCED */
	struct sms_time until; /* ABSOLUTE */
};

/* E_RANGE: the local time is not within the century, or the zone over SMS_ZONE_MAX. */
int sms_time_put(struct octets_writer *w, const struct sms_time *time);
int sms_time_take(struct octets_reader *r, struct sms_time *out);

/* RELATIVE is rounded up to the next step that can be said. E_RANGE: 0, or over the longest. */
int sms_validity_put(struct octets_writer *w, const struct sms_validity *validity);
int sms_validity_take(struct octets_reader *r, enum sms_validity_form form,
		      struct sms_validity *out);

#endif
