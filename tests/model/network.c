#include "tests/model/network.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND  INT64_C(1000000)
#define BASE_US (INT64_C(1700000000) * SECOND)
#define V6(net) UINT64_C(0x20010db800000000) + (net)
#define PORTS   0, 65535

/* One realm's keys; the other has the same, as carriers' private pools do. */
#define REALM_KEYS(r)                                                                              \
	{r, 4, 0x0a000001, 0x0a000001, PORTS}, {r, 4, 0x0a000002, 0x0a000002, PORTS},              \
		{r, 4, 0x0a000003, 0x0a000003, PORTS}, {r, 4, 0x0a000004, 0x0a000004, 0, 32767},   \
		{r, 4, 0x0a000004, 0x0a000004, 32768, 65535},                                      \
		{r, 4, 0x0a000004, 0x0a000004, PORTS}, {r, 6, V6(0x10001), V6(0x10001), PORTS},    \
		{r, 6, V6(0x10002), V6(0x10002), PORTS}, {r, 6, V6(0x10000), V6(0x100ff), PORTS},  \
		{r, 6, V6(0x10000), V6(0x1ffff), PORTS},                                           \
	{                                                                                          \
		r, 6, V6(0x20000), V6(0x20000), PORTS                                              \
	}

const struct model_key net_keys[] = {REALM_KEYS(0), REALM_KEYS(1)};
const int net_key_count = sizeof net_keys / sizeof *net_keys;

static uint8_t prefix_length(const struct model_key *k)
{
	uint64_t size = k->last - k->first + 1;
	uint8_t plen = KEY_PLEN_V6;

	if (k->family == 4)
		return KEY_PLEN_V4;
	for (; size > 1; size /= 2)
		plen--;
	return plen;
}

struct key net_key(int key)
{
	const struct model_key *k = &net_keys[key];
	struct key out = {.plen = prefix_length(k),
			  .port_first = (uint16_t)k->port_first,
			  .port_last = (uint16_t)k->port_last};

