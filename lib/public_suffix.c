#include "lib/public_suffix.h"

#include <libpsl.h>
#include <pthread.h>

static const psl_ctx_t *list;
static pthread_once_t once = PTHREAD_ONCE_INIT; /* protects the making of `list` */

static void load(void)
{
	list = psl_latest(NULL);
	if (!list)
		list = psl_builtin();
}

const char *public_suffix_organisation(const char *domain)
{
	pthread_once(&once, load);
	const char *registered = list ? psl_registrable_domain(list, domain) : NULL;

	return registered ? registered : domain;
}
