#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http_private.h"

#define PROBLEM_URN "urn:hato:problem:"

/* ---- what was asked ---- */

const char *http_method(const struct http_request *r)
{
	return r->method;
}

const char *http_path(const struct http_request *r)
{
	return r->path;
}

const char *http_param(const struct http_request *r, const char *name)
{
	return http_pair_find(r->match.params, r->match.param_count, name);
}

const char *http_query(const struct http_request *r, const char *name)
{
	return http_pair_find(r->parts.query, r->parts.query_count, name);
}

const char *http_header(const struct http_request *r, const char *name)
{
	if (!r->connection)
		return NULL;
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_request *r, size_t *length)
{
	if (length)
		*length = r->body_length;
	return r->body ? r->body : "";
}

const struct addr *http_peer(const struct http_request *r, uint16_t *port)
{
	if (port)
		*port = r->peer.port;
	return &r->peer.addr;
}

const struct addr *http_local(const struct http_request *r)
{
	return &r->peer.local;
}

bool http_is_tls(const struct http_request *r)
{
	return r->tls;
}

const char *http_realm(const struct http_request *r)
{
	return r->realm;
}

void http_set_note(struct http_request *r, const void *note)
{
	r->note = note;
}

const void *http_note(const struct http_request *r)
{
	return r->note;
}

/* ---- what is answered ---- */

void http_add_header(struct http_request *r, const char *name, const char *value)
{
	struct http_header *h = calloc(1, sizeof *h);

	if (!h)
		return;
	h->name = strdup(name);
	h->value = strdup(value);
	h->next = r->headers;
	r->headers = h;
}

static void headers_free(struct http_header *h)
{
	while (h) {
		struct http_header *next = h->next;

		free(h->name);
		free(h->value);
		free(h);
		h = next;
	}
}

void http_request_free(struct http_request *r)
{
	if (!r)
		return;
	if (r->response)
		MHD_destroy_response(r->response);
	headers_free(r->headers);
	free(r->target);
	free(r->path);
	free(r->body);
	free(r);
}

/* Takes `body`, which came from malloc. Without memory for an answer the connection is cut. */
static void reply(struct http_request *r, unsigned status, const char *type, char *body,
		  size_t length)
{
	assert(!r->answered);
	r->answered = true;
	if (!r->connection) {
		free(body);
		http_server_answer(r);
		return;
	}
	r->status = status;
	r->response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
	if (!r->response)
		free(body);
	for (struct http_header *h = r->headers; h && r->response; h = h->next) {
		if (h->name && h->value)
			MHD_add_response_header(r->response, h->name, h->value);
	}
	if (r->response && length)
		MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	http_server_answer(r);
}

/* A token or a binding is for who asked, now: nothing on the way may keep it. */
static void reply_private(struct http_request *r, unsigned status, const char *type, char *text)
{
	http_add_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	reply(r, status, type, text, text ? strlen(text) : 0);
}

static void reply_json(struct http_request *r, unsigned status, const char *type, json_t *body)
{
	/* 15 digits: 0.1 is written as 0.1. */
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

	json_decref(body);
	reply_private(r, status, type, text);
}

void http_reply_json(struct http_request *r, unsigned status, json_t *body)
{
	reply_json(r, status, "application/json", body);
}

void http_reply_json_text(struct http_request *r, unsigned status, char *text)
{
	reply_private(r, status, "application/json", text);
}

void http_reply_text(struct http_request *r, unsigned status, const char *type, const char *body,
		     size_t length)
{
	char *copy = malloc(length + 1);

	if (copy)
		memcpy(copy, body, length);
	reply(r, status, type, copy, copy ? length : 0);
}

/* "no-binding" -> "No binding" */
static void title_of(const char *name, char title[64])
{
	snprintf(title, 64, "%s", name);
	if (*title >= 'a' && *title <= 'z')
		*title = (char)(*title - 'a' + 'A');
	for (char *p = title; *p; p++) {
		if (*p == '-')
			*p = ' ';
	}
}

void http_problem(struct http_request *r, unsigned status, const char *name, const char *detail,
		  int64_t retry_after_s)
{
	char type[96], title[64], seconds[24];
	json_t *body;

	snprintf(type, sizeof type, PROBLEM_URN "%s", name);
	title_of(name, title);
	body = json_pack("{s:s, s:s, s:i}", "type", type, "title", title, "status", (int)status);
	if (detail)
		json_object_set_new(body, "detail", json_string(detail)); /* if it is UTF-8 */
	if (retry_after_s > 0) {
		snprintf(seconds, sizeof seconds, "%lld", (long long)retry_after_s);
		http_add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	reply_json(r, status, "application/problem+json", body);
}
