#include "pushsrv/esme_counters.h"

#include <stdio.h>

#include "lib/conf.h"
#include "lib/metrics.h"
#include "pushsrv/esme.h"

#define NAME_MAX_LEN 128

static const struct row {
	const char *name;  /* after hato_pushsrv_smsc_ */
	const char *label; /* beside smsc=; null: none */
	const char *help;
	bool is_gauge;
} rows[ESME_COUNTERS] = {
	[ESME_COUNT_UP] = {"up", NULL, "the link is bound", true},
	[ESME_COUNT_REFUSED] = {"refused", NULL, "the SMSC refuses our bind: somebody must act",
				true},
	[ESME_COUNT_BINDS] = {"binds_total", NULL, "times the link was bound", false},
	[ESME_COUNT_BINDS_REFUSED] = {"binds_refused_total", NULL, "binds that were refused",
				      false},
	[ESME_COUNT_CLOSED] = {"closed_total", NULL, "times a link or its beginning ended", false},
	[ESME_COUNT_SILENT] = {"silent_total", NULL, "links given up because no answer came",
			       false},
	[ESME_COUNT_SUBMITS] = {"submits_total", NULL, "submit_sm sent", false},
	[ESME_COUNT_IN_FLIGHT] = {"in_flight", NULL, "submit_sm without an answer yet", true},
	[ESME_COUNT_ACCEPTED] = {"messages_total", "outcome=\"accepted\"", "messages by outcome",
				 false},
	[ESME_COUNT_TEMPORARY] = {"messages_total", "outcome=\"temporary\"", "messages by outcome",
				  false},
	[ESME_COUNT_PERMANENT] = {"messages_total", "outcome=\"permanent\"", "messages by outcome",
				  false},
	[ESME_COUNT_UNKNOWN] = {"messages_total", "outcome=\"unknown\"", "messages by outcome",
				false},
	[ESME_COUNT_THROTTLED] = {"throttled_total", NULL, "answers of RTHROTTLED and RMSGQFUL",
				  false},
	[ESME_COUNT_PACE] = {"pace_milli", NULL,
			     "thousandths of a message a second that may go; 0 = no bound", true},
	[ESME_COUNT_LATENCY_SUM_US] = {"response_us_sum", NULL, "from submit_sm to its answer",
				       false},
	[ESME_COUNT_LATENCY_MAX_US] = {"response_us_max", NULL, "the longest such wait", true},
	[ESME_COUNT_RECEIPTS] = {"receipts_total", NULL, "delivery receipts taken", false},
	[ESME_COUNT_INCOMING] = {"incoming_total", NULL, "messages from phones taken", false},
	[ESME_COUNT_EARLY] = {"receipts_early_total", NULL,
			      "receipts that came before the answer to their message", false},
	[ESME_COUNT_LATER] = {"later_total", NULL,
			      "receipts and messages that the SMSC was told to bring again", false},
	[ESME_COUNT_ENQUIRIES] = {"enquiries_total", NULL, "enquire_link sent", false},
	[ESME_COUNT_UNEXPECTED] = {"unexpected_total", NULL, "responses that no request waited for",
				   false},
	[ESME_COUNT_MALFORMED] = {"malformed_total", NULL, "PDUs that break the standard", false},
	[ESME_COUNT_NOT_ALLOWED] = {"not_allowed_total", NULL,
				    "requests unknown or not allowed in this state", false},
	[ESME_COUNT_NACKS] = {"nacks_total", NULL, "generic_nack taken", false},
	[ESME_COUNT_ALERTS] = {"alerts_total", NULL, "alert_notification taken", false},
};

static struct metric metrics[CONF_SMSCS_MAX][ESME_COUNTERS];
static char names[CONF_SMSCS_MAX][ESME_COUNTERS][NAME_MAX_LEN];

static void name_row(char name[NAME_MAX_LEN], const struct row *r, const char *smsc)
{
	snprintf(name, NAME_MAX_LEN, "hato_pushsrv_smsc_%s{smsc=\"%s\"%s%s}", r->name, smsc,
		 r->label ? "," : "", r->label ? r->label : "");
}

void esme_counters_register(const struct conf *c)
{
	for (size_t i = 0; i < ESME_COUNTERS; i++)
		for (size_t link = 0; link < c->smsc_count; link++) {
			struct metric *m = &metrics[link][i];

			name_row(names[link][i], &rows[i], c->smscs[link].name);
			m->name = names[link][i];
			m->help = rows[i].help;
			m->kind = rows[i].is_gauge ? METRIC_GAUGE : METRIC_COUNTER;
			metric_register(m);
		}
}

void esme_count(size_t link, enum esme_counter c, int64_t n)
{
	metric_add(&metrics[link][c], n);
}

void esme_gauge(size_t link, enum esme_counter c, int64_t value)
{
	metric_set(&metrics[link][c], value);
}

int64_t esme_counted(size_t link, enum esme_counter c)
{
	return atomic_load_explicit(&metrics[link][c].value, memory_order_relaxed);
}

void esme_most(size_t link, enum esme_counter c, int64_t value)
{
	if (value > esme_counted(link, c))
		metric_set(&metrics[link][c], value);
}
