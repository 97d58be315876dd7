/* segments -- a message as the user data of one or more SMS-DELIVER
 *
 * data_coding becomes TP-DCS; text in Latin-1 or IA5 becomes the 7-bit alphabet, or UCS-2 where it
 * has other characters. The port TLVs become a user data header, the sar TLVs its concatenation
 * element, unless the message brings a header (UDHI). What does not fit 140 octets is split, with a
 * concatenation element in each part; a character is never cut in two. A message that says itself
 * which part of one it is must fit.
 *
 * OWNERSHIP  values. THREADS any. SEE SMPP 3.4 5.2.19, 5.3.2.20 to .24; TS 23.040 9.2.3.24; TS
 * 23.038 4; protocols 2, 3.1
 */
#ifndef HATO_SMSC_SIM_SEGMENTS_H
#define HATO_SMSC_SIM_SEGMENTS_H

#include "lib/wire/sms/sms.h"
#include "smsc-sim/message.h"

/* SMPP_ROK; RINVESMCLASS: no header where esm_class says so; RINVMSGLEN: too long for the radio;
 * RMISSINGOPTPARAM, RINVOPTPARAMVAL, ROPTPARNOTALLWD: the port and sar TLVs. */
uint32_t segments_check(const struct message *m);

/* How many SMS-DELIVER it takes: 1 to 255. */
unsigned segments_count(const struct message *m);
/* The part'th, from 0. False: there is no such part. */
bool segment_read(const struct message *m, unsigned part, struct sms_data *out);

/* The TP-DCS of a data_coding; *text_is: how its octets are to be read. */
enum segment_text { SEGMENT_OCTETS, SEGMENT_SEPTETS, SEGMENT_IA5, SEGMENT_LATIN1, SEGMENT_UCS2 };
uint8_t segment_dcs(uint8_t data_coding, enum segment_text *text_is);
/* And back, for what a phone sends. */
uint8_t segment_data_coding(uint8_t dcs);

#endif
