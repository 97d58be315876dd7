#include "lib/metrics.h"

#include <inttypes.h>
#include <string.h>

/* Registered before the threads start; only values change afterwards. */
static struct metric *first;

void metric_register(struct metric *m)
{
	struct metric **at = &first;

	while (*at) {
		if (*at == m)
			return;
		at = &(*at)->next;
	}
	*at = m;
}

/* Labels belong to the sample, not to the HELP and TYPE lines; those stand once a family. */
static size_t family_length(const char *name)
{
	return strcspn(name, "{");
}

static bool family_seen(const struct metric *until)
{
	size_t n = family_length(until->name);

	for (const struct metric *m = first; m != until; m = m->next)
		if (family_length(m->name) == n && !strncmp(m->name, until->name, n))
			return true;
	return false;
}

void metrics_print(FILE *to)
{
	for (const struct metric *m = first; m; m = m->next) {
		int n = (int)family_length(m->name);
		if (!family_seen(m))
			fprintf(to, "# HELP %.*s %s\n# TYPE %.*s %s\n", n, m->name, m->help, n,
				m->name, m->kind == METRIC_COUNTER ? "counter" : "gauge");
		fprintf(to, "%s %" PRId64 "\n", m->name,
			atomic_load_explicit(&m->value, memory_order_relaxed));
	}
}
