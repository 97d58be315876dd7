/* spf_private -- the inside of an SPF check, between spf.c (the course of it) and spf_names.c
 * (names, addresses and what macros stand for)
 */
#ifndef HATO_LIB_RULES_SPF_PRIVATE_H
#define HATO_LIB_RULES_SPF_PRIVATE_H

#include "lib/rules/spf_record.h"

#define SPF_FRAMES_MAX (SPF_TERMS_MAX + 1)
#define SPF_SENDER_MAX 640 /* a local part and a domain */

typedef char spf_name[SPF_NAME_MAX + 1];

enum spf_doing {
	SPF_DOING_RECORD,     /* the innermost frame's record is asked for */
	SPF_DOING_TERM,       /* its terms are gone through */
	SPF_DOING_MX_HOSTS,   /* the hosts of a term's MX, one by one */
	SPF_DOING_NAMES,      /* the client's names are asked for, */
	SPF_DOING_NAME_HOSTS, /* and whether they lead back to it */
	SPF_DOING_EXP,        /* the explanation is asked for, */
	SPF_DOING_EXP_TEXT,   /* and written */
	SPF_DOING_NOTHING,    /* done */
	SPF_DOINGS
};

/* A record that is evaluated: the first, or one that is included. */
struct spf_frame {
	spf_name domain;
	char *text;
	struct spf_record record;
	size_t at;          /* the term; record.count: the redirect */
	bool is_counted;    /* this term was, as one that asks DNS */
	bool is_redirected; /* its domain is a redirect's: there must be a record */
};

struct spf {
	struct addr client;
	char local[256], sender_domain[256], sender[SPF_SENDER_MAX], helo[256], receiver[256];
	char value[128]; /* of a macro that has to be written first */
	int64_t time_s;

	enum spf_doing doing;
	bool is_waiting; /* for the answer to: */
	struct spf_ask ask;
	spf_name asked;

	struct spf_frame frames[SPF_FRAMES_MAX];
	size_t depth;
	unsigned terms, voids;

	spf_name hosts[SPF_MX_MAX]; /* of an MX */
	size_t host_count, host_at;
	bool has_more_hosts;

	bool has_names; /* all is known of the client's names: */
	enum spf_doing after_names;
	spf_name names[SPF_PTR_MAX];
	bool is_valid[SPF_PTR_MAX];
	size_t name_count, name_at;

	enum spf_result result;
	char *exp_text;
	size_t exp_len;
	char explanation[SPF_EXPLANATION_MAX + 1];
};

struct spf_frame *spf_top(struct spf *s);

/* Without its final dot; "" if it is longer than a name may be. */
void spf_set_name(spf_name out, const char *name);
/* May it be asked for? */
bool spf_name_is_good(const char *name);
/* Is it a host's, of two labels at least? Only of such is a record asked for. */
bool spf_name_is_domain(const char *name);
/* Is name the domain, or below it? */
bool spf_name_is_within(const char *name, const char *domain);

enum spf_type spf_address_type(const struct spf *s);
/* Is one of the addresses the client's, as far as the term's prefix goes? */
bool spf_matches(const struct spf *s, const struct spf_term *t, const struct addr *addresses,
		 size_t n);
/* Where the client's names are. */
void spf_reverse_name(const struct spf *s, spf_name out);

/* A domain-spec of the innermost frame, its macros expanded and cut to a name's length. */
void spf_expand_name(struct spf *s, struct spf_piece spec, spf_name out);
/* s->exp_text into s->explanation. */
void spf_expand_explanation(struct spf *s);

#endif
