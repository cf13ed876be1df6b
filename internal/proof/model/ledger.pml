/*
 * The ledger: one parameter whose versions are entries. What an invalid entry
 * says is never used, so the model keeps the state of the last valid entry, of
 * the one before it (which a stale read answers with), and of every version its
 * base and its writer.
 */
#define MAXL 28 /* versions of the ledger */

typedef Entry {
	byte tok;     /* the newest proven refresh token; NONE where there is none */
	short past;   /* the tokens before it, as bits, also those of earlier families */
	byte gen;     /* the generation within the family */
	byte auth;    /* the consent: families are numbered in the order of their consents */
	byte born;    /* the versions of REFRESH_TOKEN up to this one are older than the consent */
	byte rotated; /* the last rotation; NONE if unknown, and so due */
	byte fail, failAt; /* what the newest attempt with our own token came to, and when */
	byte began;        /* the first of the refusals in a row; 0 without one */
	bool more;         /* there was more than one */
	byte tried;        /* the first failure of any kind with this token; 0 without one, and where nobody writes a stranger */
	/* The intent: owner, token (NONE: no intent), its version in REFRESH_TOKEN (0: our own token), when it was written. */
	byte own, it, cand, at;
	/* Our own token is in doubt: the first and the newest attempt; who may still save its successor. */
	byte first, last, owner;
	/* The inbox: which REFRESH_TOKEN the numbers mean; the version up to which it is judged, and that of the family's own; a candidate in doubt and its first attempt; the versions that were refused, more than once, and as our own token's successors, as bits; when the last was, and when an answer about it was lost before, or NONE. */
	byte era, seen, kin, pending, pendFirst, rejAt, rejFirst;
	int rejected, twice, kins
};

byte ledVer, epoch;   /* the newest version, 0 where there is no ledger; how often it was deleted */
byte base[MAXL], writer[MAXL];
Entry S; byte head, headAt; /* the last valid entry: state, version, when it was written */
Entry P; byte prev; /* the valid entry before it */
byte folded;
byte known[2];        /* by keeper: the newest version that the process has seen */
byte stamp;           /* consents that were given or stored, for auth */
/* TOKEN_FAMILY, a family's record: only where it matters, which is where the ledger may be deleted. */
#define RECORDED (LOSE > 0)
typedef Record { byte tok; short past; byte gen, auth, rotated, fail, failAt, began, tried, first; bool more };
Record F;
/* memory.known: what a process read or settled last. Only where the ledger may be deleted. */
Entry memo[2];
Entry K; byte kBase;  /* somebody's backup of an entry; only where one may be put back */
bool aside;           /* it was put back, and is no valid entry */
/* Within the step of an adoption only: what the process has read, or what stands in a ledger that was put back; and the newest record. */
hidden Entry Q;
hidden Record R;

inline copy(a, b) {
	b.tok = a.tok; b.past = a.past; b.gen = a.gen; b.auth = a.auth; b.born = a.born; b.rotated = a.rotated;
	b.fail = a.fail; b.failAt = a.failAt; b.began = a.began; b.more = a.more; b.tried = a.tried; b.own = a.own; b.it = a.it; b.cand = a.cand; b.at = a.at;
	b.first = a.first; b.last = a.last; b.owner = a.owner;
	b.era = a.era; b.seen = a.seen; b.kin = a.kin; b.pending = a.pending; b.pendFirst = a.pendFirst; b.rejected = a.rejected; b.rejAt = a.rejAt; b.rejFirst = a.rejFirst; b.twice = a.twice; b.kins = a.kins
}

inline endIntent(a) { a.own = NOBODY; a.it = NONE; a.cand = 0; a.at = NONE }
inline endDoubt(a) { a.first = NONE; a.last = NONE; a.owner = FREE }
inline endPending(a) { a.pending = 0; a.pendFirst = NONE }

inline clear(a) {
	a.tok = NONE; a.past = 0; a.gen = 0; a.auth = 0; a.born = 0; a.rotated = NONE; a.fail = OKAY; a.failAt = 0; a.began = 0; a.more = false; a.tried = 0;
	endIntent(a); endDoubt(a); a.era = 0; a.seen = 0; a.kin = 0; endPending(a); a.rejected = 0; a.rejAt = 0; a.rejFirst = NONE; a.twice = 0; a.kins = 0
}

/* The record of a. Its failure tells when a token in doubt was presented first. */
inline recordOf(a, r) {
	r.tok = a.tok; r.past = a.past; r.gen = a.gen; r.auth = a.auth; r.rotated = a.rotated;
	r.fail = a.fail; r.failAt = a.failAt; r.began = a.began; r.more = a.more; r.tried = a.tried; r.first = (a.fail == INDOUBT || a.fail == DENIED -> a.first : NONE)
}

/* TOKEN_FAMILY is written: the record of a. */
inline record(a) { recordOf(a, F) }

/*
 * State.date: an intent without a time is an attempt that is announced by this
 * entry, and perhaps the first. So it is after a refusal of the candidate.
 */
#define NEWINTENT(a) (a.it != NONE && a.at == NONE)
#define AFTERREFUSAL(a) ((a.rejected & (1 << a.cand)) && now > a.rejAt)
inline date(a) {
	a.first = (NEWINTENT(a) && a.cand == 0 && a.first == NONE -> now : a.first);
	a.last = (NEWINTENT(a) && a.cand == 0 -> now : a.last);
	a.pendFirst = (NEWINTENT(a) && a.cand > 0 && (a.pendFirst == NONE || AFTERREFUSAL(a)) -> now : a.pendFirst);
	a.at = (NEWINTENT(a) -> now : a.at)
}

