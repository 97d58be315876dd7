/* dns_channel -- c-ares on a loop: questions to the configured servers, and whether any of them is
 * there
 *
 * Private to lib/dns; the only place that knows c-ares. c-ares sees to ids, sockets, repetitions,
 * the next server, and TCP for an answer that was cut; this gives it its sockets and its time, and
 * listens. While nothing was heard from any server, though DNS_CHANNEL_SILENT questions in a row
 * ran out of time, the channel is down but for a question a second (the breaker).
 *
 * c-ares and not our own code: what goes over the wire is small, but repetitions, fail-over and TCP
 * are not, and every Debian has it, kept. Its UDP asks for 512 octets; longer answers come by TCP.
 *
 * OWNERSHIP  dns_channel_close frees all; questions in flight are not answered then
 * THREADS    one loop's
 */
#ifndef HATO_LIB_DNS_CHANNEL_H
#define HATO_LIB_DNS_CHANNEL_H

#include "lib/dns.h"
#include "lib/loop.h"

#define DNS_CHANNEL_SILENT   5
#define DNS_CHANNEL_PROBE_US INT64_C(1000000)

struct dns_channel;

/* octets null: no answer. is_heard: some server said something since it was asked; so it is the
 * name that fails, not the servers. */
typedef void dns_channel_answered(void *arg, const uint8_t *octets, size_t n, bool is_heard);

/* servers: "" the system's, or a list; not "none". E_SYNTAX, E_NOMEM, E_IO. */
int dns_channel_open(struct loop *loop, const char *servers, int64_t timeout_us,
		     struct dns_channel **out);
void dns_channel_close(struct dns_channel *c);

/* Exactly one answer, maybe before this returns. name: as dns_name gives it. */
void dns_channel_ask(struct dns_channel *c, const char *name, uint16_t type,
		     dns_channel_answered *answered, void *arg);
/* False: down, and a probe is not due. */
bool dns_channel_is_up(const struct dns_channel *c);

#endif
