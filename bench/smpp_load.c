/* smpp_load -- an ESME that submits as fast as its window lets it, and its phones
 *
 * smpp_load PORT SYSTEM_ID PASSWORD SECONDS WINDOW PREFIX [RADIO_PORT PHONES]
 *
 * Binds as transceiver, submits triggers (121 octets, a receipt wanted) for SECONDS with WINDOW of
 * them in flight, then waits until each has its receipt. Destinations are PREFIX and six digits,
 * turn by turn; with RADIO_PORT that many phones are attached first, which answer each RP-DATA with
 * an RP-ACK. Every message_id must be a new one, and every receipt must be of a message_id that was
 * or will be given, once. One line of JSON; exit status 1 if an id is wrong, a receipt is missing
 * or an answer is no good.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/wire/sms/radio.h"
#include "lib/wire/sms/rp.h"
#include "lib/wire/smpp/receipt.h"
#include "lib/wire/smpp/window.h"

#define BUFFER_SIZE    (1 << 18)
#define PATIENCE_US    INT64_C(20000000)
#define NUMBERS        1000 /* destinations, where no phones are told */
#define MESSAGES_FIRST (1 << 16)

struct stream {
	int fd;
	uint8_t in[BUFFER_SIZE], out[BUFFER_SIZE];
	size_t in_len, out_len;
};

/* A message by its id; hash 0: a free place. */
struct sent {
	uint64_t hash;
	int64_t sent_us;
	bool has_id, has_receipt;
};

struct load {
	struct stream esme, air;
	struct smpp_window *window;
	const char *prefix;
	long phones;
	int64_t start_us, until_us, last_response_us, last_receipt_us;
	struct sent *sent;
	size_t sent_size, sent_count;
	uint32_t *response_us, *receipt_us; /* one each, for the percentiles */
	size_t latencies_max;
	long submits, accepted, refused, receipts, delivered, twice, attached;
	bool is_bound, is_unbound;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "smpp_load: %s: %s\n", what, detail ? detail : strerror(errno));
	exit(1);
}

/* ---- streams ---- */

static void stream_open(struct stream *s, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof to))
		die("connect", NULL);
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void stream_read(struct stream *s, const char *whose)
{
	ssize_t n = recv(s->fd, s->in + s->in_len, sizeof s->in - s->in_len, MSG_DONTWAIT);

	if (n == 0)
		die(whose, "closed");
	if (n < 0 && errno != EAGAIN)
		die(whose, NULL);
	if (n > 0)
		s->in_len += (size_t)n;
}

static void stream_flush(struct stream *s, const char *whose)
{
	ssize_t n;

	if (s->out_len == 0)
		return;
	n = send(s->fd, s->out, s->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die(whose, NULL);
	memmove(s->out, s->out + n, s->out_len - (size_t)n);
	s->out_len -= (size_t)n;
}

static void stream_taken(struct stream *s, size_t taken)
{
	memmove(s->in, s->in + taken, s->in_len - taken);
	s->in_len -= taken;
}

static bool has_room(const struct stream *s)
{
	return sizeof s->out - s->out_len > 16 * SMPP_SMALL_MAX;
}

static void say(struct load *l, const struct smpp_pdu *pdu)
{
	size_t len;

	if (smpp_encode(pdu, l->esme.out + l->esme.out_len, sizeof l->esme.out - l->esme.out_len,
			&len))
		die("encode", smpp_command_name(pdu->id));
	l->esme.out_len += len;
}

/* ---- ids ---- */

static uint64_t hash_of(const char *id)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * UINT64_C(1099511628211);
	return h ? h : 1;
}

static struct sent *place(struct sent *table, size_t size, uint64_t hash)
{
	size_t i = hash & (size - 1);

	while (table[i].hash && table[i].hash != hash)
		i = (i + 1) & (size - 1);
	return &table[i];
}

static void grow(struct load *l)
{
	size_t size = l->sent_size ? l->sent_size * 2 : MESSAGES_FIRST;
	struct sent *bigger = calloc(size, sizeof *bigger);

	if (!bigger)
		die("memory", NULL);
	for (size_t i = 0; i < l->sent_size; i++)
		if (l->sent[i].hash)
			*place(bigger, size, l->sent[i].hash) = l->sent[i];
	free(l->sent);
	l->sent = bigger;
	l->sent_size = size;
}

