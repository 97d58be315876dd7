/* conf_running -- the configuration of the system that runs in DIR, for the commands and for
 * handset-sim
 *
 * `hato run` may be given --set keys that stand in no file; it leaves them in DIR/run/sets, one a
 * line, while it runs. Whoever wants to talk to that system (which port?) reads DIR/hato.conf and
 * these.
 */
#ifndef HATO_LIB_CONF_RUNNING_H
#define HATO_LIB_CONF_RUNNING_H

#include "lib/conf.h"

#define CONF_FILE "hato.conf"

/* Further sets come on top. E_NOT_FOUND: DIR was never initialised. error[] tells. */
int conf_load_running(const char *dir, const char *const *sets, size_t set_count, struct conf **out,
		      char error[256]);
int conf_running_write(const struct conf *c, const char *const *sets, size_t set_count);
void conf_running_remove(const struct conf *c);

#endif
