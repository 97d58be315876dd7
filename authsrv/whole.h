/* whole -- a number in a path or a query: digits, nothing else. THREADS any */
#ifndef HATO_AUTHSRV_WHOLE_H
#define HATO_AUTHSRV_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

/* Up to 18 digits. False: it is none, and `out` is untouched. */
bool whole_read(const char *text, int64_t *out);

#endif
