/* notify -- when a subscriber may be told of his mail: the way he chose, quiet hours, rates
 *
 *                     datagram                   short message
 *     push            yes                        yes, a push
 *     text            never                      yes, a text: the phone knows no EMN
 *     off             never                      never
 *     quiet hours     not before their end,      not before their end
 *                     unless they let
 *                     datagrams through
 *     rate            n an hour                  n an hour
 *
 * Quiet hours are wall clock in a zone of the subscriber's own, [from, to), over midnight when `to`
 * is the earlier one. What is held back is told at their end, however many mails came: one trigger.
 * A datagram makes no sound by itself, so a subscriber may let it through: then his phone fetches,
 * and only what it shows is its own affair. By default both wait, since we cannot know what his
 * phone does with one.
 *
 * A rate is a bucket of n that fills evenly, n an hour: n at once, then one each hour/n. Its whole
 * state is one time, `spent`: when the bucket will be full again. So in any hour 2n - 1 at most.
 *
 * Pure: times in microseconds come from the caller. OWNERSHIP values. THREADS any.
 * CALLERS    db/permits (inside the transaction that logs a sending), authsrv (reads and shows)
 * SEE        docs/sms.md, "What a subscriber may choose"
 */
#ifndef HATO_LIB_RULES_NOTIFY_H
#define HATO_LIB_RULES_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rules/zone.h"

#define NOTIFY_NEVER        INT64_MAX
#define NOTIFY_ZONE_MAX     64 /* a zone's name, with its NUL */
#define NOTIFY_RATE_DEFAULT (-1)
#define NOTIFY_PER_HOUR_MAX 3600
#define NOTIFY_DAY_MINUTES  1440

enum notify_mode { NOTIFY_PUSH, NOTIFY_TEXT, NOTIFY_OFF };

struct notify_quiet {
	uint16_t from_min, to_min; /* minutes after midnight; equal: there are no quiet hours */
	bool lets_udp_through;
	char zone[NOTIFY_ZONE_MAX]; /* as it was given: "Asia/Tokyo", "+09:00" */
	char rule_text[ZONE_RULE_MAX];
	struct zone rule; /* that, parsed */
};

/* What a subscriber chose; notify_default() is that of one who never did. */
struct notification {
	enum notify_mode mode;
	bool replaces;     /* text: the next one takes its place (TP-PID 0x41) */
	bool hides_sender; /* text */
	struct notify_quiet quiet;
	int32_t udp_per_hour, sms_per_hour; /* NOTIFY_RATE_DEFAULT; 0: no limit */
};

/* Of subscribers who say NOTIFY_RATE_DEFAULT. 0: no limit. */
struct notify_rates {
	uint32_t udp_per_hour, sms_per_hour;
};

/* When the buckets will be full again; 0: they are. */
struct notify_spent {
	int64_t udp_us, sms_us;
};

/* Not before these; 0: at once; NOTIFY_NEVER. */
struct notify_permits {
	int64_t udp_us, sms_us;
};

struct notification notify_default(void);

/* Whole rates of a subscriber. */
struct notify_rates notify_rates_of(const struct notification *n,
				    const struct notify_rates *defaults);

struct notify_permits notify_permits(const struct notification *n, const struct notify_rates *rates,
				     const struct notify_spent *spent, int64_t now_us);

/* now_us if it is not quiet then; else when the quiet hours end. */
int64_t notify_quiet_until(const struct notify_quiet *q, int64_t now_us);

/* When one of n an hour may go, and what is spent after one went. */
int64_t notify_rate_from(uint32_t per_hour, int64_t spent_us, int64_t now_us);
int64_t notify_rate_spend(uint32_t per_hour, int64_t spent_us, int64_t now_us);
/* It did not go after all. */
int64_t notify_rate_give_back(uint32_t per_hour, int64_t spent_us);

/* "push", "text", "off". E_SYNTAX. */
const char *notify_mode_name(enum notify_mode mode);
int notify_mode_parse(const char *name, enum notify_mode *out);

#endif
