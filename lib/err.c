#include "lib/err.h"

const char *err_text(int err)
{
	switch ((enum err)err) {
	case E_OK:
		return "ok";
	case E_SYNTAX:
		return "malformed";
	case E_RANGE:
		return "out of range";
	case E_TOO_LARGE:
		return "too large";
	case E_AUTH:
		return "not authentic";
	case E_EXPIRED:
		return "expired";
	case E_NOT_FOUND:
		return "not found";
	case E_EXISTS:
		return "exists already";
	case E_CONFLICT:
		return "conflict";
	case E_FULL:
		return "full";
	case E_BUSY:
		return "busy";
	case E_IO:
		return "input/output error";
	case E_NOMEM:
		return "out of memory";
	case E_AGAIN:
		return "again";
	case E_CLOSED:
		return "closed";
	}
	return "unknown error";
}