	snprintf(out.realm, sizeof out.realm, "realm-%d", k->realm);
	if (k->family == 4)
		memcpy(out.addr.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	for (int i = 0; i < (k->family == 4 ? 4 : 8); i++)
		out.addr.bytes[(k->family == 4 ? 15 : 7) - i] = (uint8_t)(k->first >> 8 * i);
	return out;
}

/* ---- chance ---- */

struct world {
	uint64_t state;
	struct history *out;
	int64_t now_us; /* the true time */
	/* how bad it is, in percent */
	int loss, doubling, lateness, wrongness, handsets;
	int64_t late_us; /* at most */
	bool whole_seconds, names_return;
	struct {
		int64_t skew_us;
		int clock; /* 0: says the time; 1: says the delay; 2: now this, now that */
		int next_name;
	} nases[NET_NASES];
	struct {
		int nas, name, keys[2], key_count; /* nas -1: none */
		int64_t lease_us;
	} attached[NET_REALMS][NET_SUBSCRIBERS + 1];
	int64_t sqn;
	struct {
		int64_t at_us;
		struct step step;
	} sent[HISTORY_STEPS];
	int sent_count;
};

static uint64_t next(struct world *w)
{
	uint64_t z = (w->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int dice(struct world *w, int sides)
{
	return (int)(next(w) % (uint64_t)sides);
}

static bool chance(struct world *w, int percent)
{
	return dice(w, 100) < percent;
}

static int64_t up_to(struct world *w, int64_t us)
{
	return (int64_t)(next(w) % (uint64_t)(us + 1));
}

/* ---- who is where ---- */

static bool keys_overlap(int a, int b)
{
	const struct model_key *x = &net_keys[a], *y = &net_keys[b];

	return x->realm == y->realm && x->family == y->family && x->first <= y->last &&
	       y->first <= x->last && x->port_first <= y->port_last &&
	       y->port_first <= x->port_last;
}

static int holder_of(const struct world *w, int key)
{
	int realm = net_keys[key].realm;

	for (int s = 1; s <= NET_SUBSCRIBERS; s++)
		for (int i = 0; i < w->attached[realm][s].key_count; i++)
			if (w->attached[realm][s].nas >= 0 && w->attached[realm][s].keys[i] == key)
				return s;
	return 0;
}

static bool is_free(const struct world *w, int key)
{
	for (int k = 0; k < net_key_count; k++)
		if (keys_overlap(k, key) && holder_of(w, k))
			return false;
	return true;
}

/* A free key of the family in the realm; -1: found none. */
static int pick_key(struct world *w, int realm, int family)
{
	for (int tries = 0; tries < 12; tries++) {
		int key = dice(w, net_key_count);
		if (net_keys[key].realm == realm && net_keys[key].family == family &&
		    is_free(w, key))
			return key;
	}
	return -1;
}

/* ---- messages ---- */

static void enqueue(struct world *w, struct step s, int64_t at_us)
{
	for (int k = 0; k < net_key_count; k++)
		s.holders[k] = (int8_t)holder_of(w, k);
	if (w->sent_count < HISTORY_STEPS) {
		w->sent[w->sent_count].at_us = at_us;
		w->sent[w->sent_count++].step = s;
	}
}

static void go_wrong(struct world *w, struct model_event *ev)
{
	static const int names[] = {WHO_UNNAMED, WHO_STRANGER, WHO_TWO, WHO_UNREADABLE};

	switch (dice(w, 4)) {
	case 0:
		ev->who = names[dice(w, 4)];
		break;
	case 1:
		ev->who = 1 + dice(w, NET_SUBSCRIBERS);
		break;
	case 2:
		ev->name = dice(w, 3) ? 1 + dice(w, 6) : 0;
		break;
	default:
		if (ev->key_count)
			ev->keys[0] = ev->realm * net_key_count / 2 + dice(w, net_key_count / 2);
		if (ev->key_count == 2 &&
		    net_keys[ev->keys[0]].family == net_keys[ev->keys[1]].family)
			ev->key_count = 1;
		break;
	}
}

/* One copy on its way. */
static void send_copy(struct world *w, struct model_event ev)
{
	int64_t way = w->out->is_perfect ? 0 : up_to(w, 50000);
	int clock = w->nases[ev.nas].clock;

	if (chance(w, w->lateness))
		way += up_to(w, chance(w, 3) ? 40 * 86400 * SECOND : w->late_us);
	ev.received_us = w->now_us + way;
	if (clock == 1 || (clock == 2 && dice(w, 2))) {
		ev.time_us = 0;
		ev.delay_us = way / SECOND * SECOND;
	}
	enqueue(w, (struct step){.kind = STEP_EVENT, .ev = ev}, ev.received_us);
}

static void tell(struct world *w, enum lease_kind kind, int realm, int nas, int who)
{
	struct model_event ev = {.kind = kind, .realm = realm, .nas = nas};

	ev.time_us = w->now_us + w->nases[nas].skew_us;
	if (w->whole_seconds)
		ev.time_us -= ev.time_us % SECOND;
	if (who) {
		ev.who = kind == LEASE_STOP && chance(w, 30) ? WHO_UNNAMED : who;
		ev.name = w->attached[realm][who].name;
		ev.lease_us = w->attached[realm][who].lease_us;
		ev.key_count = w->attached[realm][who].key_count;
		memcpy(ev.keys, w->attached[realm][who].keys, sizeof ev.keys);
		if (ev.name == 0)
			ev.who = who; /* a session without an id is named by its subscriber */
		if (chance(w, w->wrongness))
			go_wrong(w, &ev);
	}
	if (chance(w, w->loss))
		return;
	send_copy(w, ev);
	if (chance(w, w->doubling))
		send_copy(w, ev);
}

/* ---- what happens ---- */

static void detach(struct world *w, int realm, int who)
{
	int nas = w->attached[realm][who].nas;

	if (nas < 0)
		return;
	w->attached[realm][who].nas = -1;
	tell(w, LEASE_STOP, realm, nas, who);
}

static void attach(struct world *w, int realm, int who)
{
	int nas = realm * 2 + dice(w, 2), v4, v6;

	detach(w, realm, who);
	v4 = pick_key(w, realm, 4);
	v6 = chance(w, 50) ? pick_key(w, realm, 6) : -1;
	if (v4 < 0 && v6 < 0)
		return;
	w->attached[realm][who].key_count = 0;
	if (v4 >= 0)
		w->attached[realm][who].keys[w->attached[realm][who].key_count++] = v4;
	if (v6 >= 0)
		w->attached[realm][who].keys[w->attached[realm][who].key_count++] = v6;
	w->attached[realm][who].nas = nas;
	w->attached[realm][who].name = ++w->nases[nas].next_name;
	if (w->names_return)
		w->attached[realm][who].name = chance(w, 20) ? 0 : 1 + dice(w, 5);
	w->attached[realm][who].lease_us =
		!w->out->is_perfect && chance(w, 15) ? up_to(w, 30 * SECOND) : 0;
	tell(w, LEASE_START, realm, nas, who);
}

/* Still there, perhaps with another address than before, or one more. */
static void speak_again(struct world *w, int realm, int who)
{
	int nas = w->attached[realm][who].nas;
	int count = w->attached[realm][who].key_count;

	if (nas < 0)
		return;
	if (chance(w, 30) && count == 1) {
		int family = net_keys[w->attached[realm][who].keys[0]].family == 4 ? 6 : 4;
		int key = pick_key(w, realm, family);
		if (key >= 0) {
			w->attached[realm][who].keys[1] = key;
			w->attached[realm][who].key_count = 2;
		}
	} else if (!w->out->is_perfect && chance(w, 10)) {
		int key = pick_key(w, realm, net_keys[w->attached[realm][who].keys[0]].family);
		if (key >= 0)
			w->attached[realm][who].keys[0] = key;
	}
	tell(w, !w->out->is_perfect && chance(w, 15) ? LEASE_START : LEASE_UPDATE, realm, nas, who);
}

/* A NAS begins anew: its sessions are gone, without a word of each. */
static void reboot(struct world *w, int nas)
{
	int realm = nas / 2;

	for (int s = 1; s <= NET_SUBSCRIBERS; s++)
		if (w->attached[realm][s].nas == nas)
			w->attached[realm][s].nas = -1;
	if (chance(w, 30))
		tell(w, LEASE_NAS_OFF, realm, nas, 0);
	w->now_us += 1 + up_to(w, SECOND);
	tell(w, LEASE_NAS_ON, realm, nas, 0);
	w->now_us += 1;
}

static void handset(struct world *w)
{
	int key = dice(w, net_key_count), holder = holder_of(w, key);
	int who = holder && !chance(w, 15) ? holder : dice(w, NET_SUBSCRIBERS + 1);
	struct step s = {.key = key, .who = who, .now_us = w->now_us, .sqn = ++w->sqn};
	int what = dice(w, 100);

	s.realm = net_keys[key].realm;
	s.kind = what < 50   ? STEP_CLAIM
		 : what < 65 ? STEP_PROOF
		 : what < 77 ? STEP_REFRESH
		 : what < 81 ? STEP_QUARANTINE
		 : what < 87 ? STEP_RELEASE
		 : what < 90 ? STEP_RESTART
		 : what < 98 ? STEP_SWEEP
			     : STEP_REMOVE;
	if (s.kind == STEP_PROOF && chance(w, 20))
		s.sqn = 1; /* a replay */
	if (w->out->is_perfect && (s.kind != STEP_CLAIM || !holder))
		return;
	if (w->out->is_perfect)
		s.who = holder;
	enqueue(w, s, w->now_us);
}

static void happen(struct world *w)
{
	static const int64_t gaps[] = {0, 1000, 300000, SECOND, 4 * SECOND, 30 * SECOND};
	int realm = dice(w, NET_REALMS), who = 1 + dice(w, NET_SUBSCRIBERS), what = dice(w, 100);
	int64_t gap = gaps[dice(w, 6)];

	w->now_us += w->out->is_perfect ? 1000 + up_to(w, 10 * SECOND) : gap + up_to(w, gap);
	if (chance(w, w->handsets))
		handset(w);
	else if (what < 50)
		attach(w, realm, who);
	else if (what < 68)
		detach(w, realm, who);
	else if (what < 92)
		speak_again(w, realm, who);
	else
		reboot(w, realm * 2 + dice(w, 2));
}

/* ---- climates ---- */

static int64_t some_skew(struct world *w)
{
	static const int64_t skews_s[] = {0, 0, 0, 1, -1, 3, -3, 5, 6, -3600, 3600};
	int which = dice(w, 24);

	if (which == 22)
		return -BASE_US; /* 1970 */
	if (which == 23)
		return 400000000 * SECOND; /* 2036 */
	return which < 11 ? skews_s[which] * SECOND : 0;
}

static void choose_climate(struct world *w)
{
	static const int losses[] = {0, 5, 20, 50}, latenesses[] = {0, 10, 40, 90};

	w->out->is_perfect = chance(w, 10);
	w->handsets = 20;
	for (int i = 0; i < NET_NASES; i++)
		w->nases[i].next_name = 10;
	if (w->out->is_perfect) {
		w->out->names_are_new = true;
		return;
	}
	w->loss = losses[dice(w, 4)];
	w->doubling = losses[dice(w, 4)];
	w->lateness = latenesses[dice(w, 4)];
	w->late_us = chance(w, 20) ? 100 * SECOND : 10 * SECOND;
	w->wrongness = chance(w, 50) ? 0 : 12;
	w->whole_seconds = chance(w, 60);
	w->names_return = chance(w, 40);
	for (int i = 0; i < NET_NASES; i++) {
		w->nases[i].skew_us = chance(w, 50) ? 0 : some_skew(w);
		w->nases[i].clock = chance(w, 70) ? 0 : dice(w, 3);
	}
	w->out->names_are_new = !w->names_return && !w->wrongness;
}

/* By arrival; at the same moment in the order in which they were sent. */
static void deliver(struct world *w)
{
	struct history *h = w->out;
	int64_t batch = 0;

	for (int i = 0; i < w->sent_count; i++) {
		int at = h->step_count++;
		while (at > 0 && (h->steps[at - 1].kind == STEP_EVENT
					  ? h->steps[at - 1].ev.received_us
					  : h->steps[at - 1].now_us) > w->sent[i].at_us) {
			h->steps[at] = h->steps[at - 1];
			at--;
		}
		h->steps[at] = w->sent[i].step;
	}
	if (h->is_perfect || !chance(w, 40))
		return;
	for (int i = 1; i < h->step_count; i++) {
		struct step *a = &h->steps[i - 1], *b = &h->steps[i];
		if (a->kind != STEP_EVENT || b->kind != STEP_EVENT || !chance(w, 50))
			continue;
		a->ev.batch = a->ev.batch ? a->ev.batch : ++batch;
		b->ev.batch = a->ev.batch;
	}
}

void network_make(uint64_t seed, struct history *out)
{
	struct world w;

	memset(&w, 0, offsetof(struct world, sent));
	w.sent_count = 0;
	w.state = seed;
	w.out = out;
	w.now_us = BASE_US;
	out->seed = seed;
	out->step_count = 0;
	out->names_are_new = false;
	for (int r = 0; r < NET_REALMS; r++)
		for (int s = 0; s <= NET_SUBSCRIBERS; s++)
			w.attached[r][s].nas = -1;
	choose_climate(&w);
	for (int n = 4 + dice(&w, 28); n > 0; n--)
		happen(&w);
	deliver(&w);
}
