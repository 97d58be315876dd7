/* smpp_status -- what a command_status says, and what the one who reads it does about it
 *
 * One table: code, name, class. The class is what an ESME acts on after a response; an SMSC uses
 * it for the answers to deliver_sm. A status that nobody knows (vendors have 0x400 to 0x4ff) is
 * permanent: it speaks of this message, not of the link.
 *
 * THREADS any. SEE SMPP 3.4 5.1.3; protocols 3.3
 */
#ifndef HATO_LIB_WIRE_SMPP_STATUS_H
#define HATO_LIB_WIRE_SMPP_STATUS_H

#include <stdint.h>

enum smpp_status {
	SMPP_ROK = 0x00,
	SMPP_RINVMSGLEN = 0x01,
	SMPP_RINVCMDLEN = 0x02,
	SMPP_RINVCMDID = 0x03,
	SMPP_RINVBNDSTS = 0x04,
	SMPP_RALYBND = 0x05,
	SMPP_RINVPRTFLG = 0x06,
	SMPP_RINVREGDLVFLG = 0x07,
	SMPP_RSYSERR = 0x08,
	SMPP_RINVSRCADR = 0x0A,
	SMPP_RINVDSTADR = 0x0B,
	SMPP_RINVMSGID = 0x0C,
	SMPP_RBINDFAIL = 0x0D,
	SMPP_RINVPASWD = 0x0E,
	SMPP_RINVSYSID = 0x0F,
	SMPP_RCANCELFAIL = 0x11,
	SMPP_RREPLACEFAIL = 0x13,
	SMPP_RMSGQFUL = 0x14,
	SMPP_RINVSERTYP = 0x15,
	SMPP_RINVNUMDESTS = 0x33,
	SMPP_RINVDLNAME = 0x34,
	SMPP_RINVDESTFLAG = 0x40,
	SMPP_RINVSUBREP = 0x42,
	SMPP_RINVESMCLASS = 0x43,
	SMPP_RCNTSUBDL = 0x44,
	SMPP_RSUBMITFAIL = 0x45,
	SMPP_RINVSRCTON = 0x48,
	SMPP_RINVSRCNPI = 0x49,
	SMPP_RINVDSTTON = 0x50,
	SMPP_RINVDSTNPI = 0x51,
	SMPP_RINVSYSTYP = 0x53,
	SMPP_RINVREPFLAG = 0x54,
	SMPP_RINVNUMMSGS = 0x55,
	SMPP_RTHROTTLED = 0x58,
	SMPP_RINVSCHED = 0x61,
	SMPP_RINVEXPIRY = 0x62,
	SMPP_RINVDFTMSGID = 0x63,
	SMPP_RX_T_APPN = 0x64,
	SMPP_RX_P_APPN = 0x65,
	SMPP_RX_R_APPN = 0x66,
	SMPP_RQUERYFAIL = 0x67,
	SMPP_RINVOPTPARSTREAM = 0xC0,
	SMPP_ROPTPARNOTALLWD = 0xC1,
	SMPP_RINVPARLEN = 0xC2,
	SMPP_RMISSINGOPTPARAM = 0xC3,
	SMPP_RINVOPTPARAMVAL = 0xC4,
	SMPP_RDELIVERYFAILURE = 0xFE,
	SMPP_RUNKNOWNERR = 0xFF
};

enum smpp_class {
	SMPP_CLASS_OK,
	SMPP_CLASS_THROTTLE,    /* too fast: slow down at once, the message again later */
	SMPP_CLASS_QUEUE_FULL,  /* no room there: the message again, rather later */
	SMPP_CLASS_TEMPORARY,   /* the message again later */
	SMPP_CLASS_PERMANENT,   /* never again as it stands */
	SMPP_CLASS_BIND_LOST,   /* the other side holds this link for something else: bind anew */
	SMPP_CLASS_BIND_REFUSED /* as a bind's answer: back off for long, and tell somebody */
};

/* "ESME_RTHROTTLED"; for a code without a name "unknown". */
const char *smpp_status_name(uint32_t status);
enum smpp_class smpp_status_class(uint32_t status);

#endif
