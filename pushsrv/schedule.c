#include "pushsrv/schedule.h"

#include "lib/clock.h"

void schedule_init(struct schedule *s, const struct conf *c)
{
	s->coalesce_us = c->pushsrv_coalesce * 1000;
	s->retry_count = c->pushsrv_retry.count;
	for (size_t i = 0; i < s->retry_count; i++)
		s->retry_us[i] = c->pushsrv_retry.value[i] * CLOCK_S;
}

enum schedule_verdict schedule_look(const struct outbox_row *row, enum schedule_cause cause,
				    int64_t now_us, int64_t window_us, int64_t *at_us)
{
	bool has_news = row->newest_uid > row->covered_uid;

	if (cause == SCHEDULE_LEASE)
		return SCHEDULE_SEND;
	if (has_news && window_us > 0) {
		*at_us = now_us + window_us;
		return SCHEDULE_HOLD;
	}
	if (has_news || row->next_us <= now_us)
		return SCHEDULE_SEND;
	if (cause == SCHEDULE_START)
		return SCHEDULE_ASK;
	*at_us = row->next_us;
	return SCHEDULE_WAIT;
}

bool schedule_missed(const struct outbox_row *row, int64_t confirmed_us)
{
	return row->attempts == 0 || confirmed_us > row->mailed_us;
}

int64_t schedule_after(const struct schedule *s, uint32_t attempts, int64_t sent_us)
{
	return attempts < s->retry_count ? sent_us + s->retry_us[attempts] : SCHEDULE_NEVER;
}

int64_t schedule_after_error(const struct schedule *s, uint32_t attempts, int64_t now_us)
{
	if (s->retry_count == 0)
		return now_us + CLOCK_S;
	return now_us + s->retry_us[attempts < s->retry_count ? attempts : s->retry_count - 1];
}
