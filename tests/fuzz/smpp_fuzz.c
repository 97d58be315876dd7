/* Any octets as an SMPP PDU: what is refused has a status and an answer for the right request; what
 * decodes is the same after it was written again, to the octet but for what a response may leave
 * out; lists and TLVs that were counted can be walked; a receipt in it reads without harm. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/smpp/bind.h"
#include "lib/wire/smpp/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_refusal(const uint8_t *data, size_t size, const struct smpp_header *r)
{
	must(r->status != SMPP_ROK);
	must(strcmp(smpp_status_name(r->status), "unknown") != 0);
	if (size < SMPP_HEADER_LEN)
		must(r->id == SMPP_GENERIC_NACK && r->status == SMPP_RINVCMDLEN);
	else if (r->sequence)
		must(r->sequence == ((uint32_t)data[12] << 24 | (uint32_t)data[13] << 16 |
				     (uint32_t)data[14] << 8 | data[15]));
	must(r->id == 0 || (smpp_is_response(r->id) && smpp_is_known(r->id)));
}

static void check_lists(const struct smpp_pdu *pdu)
{
	struct smpp_destination d;
	struct smpp_unsuccessful u;
	struct smpp_tlv tlv;
	size_t at = 0, count = 0;

	while (smpp_tlv_next(pdu->tlvs, &at, &tlv))
		must(tlv.value + tlv.length <= pdu->tlvs.octets + pdu->tlvs.len);
	must(at == pdu->tlvs.len);
	at = 0;
	if (pdu->id == SMPP_SUBMIT_MULTI) {
		while (smpp_next_destination(&pdu->message.destinations, &at, &d))
			count++;
		must(count == pdu->message.destinations.count && count > 0);
	}
	if (pdu->id == SMPP_SUBMIT_MULTI_RESP) {
		while (smpp_next_unsuccessful(&pdu->message_resp.unsuccessful, &at, &u))
			count++;
		must(count == pdu->message_resp.unsuccessful.count);
	}
}

static void check_receipt(const struct smpp_pdu *pdu)
{
	struct smpp_receipt r;

	if (pdu->id != SMPP_DELIVER_SM && pdu->id != SMPP_DATA_SM)
		return;
	if (smpp_receipt_read(pdu, &r))
		return;
	must(*r.message_id && memchr(r.message_id, 0, sizeof r.message_id));
	must(memchr(r.text, 0, sizeof r.text) && memchr(r.error, 0, sizeof r.error));
}

static void check_same(const struct smpp_pdu *pdu, const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(size + SMPP_SMALL_MAX), *again = malloc(size + SMPP_SMALL_MAX);
	struct smpp_header refusal;
	struct smpp_pdu back;
	size_t len = 0, len_again = 0;

	must(out && again);
	must(smpp_encode(pdu, out, size + SMPP_SMALL_MAX, &len) == 0);
	if (!smpp_is_response(pdu->id) || (pdu->status == SMPP_ROK && size > SMPP_HEADER_LEN))
		must(len == size && memcmp(out, data, size) == 0);
	must(smpp_decode(out, len, &back, &refusal) == 0);
	must(back.id == pdu->id && back.status == pdu->status && back.sequence == pdu->sequence);
	must(smpp_encode(&back, again, size + SMPP_SMALL_MAX, &len_again) == 0);
	must(len_again == len && memcmp(again, out, len) == 0);
	free(out);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smpp_header refusal;
	struct smpp_pdu pdu;
	uint8_t *whole;
	size_t len;

	(void)smpp_frame(data, size, SMPP_PDU_MAX, &len);
	if (smpp_decode(data, size, &pdu, &refusal))
		check_refusal(data, size, &refusal);
	if (size < SMPP_HEADER_LEN || size > SMPP_PDU_MAX)
		return 0;
	/* with the length that it has, so that a fuzzer needs not find it */
	whole = malloc(size);
	must(whole != NULL);
	memcpy(whole, data, size);
	for (int i = 0; i < 4; i++)
		whole[i] = (uint8_t)(size >> (24 - 8 * i));
	must(smpp_frame(whole, size, SMPP_PDU_MAX, &len) == 0 && len == size);
	if (smpp_decode(whole, size, &pdu, &refusal)) {
		check_refusal(whole, size, &refusal);
	} else {
		must(smpp_is_known(pdu.id));
		must(smpp_bind_allows(SMPP_CLOSED, SMPP_ESME, pdu.id) == SMPP_RINVBNDSTS);
		check_lists(&pdu);
		check_receipt(&pdu);
		check_same(&pdu, whole, size);
	}
	free(whole);
	return 0;
}
