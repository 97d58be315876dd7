/* sms -- the TPDUs between a service centre and a phone
 *
 * The two low bits of a TPDU do not say what it is: that takes the way it goes and the RP message
 * that carries it, too.
 *
 *                    RP-DATA                        RP-ACK, RP-ERROR
 *     to the phone   SMS-DELIVER, -STATUS-REPORT    SMS-SUBMIT-REPORT
 *     to the centre  SMS-SUBMIT                     SMS-DELIVER-REPORT
 *
 * (SMS-COMMAND is known by name and refused.) A report in an RP-ERROR has a failure cause, one in
 * an RP-ACK has none.
 *
 * Called by smsc-sim and handset-sim. Reading is strict about lengths: the user data are as long as
 * TP-UDL says, and nothing follows, but for reports, which may end with what a later version of the
 * standard put there (TP-PI's reserved bits).
 *
 * OWNERSHIP  values. THREADS any. TRUST octets: any
 * ERRORS     E_SYNTAX; E_RANGE: no such TPDU goes there, or a field that cannot be written;
 *            E_TOO_LARGE: over the bounds of the kind, or does not fit
 * SEE        TS 23.040 9.2.2 (TPDUs), 9.2.3 (fields); protocols 2.1, 2.2
 */
#ifndef HATO_LIB_WIRE_SMS_H
#define HATO_LIB_WIRE_SMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/sms/rp.h"
#include "lib/wire/sms/addr.h"
#include "lib/wire/sms/data.h"
#include "lib/wire/sms/time.h"

#define SMS_TPDU_MAX 180 /* octets: any of ours fits, and into an RP message */

#define SMS_PID_PLAIN         0x00
#define SMS_PID_TYPE_0        0x40 /* acknowledge, show nothing */
#define SMS_PID_REPLACE_FIRST 0x41 /* to 0x47: a later one of the same sender replaces it */
#define SMS_PID_REPLACE_LAST  0x47

enum sms_type {
	SMS_DELIVER,
	SMS_DELIVER_REPORT,
	SMS_SUBMIT,
	SMS_SUBMIT_REPORT,
	SMS_STATUS_REPORT,
};

/* TP-FCS, TS 23.040 9.2.3.22. */
enum sms_failure {
	SMS_FAILURE_PID = 0x80,
	SMS_FAILURE_REPLACE = 0x82,
	SMS_FAILURE_DCS = 0x90,
	SMS_FAILURE_TPDU = 0xB0,
	SMS_FAILURE_BUSY = 0xC0,
	SMS_FAILURE_SYSTEM = 0xC2,
	SMS_FAILURE_ADDRESS = 0xC3,
	SMS_FAILURE_BARRED = 0xC4,
	SMS_FAILURE_DUPLICATE = 0xC5,
	SMS_FAILURE_VPF = 0xC6,
	SMS_FAILURE_VP = 0xC7,
	SMS_FAILURE_STORAGE_FULL = 0xD0,
	SMS_FAILURE_NO_STORAGE = 0xD1,
	SMS_FAILURE_PHONE = 0xD2,
	SMS_FAILURE_MEMORY = 0xD3,
	SMS_FAILURE_UNSPECIFIED = 0xFF
};

/* TP-ST, TS 23.040 9.2.3.15. */
enum sms_status {
	SMS_STATUS_RECEIVED = 0x00,
	SMS_STATUS_REPLACED = 0x02,
	SMS_STATUS_TRYING = 0x20, /* to 0x3F: temporary, it is tried on */
	SMS_STATUS_REMOTE_ERROR = 0x40,
	SMS_STATUS_INCOMPATIBLE = 0x41,
	SMS_STATUS_REJECTED = 0x42,
	SMS_STATUS_EXPIRED = 0x46,
	SMS_STATUS_DELETED_BY_SENDER = 0x47,
	SMS_STATUS_DELETED_BY_CENTRE = 0x48,
	SMS_STATUS_UNKNOWN = 0x49,
	SMS_STATUS_GIVEN_UP = 0x60 /* to 0x7F: temporary, no more trying */
};

struct sms_deliver {
	bool has_more_waiting, is_looped, wants_report, has_reply_path;
	struct sms_addr from;
	uint8_t pid;
	struct sms_time sent;
	struct sms_data data;
};

struct sms_submit {
	bool rejects_duplicates, wants_report, has_reply_path;
	uint8_t reference;
	struct sms_addr to;
	uint8_t pid;
	struct sms_validity validity;
	struct sms_data data;
};

/* What TP-PI says is there at a report's end. */
struct sms_report_end {
	bool has_pid, has_dcs, has_data;
	uint8_t pid;
	struct sms_data data; /* without has_dcs its coding is 0 */
};

/* SMS-DELIVER-REPORT, and with `sent` SMS-SUBMIT-REPORT. */
struct sms_report {
	bool is_error;
	uint8_t failure; /* enum sms_failure, of an error */
	struct sms_time sent;
	struct sms_report_end end;
};

struct sms_status_report {
	bool has_more_waiting, is_looped, is_of_command;
	uint8_t reference;
	struct sms_addr to; /* whom the message was for */
	struct sms_time sent, done;
	uint8_t status; /* enum sms_status */
	struct sms_report_end end;
};

struct sms_tpdu {
	enum sms_type type;
	union {
		struct sms_deliver deliver;
		struct sms_submit submit;
		struct sms_report report; /* of both reports */
		struct sms_status_report status_report;
	};
};

int sms_encode(const struct sms_tpdu *tpdu, uint8_t *out, size_t size, size_t *len);
int sms_decode(enum rp_way way, enum rp_type carrier, const uint8_t *octets, size_t len,
	       struct sms_tpdu *out);

#endif
