/* page -- the page of GET /: one HTML file of our own, carried by the program, and its policy
 *
 * The page loads nothing from anywhere: its style and its script are inside, and the Content
 * Security Policy allows these two by their hashes (taken once, at the start, of what is really
 * there) and requests to where the page came from, nothing else. So a text that came in a short
 * message can never become a script. The ready-made scenarios (smsc-sim/scenarios) are carried too.
 *
 * OWNERSHIP  page_init's result is the caller's value. THREADS any
 * ERRORS     E_SYNTAX: the page has not exactly one <style> and one <script>; E_NOMEM
 * SEE        W3C Content Security Policy 3, 2.3.1 (hash sources), 6.1; scripts/embed-page
 */
#ifndef HATO_SMSC_SIM_PAGE_H
#define HATO_SMSC_SIM_PAGE_H

#include <stddef.h>

#define PAGE_POLICY_MAX 320

struct page {
	const char *html; /* static, all of it */
	size_t length;
	char policy[PAGE_POLICY_MAX];
	const char *const *scenarios; /* ready-made, as JSON; ends with null */
};

int page_init(struct page *out);

#endif
