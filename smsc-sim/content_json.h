/* content_json -- what a short message says, as JSON: so that a person can read it and a test can
 * assert on a trigger's contents
 *
 *     {"octets":"2a06…","coding":"8-bit","udh":{"ports":{"destination":2948,"source":9200}},
 *      "wsp":{"tid":42,"content_type":"application/vnd.wap.emn+wbxml","application_id":9,
 *             "headers":{"x-hato-mac":"…"}},
 *      "emn":{"mailbox":"taro@spmail.example","timestamp":"2026-01-05T09:30:15Z"}}
 *
 * `text` is there where the coding is a text's. What lies inside but cannot be read is left out,
 * and `problem` says why. A part of a longer message (`udh.concat`) is not read as a push: the rest
 * of it is elsewhere. Callers: control_api, with what goes over the radio (smsc-sim/segments).
 *
 * OWNERSHIP  JSON is the caller's; octets are borrowed. THREADS any. TRUST octets: any
 * SEE        TS 23.040 9.2.3.24, TS 23.038; lib/wire/push/wsp, lib/wire/push/emn; protocols 1, 2
 */
#ifndef HATO_SMSC_SIM_CONTENT_JSON_H
#define HATO_SMSC_SIM_CONTENT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_SUMMARY_MAX 96

struct content {
	const uint8_t *udh;  /* with its length octet */
	size_t udh_len;      /* 0: none */
	const uint8_t *body; /* septets one an octet where the coding is the 7-bit alphabet */
	size_t body_len;
	uint8_t dcs;
	bool is_joined; /* body is all of it, though the header is that of a part */
};

json_t *content_json_write(const struct content *c); /* null: no memory */
/* A line of it: "trigger for taro@spmail.example", the text, or how many octets. UTF-8. */
void content_summary(const struct content *c, char out[CONTENT_SUMMARY_MAX]);

#endif
