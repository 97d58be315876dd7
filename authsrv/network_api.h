/* network_api -- the network side of the HTTP API: its routes, its guard, and what its handlers
 * share
 *
 * Every request shows a bearer key; what the key may do is decided by scope, realm and NAS id
 * (network_auth.h). ?realm= is everywhere, by default the key's own; lists take ?after= and
 * ?limit=. SEE design 5
 */
#ifndef HATO_AUTHSRV_NETWORK_API_H
#define HATO_AUTHSRV_NETWORK_API_H

#include "authsrv/server.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000

extern const struct http_route network_routes[];
bool network_guard(void *arg, struct http_request *r);

/* The handlers, by file. */
void lease_events_post(void *arg, struct http_request *r); /* lease_api.c */
void resync_post(void *arg, struct http_request *r);       /* resync_api.c */
size_t resync_body_limit(void *arg, const struct http_request *r);
void subscriber_put_route(void *arg, struct http_request *r); /* subscriber_api.c */
void subscriber_get_route(void *arg, struct http_request *r);
void subscriber_delete_route(void *arg, struct http_request *r);
void subscriber_list_route(void *arg, struct http_request *r);
void notification_put_route(void *arg, struct http_request *r); /* notification_api.c */
void notification_get_route(void *arg, struct http_request *r);
void notification_delete_route(void *arg, struct http_request *r);
void filter_put_route(void *arg, struct http_request *r); /* filter_api.c */
void filter_get_route(void *arg, struct http_request *r);
void filter_delete_route(void *arg, struct http_request *r);
void device_put_route(void *arg, struct http_request *r); /* device_api.c */
void device_get_route(void *arg, struct http_request *r);
void device_delete_route(void *arg, struct http_request *r);
void device_list_route(void *arg, struct http_request *r);
void sim_change_route(void *arg, struct http_request *r); /* sims_api.c */
void sims_put_route(void *arg, struct http_request *r);
void sims_delete_route(void *arg, struct http_request *r);
void binding_get_route(void *arg, struct http_request *r); /* binding_api.c */
void binding_list_route(void *arg, struct http_request *r);
void binding_history_route(void *arg, struct http_request *r);
void quarantine_list_route(void *arg, struct http_request *r); /* quarantine_api.c */
void quarantine_release_route(void *arg, struct http_request *r);
void queue_list_route(void *arg, struct http_request *r); /* queue_api.c */
void queue_get_route(void *arg, struct http_request *r);
void queue_mail_retry_route(void *arg, struct http_request *r);
void queue_mail_hold_route(void *arg, struct http_request *r);
void queue_mail_release_route(void *arg, struct http_request *r);
void queue_mail_drop_route(void *arg, struct http_request *r);
void queue_lane_retry_route(void *arg, struct http_request *r);
void queue_lane_hold_route(void *arg, struct http_request *r);
void queue_lane_release_route(void *arg, struct http_request *r);
void queue_lane_drop_route(void *arg, struct http_request *r);
void suppression_list_route(void *arg, struct http_request *r); /* suppression_api.c */
void suppression_clear_route(void *arg, struct http_request *r);
void trap_list_route(void *arg, struct http_request *r); /* trap_api.c */
void trap_clear_route(void *arg, struct http_request *r);

void freeze_post_route(void *arg, struct http_request *r); /* freeze_api.c */
void freeze_list_route(void *arg, struct http_request *r);
void freeze_delete_route(void *arg, struct http_request *r);
void breaker_list_route(void *arg, struct http_request *r); /* breaker_api.c */
void breaker_release_route(void *arg, struct http_request *r);
void misbinding_report_route(void *arg, struct http_request *r); /* misbinding_api.c */
void containment_route(void *arg, struct http_request *r);

/* ---- for the handlers: each answers the request itself when it returns false or null ---- */

/* The key the guard let in, if it has the scope. */
const struct network_key *network_key_with(struct http_request *r, unsigned scope);
/* ?realm=, if it exists and is the key's. */
const char *network_realm(struct worker *w, struct http_request *r, const struct network_key *key);
/* The same of a realm that the body named. */
const char *network_realm_named(struct worker *w, struct http_request *r,
				const struct network_key *key, const char *realm);
/* A freeze's, a breaker's or a report's key may be kept to some NASes: false is answered. */
bool network_nas(struct http_request *r, const struct network_key *key, const char *nas_id);
/* ?after= (default "") and ?limit= (default PAGE_DEFAULT; PAGE_MAX stands for more). */
struct page {
	const char *after;
	size_t limit;
};
bool network_page(struct http_request *r, struct page *out);
/* The same of a list in the order of ids: `after` is one, or 0. */
bool network_page_of_ids(struct http_request *r, struct page *out, int64_t *after);
/* ?port= of an address that several hold by ports; -1: none was named. */
bool network_port(struct http_request *r, int *port);
/* A time of the query; an absent one leaves `out` as it is. */
bool network_time(struct http_request *r, const char *name, int64_t *out);
/* The {ip} of the path: an address or a prefix. `probe` is an address in it. */
bool network_target(struct http_request *r, const char *realm, struct key *key, struct addr *probe);

/* Answers what the store said no to, and ends the call. */
void network_fail(struct call *call, int err, const char *detail);
/* Answers with a list, which it owns now, or what the store said no to; ends the call. */
void network_list(struct call *call, int err, json_t *list);
/* 400 malformed. */
void network_malformed(struct http_request *r, const char *detail);

#endif