/*
 * What makes an entry valid: it follows the last valid one, which it names by
 * version and mark.
 */
#ifdef MUTANT_NO_BASE
#define VALID(b, e) true
#else
#define VALID(b, e) ((b) == head && ((b) == 0 || (e) == epoch))
#endif

/* The store writes an entry n of who on base b of the ledger e. */
inline append(who, b, e, n) {
	ledVer++;
	base[ledVer] = (b > 0 && e != epoch -> NONE : b); writer[ledVer] = who; /* it names the mark of an entry that is gone */
	if
	:: VALID(b, e) ->
		HOLDS(3, b == head);
		assertForward(who, n);
		copy(S, P); prev = head;
		copy(n, S); head = ledVer; headAt = now;
		date(S);
		if
		:: who <= SECOND && S.own == who -> intended[who] = S.it
		:: else
		fi;
		aside = false
	:: else
	fi;
	printf("%d: entry %d of %d on %d, valid %d: token %d, presenting %d\n", now, ledVer, who, b, head == ledVer, n.tok, n.it)
}

/* Ledger.Put's answer, r being the returned version: whether an entry of who is the valid one on top of b. */
inline mine(who, b, e, r, answer) {
	if
	:: r <= b || (b > 0 && e != epoch) -> answer = false /* the ledger was deleted */
	:: else -> /* read the versions between */
		i = b + 1;
		do
		:: i <= r && base[i] != b -> i++
		:: else -> break
		od;
		answer = (i <= r && writer[i] == who);
		i = 0
	fi
}

/* Ledger.Newest: whoever folds the history finds the head. */
inline assertFold() {
	for (i : 1 .. MAXL - 1) { folded = (i <= ledVer && base[i] == folded -> i : folded) }
	HOLDS(3, folded == head);
	i = 0; folded = 0
}

/* The marks of a tick that is over, or of a process that died, are nobody's: no other put has them. */
inline unmark(p) {
	for (i : 1 .. MAXL - 1) { writer[i] = (writer[i] == p -> NOBODY : writer[i]) }
	i = 0
}

/* Reads the ledger: v is the state of the last valid entry, b its version; or an old answer. */
inline readLedger(me) {
	if
	:: true -> copy(S, v); b = head; known[me] = ledVer
	:: CANFAULT && headAt == now && head > 1 && known[me] < head -> fault(me); copy(P, v); b = prev
	fi;
	e = epoch;
	assertFold()
}

inline forget(p) {
	held[p].tok = NONE; held[p].before = 0; held[p].spent = 0; held[p].auth = 0; held[p].gen = 0; held[p].cand = 0; held[p].past = 0;
	held[p].at = 0; held[p].born = 0; held[p].fail = OKAY; held[p].failAt = 0; held[p].began = 0; held[p].more = false; held[p].tried = 0; endDoubt(held[p])
}

inline forgetKnown(p) { clear(memo[p]) }

/* A process remembers what it has read or settled. */
inline remember(p) {
	if
	:: LOSE > 0 && v.tok != NONE ->
		copy(v, memo[p]); endIntent(memo[p])
	:: else
	fi
}

/* memory.compare, State.Knows, State.Receipt: what a ledger that has begun anew does not know is settled once more, but no adopted token that is not proven. */
inline compare(p) {
	if
#ifndef MUTANT_KNOWN_FORGOTTEN
	:: LOSE > 0 && v.tok != NONE && held[p].tok == NONE && memo[p].tok != NONE && memo[p].rotated != NONE && memo[p].tok != v.tok && !(v.past & BIT(memo[p].tok)) ->
		REACH(24, b > 0 && e > 0);
		held[p].tok = memo[p].tok; held[p].before = NONE; held[p].spent = NONE; held[p].auth = memo[p].auth; held[p].gen = memo[p].gen;
		held[p].cand = 0; held[p].born = memo[p].born; held[p].at = memo[p].rotated; held[p].past = memo[p].past;
		held[p].fail = memo[p].fail; held[p].failAt = memo[p].failAt; held[p].began = memo[p].began; held[p].more = memo[p].more; held[p].tried = memo[p].tried;
		held[p].first = memo[p].first; held[p].last = memo[p].last; held[p].owner = memo[p].owner
#endif
	:: else
	fi;
	remember(p)
}

/* A process dies; a new one takes its place, which owns nothing of it. */
inline die(p) {
	printf("%d: keeper %d dies\n", now, p);
	soleCopyDeleted = soleCopyDeleted || (lone != NONE && (memo[p].tok == lone || held[p].tok == lone));
	forget(p); forgetKnown(p); known[p] = 0; judged[p] = 0; seenBefore[p] = 0;
	unmark(p);
	i = OTHER(p);
	memo[i].owner = (memo[i].owner == p -> NOBODY : memo[i].owner);
	held[i].owner = (held[i].owner == p -> NOBODY : held[i].owner);
	i = 0;
	S.own = (S.own == p -> NOBODY : S.own);
	P.own = (P.own == p -> NOBODY : P.own);
	S.owner = (S.owner == p -> NOBODY : S.owner);
	P.owner = (P.owner == p -> NOBODY : P.owner);
	lkOwner = (lkEx && lkOwner == p -> NOBODY : lkOwner)
}
