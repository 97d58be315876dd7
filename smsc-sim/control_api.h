/* control_api -- the HTTP side of the simulated SMSC, for people and for tests
 *
 *     GET  /                     the page (page.h)
 *     GET  /v1/messages          ?after= &limit= &order=newest &state= &destination= &account=
 *     GET  /v1/messages/{id}     with what it says, decoded
 *     GET  /v1/links             ESMEs, bound or not
 *     GET  /v1/phones            ?after= &limit= attached ones, and numbers that wait
 *     POST /v1/mo                a message as from a phone
 *     GET  /v1/faults            the scenario in force, and how its day goes
 *     PUT  /v1/faults            another one: its day begins
 *     GET  /v1/scenarios         those that come with the program
 *     GET  /metrics
 *
 * Nobody has to show a key: it listens on 127.0.0.1 alone, and what a foreign web page makes a
 * browser send is refused (a Host that is not ours, an Origin that is not this very page's, a POST
 * that is not declared as JSON).
 *
 * OWNERSHIP  control_close frees; the smsc is borrowed. THREADS the loop's
 * ERRORS     E_EXISTS: the port is in use; E_IO, E_NOMEM, and page_init's
 * SEE        docs/smsc-sim.md; lib/http, lib/http_host
 */
#ifndef HATO_SMSC_SIM_CONTROL_API_H
#define HATO_SMSC_SIM_CONTROL_API_H

#include "lib/http.h"
#include "smsc-sim/smsc.h"

struct control;

int control_open(struct smsc *s, struct control **out);
void control_close(struct control *c);

/* Another scenario's day begins: the links' clock is set to its cuts. */
void control_begin(struct smsc *s, const struct fault_script *script);

/* Of control_lists.c: arg is the struct smsc. */
void control_messages(void *arg, struct http_request *r);
void control_message(void *arg, struct http_request *r);
void control_links(void *arg, struct http_request *r);
void control_phones(void *arg, struct http_request *r);

#endif
