/* weaken -- the switches of the build that is meant to fail (`make WEAK=1`)
 *
 * A scenario that cannot fail shows nothing. So each protection that stands between a wrong binding
 * and a stranger's mail is written PROTECTED(NAME) at the one place where it decides. In the
 * programs that people run this is the constant true: no code, no symbol, no string remains of it
 * (tests/e2e/incident_test.py looks). In build-weak/ the environment variable HATO_WEAK names the
 * protections that are off, separated by commas, in small letters. SEE docs/incident-2011.md
 */
#ifndef HATO_LIB_RULES_WEAKEN_H
#define HATO_LIB_RULES_WEAKEN_H

#include <stdbool.h>

#ifdef HATO_WEAK
enum protection {
	PROTECTION_CLAIM,      /* a token only if the handset's word agrees with the binding */
	PROTECTION_GENERATION, /* a token of an earlier generation opens nothing */
	PROTECTION_EVICTION,   /* a newer Start evicts whoever holds the address */
	PROTECTION_ORDER,      /* an older event never undoes a newer one */
	PROTECTION_ADDRESS,    /* a token opens only with the address that it was sealed for */
	PROTECTION_RECHECK,    /* popgw asks for the binding again before every step */
	PROTECTIONS
};
bool weaken_protects(enum protection p);
#define PROTECTED(name) weaken_protects(PROTECTION_##name)
#else
#define PROTECTED(name) true
#endif

#endif