static struct sent *sent_of(struct load *l, const char *id)
{
	uint64_t hash = hash_of(id);
	struct sent *s;

	if (l->sent_count * 2 >= l->sent_size)
		grow(l);
	s = place(l->sent, l->sent_size, hash);
	if (!s->hash)
		l->sent_count++;
	s->hash = hash;
	return s;
}

static void note(struct load *l, uint32_t **list, long count, int64_t us)
{
	if ((size_t)count >= l->latencies_max) {
		l->latencies_max = l->latencies_max ? l->latencies_max * 2 : MESSAGES_FIRST;
		l->response_us = realloc(l->response_us, l->latencies_max * sizeof **list);
		l->receipt_us = realloc(l->receipt_us, l->latencies_max * sizeof **list);
		if (!l->response_us || !l->receipt_us)
			die("memory", NULL);
	}
	(*list)[count] = (uint32_t)us;
}

/* ---- what the SMSC says ---- */

static void on_response(struct load *l, const struct smpp_pdu *pdu, int64_t now_us)
{
	struct smpp_request r;
	struct sent *s;

	if (smpp_window_take(l->window, pdu->id, pdu->sequence, &r))
		die("a response nobody waits for", smpp_command_name(pdu->id));
	l->is_unbound = pdu->id == SMPP_UNBIND_RESP;
	if (l->is_unbound)
		return;
	if (pdu->id == SMPP_BIND_TRANSCEIVER_RESP) {
		if (pdu->status)
			die("bind", smpp_status_name(pdu->status));
		l->is_bound = true;
		return;
	}
	if (pdu->status) {
		l->refused++;
		return;
	}
	s = sent_of(l, pdu->message_resp.message_id);
	if (s->has_id)
		die("an id that was given before", pdu->message_resp.message_id);
	s->has_id = true;
	note(l, &l->response_us, l->accepted++, now_us - r.sent_us);
	if (s->has_receipt)
		l->receipt_us[s->sent_us] = (uint32_t)(now_us - r.sent_us);
	s->sent_us = r.sent_us;
	l->last_response_us = now_us;
}

static void on_receipt(struct load *l, const struct smpp_pdu *pdu, int64_t now_us)
{
	struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);
	struct smpp_receipt r;
	struct sent *s;

	say(l, &answer);
	if (smpp_receipt_read(pdu, &r))
		die("a message that is no receipt", NULL);
	s = sent_of(l, r.message_id);
	if (s->has_receipt) {
		l->twice++;
		return;
	}
	s->has_receipt = true;
	note(l, &l->receipt_us, l->receipts, now_us - s->sent_us);
	if (!s->has_id)
		s->sent_us = l->receipts; /* where its latency goes, once its id is known */
	l->receipts++;
	l->delivered += r.state == SMPP_STATE_DELIVERED;
	l->last_receipt_us = now_us;
}

static void on_pdu(struct load *l, const struct smpp_pdu *pdu, int64_t now_us)
{
	struct smpp_pdu answer;

	if (smpp_is_response(pdu->id)) {
		on_response(l, pdu, now_us);
	} else if (pdu->id == SMPP_DELIVER_SM) {
		on_receipt(l, pdu, now_us);
	} else {
		answer = smpp_respond(pdu, SMPP_ROK);
		say(l, &answer);
	}
}

static void hear_smsc(struct load *l)
{
	int64_t now_us = clock_mono_us();
	size_t at = 0, len;

	stream_read(&l->esme, "the SMSC");
	while (has_room(&l->esme) &&
	       smpp_frame(l->esme.in + at, l->esme.in_len - at, SMPP_PDU_MAX, &len) == 0) {
		struct smpp_header refusal;
		struct smpp_pdu pdu;

		if (smpp_decode(l->esme.in + at, len, &pdu, &refusal))
			die("a PDU that is none", smpp_status_name(refusal.status));
		on_pdu(l, &pdu, now_us);
		at += len;
	}
	stream_taken(&l->esme, at);
}

/* ---- the phones ---- */

