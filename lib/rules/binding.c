#include "lib/rules/binding.h"

#include <string.h>

#include "lib/rules/weaken.h"

/* binding-rules 2: what each state allows. A row a state, a column a use. */
static const bool allowed[KEY_STATES][BINDING_USES] = {
	/*                    token,  token,  refresh, mail,  UDP,   SMS
	 *                    bare    proof                              */
	[KEY_FREE] = {false, false, false, false, false, true},
	[KEY_UNCONFIRMED] = {true, true, false, false, false, true},
	[KEY_CONFIRMED] = {true, true, true, true, true, true},
	[KEY_CONTESTED] = {false, true, true, true, false, true},
	[KEY_QUARANTINED] = {false, true, false, false, false, true},
};

static const char *const state_names[KEY_STATES] = {
	[KEY_FREE] = "free",
	[KEY_UNCONFIRMED] = "unconfirmed",
	[KEY_CONFIRMED] = "confirmed",
	[KEY_CONTESTED] = "contested",
	[KEY_QUARANTINED] = "quarantined",
};

static const char *const reason_names[QUARANTINE_REASONS] = {
	[QUARANTINE_NONE] = "none",
	[QUARANTINE_PROOF_OF_OTHER] = "proof-of-other",
	[QUARANTINE_TOKEN_OF_OTHER] = "token-of-other",
	[QUARANTINE_IDENTITIES] = "identities",
	[QUARANTINE_TWO_SESSIONS] = "two-sessions",
	[QUARANTINE_SESSION_IDENTITY] = "session-identity",
	[QUARANTINE_MISDIRECTED] = "misdirected",
	[QUARANTINE_OPERATOR] = "operator",
};

const char *key_state_name(enum key_state s)
{
	return s < KEY_STATES ? state_names[s] : "?";
}

const char *quarantine_reason_name(enum quarantine_reason r)
{
	return r < QUARANTINE_REASONS ? reason_names[r] : "?";
}

enum key_state binding_state_at(const struct binding *b, int64_t now_us)
{
	if (b->state != KEY_QUARANTINED && b->expires_us && b->expires_us <= now_us)
		return KEY_FREE;
	return b->state;
}

bool binding_allows(const struct binding *b, enum binding_use use, int64_t now_us)
{
	if (b->frozen && use != USE_SMS_TRIGGER) /* as quarantined, and no proof helps */
		return false;
	return allowed[binding_state_at(b, now_us)][use];
}

const struct addr *binding_host(const struct binding *b)
{
	static const struct addr none;

	if (b->key.plen == KEY_PLEN_V4)
		return &b->key.addr;
	return !addr_equal(&b->host, &none) && key_covers(&b->key, &b->host) ? &b->host : NULL;
}

bool binding_opens_mail(const struct binding *b, int64_t subscriber, uint32_t generation,
			int64_t now_us)
{
	bool is_his = subscriber != 0 && b->subscriber == subscriber;

	if (!PROTECTED(GENERATION)) /* nor whether this generation was ever confirmed */
		return is_his && b->state != KEY_FREE && b->state != KEY_QUARANTINED;
	return is_his && b->generation == generation && binding_allows(b, USE_MAIL, now_us);
}

/* A generation is never reused: at the end of its 32 bits the key is shut rather than begun again.
 */
static void generation_raise(struct binding *b)
{
	if (b->generation < UINT32_MAX)
		b->generation++;
	else
		b->state = KEY_QUARANTINED;
	b->confirmed_us = 0;
	b->rival = b->rival_us = 0;
	b->proved_sqn = 0; /* challenges of another generation are refused by that */
	b->host = (struct addr){0};
	memset(b->trigger_key, 0, sizeof b->trigger_key);
}

