/* milenage -- the functions f1, f1*, f2, f3, f4, f5, f5* that a SIM and its operator share
 *
 * The example algorithm set of 3GPP, which most operators use as it is: AES-128 around the
 * operator's OPc, with the constants c1..c5 and r1..r5 of TS 35.206. AES is OpenSSL's. What the
 * values mean is lib/aka's affair; this is arithmetic over given octets.
 *
 * OWNERSHIP  values. THREADS any. ERRORS  E_NOMEM: the library could not get what it needs.
 * SEE        3GPP TS 35.206 (the functions), TS 35.208 (the test data in milenage_test.c)
 */
#ifndef HATO_LIB_MILENAGE_H
#define HATO_LIB_MILENAGE_H

#include <stdint.h>

#define MILENAGE_KEY_BYTES 16 /* K, OP, OPc, CK, IK */
#define RAND_BYTES         16
#define SQN_BYTES          6 /* also AK */
#define AMF_BYTES          2
#define MAC_BYTES          8 /* also RES */

struct milenage {
	uint8_t mac_a[MAC_BYTES];       /* f1: the network to the SIM */
	uint8_t mac_s[MAC_BYTES];       /* f1*: the SIM to the network, when it is out of step */
	uint8_t res[MAC_BYTES];         /* f2 */
	uint8_t ck[MILENAGE_KEY_BYTES]; /* f3 */
	uint8_t ik[MILENAGE_KEY_BYTES]; /* f4 */
	uint8_t ak[SQN_BYTES];          /* f5: hides the SQN in AUTN */
	uint8_t ak_s[SQN_BYTES];        /* f5*: hides the SQN in AUTS */
};

/* All of them at once. Only mac_a and mac_s depend on sqn and amf. */
int milenage(const uint8_t k[MILENAGE_KEY_BYTES], const uint8_t opc[MILENAGE_KEY_BYTES],
	     const uint8_t rand[RAND_BYTES], const uint8_t sqn[SQN_BYTES],
	     const uint8_t amf[AMF_BYTES], struct milenage *out);

/* OPc of a SIM whose operator's OP is known. */
int milenage_opc(const uint8_t k[MILENAGE_KEY_BYTES], const uint8_t op[MILENAGE_KEY_BYTES],
		 uint8_t opc[MILENAGE_KEY_BYTES]);

#endif
