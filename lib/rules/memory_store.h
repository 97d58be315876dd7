/* memory_store -- the store port of lib/rules/lease.h in plain arrays
 *
 * For tests of the rules: slow, obvious, and strict about what the database enforces by
 * constraints: one row a key, at most one active session for a subscriber in a realm, active keys
 * that do not overlap, generations that never lessen. A violation is an assertion.
 */
#ifndef HATO_LIB_RULES_MEMORY_STORE_H
#define HATO_LIB_RULES_MEMORY_STORE_H

#include "lib/rules/lease.h"

#define MEMORY_ROWS    64
#define MEMORY_DEVICES 4

struct memory_subscriber {
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX];
};

struct memory_device {
	struct device device;
	int64_t subscriber;
};

/* A value: copying it copies the whole state, so that a test can go back to a fork in history.
 * Subscriber i has id i + 1. */
struct memory_store {
	struct memory_subscriber subscribers[MEMORY_ROWS];
	struct memory_device devices[MEMORY_DEVICES]; /* of every realm */
	struct nas_row nases[MEMORY_ROWS];
	struct binding bindings[MEMORY_ROWS];
	struct session_row sessions[MEMORY_ROWS]; /* session i has id i + 1 */
	size_t device_count, subscriber_count, nas_count, binding_count, session_count;
};

struct lease_store memory_store_port(struct memory_store *m);
const struct binding *memory_store_binding(const struct memory_store *m, const struct key *k);

#endif
