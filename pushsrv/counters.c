#include "pushsrv/counters.h"

#include "lib/metrics.h"

#define P "hato_pushsrv_"

static struct metric metrics[COUNTERS] = {
	[COUNT_CONNECTIONS] = {.name = P "connections_total", .help = "LMTP connections taken"},
	[COUNT_ACCEPTED] = {.name = P "mail_accepted_total", .help = "messages committed"},
	[COUNT_ACCEPTED_RECIPIENTS] = {.name = P "mail_accepted_recipients_total",
				       .help = "replies of 250 after the content"},
	[COUNT_ACCEPTED_OCTETS] = {.name = P "mail_accepted_octets_total",
				   .help = "octets of committed messages, each once"},
	[COUNT_REFUSED_UNKNOWN] = {.name = P "refused_total{reason=\"unknown-recipient\"}",
				   .help = "refusals, by reason"},
	[COUNT_REFUSED_FULL] = {.name = P "refused_total{reason=\"mailbox-full\"}",
				.help = "refusals, by reason"},
	[COUNT_REFUSED_CLOSED] = {.name = P "refused_total{reason=\"mailbox-closed\"}",
				  .help = "refusals, by reason"},
	[COUNT_REFUSED_STORE] = {.name = P "refused_total{reason=\"store\"}",
				 .help = "refusals, by reason"},
	[COUNT_REFUSED_UNSAFE] = {.name = P "refused_total{reason=\"unsafe-content\"}",
				  .help = "refusals, by reason"},
	[COUNT_REFUSED_LONG_LINE] = {.name = P "refused_total{reason=\"long-line\"}",
				     .help = "refusals, by reason"},
	[COUNT_REFUSED_TOO_LARGE] = {.name = P "refused_total{reason=\"too-large\"}",
				     .help = "refusals, by reason"},
	[COUNT_REFUSED_COMMAND] = {.name = P "refused_total{reason=\"command\"}",
				   .help = "refusals, by reason"},
	[COUNT_TRIGGERS_FIRST] = {.name = P "triggers_sent_total{kind=\"first\"}",
				  .help = "datagrams sent, by kind"},
	[COUNT_TRIGGERS_REPEAT] = {.name = P "triggers_sent_total{kind=\"repeat\"}",
				   .help = "datagrams sent, by kind"},
	[COUNT_TRIGGERS_COALESCED] = {.name = P "triggers_coalesced_total",
				      .help = "mails that waited for the end of a window"},
	[COUNT_TRIGGERS_POSTPONED] = {.name = P "triggers_postponed_total",
				      .help = "triggers that found no usable binding"},
	[COUNT_TRIGGERS_MOVED] = {.name = P "triggers_moved_total",
				  .help = "bindings that changed just before the datagram left"},
	[COUNT_TRIGGERS_NO_HOST] =
		{.name = P "triggers_no_host_total",
		 .help = "bindings of an IPv6 prefix of which no address is known"},
	[COUNT_MISSED_FEED] =
		{.name = P "leases_missed_total{found=\"feed\"}",
		 .help = "leases confirmed while no pushsrv was there, with mail waiting,"
			 " by what told a start of them"},
	[COUNT_MISSED_WHOLE] =
		{.name = P "leases_missed_total{found=\"outbox\"}",
		 .help = "leases confirmed while no pushsrv was there, with mail waiting,"
			 " by what told a start of them"},
	[COUNT_SEND_FULL] = {.name = P "send_full_total",
			     .help = "datagrams that found the socket full"},
	[COUNT_SEND_ERRORS] = {.name = P "send_errors_total",
			       .help = "datagrams that the network refused"},
	[COUNT_SMS_FIRST] = {.name = P "sms_sent_total{kind=\"first\"}",
			     .help = "short messages handed to an SMSC, by kind"},
	[COUNT_SMS_REPEAT] = {.name = P "sms_sent_total{kind=\"repeat\"}",
			      .help = "short messages handed to an SMSC, by kind"},
	[COUNT_SMS_ACCEPTED] = {.name = P "sms_answers_total{outcome=\"accepted\"}",
				.help = "what SMSCs said of them, by outcome"},
	[COUNT_SMS_PUT_OFF] = {.name = P "sms_answers_total{outcome=\"temporary\"}",
			       .help = "what SMSCs said of them, by outcome"},
	[COUNT_SMS_FAILED] = {.name = P "sms_answers_total{outcome=\"permanent\"}",
			      .help = "what SMSCs said of them, by outcome"},
	[COUNT_SMS_UNKNOWN] = {.name = P "sms_answers_total{outcome=\"unknown\"}",
			       .help = "what SMSCs said of them, by outcome"},
	[COUNT_SMS_MOVED] =
		{.name = P "sms_moved_total",
		 .help = "owners, freezes or mailboxes that changed just before an SMS left"},
	[COUNT_SMS_DELIVERED] = {.name = P "sms_receipts_total{state=\"delivered\"}",
				 .help = "receipts that found their trigger, by state"},
	[COUNT_SMS_UNDELIVERED] = {.name = P "sms_receipts_total{state=\"failed\"}",
				   .help = "receipts that found their trigger, by state"},
	[COUNT_SMS_RECEIPTS_UNKNOWN] = {.name = P "sms_receipts_unknown_total",
					.help = "receipts of messages that we do not know"},
	[COUNT_SMS_RECEIPT_MAX_US] = {.name = P "sms_receipt_us_max",
				      .help = "the longest wait for a receipt",
				      .kind = METRIC_GAUGE},
	[COUNT_SMS_INCOMING] = {.name = P "sms_incoming_total",
				.help = "short messages from phones"},
	[COUNT_STORE_ERRORS] = {.name = P "store_errors_total",
				.help = "steps of a trigger that the store refused"},
	[COUNT_LATENCY_SUM_US] = {.name = P "trigger_latency_us_sum",
				  .help = "from a mail's commit to its first datagram"},
	[COUNT_LATENCY_MAX_US] = {.name = P "trigger_latency_us_max",
				  .help = "the longest such wait",
				  .kind = METRIC_GAUGE},
	[COUNT_PURGED] = {.name = P "mail_purged_total", .help = "messages of removed subscribers"},
};

void push_counters_register(void)
{
	for (int i = 0; i < COUNTERS; i++)
		metric_register(&metrics[i]);
}

void counter_add(enum counter c, int64_t n)
{
	metric_add(&metrics[c], n);
}

void counter_most(enum counter c, int64_t n)
{
	int64_t most = counter_read(c);

	while (n > most && !atomic_compare_exchange_weak(&metrics[c].value, &most, n))
		;
}

int64_t counter_read(enum counter c)
{
	return atomic_load_explicit(&metrics[c].value, memory_order_relaxed);
}
