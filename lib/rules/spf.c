#include "lib/rules/spf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/spf_macro.h"
#include "lib/rules/spf_private.h"

static void act(struct spf *s);
static void hear(struct spf *s, const struct spf_answer *answer);

/* ---- asking ---- */

/* A name that cannot be one is one that does not exist. */
static void ask(struct spf *s, const char *name, enum spf_type type)
{
	static const struct spf_answer nothing = {.outcome = SPF_EMPTY};

	spf_set_name(s->asked, name);
	s->ask = (struct spf_ask){s->asked, type};
	if (spf_name_is_good(s->asked))
		s->is_waiting = true;
	else
		hear(s, &nothing);
}

static void run(struct spf *s)
{
	while (!s->is_waiting && s->doing != SPF_DOING_NOTHING)
		act(s);
}

/* ---- the end ---- */

static void finish(struct spf *s, enum spf_result result)
{
	s->result = result;
	s->doing = SPF_DOING_NOTHING;
}

static void clear_frame(struct spf_frame *f)
{
	free(f->text);
	spf_record_clear(&f->record);
	f->text = NULL;
	f->at = 0;
	f->is_counted = false;
}

static void next_term(struct spf *s)
{
	spf_top(s)->at++;
	spf_top(s)->is_counted = false;
	s->doing = SPF_DOING_TERM;
}

static void end_first(struct spf *s, enum spf_result result)
{
	finish(s, result);
	if (result == SPF_FAIL && s->frames[0].record.exp.at)
		s->doing = SPF_DOING_EXP;
}

/* A record has come to a result. An included one matches or not; what it lacks, or has wrong, is
 * wrong with the whole. */
static void end_frame(struct spf *s, enum spf_result result)
{
	while (s->depth > 0) {
		clear_frame(spf_top(s));
		s->depth--;
		if (result == SPF_TEMPERROR || result == SPF_PERMERROR || result == SPF_NONE) {
			finish(s, result == SPF_TEMPERROR ? SPF_TEMPERROR : SPF_PERMERROR);
			return;
		}
		if (result != SPF_PASS) {
			next_term(s);
			return;
		}
		result = spf_top(s)->record.terms[spf_top(s)->at].qualifier;
	}
	end_first(s, result);
}

static void matched(struct spf *s)
{
	end_frame(s, spf_top(s)->record.terms[spf_top(s)->at].qualifier);
}

/* False: that was one too many, and all is over. */
static bool count_term(struct spf *s)
{
	if (!spf_top(s)->is_counted && ++s->terms > SPF_TERMS_MAX) {
		finish(s, SPF_PERMERROR);
		return false;
	}
	spf_top(s)->is_counted = true;
	return true;
}

/* The same for an answer to `a`, `mx`, `exists`. */
static bool count_void(struct spf *s, const struct spf_answer *answer)
{
	if (answer->outcome == SPF_UNKNOWN) {
		finish(s, SPF_TEMPERROR);
		return false;
	}
	if (answer->outcome == SPF_EMPTY && ++s->voids > SPF_VOID_MAX) {
		finish(s, SPF_PERMERROR);
		return false;
	}
	return true;
}

/* ---- records ---- */

static void act_record(struct spf *s)
{
	ask(s, spf_top(s)->domain, SPF_TXT);
}

static void read_record(struct spf *s, const struct spf_text *text)
{
	struct spf_frame *f = spf_top(s);

	f->text = malloc(text->length + 1);
	if (!f->text) {
		finish(s, SPF_TEMPERROR);
		return;
	}
	memcpy(f->text, text->octets, text->length);
	int err = spf_record_parse(f->text, text->length, &f->record);
	if (err)
		end_frame(s, err == E_NOMEM ? SPF_TEMPERROR : SPF_PERMERROR);
	else
		s->doing = SPF_DOING_TERM;
}

static void hear_record(struct spf *s, const struct spf_answer *answer)
{
	const struct spf_text *record = NULL;
	size_t n = answer->outcome == SPF_FOUND ? answer->count : 0, records = 0;

	for (size_t i = 0; i < n; i++)
		if (spf_record_is(answer->texts[i].octets, answer->texts[i].length)) {
			record = &answer->texts[i];
			records++;
		}
	if (answer->outcome == SPF_UNKNOWN)
		end_frame(s, SPF_TEMPERROR);
	else if (records > 1)
		end_frame(s, SPF_PERMERROR);
	else if (!record)
		end_frame(s, spf_top(s)->is_redirected ? SPF_PERMERROR : SPF_NONE);
	else
		read_record(s, record);
}

/* ---- terms ---- */

/* The client's names first, if this term has to do with them. */
static bool must_know_names(struct spf *s, struct spf_piece spec, bool is_ptr)
{
	if (s->has_names || (!is_ptr && !spf_macro_has(spec.at, spec.len, 'p')))
		return false;
	s->after_names = s->doing;
	s->doing = SPF_DOING_NAMES;
	return true;
}

