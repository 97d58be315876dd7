/* public_suffix -- which part of a domain somebody registered
 *
 * `www.example.co.jp` is example.co.jp's: under co.jp anybody may register. The one place where
 * libpsl comes in, with the newest list that the system has (Debian: package publicsuffix), or the
 * one that the library was built with.
 *
 * OWNERSHIP  values. THREADS any; the list is loaded once and constant from then on
 * SEE        https://publicsuffix.org, RFC 7489 3.2 (organizational domain)
 */
#ifndef HATO_LIB_PUBLIC_SUFFIX_H
#define HATO_LIB_PUBLIC_SUFFIX_H

/* Of a domain in lower case, A-labels, no final dot: points into it. A domain that is a public
 * suffix itself is its own. */
const char *public_suffix_organisation(const char *domain);

#endif
