#include "handset-sim/corpus.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"

#define LINE_MAX_OCTETS 65536
#define FILE_MAX_OCTETS (16 * 1024 * 1024)

static const char *const own_messages[] = {
	"From: Taro <taro@example.org>\nTo: you@hato.example\nSubject: hello\n"
	"Date: Mon, 05 Jan 2026 18:30:15 +0900\nMessage-ID: <1@example.org>\n\nHello, phone.\n",
	/* a line that begins with a dot, and one that is a dot */
	"From: dots@example.org\nSubject: dots\n\n.\n..\n.leading\nend\n",
	/* ISO-2022-JP, as Japanese carriers' mail is */
	"From: =?ISO-2022-JP?B?GyRCQkBPOhsoQg==?= <taro@example.org>\n"
	"Subject: =?ISO-2022-JP?B?GyRCPzdDZSVhITwlaxsoQg==?=\nMIME-Version: 1.0\n"
	"Content-Type: text/plain; charset=ISO-2022-JP\n\n\033$B?7Ce%a!<%k\033(B\n",
	/* 8-bit, and no empty line before the end of the header */
	"Subject: caf\303\251\nX-Only: header\n", ""};

int corpus_normalise(const uint8_t *in, size_t n, struct corpus_message *out)
{
	uint8_t *to = malloc(2 * n + 2);
	size_t m = 0, line = 0;

	if (!to)
		return E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		bool ends = in[i] == '\n' || in[i] == '\r';
		if (!in[i] || (!ends && ++line > LINE_MAX_OCTETS)) {
			free(to);
			return E_SYNTAX;
		}
		if (!ends) {
			to[m++] = in[i];
			continue;
		}
		if (in[i] == '\r' && i + 1 < n && in[i + 1] == '\n')
			i++;
		to[m++] = '\r';
		to[m++] = '\n';
		line = 0;
	}
	if (line) {
		to[m++] = '\r';
		to[m++] = '\n';
	}
	*out = (struct corpus_message){.octets = to, .size = m};
	return 0;
}

/* The header's Return-Path fields, with their folded lines, left out. */
static int without_return_path(struct corpus_message *m)
{
	const uint8_t *at = m->octets, *end = at + m->size;
	uint8_t *to = malloc(m->size + 1);
	bool dropping = false;

	if (!to)
		return E_NOMEM;
	m->delivered = to;
	while (at < end && *at != '\r') {
		const uint8_t *next = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
		if (*at != ' ' && *at != '\t')
			dropping = end - at >= 12 &&
				   !strncasecmp((const char *)at, "Return-Path:", 12);
		if (!dropping) {
			memcpy(to, at, (size_t)(next - at));
			to += next - at;
		}
		at = next;
	}
	memcpy(to, at, (size_t)(end - at));
	m->delivered_size = (size_t)(to - m->delivered) + (size_t)(end - at);
	return 0;
}

static void add(struct corpus *c, const uint8_t *octets, size_t n)
{
	struct corpus_message *grown = realloc(c->messages, (c->count + 1) * sizeof *c->messages);

	if (!grown)
		return;
	c->messages = grown;
	struct corpus_message *m = &c->messages[c->count];
	if (corpus_normalise(octets, n, m))
		c->left_out++;
	else if (without_return_path(m))
		free(m->octets);
	else
		c->count++;
}

/* nftw has no argument for its callback. */
static struct corpus *loading;

static int on_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	size_t n = strlen(path);

	(void)at;
	if (type != FTW_F || n < 4 || strcmp(path + n - 4, ".eml") || st->st_size > FILE_MAX_OCTETS)
		return 0;
	FILE *f = fopen(path, "rbe");
	uint8_t *octets = f ? malloc((size_t)st->st_size + 1) : NULL;
	if (octets)
		add(loading, octets, fread(octets, 1, (size_t)st->st_size, f));
	free(octets);
	if (f)
		fclose(f);
	return 0;
}

int corpus_load(const char *folder, struct corpus *out)
{
	*out = (struct corpus){0};
	if (folder) {
		loading = out;
		nftw(folder, on_file, 16, FTW_PHYS);
		loading = NULL;
	}
	if (!out->count)
		for (size_t i = 0; i < sizeof own_messages / sizeof *own_messages; i++)
			add(out, (const uint8_t *)own_messages[i], strlen(own_messages[i]));
	return out->count ? 0 : E_NOMEM;
}

void corpus_free(struct corpus *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->messages[i].octets);
		free(c->messages[i].delivered);
	}
	free(c->messages);
}
