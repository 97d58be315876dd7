/* sim -- a simulated SIM card: what a USIM does with RAND and AUTN, and what the handset makes of
 * it
 *
 * Holds K and OPc, and of each IND slot the highest SEQ that it accepted. AUTN must come from who
 * knows K, and be fresh: greater than its slot's last SEQ, and not further ahead than a SIM allows;
 * else the SIM answers with AUTS, from which the network learns where it is. From CK and IK the
 * handset derives the proof and the trigger key (lib/aka.h). It checks that the challenge is for
 * the address that it has itself.
 *
 * Pure; values. SEE 3GPP TS 33.102 6.3.3, C.2.2; docs/sim-proof.md
 */
#ifndef HATO_HANDSET_SIM_SIM_H
#define HATO_HANDSET_SIM_SIM_H

#include "lib/aka.h"

struct sim {
	struct sim_key key;
	int64_t seq[AKA_IND_MAX + 1]; /* by slot */
};

/* The SIM of a simulated number: its K and OPc follow from the IMSI, so that provisioning and phone
 * need not share anything else. seq: where all slots stand. */
int sim_init(struct sim *s, const char *imsi, int64_t seq);

enum sim_answer {
	SIM_PROVES,      /* *session is what both sides have */
	SIM_OUT_OF_STEP, /* auts is filled */
	SIM_REFUSES      /* the network does not know K, or the library failed */
};
enum sim_answer sim_challenge(struct sim *s, const uint8_t rand[RAND_BYTES],
			      const uint8_t autn[AUTN_BYTES], struct sim_session *session,
			      uint8_t auts[AUTS_BYTES]);

#endif