static void air_say(struct load *l, const struct radio_frame *frame)
{
	size_t len;

	if (radio_encode(frame, l->air.out + l->air.out_len, sizeof l->air.out - l->air.out_len,
			 &len))
		die("encode", "a radio frame");
	l->air.out_len += len;
}

static void attach(struct load *l, long phone)
{
	struct radio_frame frame = {.kind = RADIO_ATTACH};

	snprintf(frame.number, sizeof frame.number, "%s%06ld", l->prefix, phone % 1000000);
	air_say(l, &frame);
}

static void on_radio(struct load *l, struct radio_frame *frame)
{
	struct rp_message data, ack = {.way = RP_TO_CENTRE, .type = RP_ACK};
	uint8_t octets[RP_MESSAGE_MAX];

	l->attached += frame->kind == RADIO_ATTACHED;
	if (frame->kind != RADIO_RP)
		return;
	if (rp_decode(RP_TO_PHONE, frame->payload, frame->payload_len, &data))
		die("an RP message that is none", frame->number);
	if (data.type != RP_DATA)
		return;
	ack.reference = data.reference;
	frame->payload = octets;
	if (rp_encode(&ack, octets, sizeof octets, &frame->payload_len))
		die("encode", "RP-ACK");
	air_say(l, frame);
}

static void hear_air(struct load *l)
{
	struct radio_frame frame;
	size_t at = 0, taken;

	stream_read(&l->air, "the air");
	while (has_room(&l->air) &&
	       radio_decode(l->air.in + at, l->air.in_len - at, &frame, &taken) == 0) {
		at += taken;
		on_radio(l, &frame);
	}
	stream_taken(&l->air, at);
}

/* ---- the load ---- */

static void submit(struct load *l, int64_t now_us)
{
	static const uint8_t message[54] = {6,    5,    4,    0x0b, 0x84, 0x23, 0xf0, 0x2a,
					    0x06, 0x06, 0x03, 0x02, 0x03, 0x0a, 0xaf, 0x89};
	struct smpp_pdu pdu = {
		.id = SMPP_SUBMIT_SM,
		.message = {.source = {SMPP_TON_ALPHANUMERIC, SMPP_NPI_UNKNOWN, "SPMAIL"},
			    .destination = {.ton = SMPP_TON_INTERNATIONAL, .npi = SMPP_NPI_E164},
			    .esm_class = SMPP_ESM_UDHI,
			    .validity_period = "000000001000000R",
			    .registered_delivery = SMPP_REGISTERED_FINAL,
			    .data_coding = SMPP_CODING_OCTETS,
			    .short_message = {message, sizeof message}}};

	if (smpp_window_add(l->window, pdu.id, now_us, NULL, &pdu.sequence))
		die("window", NULL);
	snprintf(pdu.message.destination.number, SMPP_NUMBER_SIZE, "%s%06ld", l->prefix,
		 l->submits++ % (l->phones ? l->phones : NUMBERS));
	say(l, &pdu);
}

/* Everything that can be said now is said in one go; then whatever comes is heard. */
static void turn(struct load *l)
{
	struct pollfd fds[2] = {{.fd = l->esme.fd, .events = POLLIN},
				{.fd = l->phones ? l->air.fd : -1, .events = POLLIN}};

	stream_flush(&l->esme, "the SMSC");
	if (l->phones)
		stream_flush(&l->air, "the air");
	if (l->esme.out_len)
		fds[0].events |= POLLOUT;
	if (l->air.out_len)
		fds[1].events |= POLLOUT;
	if (poll(fds, 2, 1000) < 0 && errno != EINTR)
		die("poll", NULL);
	hear_smsc(l);
	if (l->phones)
		hear_air(l);
}

