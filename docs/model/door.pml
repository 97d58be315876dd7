/* door -- who opens which mailbox, when the feed may lose, repeat and reorder and processes may die
 *
 * The truth (where each phone sits) and what authsrv believes (the committed binding of each address) are two things here. The
 * network moves phones and says so in events; an event is delivered at any later time, any number of times, or never. A phone
 * claims a token from the address on which it sits, opens a mailbox and reads it, each in steps between which anything else may
 * happen. The claim: whatever happens, the mail that a phone is shown is its own subscriber's. README.md tells the worlds and
 * what is left out.
 *
 * One of the worlds:   HONEST   phones say who they are; the feed does what it wants                      (the default)
 *                      LIARS    phones say anything, and must prove it by their SIM; the feed does what it wants
 *                      THIEVES  every token is known to everybody; a Start is in the store before the phone can speak
 * At most one of what is left out: NO_TOKEN, NO_BINDING, NO_MAILBOX (the three keys), NO_CLAIM (the handset's word), NO_PROOF.
 */

#define PHONES    2 /* a phone is its SIM and its subscriber */
#define ADDRESSES 2
#ifndef MOVES
#define MOVES 3 /* how often the network attaches a phone */
#endif
#define SESSIONS (MOVES + 1) /* ids from 1 */
#define EVENTS   (2 * MOVES)
#define NOBODY   7

#define FREE        0
#define UNCONFIRMED 1
#define CONFIRMED   2
#define CONTESTED   3

/* ---- the truth ---- */

byte where[PHONES];    /* the address on which it sits */
byte sits[ADDRESSES];  /* the phone on it */
byte session[PHONES];  /* its session in the network; 0 none */
byte clock, moves;

/* ---- what the network has said ---- */

typedef event {
	bit start;
	byte session, phone, address, time
};
event said[EVENTS];
byte said_count;

/* ---- what is committed ---- */

byte bound[ADDRESSES];      /* subscriber */
byte holder[ADDRESSES];     /* session; 0 none */
byte generation[ADDRESSES];
byte watermark[ADDRESSES];
byte state[ADDRESSES];
bit ended[SESSIONS];
byte started[SESSIONS];     /* event time of its Start; 0: not seen */
byte newest[PHONES];        /* the subscriber's session; 0 none */

/* ---- the phones' side, and what daemons hold in memory ---- */

byte other; /* of the inlines */

typedef drawer {
	byte generations[PHONES * ADDRESSES] /* bit g: a token of (subscriber, address), generation g */
};
drawer tokens[PHONES];

bit claiming[PHONES];       /* authsrv has read the binding for it and has not committed yet */
byte claim_generation[PHONES], claim_word[PHONES];

bit open[PHONES];           /* a POP session, from where the phone sits; a move ends it */
byte open_token[PHONES], open_generation[PHONES], open_mailbox[PHONES];
bit sending[PHONES];        /* checked; the octets are on their way */

/* ---- the rules of the lease (binding-rules 3) ---- */

inline vacate(a)
{
	state[a] = FREE;
	bound[a] = NOBODY;
	holder[a] = 0
}

inline free_keys(s, t)
{
	other = 0;
	do
	:: other < ADDRESSES ->
		if
		:: holder[other] == s ->
			vacate(other);
			if
			:: t > watermark[other] -> watermark[other] = t
			:: else
			fi
		:: else
		fi;
		other++
	:: else -> break
	od
}

inline apply_start(s, who, a, t)
{
	if
	:: t > watermark[a] ->
		watermark[a] = t;
		vacate(a);
		if
		:: ended[s] /* it came too late: the old holder is out all the same */
		:: !ended[s] && newest[who] != 0 && newest[who] != s && started[newest[who]] > t
			/* the subscriber has a newer session */
		:: else ->
			if
			:: newest[who] != 0 && newest[who] != s -> free_keys(newest[who], 0)
			:: else
			fi;
			newest[who] = s;
			started[s] = t;
			generation[a]++;
			bound[a] = who;
			holder[a] = s;
			state[a] = UNCONFIRMED
		fi
	:: else /* stale, or the same again */
	fi
}

