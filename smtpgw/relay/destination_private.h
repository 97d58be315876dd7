/* destination_private -- between destination.c (which mails, when), destination_links.c (the
 * connections) and destination_set.c (all destinations)
 */
#ifndef HATO_SMTPGW_RELAY_DESTINATION_PRIVATE_H
#define HATO_SMTPGW_RELAY_DESTINATION_PRIVATE_H

#include "smtpgw/relay/destination.h"
#include "smtpgw/relay/window.h"

#define DESTINATION_BUCKETS 1024

/* A connection of a destination. */
struct leg {
	struct destination *of;
	struct leg *next, **at;           /* among its destination's */
	struct leg *idle_next, **idle_at; /* among all that are idle; idle_at null: it is not */
	struct link *link;
	size_t target, tried; /* the plan's; how many of them, this one too */
	bool is_plain;        /* TLS failed with this target: without it, if that may be */
};

/* What is known of a target beside the plan. */
struct target_state {
	int64_t bad_until_us; /* it did not answer: the others first; by clock_mono_us */
	bool is_plain;        /* its TLS does not work */
};

struct destination {
	struct destinations *all;
	struct destination *next; /* in its bucket */
	struct destination *queue_next,
		**queue; /* for a connection; queue null: it does not wait */
	char name[QUEUE_LANE_MAX];
	int64_t lane;
	bool is_dry; /* nothing more was due when it was asked last */

	struct job *first, **last; /* that wait for a connection */
	size_t waiting, out;       /* out: on one */
	bool is_busy, is_again;    /* inside destination_go; it is to go round once more */

	struct route_question *question;
	struct route_plan *plan; /* null: to be asked */
	int64_t planned_us;      /* by clock_mono_us */
	struct target_state *targets;
	size_t good; /* the target that answered last */

	struct leg *legs;
	size_t leg_count, opening; /* opening: of them, not welcomed yet */
	bool is_proven;
	struct window window;

	int64_t down_until_us; /* by clock_now_us; 0: it is not */
	struct relay_answer down;
	char down_remote[JOB_REMOTE_MAX];
};

struct destinations {
	struct destinations_options with;
	struct destination *buckets[DESTINATION_BUCKETS];
	struct leg *idle, **idle_last;                 /* the one that is so longest first */
	struct destination *queue_first, **queue_last; /* who waits for a connection */
	size_t leg_count;
	bool is_stopping;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* destination.c */
void destination_go(struct destination *d); /* does what can be done now */
void destination_enqueue(struct destination *d, struct job *j, bool is_first);
struct job *destination_dequeue(struct destination *d);
void destination_down(struct destination *d, const struct relay_answer *a, const char *remote);
void destination_give_back_all(struct destination *d);

/* destination_links.c */
bool leg_open(struct destination *d);        /* false: none was begun */
struct leg *leg_idle(struct destination *d); /* null: none */
void leg_send(struct leg *g, struct job *j);

/* destination_set.c */
bool destinations_has_slot(struct destinations *all); /* makes one, if that can be */
void destinations_wait(struct destination *d);
void destinations_wait_no_more(struct destination *d);
void destinations_leg_gone(struct destinations *all);
void destinations_note_idle(struct leg *g, bool is_idle);

#endif