enum claim_answer binding_claim_bare(struct binding *b, int64_t claimed, int64_t now_us)
{
	if (b->frozen)
		return CLAIM_FROZEN;
	switch (binding_state_at(b, now_us)) {
	case KEY_FREE:
		return CLAIM_NO_BINDING;
	case KEY_CONTESTED:
		return CLAIM_CONTESTED;
	case KEY_QUARANTINED:
	case KEY_STATES: /* no state: never yes */
		return CLAIM_QUARANTINED;
	case KEY_UNCONFIRMED:
	case KEY_CONFIRMED:
		break;
	}
	if (PROTECTED(CLAIM) && (!claimed || claimed != b->subscriber)) {
		b->state = KEY_CONTESTED;
		return CLAIM_MISMATCH;
	}
	b->state = KEY_CONFIRMED;
	b->confirmed_us = now_us;
	b->rival = b->rival_us = 0; /* a sign of the holder */
	return CLAIM_ACCEPTED;
}

/* Quarantine was a doubt about who is there; the bound SIM has just answered it. A key that no
 * session holds any more is nobody's to prove. */
static bool quarantine_disproved(struct binding *b, int64_t now_us)
{
	if (!b->subscriber || !b->session || b->generation == UINT32_MAX ||
	    (b->expires_us && b->expires_us <= now_us))
		return false;
	b->state = KEY_UNCONFIRMED;
	b->reason = QUARANTINE_NONE;
	generation_raise(b);
	return true;
}

enum claim_answer binding_claim_proof(struct binding *b, int64_t proved, int64_t sqn,
				      int64_t now_us)
{
	enum key_state state = binding_state_at(b, now_us);

	if (state == KEY_FREE)
		return CLAIM_NO_BINDING;
	if (!proved || proved != b->subscriber) {
		binding_quarantine_apply(b, QUARANTINE_PROOF_OF_OTHER);
		return CLAIM_QUARANTINED;
	}
	if (b->frozen)
		return CLAIM_FROZEN;
	if (sqn <= b->proved_sqn)
		return CLAIM_REPLAYED;
	if (!allowed[state][USE_TOKEN_PROOF] ||
	    (state == KEY_QUARANTINED && !quarantine_disproved(b, now_us)))
		return CLAIM_QUARANTINED;
	b->state = KEY_CONFIRMED;
	b->confirmed_us = now_us;
	b->proved_sqn = sqn;
	b->rival = b->rival_us = 0;
	return CLAIM_ACCEPTED;
}

enum claim_answer binding_renew(struct binding *b, int64_t now_us, int64_t reprove_us)
{
	if (b->frozen)
		return CLAIM_FROZEN;
	if (!binding_allows(b, USE_TOKEN_RENEW, now_us))
		return binding_state_at(b, now_us) == KEY_QUARANTINED ? CLAIM_QUARANTINED
								      : CLAIM_NO_BINDING;
	if (b->confirmed_us + reprove_us <= now_us)
		return CLAIM_STALE;
	b->state = KEY_CONFIRMED;
	b->rival = b->rival_us = 0;
	return CLAIM_ACCEPTED;
}

bool binding_quarantine_apply(struct binding *b, enum quarantine_reason reason)
{
	if (b->state == KEY_QUARANTINED || b->state == KEY_FREE)
		return false;
	b->state = KEY_QUARANTINED;
	b->reason = reason;
	b->rival = b->rival_us = 0;
	return true;
}

void binding_restart(struct binding *b)
{
	if (b->state == KEY_FREE)
		return;
	if (b->state != KEY_QUARANTINED)
		b->state = KEY_UNCONFIRMED;
	generation_raise(b);
}

bool binding_release_apply(struct binding *b)
{
	if (b->state != KEY_QUARANTINED || b->generation == UINT32_MAX)
		return false;
	bool held = b->subscriber && b->session;
	b->state = held ? KEY_UNCONFIRMED : KEY_FREE;
	b->reason = QUARANTINE_NONE;
	if (!held)
		b->subscriber = b->session = 0;
	generation_raise(b);
	return true;
}

void binding_free_apply(struct binding *b)
{
	b->session = 0;
	b->rival = b->rival_us = 0;
	b->expires_us = 0;
	if (b->state == KEY_QUARANTINED)
		return; /* the doubt outlives the session; the row keeps whom it was about */
	b->state = KEY_FREE;
	b->subscriber = 0;
	b->confirmed_us = 0;
	b->proved_sqn = 0;
	b->host = (struct addr){0};
	memset(b->trigger_key, 0, sizeof b->trigger_key);
}
