/* trap_list -- the addresses of smtpgw.traps
 *
 * Compared without case. OWNERSHIP trap_list_fini frees all; zeroed is an empty one. THREADS
 * read-only after trap_list_read
 */
#ifndef HATO_SMTPGW_CHECKS_TRAP_LIST_H
#define HATO_SMTPGW_CHECKS_TRAP_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire/mailaddr.h"

struct trap_list {
	char **addresses; /* folded, in order */
	size_t count;
};

/* Commas or blanks between them. E_SYNTAX: *bad begins with what is no address. E_NOMEM. */
int trap_list_read(const char *text, struct trap_list *out, const char **bad);
void trap_list_fini(struct trap_list *l);
bool trap_list_has(const struct trap_list *l, const struct mailaddr *a);

#endif
