/* carriers -- the domains that a subscriber means by "carriers": smtpgw.carrier_domains, and ours
 *
 * A list as lib/rules/filter.h has them. Made once, read by all workers.
 * ERRORS  E_SYNTAX: *bad begins with what is no domain; E_NOMEM. OWNERSHIP the caller frees *list
 */
#ifndef HATO_SMTPGW_DOOR_CARRIERS_H
#define HATO_SMTPGW_DOOR_CARRIERS_H

/* Both: names, separated by commas and spaces. */
int carriers_new(const char *carriers, const char *ours, char **list, const char **bad);

#endif
