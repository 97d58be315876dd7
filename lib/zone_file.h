/* zone_file -- a zone's name as the rule that its clock goes by
 *
 * "Asia/Tokyo" is looked up in the system's zoneinfo, of which the last line is the rule for the
 * years to come (RFC 8536 3.3); a file without that line, or with one that is none, is no zone
 * here. "+09:00", "-03:30" and "Z" need no file. A name stays below its folder: no `..`, no leading
 * `/`, letters, digits, `_`, `+`, `-` and `/` alone.
 *
 * The rule is stored with the name: when a country changes its clock the names are to be given
 * anew.
 *
 * CALLERS authsrv. OWNERSHIP values. THREADS any. TRUST name: any text
 * ERRORS  E_SYNTAX: no name of a zone; E_NOT_FOUND: none that this system knows
 */
#ifndef HATO_LIB_ZONE_FILE_H
#define HATO_LIB_ZONE_FILE_H

#include "lib/rules/zone.h"

int zone_file_rule(const char *name, char rule[ZONE_RULE_MAX]);

#endif