static void target_of(struct spf *s, struct spf_piece spec, spf_name out)
{
	if (spec.at)
		spf_expand_name(s, spec, out);
	else
		spf_set_name(out, spf_top(s)->domain);
}

static void include(struct spf *s, const char *domain)
{
	assert(s->depth + 1 < SPF_FRAMES_MAX); /* each is a term that was counted */
	s->depth++;
	*spf_top(s) = (struct spf_frame){0};
	spf_set_name(spf_top(s)->domain, domain);
	s->doing = SPF_DOING_RECORD;
}

static void redirect(struct spf *s)
{
	struct spf_frame *f = spf_top(s);
	spf_name domain;

	if (!f->record.redirect.at) {
		end_frame(s, SPF_NEUTRAL);
		return;
	}
	if (!count_term(s) || must_know_names(s, f->record.redirect, false))
		return;
	spf_expand_name(s, f->record.redirect, domain);
	clear_frame(f);
	f->is_redirected = true;
	spf_set_name(f->domain, domain);
	s->doing = SPF_DOING_RECORD;
}

static bool is_client_named(const struct spf *s, const char *domain)
{
	for (size_t i = 0; i < s->name_count; i++)
		if (s->is_valid[i] && spf_name_is_within(s->names[i], domain))
			return true;
	return false;
}

/* A term that needs DNS, its target known. */
static void begin_term(struct spf *s, const struct spf_term *t, const char *target)
{
	switch (t->mechanism) {
	case SPF_MECHANISM_INCLUDE:
		include(s, target);
		break;
	case SPF_MECHANISM_A:
		ask(s, target, spf_address_type(s));
		break;
	case SPF_MECHANISM_MX:
		ask(s, target, SPF_MX);
		break;
	case SPF_MECHANISM_EXISTS:
		ask(s, target, SPF_A);
		break;
	default:
		if (is_client_named(s, target))
			matched(s);
		else
			next_term(s);
	}
}

static bool is_local(const struct spf_term *t)
{
	return t->mechanism == SPF_MECHANISM_ALL || t->mechanism == SPF_MECHANISM_IP4 ||
	       t->mechanism == SPF_MECHANISM_IP6;
}

/* An IPv6 network never holds an IPv4 client, nor the other way round. */
static bool is_in_network(const struct spf *s, const struct spf_term *t)
{
	if (t->mechanism == SPF_MECHANISM_ALL)
		return true;
	return (t->mechanism == SPF_MECHANISM_IP4) == addr_is_v4(&s->client) &&
	       spf_matches(s, t, &t->network, 1);
}

static void act_term(struct spf *s)
{
	struct spf_frame *f = spf_top(s);
	spf_name target;

	if (f->at == f->record.count) {
		redirect(s);
		return;
	}
	const struct spf_term *t = &f->record.terms[f->at];
	if (is_local(t)) {
		if (is_in_network(s, t))
			matched(s);
		else
			next_term(s);
		return;
	}
	if (!count_term(s) || must_know_names(s, t->spec, t->mechanism == SPF_MECHANISM_PTR))
		return;
	target_of(s, t->spec, target);
	begin_term(s, t, target);
}

static void copy_hosts(struct spf *s, const struct spf_answer *answer)
{
	size_t n = answer->outcome == SPF_FOUND ? answer->count : 0;

	s->has_more_hosts = n > SPF_MX_MAX;
	s->host_count = s->has_more_hosts ? SPF_MX_MAX : n;
	s->host_at = 0;
	for (size_t i = 0; i < s->host_count; i++)
		spf_set_name(s->hosts[i], answer->names[i]);
	s->doing = SPF_DOING_MX_HOSTS;
}

static void hear_term(struct spf *s, const struct spf_answer *answer)
{
	const struct spf_term *t = &spf_top(s)->record.terms[spf_top(s)->at];

	if (!count_void(s, answer))
		return;
	if (t->mechanism == SPF_MECHANISM_MX)
		copy_hosts(s, answer);
	else if (answer->outcome == SPF_FOUND &&
		 (t->mechanism == SPF_MECHANISM_EXISTS ||
		  spf_matches(s, t, answer->addresses, answer->count)))
		matched(s);
	else
		next_term(s);
}

static void act_mx_hosts(struct spf *s)
{
	if (s->host_at < s->host_count)
		ask(s, s->hosts[s->host_at], spf_address_type(s));
	else if (s->has_more_hosts)
		finish(s, SPF_PERMERROR);
	else
		next_term(s);
}

static void hear_mx_host(struct spf *s, const struct spf_answer *answer)
{
	const struct spf_term *t = &spf_top(s)->record.terms[spf_top(s)->at];

	s->host_at++;
	if (!count_void(s, answer))
		return;
	if (answer->outcome == SPF_FOUND && spf_matches(s, t, answer->addresses, answer->count))
		matched(s);
}

/* ---- the client's names ---- */

