/* esme_verbs -- what an ESME does about each PDU of an SMSC: a table
 *
 * Between esme_session.c (the life of a session) and esme_verbs.c (the PDUs) only.
 */
#ifndef HATO_PUSHSRV_ESME_VERBS_H
#define HATO_PUSHSRV_ESME_VERBS_H

#include "pushsrv/esme_session.h"

/* A PDU of the SMSC, decoded: acts on it if the state allows it, answers if not. */
void esme_take(struct esme_session *s, const struct smpp_pdu *pdu, int64_t now_us);

/* esme_session.c */
void esme_session_write(struct esme_session *s, const struct smpp_pdu *pdu);
void esme_session_end(struct esme_session *s, enum esme_end why, uint32_t status);

#endif
