#include "lib/rules/schedule.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define FROZEN_US (60 * SECOND_US) /* a thaw of one's own is told at once */
#define LOOK_US   (10 * SECOND_US) /* what makes him reachable wakes the row; in case it did not */
#define HELD_BACK_US                                                                               \
	(30 * SECOND_US) /* a NAS that is behind renews its bindings without a word                \
			  */

uint16_t schedule_port(const struct schedule *s, const char *realm)
{
	for (size_t i = 0; i < s->realm_count; i++)
		if (strcmp(s->realms[i].name, realm) == 0)
			return s->realms[i].port;
	return 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool has_news(const struct outbox_row *row)
{
	return row->newest_uid > row->covered_uid;
}

static enum schedule_verdict wait_for(struct outbox_row *row, enum bearer bearer, int64_t until_us)
{
	row->bearer = bearer;
	row->next_us = until_us;
	return SCHEDULE_WAIT;
}

/* ---- datagrams ---- */

/* When the one after `attempts` of them is due; SCHEDULE_NEVER: they are used up. */
static int64_t datagram_due(const struct schedule *s, const struct outbox_row *row)
{
	if (has_news(row))
		return row->sent_us ? row->sent_us + s->coalesce_us : 0;
	if (row->attempts == 0)
		return 0;
	return row->attempts <= s->retry.count ? row->sent_us + s->retry.us[row->attempts - 1]
					       : SCHEDULE_NEVER;
}

static enum schedule_verdict send_datagram(const struct schedule *s, int64_t now_us,
					   struct outbox_row *row)
{
	row->attempts = has_news(row) ? 1 : row->attempts + 1;
	if (has_news(row))
		row->sms_attempts = 0;
	row->sent_us = now_us;
	row->waiting_us = 0;
	row->bearer = BEARER_UDP;
	row->next_us =
		datagram_due(s, &(struct outbox_row){.attempts = row->attempts, .sent_us = now_us});
	if (row->next_us == SCHEDULE_NEVER && s->sms)
		wait_for(row, BEARER_SMS, now_us + s->sms_unconfirmed_us);
	return SCHEDULE_UDP;
}

/* ---- short messages ---- */

static int64_t sms_gap(const struct schedule *s, uint32_t attempts)
{
	if (s->sms_retry.count == 0)
		return SCHEDULE_NEVER;
	size_t last = s->sms_retry.count - 1;
	return s->sms_retry.us[attempts - 1 < last ? attempts - 1 : last];
}

/* When the last one is repeated. */
static int64_t sms_repeat(const struct schedule *s, const struct outbox_row *row)
{
	int64_t gap_us = sms_gap(s, row->sms_attempts ? row->sms_attempts : 1);

	return gap_us == SCHEDULE_NEVER ? SCHEDULE_NEVER : row->sms_us + gap_us;
}

static int64_t sms_due(const struct schedule *s, const struct outbox_row *row)
{
	if (!has_news(row))
		return row->sms_attempts ? sms_repeat(s, row) : 0;
	if (!row->sms_us)
		return 0;
	/* What is under way tells of the news too. */
	return row->sms_state == SMS_UNDER_WAY ? sms_repeat(s, row)
					       : row->sms_us + s->sms_coalesce_us;
}

static int64_t unless_expired(const struct schedule *s, const struct outbox_row *row, int64_t at_us)
{
	return at_us - row->mailed_us < s->expiry_us ? at_us : SCHEDULE_NEVER;
}

static enum schedule_verdict send_sms(const struct schedule *s, int64_t now_us,
				      struct outbox_row *row)
{
	row->sms_attempts = has_news(row) ? 1 : row->sms_attempts + 1;
	if (has_news(row))
		row->attempts = 0;
	row->sms_us = now_us;
	row->sms_state = SMS_UNDER_WAY;
	row->waiting_us = 0;
	row->bearer = BEARER_SMS;
	row->next_us = sms_repeat(s, row);
	if (row->next_us != SCHEDULE_NEVER)
		row->next_us = unless_expired(s, row, row->next_us);
	return SCHEDULE_SMS;
}

static enum schedule_verdict step_sms(const struct schedule *s, const struct schedule_facts *f,
				      bool room, int64_t now_us, struct outbox_row *row)
{
	bool is_told = f->sms.is_once && !has_news(row) && row->sms_state == SMS_DELIVERED;
	int64_t at_us = is_told ? SCHEDULE_NEVER : later(sms_due(s, row), f->sms.from_us);

	if (at_us != SCHEDULE_NEVER)
		at_us = unless_expired(s, row, later(at_us, now_us));
	if (at_us > now_us || !room)
		return wait_for(row, BEARER_SMS, at_us);
	return send_sms(s, now_us, row);
}

/* A binding that may become usable is given its time, counted from the last word about it, but not
 * longer than that from now on, whatever is said of it meanwhile. */
static int64_t hope_ends(const struct schedule *s, const struct schedule_facts *f, int64_t now_us,
			 struct outbox_row *row)
{
	if (!f->hopeful_us || f->has_target)
		return 0;
	if (!row->waiting_us)
		row->waiting_us = now_us;
	return sooner(f->hopeful_us, row->waiting_us) + s->sms_unconfirmed_us;
}

enum schedule_verdict schedule_step(const struct schedule *s, const struct schedule_facts *f,
				    bool sms_room, int64_t now_us, struct outbox_row *row)
{
	if (!f->has_owner)
		return wait_for(row, BEARER_UDP, SCHEDULE_NEVER);
	if (f->is_frozen)
		return wait_for(row, BEARER_UDP, now_us + FROZEN_US);
	int64_t udp_us =
		f->has_target ? later(datagram_due(s, row), f->udp.from_us) : SCHEDULE_NEVER;
	if (udp_us <= now_us)
		return send_datagram(s, now_us, row);
	if (udp_us != SCHEDULE_NEVER)
		return wait_for(row, BEARER_UDP, udp_us);
	if (!s->sms || f->sms.from_us == SCHEDULE_NEVER)
		return wait_for(row, BEARER_UDP,
				f->is_held_back && !f->has_target ? now_us + HELD_BACK_US
								  : SCHEDULE_NEVER);
	int64_t hope_us = hope_ends(s, f, now_us, row);
	if (hope_us > now_us)
		return wait_for(row, BEARER_UDP, hope_us);
	return step_sms(s, f, sms_room, now_us, row);
}

/* ---- what moves a row from outside ---- */

/* When it was looked at last, something was to be told, and no bearer could. */
static bool is_untold(const struct outbox_row *row)
{
	return row->bearer == BEARER_UDP &&
	       (has_news(row) || (row->attempts == 0 && row->sms_attempts == 0));
}

/* A short message under way tells of it, or its repeat does. */
static bool is_told_by_sms(const struct outbox_row *row)
{
	return row->bearer == BEARER_SMS && has_news(row) && row->sms_state == SMS_UNDER_WAY &&
	       row->next_us != SCHEDULE_NEVER;
}

bool schedule_news(const struct schedule *s, int64_t now_us, struct outbox_row *row)
{
	int64_t at_us = later(now_us, row->sent_us ? row->sent_us + s->coalesce_us : 0);

	if (is_told_by_sms(row))
		return false;
	if (is_untold(row) && row->next_us > now_us)
		at_us = later(at_us, now_us + LOOK_US);
	if (at_us >= row->next_us)
		return false;
	row->next_us = at_us;
	row->bearer = BEARER_UDP;
	return true;
}

void schedule_wake(int64_t now_us, struct outbox_row *row)
{
	row->attempts = 0;
	row->sent_us = 0;
	row->waiting_us = 0;
	row->bearer = BEARER_UDP;
	row->next_us = now_us;
}

bool schedule_missed(const struct schedule *s, const struct outbox_row *row, int64_t confirmed_us)
{
	if (row->attempts == 0 || confirmed_us > row->sent_us)
		return true;
	/* It went over to SMS before its datagrams were used up. */
	return row->bearer == BEARER_SMS && row->attempts <= s->retry.count;
}

void schedule_refused(const struct schedule *s, int64_t now_us, struct outbox_row *row)
{
	size_t sent = row->attempts; /* the one that was refused among them */

	if (s->sms || sent == 0)
		return;
	if (s->retry.count == 0)
		row->next_us = now_us + SECOND_US;
	else
		row->next_us = now_us +
			       s->retry.us[sent <= s->retry.count ? sent - 1 : s->retry.count - 1];
	row->attempts--;
	/* So that the gap after what did leave ends then. */
	row->sent_us = row->attempts ? row->next_us - s->retry.us[row->attempts - 1] : 0;
	row->bearer = BEARER_UDP;
}

void schedule_doubt(int64_t now_us, struct outbox_row *row)
{
	if (row->attempts == 0)
		return;
	row->attempts--;
	row->sent_us = 0;
	wait_for(row, BEARER_UDP, now_us);
}

void schedule_put_off(const struct schedule *s, int64_t retry_us, struct outbox_row *row)
{
	if (row->sms_attempts == 0)
		return;
	row->sms_attempts--;
	row->sms_state = SMS_NONE;
	row->sms_us = row->sms_attempts ? retry_us - sms_gap(s, row->sms_attempts) : 0;
	wait_for(row, BEARER_SMS, retry_us);
}