static void act_names(struct spf *s)
{
	spf_name name;

	spf_reverse_name(s, name);
	ask(s, name, SPF_PTR);
}

static void hear_names(struct spf *s, const struct spf_answer *answer)
{
	size_t n = answer->outcome == SPF_FOUND ? answer->count : 0;

	s->name_count = n < SPF_PTR_MAX ? n : SPF_PTR_MAX;
	for (size_t i = 0; i < s->name_count; i++)
		spf_set_name(s->names[i], answer->names[i]);
	s->doing = SPF_DOING_NAME_HOSTS;
}

static void act_name_hosts(struct spf *s)
{
	if (s->name_at < s->name_count) {
		ask(s, s->names[s->name_at], spf_address_type(s));
	} else {
		s->has_names = true;
		s->doing = s->after_names;
	}
}

static void hear_name_host(struct spf *s, const struct spf_answer *answer)
{
	static const struct spf_term exactly = {.plen4 = 32, .plen6 = 128};

	s->is_valid[s->name_at++] = answer->outcome == SPF_FOUND &&
				    spf_matches(s, &exactly, answer->addresses, answer->count);
}

/* ---- the explanation ---- */

static void act_exp(struct spf *s)
{
	struct spf_piece spec = s->frames[0].record.exp;
	spf_name target;

	if (must_know_names(s, spec, false))
		return;
	spf_expand_name(s, spec, target);
	ask(s, target, SPF_TXT);
}

static void hear_exp(struct spf *s, const struct spf_answer *answer)
{
	s->doing = SPF_DOING_NOTHING;
	if (answer->outcome != SPF_FOUND || answer->count != 1 ||
	    answer->texts[0].length > SPF_RECORD_MAX)
		return;
	s->exp_len = answer->texts[0].length;
	s->exp_text = malloc(s->exp_len + 1);
	if (!s->exp_text)
		return;
	memcpy(s->exp_text, answer->texts[0].octets, s->exp_len);
	s->doing = SPF_DOING_EXP_TEXT;
}

static void act_exp_text(struct spf *s)
{
	if (must_know_names(s, (struct spf_piece){s->exp_text, s->exp_len}, false))
		return;
	spf_expand_explanation(s);
	s->doing = SPF_DOING_NOTHING;
}

/* ---- the course of it ---- */

/* What it does next, and what it does with the answer. */
static const struct {
	void (*act)(struct spf *s);
	void (*hear)(struct spf *s, const struct spf_answer *answer);
} doings[SPF_DOINGS] = {
	[SPF_DOING_RECORD] = {act_record, hear_record},
	[SPF_DOING_TERM] = {act_term, hear_term},
	[SPF_DOING_MX_HOSTS] = {act_mx_hosts, hear_mx_host},
	[SPF_DOING_NAMES] = {act_names, hear_names},
	[SPF_DOING_NAME_HOSTS] = {act_name_hosts, hear_name_host},
	[SPF_DOING_EXP] = {act_exp, hear_exp},
	[SPF_DOING_EXP_TEXT] = {act_exp_text, NULL},
};

static void act(struct spf *s)
{
	doings[s->doing].act(s);
}

static void hear(struct spf *s, const struct spf_answer *answer)
{
	doings[s->doing].hear(s, answer);
}

static const char *said(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

int spf_begin(const struct spf_question *q, struct spf **out)
{
	struct spf *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->client = q->client;
	s->time_s = q->time_s;
	snprintf(s->local, sizeof s->local, "%s", said(q->sender_local, "postmaster"));
	snprintf(s->sender_domain, sizeof s->sender_domain, "%s",
		 said(q->sender_domain, q->domain));
	snprintf(s->sender, sizeof s->sender, "%s@%s", s->local, s->sender_domain);
	snprintf(s->helo, sizeof s->helo, "%s", said(q->helo, "unknown"));
	snprintf(s->receiver, sizeof s->receiver, "%s", said(q->receiver, "unknown"));
	spf_set_name(s->frames[0].domain, q->domain);
	if (spf_name_is_domain(s->frames[0].domain))
		run(s);
	else
		finish(s, SPF_NONE);
	*out = s;
	return 0;
}

const struct spf_ask *spf_ask(const struct spf *s)
{
	return s->is_waiting ? &s->ask : NULL;
}

void spf_answer(struct spf *s, const struct spf_answer *answer)
{
	assert(s->is_waiting);
	s->is_waiting = false;
	hear(s, answer);
	run(s);
}

void spf_free(struct spf *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < SPF_FRAMES_MAX; i++)
		clear_frame(&s->frames[i]);
	free(s->exp_text);
	free(s);
}

enum spf_result spf_result(const struct spf *s)
{
	return s->result;
}

const char *spf_explanation(const struct spf *s)
{
	return s->explanation;
}

const char *spf_domain(const struct spf *s)
{
	return s->frames[0].domain;
}

const char *spf_word(enum spf_result r)
{
	static const char *const words[SPF_RESULTS] = {
		"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror",
	};

	return words[r];
}
