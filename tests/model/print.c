/* A history as a person reads it. */
#include <stdio.h>

#include "tests/model/judge.h"

#define BASE_US INT64_C(1700000000000000)

static void print_event(const struct model_event *ev)
{
	char text[KEY_TEXT_MAX];

	printf("%s realm-%d nas %d session %d who %d at %.6f arrived %.6f delay %.0f lease %.6f"
	       " batch %lld",
	       lease_kind_name(ev->kind), ev->realm, ev->nas, ev->name, ev->who,
	       ev->time_us ? (double)(ev->time_us - BASE_US) / 1e6 : 0.0,
	       (double)(ev->received_us - BASE_US) / 1e6, (double)ev->delay_us / 1e6,
	       (double)ev->lease_us / 1e6, (long long)ev->batch);
	for (int i = 0; i < ev->key_count; i++) {
		struct key k = net_key(ev->keys[i]);
		printf(" %s", key_format(&k, text));
	}
}

void history_print(const struct history *h)
{
	static const char *const names[] = {
		[STEP_CLAIM] = "claim",     [STEP_PROOF] = "proof",
		[STEP_REFRESH] = "refresh", [STEP_QUARANTINE] = "quarantine",
		[STEP_RELEASE] = "release", [STEP_RESTART] = "end of tokens",
		[STEP_SWEEP] = "sweep",     [STEP_REMOVE] = "removal"};
	char text[KEY_TEXT_MAX];

	for (int i = 0; i < h->step_count; i++) {
		const struct step *s = &h->steps[i];
		printf("  %2d  ", i + 1);
		if (s->kind == STEP_EVENT) {
			print_event(&s->ev);
		} else {
			struct key k = net_key(s->key);
			printf("%s of %d at %s %s, %.6f", names[s->kind], s->who, k.realm,
			       key_format(&k, text), (double)(s->now_us - BASE_US) / 1e6);
		}
		printf("\n");
	}
}
