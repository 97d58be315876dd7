/* tshark as the judge: what we write is what it reads, field by field, and nothing is malformed.
 *
 * A capture of RP messages of every kind with every kind of TPDU in them, made by a generator with
 * a fixed seed; what is expected of each is said while it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/push/emn.h"
#include "lib/wire/sms/rp.h"
#include "lib/wire/sms/sms.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"
#include "lib/wire/sms/udh.h"
#include "lib/wire/push/wsp.h"

#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define FRAMES     400
#define DLT_USER_0 147
#define NOW_S      1767605416

/* tshark's names of what is compared. */
#define FIELD_NAMES(X)                                                                             \
	X(F_RP_TYPE, "gsm_a.rp.msg_type")                                                          \
	X(F_RP_REFERENCE, "gsm_a.rp.rp_message_reference")                                         \
	X(F_RP_CAUSE, "gsm_a.rp.cause")                                                            \
	X(F_MTI, "gsm_sms.tp-mti")                                                                 \
	X(F_OA, "gsm_sms.tp-oa")                                                                   \
	X(F_DA, "gsm_sms.tp-da")                                                                   \
	X(F_RA, "gsm_sms.tp-ra")                                                                   \
	X(F_TON, "gsm_sms.dis_field_addr.num_type")                                                \
	X(F_PID, "gsm_sms.tp-pid")                                                                 \
	X(F_DCS, "gsm_sms.tp-dcs")                                                                 \
	X(F_MR, "gsm_sms.tp-mr")                                                                   \
	X(F_FCS, "gsm_sms.tp-fcs")                                                                 \
	X(F_MMS, "gsm_sms.tp-mms")                                                                 \
	X(F_SRI, "gsm_sms.tp-sri")                                                                 \
	X(F_SRR, "gsm_sms.tp-srr")                                                                 \
	X(F_RD, "gsm_sms.tp-rd")                                                                   \
	X(F_UDHI, "gsm_sms.tp-udhi")                                                               \
	X(F_REPLY, "gsm_sms.tp-rp")                                                                \
	X(F_VPF, "gsm_sms.tp-vpf")                                                                 \
	X(F_VP, "gsm_sms.vp.validity_period")                                                      \
	X(F_YEAR, "gsm_sms.scts.year")                                                             \
	X(F_MONTH, "gsm_sms.scts.month")                                                           \
	X(F_DAY, "gsm_sms.scts.day")                                                               \
	X(F_HOUR, "gsm_sms.scts.hour")                                                             \
	X(F_MINUTE, "gsm_sms.scts.minutes")                                                        \
	X(F_SECOND, "gsm_sms.scts.seconds")                                                        \
	X(F_ZONE, "gsm_sms.scts.timezone")                                                         \
	X(F_UDL, "gsm_sms.tp.user_data_length")                                                    \
	X(F_DESTINATION, "gsm_sms.destination_port")                                               \
	X(F_SOURCE, "gsm_sms.originator_port")                                                     \
	X(F_REFERENCE, "gsm_sms.udh.mm.msg_id")                                                    \
	X(F_TOTAL, "gsm_sms.udh.mm.msg_parts")                                                     \
	X(F_NUMBER, "gsm_sms.udh.mm.msg_part")                                                     \
	X(F_TEXT, "gsm_sms.sms_text")                                                              \
	X(F_APPLICATION, "wsp.header.x_wap_application_id")                                        \
	X(F_MALFORMED, "_ws.malformed")                                                            \
	X(F_EXPERT, "_ws.expert.message")

#define AS_ENUM(field, name) field,
#define AS_NAME(field, name) [field] = name,

enum field { FIELD_NAMES(AS_ENUM) FIELDS };

static const char *const names[FIELDS] = {FIELD_NAMES(AS_NAME)};

/* What tshark is to say of a frame; several occurrences of a field with ; between them. */
struct expected {
	char is[FIELDS][200];
};

