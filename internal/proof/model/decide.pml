/*
 * What package family decides, purely. v is the ledger's state as keeper me has
 * read it; sv is the newest version of REFRESH_TOKEN that it has read.
 */

/* What the ledger says of versions is void where REFRESH_TOKEN was deleted and begun anew since. */
inline voidInbox() {
	if
#ifndef MUTANT_INBOX_DELETED
	:: v.era != rtEra -> v.seen = 0; v.kin = 0; v.born = 0; endPending(v); v.rejected = 0; v.twice = 0; v.rejAt = 0; v.rejFirst = NONE
#endif
	:: else
	fi;
	v.era = rtEra
}

/* State.displaced: our own token was adopted, and refused more than once: perhaps an older one is the right one. */
#ifdef MUTANT_DISPLACED_AT_ONCE
#define DISPLACED (v.rotated == NONE && v.fail == REFUSED)
#else
#define DISPLACED (v.rotated == NONE && v.fail == REFUSED && v.more)
#endif

/* Snapshot.seen: the version up to which the inbox is judged. */
#define SEEN(sv) (DISPLACED -> 0 : (judged[me] > v.seen -> judged[me] : v.seen))

/* State.Judge, and what Atlassian has refused before: whether version k of REFRESH_TOKEN may hold a newer token. */
#define OFFER(k) (TOKEN(rt[k]) || rt[k] == BROKEN)
#ifdef MUTANT_OLDER_PRESENTED
#define KNOWN(k) (rt[k] == v.tok)
#else
#define KNOWN(k) (rt[k] == v.tok || ((v.past & BIT(rt[k])) && !DISPLACED))
#endif
#define BEFORE(k) ((k) <= v.born)
#ifdef MUTANT_REJECTED_AGAIN
#define REJECTED(k) false
#else
#define REJECTED(k) ((v.rejected & (1 << (k))) && !MAYAGAIN(k, time))
#endif
#define CANDIDATE(k) (OFFER(k) && !KNOWN(k) && !BEFORE(k) && !REJECTED(k))

/* Inbox.first: when a candidate was presented whose answer was lost, or NONE. */
#define FIRSTOF(k) ((k) == v.pending -> v.pendFirst : ((v.rejected & (1 << (k))) && OPEN(v.rejFirst, v.rejAt) -> v.rejFirst : NONE))

#define REPLAYABLE(since) (time - (since) < LEEWAY - MARGIN)

/* Two tokens may be of one family. */
#define KIN(x, y) (!TOKEN(rt[x]) || !TOKEN(rt[y]) || fam[rt[x]] == fam[rt[y]])

/* Snapshot.succeeds: version k is our own token's successor, as far as is known; and nobody has presented it. */
#define SUCCESSOR(k) (TOKEN(rt[k]) && TOKEN(v.tok) -> fam[rt[k]] == fam[v.tok] : (k) <= v.kin)
#define SUCCEEDS(k) (SUCCESSOR(k) && FIRSTOF(k) == NONE)

/*
 * Snapshot.judged: c is the candidate, or 0: one in doubt inside its leeway, or
 * our own token's successor, or else the newest. All up to seen are judged.
 */
inline judge(sv) {
	c = 0; seen = (SEEN(sv) > sv -> SEEN(sv) : sv);
	for (i : 1 .. MAXV - 1) {
		if
		:: i <= sv && (i > SEEN(sv) || i == v.pending || (v.rejected & (1 << i))) && CANDIDATE(i) ->
			c = (c > 0 && !(PSOXY > 0 && c + 1 == i && KIN(c, i)) && (OPEN(FIRSTOF(c), time) || (SUCCEEDS(c) && !SUCCEEDS(i) && !OPEN(FIRSTOF(i), time))) -> c : i);
#ifdef MUTANT_CANDIDATE_PASSED_OVER
			seen = (c > 0 -> c - 1 : seen)
#else
			seen = (seen >= i -> i - 1 : seen)
#endif
		:: else
		fi
	}
	i = 0
}

