/* SMPP 3.4 table 2-1, told a second time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/smpp.h"
#include "lib/wire/smpp/bind.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* One letter a state, O T R X U C; by who may send it, first the ESME, then the SMSC. */
static const struct {
	uint32_t id;
	const char *esme, *smsc;
} rows[] = {
	{SMPP_BIND_TRANSMITTER, "O", ""},
	{SMPP_BIND_RECEIVER, "O", ""},
	{SMPP_BIND_TRANSCEIVER, "O", ""},
	{SMPP_BIND_TRANSCEIVER_RESP, "", "O"},
	{SMPP_OUTBIND, "", "O"},
	{SMPP_UNBIND, "OTRXU", "OTRXU"},
	{SMPP_UNBIND_RESP, "OTRXU", "OTRXU"},
	{SMPP_ENQUIRE_LINK, "OTRX", "OTRX"},
	{SMPP_ENQUIRE_LINK_RESP, "OTRXU", "OTRXU"},
	{SMPP_GENERIC_NACK, "OTRXU", "OTRXU"},
	{SMPP_SUBMIT_SM, "TX", ""},
	{SMPP_SUBMIT_SM_RESP, "", "TXU"},
	{SMPP_SUBMIT_MULTI, "TX", ""},
	{SMPP_SUBMIT_MULTI_RESP, "", "TXU"},
	{SMPP_DATA_SM, "TX", "RX"},
	{SMPP_DATA_SM_RESP, "RXU", "TXU"},
	{SMPP_DELIVER_SM, "", "RX"},
	{SMPP_DELIVER_SM_RESP, "RXU", ""},
	{SMPP_QUERY_SM, "TX", ""},
	{SMPP_QUERY_SM_RESP, "", "TXU"},
	{SMPP_CANCEL_SM, "TX", ""},
	{SMPP_CANCEL_SM_RESP, "", "TXU"},
	{SMPP_REPLACE_SM, "TX", ""},
	{SMPP_REPLACE_SM_RESP, "", "TXU"},
	{SMPP_ALERT_NOTIFICATION, "", "RX"},
};

static void allows(void **state)
{
	static const char letters[] = "OTRXUC";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (enum smpp_bind_state s = SMPP_OPEN; s <= SMPP_CLOSED; s++) {
			bool esme = strchr(rows[i].esme, letters[s]) != NULL;
			bool smsc = strchr(rows[i].smsc, letters[s]) != NULL;

			if ((smpp_bind_allows(s, SMPP_ESME, rows[i].id) == SMPP_ROK) != esme ||
			    (smpp_bind_allows(s, SMPP_SMSC, rows[i].id) == SMPP_ROK) != smsc)
				fail_msg("%s in %s", smpp_command_name(rows[i].id),
					 smpp_bind_state_name(s));
		}
	}
}

static void says_why_not(void **state)
{
	(void)state;
	assert_int_equal(smpp_bind_allows(SMPP_OPEN, SMPP_ESME, SMPP_SUBMIT_SM), SMPP_RINVBNDSTS);
	assert_int_equal(smpp_bind_allows(SMPP_BOUND_RX, SMPP_ESME, SMPP_SUBMIT_SM),
			 SMPP_RINVBNDSTS);
	assert_int_equal(smpp_bind_allows(SMPP_BOUND_TRX, SMPP_ESME, SMPP_BIND_RECEIVER),
			 SMPP_RALYBND);
	assert_int_equal(smpp_bind_allows(SMPP_UNBOUND, SMPP_ESME, SMPP_BIND_RECEIVER),
			 SMPP_RINVBNDSTS);
	assert_int_equal(smpp_bind_allows(SMPP_BOUND_TRX, SMPP_SMSC, SMPP_BIND_RECEIVER),
			 SMPP_RINVBNDSTS);
	assert_int_equal(smpp_bind_allows(SMPP_OPEN, SMPP_ESME, 0x0000000A), SMPP_RINVCMDID);
}

static void moves(void **state)
{
	(void)state;
	assert_int_equal(smpp_bind_next(SMPP_OPEN, SMPP_BIND_TRANSMITTER_RESP, 0), SMPP_BOUND_TX);
	assert_int_equal(smpp_bind_next(SMPP_OPEN, SMPP_BIND_RECEIVER_RESP, 0), SMPP_BOUND_RX);
	assert_int_equal(smpp_bind_next(SMPP_OPEN, SMPP_BIND_TRANSCEIVER_RESP, 0), SMPP_BOUND_TRX);
	assert_int_equal(smpp_bind_next(SMPP_OPEN, SMPP_BIND_TRANSCEIVER_RESP, SMPP_RINVPASWD),
			 SMPP_OPEN);
	assert_int_equal(smpp_bind_next(SMPP_OPEN, SMPP_BIND_TRANSCEIVER, 0), SMPP_OPEN);
	assert_int_equal(smpp_bind_next(SMPP_BOUND_TX, SMPP_SUBMIT_SM, 0), SMPP_BOUND_TX);
	assert_int_equal(smpp_bind_next(SMPP_BOUND_TX, SMPP_UNBIND, 0), SMPP_UNBOUND);
	assert_int_equal(smpp_bind_next(SMPP_UNBOUND, SMPP_UNBIND_RESP, SMPP_RSYSERR), SMPP_CLOSED);
	assert_true(smpp_bind_is_bound(SMPP_BOUND_RX));
	assert_false(smpp_bind_is_bound(SMPP_OPEN));
	assert_false(smpp_bind_is_bound(SMPP_UNBOUND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allows),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