static struct expected expected[FRAMES];
static uint32_t seed = 20110729;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static void expect(struct expected *, enum field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void expect(struct expected *e, enum field field, const char *format, ...)
{
	char *is = e->is[field];
	size_t len = strlen(is);
	va_list args;

	if (len > 0)
		is[len++] = ';';
	va_start(args, format);
	vsnprintf(is + len, sizeof e->is[field] - len, format, args);
	va_end(args);
}

static struct sms_addr some_addr(struct expected *e, enum field field, bool may_be_name)
{
	static const char *const texts[] = {"Hato", "hellohel", "Design@Home", "[x]"};
	struct sms_addr addr = {.ton = SMS_TON_INTERNATIONAL, .npi = SMS_NPI_E164};
	size_t len = 7 + any(9);

	if (may_be_name && any(3) == 0) {
		addr = (struct sms_addr){.ton = SMS_TON_ALPHANUMERIC};
		snprintf(addr.text, sizeof addr.text, "%s", texts[any(COUNT(texts))]);
	} else {
		addr.text[0] = '8';
		addr.text[1] = '1';
		for (size_t i = 2; i < len; i++)
			addr.text[i] = (char)('0' + any(10));
	}
	expect(e, field, "%s", addr.text);
	expect(e, F_TON, "%u", addr.ton);
	return addr;
}

static struct sms_time some_time(struct expected *e)
{
	struct sms_time time = {true, NOW_S + any(60000000), (int8_t)((int)any(97) - 48)};
	time_t local = (time_t)(time.time_s + time.zone_quarters * 900);
	struct tm tm;

	gmtime_r(&local, &tm);
	expect(e, F_YEAR, "%d", tm.tm_year - 100);
	expect(e, F_MONTH, "%d", tm.tm_mon + 1);
	expect(e, F_DAY, "%d", tm.tm_mday);
	expect(e, F_HOUR, "%d", tm.tm_hour);
	expect(e, F_MINUTE, "%d", tm.tm_min);
	expect(e, F_SECOND, "%d", tm.tm_sec);
	expect(e, F_ZONE, "%d", abs(time.zone_quarters)); /* the sign is not in the field */
	return time;
}

static void put_text(struct expected *e, struct sms_data *data)
{
	static const char *const texts[] = {
		"hello",
		"Mail from taro@spmail.example [new]",
		"{12} €5 ~ 50% Üñ",
		"新着メール",
		"鳩\xf0\x9f\x95\x8a a",
	};
	const char *text = texts[any(COUNT(texts))];
	uint8_t dcs;

	assert_int_equal(sms_text_encode(text, strlen(text), data->body, sizeof data->body,
					 &data->body_len, &dcs),
			 0);
	data->dcs = (uint8_t)(dcs | (any(2) ? 0x10 | any(4) : 0)); /* a class, or none */
	expect(e, F_TEXT, "%s", text);
}

/* A real trigger, so that tshark can go on with WSP. */
static void put_trigger(struct expected *e, struct sms_data *data)
{
	struct emn emn = {"taro@spmail.example", NOW_S};
	uint8_t body[EMN_MAX];
	size_t len;

	assert_int_equal(emn_encode(&emn, body, sizeof body, &len), 0);
	const struct wsp_push push = {.tid = (uint8_t)any(256),
				      .content_type = WSP_CONTENT_EMN,
				      .application_id = WSP_APPLICATION_EMN,
				      .body = body,
				      .body_len = len};
	assert_int_equal(wsp_push_encode(&push, data->body, SMS_DATA_OCTETS_MAX, &data->body_len),
			 0);
	data->dcs = any(2) ? SMS_DCS_8_BIT : SMS_DCS_8_BIT_CLASS1;
	expect(e, F_APPLICATION, "x-wap-application:emn.ua");
}

static void put_header(struct expected *e, struct sms_data *data, const struct sms_udh *udh)
{
	assert_int_equal(sms_udh_encode(udh, data->udh, sizeof data->udh, &data->udh_len), 0);
	if (udh->has_ports) {
		expect(e, F_DESTINATION, "%u", udh->ports.destination);
		expect(e, F_SOURCE, "%u", udh->ports.source);
	}
	if (udh->has_concat) {
		expect(e, F_REFERENCE, "%u", udh->concat.reference);
		expect(e, F_TOTAL, "%u", udh->concat.total);
		expect(e, F_NUMBER, "%u", udh->concat.number);
	}
}

static void expect_length(struct expected *e, const struct sms_data *data)
{
	size_t octets = data->udh_len * 8;

	if (sms_dcs_layout(data->dcs) == SMS_GSM7)
		expect(e, F_UDL, "%zu", (octets + 6) / 7 + data->body_len);
	else
		expect(e, F_UDL, "%zu", data->udh_len + data->body_len);
}

/* Text, plain, with ports or as the first of several parts; or a trigger. */
static struct sms_data some_data(struct expected *e, uint16_t reference)
{
	struct sms_data data = {0};
	struct sms_udh udh = {.has_ports = true, .ports = {SMS_PORT_WSP_PUSH, SMS_PORT_WSP, false}};

	if (any(3) == 0) {
		put_trigger(e, &data);
		put_header(e, &data, &udh);
	} else {
		bool is_wide = any(2);

		put_text(e, &data);
		udh = (struct sms_udh){
			.has_ports = any(3) == 0,
			.ports = {240, 255, true},
			.has_concat = any(2),
			.concat = {is_wide ? reference : reference & 0xff, 3, 1, is_wide},
		};
		if (udh.has_ports || udh.has_concat)
			put_header(e, &data, &udh);
	}
	expect(e, F_DCS, "%u", data.dcs);
	expect_length(e, &data);
	return data;
}

static struct sms_validity some_validity(struct expected *e)
{
	struct sms_validity v = {.form = (enum sms_validity_form)(any(2) * 2)};
	uint8_t octet = 0;
	struct octets_writer w = {.at = &octet, .room = 1};

	expect(e, F_VPF, "%u", v.form);
	if (v.form == SMS_VALIDITY_RELATIVE) {
		v.period_s = 1 + any(SMS_VALIDITY_MAX_S);
		assert_int_equal(sms_validity_put(&w, &v), 0);
		expect(e, F_VP, "%u", octet);
	}
	return v;
}

static struct sms_deliver some_deliver(struct expected *e, uint16_t reference)
{
	struct sms_deliver d = {.has_more_waiting = any(2),
				.wants_report = any(2),
				.has_reply_path = any(2),
				.pid = any(2) ? SMS_PID_PLAIN : SMS_PID_REPLACE_FIRST};

	d.from = some_addr(e, F_OA, true);
	d.sent = some_time(e);
	d.data = some_data(e, reference);
	expect(e, F_MTI, "0");
	expect(e, F_MMS, "%d", !d.has_more_waiting);
	expect(e, F_SRI, "%d", d.wants_report);
	expect(e, F_REPLY, "%d", d.has_reply_path);
	expect(e, F_PID, "%u", d.pid);
	expect(e, F_UDHI, "%d", d.data.udh_len > 0);
	return d;
}

static struct sms_submit some_submit(struct expected *e, uint16_t reference)
{
	struct sms_submit s = {.rejects_duplicates = any(2),
			       .wants_report = any(2),
			       .has_reply_path = any(2),
			       .reference = (uint8_t)any(256)};

	s.to = some_addr(e, F_DA, false);
	s.validity = some_validity(e);
	s.data = some_data(e, reference);
	expect(e, F_MTI, "1");
	expect(e, F_RD, "%d", s.rejects_duplicates);
	expect(e, F_SRR, "%d", s.wants_report);
	expect(e, F_REPLY, "%d", s.has_reply_path);
	expect(e, F_MR, "%u", s.reference);
	expect(e, F_PID, "%u", s.pid);
	expect(e, F_UDHI, "%d", s.data.udh_len > 0);
	return s;
}

static struct sms_report_end some_end(struct expected *e)
{
	struct sms_report_end end = {.has_pid = any(2), .has_data = any(2)};

	if (end.has_pid)
		expect(e, F_PID, "%u", end.pid);
	if (end.has_data) {
		put_text(e, &end.data);
		end.has_dcs = true;
		expect(e, F_DCS, "%u", end.data.dcs);
		expect_length(e, &end.data);
	}
	return end;
}

static struct sms_report some_report(struct expected *e, enum sms_type type, bool is_error)
{
	struct sms_report r = {.is_error = is_error};

	expect(e, F_MTI, "%d", type == SMS_SUBMIT_REPORT);
	expect(e, F_UDHI, "%d", false);
	if (is_error) {
		r.failure = SMS_FAILURE_MEMORY;
		expect(e, F_FCS, "%u", r.failure);
	}
	if (type == SMS_SUBMIT_REPORT)
		r.sent = some_time(e);
	r.end = some_end(e);
	return r;
}

static struct sms_status_report some_status_report(struct expected *e)
{
	struct sms_status_report s = {.reference = (uint8_t)any(256),
				      .has_more_waiting = any(2),
				      .status = any(2) ? SMS_STATUS_RECEIVED : SMS_STATUS_EXPIRED};

	s.to = some_addr(e, F_RA, false);
	s.sent = some_time(e);
	s.done = some_time(e);
	s.end = some_end(e);
	expect(e, F_MTI, "2");
	expect(e, F_MR, "%u", s.reference);
	expect(e, F_MMS, "%d", !s.has_more_waiting);
	expect(e, F_UDHI, "%d", false);
	return s;
}

static bool some_tpdu(struct expected *e, const struct rp_message *m, uint16_t reference,
		      struct sms_tpdu *t)
{
	if (m->type == RP_SMMA || (m->type != RP_DATA && any(3) == 0))
		return false;
	if (m->type != RP_DATA) {
		t->type = m->way == RP_TO_PHONE ? SMS_SUBMIT_REPORT : SMS_DELIVER_REPORT;
		t->report = some_report(e, t->type, m->type == RP_ERROR);
	} else if (m->way == RP_TO_CENTRE) {
		t->type = SMS_SUBMIT;
		t->submit = some_submit(e, reference);
	} else if (any(3) == 0) {
		t->type = SMS_STATUS_REPORT;
		t->status_report = some_status_report(e);
	} else {
		t->type = SMS_DELIVER;
		t->deliver = some_deliver(e, reference);
	}
	return true;
}

static size_t some_message(struct expected *e, uint16_t reference, uint8_t out[RP_MESSAGE_MAX])
{
	struct rp_message m = {.type = (enum rp_type)any(4), .reference = (uint8_t)any(256)};
	uint8_t tpdu[SMS_TPDU_MAX];
	struct sms_tpdu t = {0};
	size_t len;

	m.way = m.type == RP_SMMA || any(2) ? RP_TO_CENTRE : RP_TO_PHONE;
	expect(e, F_RP_TYPE, "%u", (unsigned)m.type << 1 | (m.way == RP_TO_PHONE));
	expect(e, F_RP_REFERENCE, "%u", m.reference);
	if (m.type == RP_DATA)
		assert_int_equal(sms_addr_number("81900000001", &m.centre), 0);
	if (m.type == RP_ERROR) {
		m.cause = any(2) ? RP_MEMORY_EXCEEDED : RP_TEMPORARY_FAILURE;
		expect(e, F_RP_CAUSE, "%u", m.cause);
	}
	if (some_tpdu(e, &m, reference, &t)) {
		assert_int_equal(sms_encode(&t, tpdu, sizeof tpdu, &m.tpdu_len), 0);
		m.tpdu = tpdu;
	}
	assert_int_equal(rp_encode(&m, out, RP_MESSAGE_MAX, &len), 0);
	return len;
}

static void write_capture(FILE *file)
{
	const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, DLT_USER_0};

	assert_int_equal(fwrite(header, sizeof header, 1, file), 1);
	for (uint16_t i = 0; i < FRAMES; i++) {
		uint8_t message[RP_MESSAGE_MAX];
		uint32_t len = (uint32_t)some_message(&expected[i], i, message);
		const uint32_t record[] = {NOW_S, i, len, len};

		assert_int_equal(fwrite(record, sizeof record, 1, file), 1);
		assert_int_equal(fwrite(message, len, 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
}

static FILE *ask_tshark(const char *path)
{
	char command[4096];
	size_t len = (size_t)snprintf(
		command, sizeof command,
		"tshark -n -r %s -o 'uat:user_dlts:\"User 0 (DLT=%d)\",\"gsm_a_rp\",\"0\",\"\","
		"\"0\",\"\"' -T fields -E 'aggregator=;' -E 'separator=|'",
		path, DLT_USER_0);

	for (size_t i = 0; i < FIELDS; i++)
		len += (size_t)snprintf(command + len, sizeof command - len, " -e %s", names[i]);
	assert_true(len + 16 < sizeof command);
	strcat(command, " 2>/dev/null");
	return popen(command, "r");
}

/* Numbers come as decimal or as hexadecimal, by the field: one form of them. */
static void normalize(const char *said, char out[200])
{
	char copy[200], *rest = copy, *one;
	size_t len = 0;

	snprintf(copy, sizeof copy, "%s", said);
	out[0] = '\0';
	while ((one = strsep(&rest, ";")) != NULL) {
		const char *comma = len > 0 ? ";" : "";

		if (strncmp(one, "0x", 2) == 0)
			len += (size_t)snprintf(out + len, 200 - len, "%s%lu", comma,
						strtoul(one, NULL, 16));
		else
			len += (size_t)snprintf(out + len, 200 - len, "%s%s", comma, one);
	}
}

static void compare(size_t frame, char *line)
{
	char *rest = line;

	for (size_t i = 0; i < FIELDS; i++) {
		const char *said = strsep(&rest, "|");
		char is[200];

		if (!said)
			fail_msg("frame %zu: tshark says %zu fields", frame + 1, i);
		normalize(said, is);
		if (strcmp(is, expected[frame].is[i]) != 0)
			fail_msg("frame %zu, %s: tshark says \"%s\", we \"%s\"", frame + 1,
				 names[i], is, expected[frame].is[i]);
	}
}

static void tshark_reads_what_we_write(void **state)
{
	char path[] = "/tmp/hato-sms-XXXXXX", line[2048];
	int fd = mkstemp(path);
	size_t frames = 0;

	(void)state;
	assert_true(fd >= 0);
	write_capture(fdopen(fd, "wb"));
	FILE *tshark = ask_tshark(path);
	assert_non_null(tshark);
	while (frames < FRAMES && fgets(line, sizeof line, tshark)) {
		line[strcspn(line, "\n")] = '\0';
		compare(frames++, line);
	}
	assert_int_equal(pclose(tshark), 0);
	assert_int_equal(frames, FRAMES);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tshark_reads_what_we_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