/* A lock that psoxy left behind, or that is held; not our own. */
#define LOCKSEEN (lkEx && !(locked && lkOwner == me))
#define LOCKPSOXY (lkEx && lkOwner == PSOXYID)

/*
 * Snapshot.doubt: attempts to present our own token, as the ledger tells them,
 * and a lock that was left behind: whoever took it may have spent the token, if
 * the lock is not older than the token, and no candidate has come since.
 */
#ifdef MUTANT_PSOXY_LOCK_IGNORED
#define LOCKTELLS false
#else
#define LOCKTELLS (LOCKPSOXY && !(v.rotated != NONE && v.tok >= lkTok) && c < lkRt)
#endif
inline doubt() {
	first = v.first; last = v.last; owned = v.owner != FREE;
	if
	:: LOCKTELLS && first == NONE -> first = lkAt; last = lkAt; owned = true
	:: LOCKTELLS && first != NONE -> first = (lkAt < first -> lkAt : first)
	:: else
	fi
}

#ifdef MUTANT_FRESH_INTENT_IGNORED
#define ATWORK false
#else
#ifdef MUTANT_STALE_INTENT_KEPT
#define ATWORK (v.it != NONE && v.own != me)
#else
#define ATWORK (v.it != NONE && v.own != me && time - v.at < STALE)
#endif
#endif

/* doubt.lastIsOpen: every attempt may have been the first to arrive. */
#define LASTISOPEN (last > first && REPLAYABLE(last))
/* doubt.hold: a process may still save a successor. */
#ifdef MUTANT_HOLDS_NOTHING_BACK
#define HELDBACK false
#else
#define HELDBACK (!LASTISOPEN && owned && time < last + 2 * LEEWAY)
#endif

#define TRYCANDIDATE (c > 0 && (c != v.pending || OPEN(v.pendFirst, time)))
/* Snapshot.continues: it is the family's own; of a damaged one nothing tells that. */
#define CONTINUES (SUCCESSOR(c) || (PSOXY > 0 && !(TOKEN(rt[c]) && TOKEN(v.tok))))
#ifdef MUTANT_CANDIDATE_STARVES
#define STARVES false
#else
#define STARVES (c > 0)
#endif
#ifdef MUTANT_REFUSED_HAMMERED
#define WAITS false
#else
#define WAITS (time < v.failAt + REST)
#endif

/* State.Defers: another has presented the token since, which may have killed what h holds; inside the leeway there is more. */
#ifdef MUTANT_HELD_OVER_DOUBT
#define DEFERS(h) false
#else
#define DEFERS(h) (v.first != NONE && v.owner != me && v.auth == h.auth && v.last > h.at && TIME(me) - v.first < LEEWAY - MARGIN)
#endif

/* A candidate that was refused once comes before our own token is spent. */
#define LOOKSAGAIN ((v.rejected & ~v.twice) && time == v.rejAt)

#define RULE(condition, result) if :: !ruled && (condition) -> ruled = true; result :: else fi