static void begin(struct load *l, char **argv)
{
	struct smpp_pdu bind = {.id = SMPP_BIND_TRANSCEIVER,
				.bind = {.interface_version = SMPP_VERSION}};
	int64_t deadline_us = clock_mono_us() + PATIENCE_US;
	long attaching = 0;

	stream_open(&l->esme, argv[1]);
	snprintf(bind.bind.system_id, sizeof bind.bind.system_id, "%s", argv[2]);
	snprintf(bind.bind.password, sizeof bind.bind.password, "%s", argv[3]);
	if (smpp_window_add(l->window, bind.id, clock_mono_us(), NULL, &bind.sequence))
		die("window", NULL);
	say(l, &bind);
	if (l->phones)
		stream_open(&l->air, argv[7]);
	while (!l->is_bound || l->attached < l->phones) {
		while (attaching < l->phones && has_room(&l->air))
			attach(l, attaching++);
		turn(l);
		if (clock_mono_us() > deadline_us)
			die("no answer to bind or attach", "");
	}
}

static void run(struct load *l, int64_t seconds)
{
	l->start_us = l->last_response_us = l->last_receipt_us = clock_mono_us();
	l->until_us = l->start_us + seconds * 1000000;
	for (;;) {
		int64_t now_us = clock_mono_us();

		while (now_us < l->until_us && smpp_window_room(l->window) > 0 &&
		       has_room(&l->esme))
			submit(l, now_us);
		if (now_us >= l->until_us && smpp_window_count(l->window) == 0 &&
		    l->receipts == l->accepted)
			return;
		if (now_us > l->until_us + PATIENCE_US)
			return;
		turn(l);
	}
}

/* Without it the last receipts would come again on the next bind. */
static void end(struct load *l)
{
	struct smpp_pdu unbind = {.id = SMPP_UNBIND};
	int64_t deadline_us = clock_mono_us() + PATIENCE_US;

	if (smpp_window_add(l->window, unbind.id, clock_mono_us(), NULL, &unbind.sequence))
		die("window", NULL);
	say(l, &unbind);
	while (!l->is_unbound && clock_mono_us() < deadline_us)
		turn(l);
}

/* ---- the result ---- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t percentile(uint32_t *list, long count, int percent)
{
	return count ? list[(count - 1) * percent / 100] : 0;
}

static int print(struct load *l)
{
	double submit_s = (double)(l->last_response_us - l->start_us) / 1e6;
	double receipt_s = (double)(l->last_receipt_us - l->start_us) / 1e6;
	long unknown = 0;
	bool is_good;

	for (size_t i = 0; i < l->sent_size; i++)
		unknown += l->sent[i].has_receipt && !l->sent[i].has_id;
	if (l->accepted)
		qsort(l->response_us, (size_t)l->accepted, sizeof *l->response_us, by_value);
	if (l->receipts)
		qsort(l->receipt_us, (size_t)l->receipts, sizeof *l->receipt_us, by_value);
	is_good = l->accepted > 0 && l->receipts == l->accepted && l->delivered == l->accepted &&
		  !unknown && !l->twice && !l->refused && smpp_window_count(l->window) == 0;
	printf("{\"submits\": %ld, \"accepted\": %ld, \"refused\": %ld, \"receipts\": %ld, "
	       "\"delivered\": %ld, \"twice\": %ld, \"unknown\": %ld, \"submits_per_second\": "
	       "%.0f, "
	       "\"receipts_per_second\": %.0f, \"response_us\": {\"p50\": %u, \"p99\": %u}, "
	       "\"receipt_us\": {\"p50\": %u, \"p99\": %u}}\n",
	       l->submits, l->accepted, l->refused, l->receipts, l->delivered, l->twice, unknown,
	       submit_s > 0 ? (double)l->accepted / submit_s : 0,
	       receipt_s > 0 ? (double)l->receipts / receipt_s : 0,
	       percentile(l->response_us, l->accepted, 50),
	       percentile(l->response_us, l->accepted, 99),
	       percentile(l->receipt_us, l->receipts, 50),
	       percentile(l->receipt_us, l->receipts, 99));
	return is_good ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct load l;

	if (argc != 7 && argc != 9)
		die("usage", "PORT SYSTEM_ID PASSWORD SECONDS WINDOW PREFIX [RADIO_PORT PHONES]");
	l.prefix = argv[6];
	l.phones = argc == 9 ? atol(argv[8]) : 0;
	l.window = smpp_window_new((uint32_t)atol(argv[5]), PATIENCE_US);
	if (!l.window)
		die("memory", NULL);
	grow(&l);
	begin(&l, argv);
	run(&l, atol(argv[4]));
	end(&l);
	return print(&l);
}
