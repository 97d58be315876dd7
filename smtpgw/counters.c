#include "smtpgw/counters.h"

#include "lib/metrics.h"

static struct metric metrics[COUNTERS] = {
#define SMTP_COUNTER(id, which, its_name, text)                                                    \
	[COUNT_##id] = {.name = "hato_smtpgw_" its_name, .help = text, .kind = METRIC_##which},
#include "smtpgw/counters.def"
};

static struct metric closes[CLOSE_REASONS] = {
#define SMTP_CLOSE(id, word, goodbye, text)                                                        \
	[CLOSE_##id] = {.name = "hato_smtpgw_closed_total{reason=\"" word "\"}",                   \
			.help = "sessions that ended, by reason"},
#include "smtpgw/close_reasons.def"
};

static const struct {
	const char *word, *goodbye;
} words[CLOSE_REASONS] = {
#define SMTP_CLOSE(id, word, goodbye, text) [CLOSE_##id] = {word, goodbye},
#include "smtpgw/close_reasons.def"
};

void counters_register(void)
{
	for (int i = 0; i < COUNTERS; i++)
		metric_register(&metrics[i]);
	for (int i = 0; i < CLOSE_REASONS; i++)
		metric_register(&closes[i]);
}

void counter_add(enum counter c, int64_t n)
{
	metric_add(&metrics[c], n);
}

void counter_set(enum counter c, int64_t n)
{
	metric_set(&metrics[c], n);
}

int64_t counter_read(enum counter c)
{
	return atomic_load_explicit(&metrics[c].value, memory_order_relaxed);
}

void count_close(enum close_reason reason)
{
	metric_add(&closes[reason], 1);
}

const char *close_word(enum close_reason reason)
{
	return words[reason].word;
}

const char *close_goodbye(enum close_reason reason)
{
	return words[reason].goodbye;
}