/* Decide: the first rule that applies says what to do: act, and the version of the candidate to present: cv, or 0. */
inline decide(sv) {
	time = TIME(me); act = LEAVE; cv = 0;
	judge(sv);
	doubt();
	/* somebody else is at work */
	RULE((LOCKPSOXY && time - lkAt < STALE) || ATWORK, busyElsewhere = true);
	/* a received pair comes before everything */
	RULE(held[me].tok != NONE && !DEFERS(held[me]), act = SETTLEHELD);
	/* an empty ledger begins with what the parameters hold */
	RULE(v.tok == NONE, act = (unread -> LEAVE : ADOPT));
	/* a candidate is presented, for only Atlassian can judge it */
	RULE(TRYCANDIDATE, act = (OPEN(FIRSTOF(c), time) -> REPLAY : ROTATE); cv = c);
	RULE(c > 0 && c == v.pending && CONTINUES, act = LATEPROBE; cv = c);
	/* a token in doubt is presented again inside its leeway */
	RULE(first != NONE && REPLAYABLE(first), act = REPLAY);
	/* after the leeway, a token in doubt is probed when nothing is left to lose */
	RULE(first != NONE && HELDBACK && c > 0, act = LATEPROBE; cv = c);
	RULE(first != NONE, act = (HELDBACK || LOOKSAGAIN -> LEAVE : LATEPROBE); REACH(1, act == LEAVE));
	/* a refused token is probed now and then, and a candidate in doubt before it */
	RULE(v.fail == REFUSED && STARVES, act = LATEPROBE; cv = c);
	RULE(v.fail == REFUSED, act = (WAITS -> LEAVE : LATEPROBE); REACH(3, act == LEAVE));
	/* a rotation is due before the access token ends */
	RULE((v.rotated == NONE || time - v.rotated >= PERIOD) && !LOOKSAGAIN, act = ROTATE);
	/* a candidate in doubt is probed after all else */
	RULE(c > 0, act = LATEPROBE; cv = c);
	keep = (c > 0);
	first = (cv == 0 -> first : FIRSTOF(cv));
	c = 0; time = 0; ruled = false; owned = false; last = 0
}

/* State.Intending: an intent of me to present t. Our own token may be spent from now on, or was in doubt since first. */
inline intending(t) {
	v.own = me; v.it = t; v.cand = cv; v.at = NONE; v.seen = seen;
	if
	:: cv == 0 -> v.owner = me;
#ifdef MUTANT_FIRST_LOST
		v.first = NONE
#else
		v.first = first
#endif
	:: cv > 0 ->
		v.pendFirst = first; v.pending = cv;
#ifdef MUTANT_DOUBT_OVERWRITTEN
		endDoubt(v)
#endif
	fi
}

/* Snapshot.Offspring and Record.Succeed: what is received for the spent token t. Its chain tells its family. */
inline receive(t, got) {
	held[me].tok = got; held[me].before = v.tok; held[me].spent = t; held[me].cand = cv; held[me].at = v.at;
	held[me].past = v.past | BIT(v.tok) | BIT(t);
	if
	:: cv > 0 && (PSOXY > 0 || fam[t] != fam[v.tok]) -> /* candidates before it: of older consents, or spent by psoxy */
		i = cv - 1; last = cv; time = TIME(me);
		do
		:: i > 0 ->
			held[me].past = held[me].past | (CANDIDATE(i) && (fam[t] != fam[v.tok] || (last == i + 1 && KIN(i, cv))) -> BIT(rt[i]) : 0);
			last = (CANDIDATE(i) && last == i + 1 -> i : last); i--
		:: else -> break
		od;
		last = 0; time = 0
	:: else
	fi;
	if
	:: cv > 0 && fam[t] != fam[v.tok] -> held[me].auth = order[fam[t]]; held[me].gen = 1; held[me].born = 0
	:: else -> held[me].auth = v.auth; held[me].gen = v.gen + (cv > 0 -> 2 : 1); held[me].born = v.born
	fi
}

#ifdef MUTANT_MERGE_OLDER
#define NEWER(h) true
#else
#define SPENTLATER(h) (h.spent != NONE && (v.past & BIT(h.spent)) && h.tok < v.tok)
#define NEWER(h) (v.auth != h.auth -> h.auth > v.auth && !SPENTLATER(h) : !(v.gen > h.gen || h.tok < v.tok))
#endif

#define NEWFAMILY(h) (v.auth != h.auth)