byte ev_session, ev_phone, ev_address, ev_time; /* the event that is applied */

inline apply(e)
{
	ev_session = said[e].session;
	ev_phone = said[e].phone;
	ev_address = said[e].address;
	ev_time = said[e].time;
	if
	:: said[e].start -> apply_start(ev_session, ev_phone, ev_address, ev_time)
	:: else ->
		ended[ev_session] = 1;
		free_keys(ev_session, ev_time);
		if
		:: newest[ev_phone] == ev_session -> newest[ev_phone] = 0
		:: else
		fi
	fi;
	ev_session = 0; ev_phone = 0; ev_address = 0; ev_time = 0;
	other = 0
}

/* ---- the network ---- */

inline say(is_start, s, who, a)
{
	clock++;
	said[said_count].start = is_start;
	said[said_count].session = s;
	said[said_count].phone = who;
	said[said_count].address = a;
	said[said_count].time = clock;
	said_count++
}

inline hang_up(p)
{
	open[p] = 0;
	sending[p] = 0;
	open_token[p] = 0;
	open_generation[p] = 0;
	open_mailbox[p] = 0
}

inline drop_claim(p)
{
	claiming[p] = 0;
	claim_generation[p] = 0;
	claim_word[p] = 0
}

inline leave(p)
{
	if
	:: where[p] != NOBODY ->
		say(0, session[p], p, where[p]);
		sits[where[p]] = NOBODY;
		where[p] = NOBODY;
		session[p] = 0;
		/* its connections are gone */
		drop_claim(p);
		hang_up(p)
	:: else
	fi
}

inline attach(p, a)
{
	leave(p);
	moves++;
	session[p] = moves;
	where[p] = a;
	sits[a] = p;
	say(1, session[p], p, a);
#ifdef THIEVES
	apply(said_count - 1)
#endif
}

/* ---- tokens ---- */

#define TOKEN(s, a)        ((s) * ADDRESSES + (a))
#define HAS(p, s, a, g)    (tokens[p].generations[TOKEN(s, a)] & (1 << (g)))

inline give(p, s, a, g)
{
#ifdef THIEVES
	other = 0;
	do
	:: other < PHONES ->
		tokens[other].generations[TOKEN(s, a)] = tokens[other].generations[TOKEN(s, a)] | (1 << g);
		other++
	:: else -> break
	od
#else
	tokens[p].generations[TOKEN(s, a)] = tokens[p].generations[TOKEN(s, a)] | (1 << g)
#endif
}

#if defined(LIARS) && !defined(NO_PROOF)
#define NEEDS_PROOF 1
#define PROVEN(p, a) (bound[a] == p) /* the SIM answers for itself alone */
#else
#define NEEDS_PROOF 0
#define PROVEN(p, a) 0
#endif

/* The committing half of a claim: compare-and-set on the generation that was read. */
inline decide_claim(p, a)
{
	if
	:: generation[a] != claim_generation[p] || state[a] == FREE /* look again */
#ifdef NO_CLAIM
	:: else ->
		state[a] = CONFIRMED;
		give(p, bound[a], a, generation[a])
#else
	:: else ->
		if
		:: claim_word[p] != bound[a] -> state[a] = CONTESTED
		:: claim_word[p] == bound[a] && state[a] == CONTESTED && !PROVEN(p, a)
		:: claim_word[p] == bound[a] && (state[a] != CONTESTED || PROVEN(p, a)) ->
			if
			:: NEEDS_PROOF && !PROVEN(p, a) /* proof-required */
			:: else ->
				state[a] = CONFIRMED;
				give(p, bound[a], a, generation[a])
			fi
		fi
#endif
	fi;
	drop_claim(p);
	other = 0
}

/* ---- the mailbox's door: three keys ---- */

#ifdef NO_BINDING
#define BINDING_OPENS(s, a, g) 1
#else
#define BINDING_OPENS(s, a, g) \
	(bound[a] == (s) && generation[a] == (g) && (state[a] == CONFIRMED || state[a] == CONTESTED))
