/* err -- the failures that cross a module's border
 *
 * A function that can fail returns 0 or one of these, negative; it leaves its results untouched
 * then. The kinds: the peer's fault (E_SYNTAX ... E_AUTH), the world's (E_BUSY ... E_IO), a rule's
 * answer (E_CONFLICT ... E_STALE). Our own mistakes are assertions. err_text() is for logs and for
 * people, not for the wire.
 */
#ifndef HATO_LIB_ERR_H
#define HATO_LIB_ERR_H

enum err {
	E_OK = 0,
	E_SYNTAX = -1,    /* not of the form it must have */
	E_RANGE = -2,     /* well formed, outside its bounds */
	E_TOO_LARGE = -3, /* over a limit */
	E_AUTH = -4,      /* not ours, altered or from elsewhere (never told apart) */
	E_EXPIRED = -5,   /* ours, but its time is over */
	E_NOT_FOUND = -6, /* there is no such thing */
	E_EXISTS = -7,    /* there is one already */
	E_CONFLICT = -8,  /* contradicts what is stored, or lost a race: compare-and-set failed */
	E_FULL = -9,      /* quota or queue: try later */
	E_BUSY = -10,     /* overloaded or locked: try later */
	E_IO = -11,       /* the system or the store refused */
	E_NOMEM = -12,
	E_AGAIN = -13, /* not finished: more input, or wait for the event */
	E_CLOSED = -14 /* the other side went away, or we are shutting down */
};

const char *err_text(int err);

#endif