/* State.Settle: what h holds becomes the newest, unless v, which others may have changed, is newer: kept. */
inline settle(h) {
	kept = v.tok == h.before || v.tok == NONE || NEWER(h);
	if
	:: kept ->
#ifdef MUTANT_PAST_FORGOTTEN
		v.past = h.past | (v.tok == h.before -> 0 : BIT(v.tok));
#else
		v.past = h.past | v.past | BIT(v.tok);
#endif
		if
		:: h.cand > 0 && NEWFAMILY(h) -> /* older candidates are older consents */
			v.seen = (v.seen < h.cand -> h.cand : v.seen);
			v.rejected = v.rejected & ~((2 << h.cand) - 1); v.twice = v.twice & v.rejected
		:: else
		fi;
		if
		:: v.pending > 0 && (v.pending == h.cand || (v.pending < h.cand && NEWFAMILY(h))) -> endPending(v)
		:: else
		fi;
		v.tok = h.tok; v.auth = h.auth; v.gen = h.gen; v.born = h.born; v.rotated = h.at; v.fail = OKAY; v.failAt = 0; v.more = false;
		endDoubt(v);
		if
#ifndef MUTANT_LEASE_ENDED
		:: v.it != NONE && v.cand > 0 && v.cand != h.cand -> skip /* another candidate is being presented */
#endif
		:: else -> endIntent(v)
		fi
	:: else
	fi
}

/* State.Doubting: psoxy's lock, which ours is to replace, tells of an attempt. */
inline doubting() {
	v.first = (lkAt < v.first -> lkAt : v.first); v.last = lkAt; v.owner = PSOXYID
}

/* State.Failed: a spend without a successor. What a candidate came to says nothing of our own token. */
inline failed() {
	if
	:: class == INDOUBT && v.cand == 0 ->
		v.last = now; v.owner = FREE; v.fail = INDOUBT; v.failAt = now; v.more = false;
#ifdef MUTANT_FIRST_DATED_LATE
		v.first = (v.first == v.at -> now : v.first)
#endif
	:: class == INDOUBT && v.cand > 0 -> skip
	:: class == REFUSED && v.cand > 0 ->
		v.rejFirst = (doubtful -> v.pendFirst : NONE);
		v.twice = v.twice | (OPEN(v.rejFirst, now) -> 0 : v.rejected & (1 << v.cand)); v.rejected = v.rejected | (1 << v.cand); v.rejAt = now;
		endPending(v)
	:: class == UNSPENT && v.cand > 0 -> endPending(v)
	:: else -> v.more = (class == REFUSED && v.fail == REFUSED); v.fail = class; v.failAt = now; endDoubt(v)
	fi;
	endIntent(v)
}

#ifdef MUTANT_ADOPT_WHAT_STANDS
#define BEENBEFORE(k) false
#define FOUND false
#else
#define BEENBEFORE(k) ((v.past | F.past) & BIT(rt[k]))
#define FOUND (v.tok != NONE && v.tok == F.tok)
#endif
#define PROVEN(k) (F.tok != NONE && rt[k] == F.tok)

/*
 * Snapshot.Adopt: the token that TOKEN_FAMILY names, and then what was written
 * after it are candidates; or else the token that was stored for the first time
 * last. The family is that of TOKEN_FAMILY.
 */
inline adopt(sv) {
	clear(v);
	v.seen = sv; v.era = rtEra;
	for (i : 1 .. MAXV - 1) {
		if
		:: i <= sv && !FOUND && OFFER(i) && rt[i] != v.tok && !BEENBEFORE(i) ->
			v.past = v.past | BIT(v.tok); v.tok = rt[i];
			v.kin = (PROVEN(i) -> sv : 0)
		:: else
		fi
	}
	i = 0;
	if
#ifdef MUTANT_ADOPT_AS_NEW
	:: true -> v.auth = stamp + 1
#else
	:: v.tok != NONE && v.tok == F.tok ->
		v.past = F.past; v.seen = 0; v.auth = F.auth; v.gen = F.gen; v.rotated = F.rotated; /* what it does not tell of was never judged */
		v.fail = F.fail; v.failAt = F.failAt; v.more = F.more; v.first = F.first; v.last = (F.first == NONE -> NONE : F.failAt)
	:: else ->
		v.past = v.past | F.past | BIT(F.tok); v.gen = F.gen;
		v.auth = (F.tok != NONE -> F.auth : (TOKEN(v.tok) -> order[fam[v.tok]] : stamp))
#endif
	fi;
	v.past = v.past & ~BIT(v.tok)
}
