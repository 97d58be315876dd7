#include "handset-sim/heed.h"

#include <string.h>

void heed_init(struct heed *h, int64_t pause_us)
{
	*h = (struct heed){.pause_us = pause_us};
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool is_signed(const uint8_t *push, size_t n, const struct heed_key *key)
{
	const struct given_token *t = key->token;

	return !key->is_expected ||
	       (t && !trigger_verify(push, n, t->key, t->key_size, t->realm, t->generation));
}

static bool hint_is_old(const struct heed *h, int64_t s)
{
	if (s <= h->handled_s || s <= h->hint_floor_s || s <= h->wanted.hint_s)
		return true;
	if (h->is_fetching && s == h->fetching.hint_s)
		return true;
	for (size_t i = 0; i < HEED_RECENT; i++)
		if (h->recent[i] == s)
			return true;
	return false;
}

static enum heed_verdict heed_hint(struct heed *h, int64_t s)
{
	if (hint_is_old(h, s))
		return HEED_OLD;
	h->wanted.hint_s = s;
	return HEED_HINT;
}

enum heed_verdict heed_trigger(struct heed *h, const uint8_t *push, size_t n, const char *mailbox,
			       const struct heed_key *key, struct trigger *out)
{
	struct trigger t;

	if (trigger_decode(push, n, &t))
		return HEED_NONE;
	*out = t;
	if (strcmp(t.mailbox, mailbox))
		return HEED_STRANGER;
	if (!is_signed(push, n, key))
		return heed_hint(h, t.timestamp_s);
	if (t.timestamp_s <= later(h->handled_s, h->wanted.signed_s) ||
	    (h->is_fetching && t.timestamp_s <= h->fetching.signed_s))
		return HEED_OLD;
	h->wanted.signed_s = t.timestamp_s;
	return HEED_SIGNED;
}

bool heed_due(const struct heed *h, int64_t now_us, int64_t *in_us)
{
	*in_us = 0;
	if (h->wanted.signed_s)
		return true;
	if (!h->wanted.hint_s)
		return false;
	if (now_us >= h->pause_until_us)
		return true;
	*in_us = h->pause_until_us - now_us;
	return false;
}

void heed_fetch_begins(struct heed *h, int64_t now_us, int64_t clock_s)
{
	/* A fetch that would have been anyway is not the hint's. */
	if (h->wanted.hint_s && !h->wanted.signed_s)
		h->pause_until_us = now_us + h->pause_us;
	h->fetching = h->wanted;
	h->wanted = (struct heard){0};
	h->begun_s = clock_s;
	h->is_fetching = true;
}

/* The clock bears out only what lies behind it by more than it may be wrong; what is nearer, or in
 * the future, is remembered by itself. */
static void handle_hint(struct heed *h, int64_t s)
{
	int64_t sure_s = h->begun_s - HEED_CLOCK_SLACK_S;

	if (!s)
		return;
	h->hint_floor_s = later(h->hint_floor_s, s < sure_s ? s : sure_s);
	h->recent[h->next_recent++ % HEED_RECENT] = s;
}

void heed_fetch_ended(struct heed *h, bool well)
{
	if (!h->is_fetching)
		return;
	h->is_fetching = false;
	if (well) {
		h->handled_s = later(h->handled_s, h->fetching.signed_s);
		handle_hint(h, h->fetching.hint_s);
	} else {
		h->wanted.signed_s = later(h->wanted.signed_s, h->fetching.signed_s);
		h->wanted.hint_s = later(h->wanted.hint_s, h->fetching.hint_s);
		if (!h->fetching.signed_s)
			h->pause_until_us = 0; /* it had none for its hint */
	}
	h->fetching = (struct heard){0};
}