#endif

#ifdef NO_TOKEN
#define MAY_OPEN(p, s, g) (generation[where[p]] == (g) && BINDING_OPENS(s, where[p], g))
#else
#define MAY_OPEN(p, s, g) (HAS(p, s, where[p], g) && BINDING_OPENS(s, where[p], g))
#endif

inline log_in(p, s, g, m)
{
	open[p] = 1;
	open_token[p] = s;
	open_generation[p] = g;
	open_mailbox[p] = m
}

/* ---- everything that can happen, in any order ---- */

/* The network moves a phone onto a free address, or drops it: the 2011 cut is all of them dropped. */
#define ATTACHES(p, a) :: moves < MOVES && sits[a] == NOBODY -> d_step { attach(p, a) }
#define LEAVES(p)      :: where[p] != NOBODY && said_count - moves < MOVES -> d_step { leave(p) }
/* An event arrives: the first time or the fifth, in any order, or never. */
#define ARRIVES(e)     :: e < said_count -> d_step { apply(e) }
/* A claim: authsrv reads the binding; commits later; the answer goes to who sits there, if he still does. */
#define CLAIMS(p, word) \
	:: where[p] != NOBODY && !claiming[p] -> d_step { \
		claiming[p] = 1; \
		claim_generation[p] = generation[where[p]]; \
		claim_word[p] = word \
	}
#define COMMITS(p)     :: claiming[p] -> d_step { decide_claim(p, where[p]) }
/* POP3: log in; the binding is asked again before anything is shown; and shown. */
#define LOGS_IN(p, s, g, m) :: where[p] != NOBODY && !open[p] && MAY_OPEN(p, s, g) -> d_step { log_in(p, s, g, m) }
#define ASKS_AGAIN(p) \
	:: open[p] && !sending[p] -> d_step { \
		if \
		:: BINDING_OPENS(open_token[p], where[p], open_generation[p]) -> sending[p] = 1 \
		:: else -> hang_up(p) \
		fi \
	}
#define SHOWS(p)       :: sending[p] -> atomic { assert(open_mailbox[p] == p); sending[p] = 0 }

#ifdef LIARS
#define SPEAKS(p) CLAIMS(p, 0) CLAIMS(p, 1)
#else
#define SPEAKS(p) CLAIMS(p, p)
#endif
#ifdef NO_MAILBOX
#define LOGS_IN_AS(p, s, g) LOGS_IN(p, s, g, 0) LOGS_IN(p, s, g, 1)
#else
#define LOGS_IN_AS(p, s, g) LOGS_IN(p, s, g, s)
#endif
#define LOGS_IN_WITH(p, g)  LOGS_IN_AS(p, 0, g) LOGS_IN_AS(p, 1, g)
#define PHONE(p) \
	ATTACHES(p, 0) ATTACHES(p, 1) LEAVES(p) SPEAKS(p) COMMITS(p) \
	LOGS_IN_WITH(p, 1) LOGS_IN_WITH(p, 2) LOGS_IN_WITH(p, 3) LOGS_IN_WITH(p, 4) ASKS_AGAIN(p) SHOWS(p)

active proctype world()
{
	d_step {
		sits[0] = NOBODY; sits[1] = NOBODY;
		where[0] = NOBODY; where[1] = NOBODY;
		bound[0] = NOBODY; bound[1] = NOBODY
	}
end:	do
	PHONE(0)
	PHONE(1)
	ARRIVES(0) ARRIVES(1) ARRIVES(2) ARRIVES(3)
#if MOVES > 2
	ARRIVES(4) ARRIVES(5)
#endif
#if MOVES > 3
	ARRIVES(6) ARRIVES(7)
#endif
	/* SIGKILL of authsrv and of popgw: what was not committed is gone */
	:: claiming[0] || claiming[1] -> d_step { drop_claim(0); drop_claim(1) }
	:: open[0] || open[1] -> d_step { hang_up(0); hang_up(1) }
	od
}
