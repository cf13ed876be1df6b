/*
 * What package family decides, purely. v is the ledger's state as keeper me has
 * read it; sv is the newest version of REFRESH_TOKEN that it has read.
 */

/* What the ledger says of versions is void where REFRESH_TOKEN was deleted and begun anew since. */
inline voidInbox() {
	if
#ifndef MUTANT_INBOX_DELETED
	:: v.era != rtEra -> v.seen = 0; v.kin = 0; v.born = 0; endPending(v); v.rejected = 0; v.twice = 0; v.kins = 0; v.rejAt = 0; v.rejFirst = NONE
#endif
	:: else
	fi;
	v.era = rtEra
}

/* judge.lastJudged, and judge.seen: the version up to which the inbox is judged. Once our own token is refused, all counts. */
#define LASTJUDGED (judged[me] > v.seen -> judged[me] : v.seen)
#define SEEN (ISREFUSED(v.fail) -> 0 : LASTJUDGED)

/* State.Judge, and what Atlassian has refused before: whether version k of REFRESH_TOKEN may hold a newer token. */
#define OFFER(k) (TOKEN(rt[k]) || rt[k] == BROKEN)
#ifdef MUTANT_OLDER_PRESENTED
#define KNOWN(k) (rt[k] == v.tok)
#else
#define KNOWN(k) (rt[k] == v.tok || ((v.past & BIT(rt[k])) && !(DISPLACED && (LONG || INSISTS(k)))))
#endif
/* insists: a person has stored an older one again since our own was refused. */
#define INSISTS(k) ((k) == rtVer && rtAt >= v.began)
/* Record.olderConsent: its claims tell that its consent was given before ours, and ours works. The time of a consent by tokenkeeper is by another clock. */
#ifdef MUTANT_OLDER_CONSENT
#define OLDERCONSENT(k) false
#else
#define OLDERCONSENT(k) (TOKEN(rt[k]) && TOKEN(v.tok) && !(ISREFUSED(v.fail) && v.more) && \
	grantedAt[fam[rt[k]]] + (fam[v.tok] == ownConsent -> CLOCKTOLERANCE : 0) < grantedAt[fam[v.tok]])
#endif
#define BEFORE(k) ((k) <= v.born || OLDERCONSENT(k))
#ifdef MUTANT_REJECTED_AGAIN
#define REJECTED(k) false
#else
#define REJECTED(k) ((v.rejected & (1 << (k))) && !MAYAGAIN(k, time))
#endif
#define CANDIDATE(k) (OFFER(k) && !KNOWN(k) && !BEFORE(k) && !REJECTED(k))
/* It was refused once, and is asked about again later. */
#define RESTS(k) (REJECTED(k) && LOOKSAGAIN && (REFUSEDONCE & (1 << (k))))

/* Inbox.first: when a candidate was presented whose answer was lost, or NONE. */
#define FIRSTOF(k) ((k) == v.pending -> v.pendFirst : ((v.rejected & (1 << (k))) && OPEN(v.rejFirst, v.rejAt) -> v.rejFirst : NONE))

#define REPLAYABLE(since) (time - (since) < LEEWAY - MARGIN)

/* Two tokens may be of one family. */
#define KIN(x, y) (!TOKEN(rt[x]) || !TOKEN(rt[y]) || fam[rt[x]] == fam[rt[y]])

/* judge.continues: it is our own token's successor, or psoxy rotates too. */
#define CONTINUES(k) (SUCCEEDS(k) || (PSOXY > 0 && !(TOKEN(rt[k]) && TOKEN(v.tok))))

/* judge.rank: of each rank the candidate that was issued last comes first, or else the newest. */
#define LATESTRANGER 1
#define LATEKIN 2
#define UNASKED 3
#define SUCCESSOR 4
#define DOUBTED 5
#define RANK(k) (OPEN(FIRSTOF(k), time) -> DOUBTED : (FIRSTOF(k) == NONE -> (SUCCEEDS(k) -> SUCCESSOR : UNASKED) : (CONTINUES(k) -> LATEKIN : LATESTRANGER)))

/* judge.looksAgain: a candidate that was refused once comes before our own token is spent. */
#define REFUSEDONCE (v.rejected & ~v.twice)
#define LOOKSAGAIN (REFUSEDONCE && time == v.rejAt)

#define OFFERED(k) (((k) > SEEN || (k) == v.pending || (v.rejected & (1 << (k)))) && CANDIDATE(k))
/* precedes: another candidate of its family was issued later. */
#define PRECEDES(k) (TOKEN(rt[k]) && rt[k] < latest[fam[rt[k]]])
#define ISSUEDAFTER(k, o) (TOKEN(rt[k]) && TOKEN(rt[o]) && rt[k] > rt[o])

/*
 * Snapshot.judged: c is the candidate that comes first, or 0. All up to seen are
 * judged. A token that another candidate was made of is spent; beside psoxy so may
 * one be that another stands over: it is covered. These are older, once the one that
 * comes first is accepted. kinWaits: one of those that are asked about once more may
 * be our own token's successor.
 */
inline judge(sv) {
	c = 0; older = 0; seen = (unread -> LASTJUDGED : (SEEN > sv -> SEEN : sv));
	for (i : 1 .. MAXV - 1) {
		if
		:: i <= sv && TOKEN(rt[i]) && (OFFERED(i) || RESTS(i)) -> latest[fam[rt[i]]] = (rt[i] > latest[fam[rt[i]]] -> rt[i] : latest[fam[rt[i]]])
		:: else
		fi
	}
	i = (MAXV - 1 < sv -> MAXV - 1 : sv);
	do
	:: i > 0 ->
		if
		:: OFFERED(i) || RESTS(i) ->
			under = (under || RANK(i) != DOUBTED) && PSOXY > 0 && over == i + 1 && KIN(over, i);
			REACH(26, c > 0 && !under && best == UNASKED && RANK(i) == SUCCESSOR);
			REACH(32, v.tok != NONE && !under && PRECEDES(i) && RANK(i) > best);
			older = older | (under || PRECEDES(i) -> BIT(rt[i]) : 0);
			c = (!under && !PRECEDES(i) && OFFERED(i) && (RANK(i) > best || (RANK(i) == best && ISSUEDAFTER(i, c))) -> i : c);
			best = (c == i -> RANK(i) : best);
			over = i;
#ifdef MUTANT_CANDIDATE_PASSED_OVER
			seen = (c > i -> seen : i - 1)
#else
			seen = (seen >= i && OFFERED(i) -> i - 1 : seen)
#endif
		:: else
		fi;
		kinWaits = kinWaits || (LOOKSAGAIN && (REFUSEDONCE & v.kins & (1 << i)));
		i--
	:: else -> break
	od;
	best = 0; over = 0; under = false;
	for (i : 0 .. 2) { latest[i] = 0 }
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
#define LOCKTELLS (LOCKPSOXY && !(v.rotated != NONE && v.tok >= lkTok) && !(ISREFUSED(v.fail) && lkAt < v.failAt) && c < lkRt)
#endif
inline doubt() {
	first = v.first; last = v.last; owned = v.owner != FREE;
	if
	:: LOCKTELLS && first == NONE -> first = lkAt; last = lkAt; owned = true
	:: LOCKTELLS && first != NONE -> first = (lkAt < first -> lkAt : first)
	:: else
	fi
}

/* atWork */
#ifdef MUTANT_FRESH_INTENT_IGNORED
#define ATWORK false
#else
#ifdef MUTANT_STALE_INTENT_KEPT
#define ATWORK (v.it != NONE && v.own != me)
#else
#define ATWORK (v.it != NONE && v.own != me && time - v.at < STALE)
#endif
#endif

/* The unknown process of a deleted ledger is waited for where the leeway has time left for the tick after that. */
#define TIMETOWAIT (first == NONE || OPEN(first, v.at + TICK))

/* The leeway of the last attempt is open: every attempt may have been the first to arrive. */
#define LASTISOPEN (last > first && REPLAYABLE(last))
/* doubt.hold: a process may still save a successor. */
#ifdef MUTANT_HOLDS_NOTHING_BACK
#define HELDBACK false
#else
#define HELDBACK (!LASTISOPEN && owned && time < last + 2 * LEEWAY)
#endif
/* replaysFirst: our own token in doubt comes before a stranger. */
#define STRANGERWAITS (!CONTINUES(c) && first != NONE && REPLAYABLE(first) && !ISREFUSED(v.fail))
/* replay: what may be the successor of our own token in doubt is asked about once more before, where the next tick is in time for the replay. */
#define KINFIRST (kinWaits && time + TICK - first < LEEWAY - MARGIN)
/* lateCandidate */
#define LATECANDIDATE act = (LOOKSAGAIN -> LEAVE : LATEPROBE); cv = (LOOKSAGAIN -> 0 : c)
/* Our own token that was refused comes before an older one, each time. */
#define OWNFIRST (DISPLACED && (v.past & BIT(rt[c])) && time > v.failAt)

#ifdef MUTANT_CANDIDATE_STARVES
#define STARVES false
#else
#define STARVES (c > 0)
#endif
#ifdef MUTANT_REFUSED_HAMMERED
#define WAITS false
#else
#ifdef MUTANT_REFUSED_IN_LEEWAY
#define WAITS true
#else
#define WAITS (time < v.failAt + REST)
#endif
#endif

/* State.Defers: another has presented the token since, which may have killed what h holds; inside the leeway there is more. */
#ifdef MUTANT_HELD_OVER_DOUBT
#define DEFERS(h) false
#else
#ifdef MUTANT_UNKNOWN_DEFERS
#define NOTUNKNOWN true
#else
#define NOTUNKNOWN (v.owner != UNKNOWN)
#endif
#define DEFERS(h) (v.first != NONE && h.gen > 0 && v.owner != me && NOTUNKNOWN && v.auth == h.auth && v.last > h.at && TIME(me) - v.first < LEEWAY - MARGIN)
#endif

#ifdef MUTANT_PRESENTS_BLINDLY
#define UNJUDGED false
#else
#define UNJUDGED (unread && LASTJUDGED < v.kin)
#endif
#ifdef MUTANT_BLIND_BESIDE
#define PSOXYS false
#else
#define PSOXYS (unread && PSOXY > 0)
#endif

/* secondLookIsDue: inside the leeway of its own first failed attempt our token waits for no stranger, except beside psoxy. */
#define STRANGERS (PASTE + DAMAGE + CONSENT > 0)
#ifdef MUTANT_STRANGER_FIRST
#define FAILEDLATELY false
#else
#define FAILEDLATELY (STRANGERS && PSOXY == 0 && first == NONE && v.fail != OKAY && OPEN(v.tried, time))
#endif
#define SECONDLOOK (LOOKSAGAIN && ((REFUSEDONCE & v.kins) || !FAILEDLATELY))

/* Beside psoxy what was refused once stays, or psoxy would read a spent token in its place. */
#define ONCEREFUSED (PSOXY > 0 && !unread && LOOKSAGAIN && (REFUSEDONCE & (1 << sv)))

#define RULE(condition, result) if :: !ruled && (condition) -> ruled = true; result :: else fi

/* Decide: the first rule that applies says what to do: act, and the version of the candidate to present: cv, or 0. */
inline decide(sv) {
	time = TIME(me); act = LEAVE; cv = 0;
	judge(sv);
	doubt();
	/* psoxy's lock keeps everybody away */
	RULE(LOCKPSOXY && time - lkAt < STALE, busyElsewhere = true);
	/* a received pair comes before everything else */
	RULE(held[me].tok != NONE && !DEFERS(held[me]), act = SETTLEHELD);
	/* another process is at work, or may be, since the ledger was deleted: then the tick is in doubt */
	RULE(ATWORK && v.own == UNKNOWN && TIMETOWAIT, waits = true);
	RULE(ATWORK && v.own != UNKNOWN, busyElsewhere = true);
	/* an empty ledger begins with what the parameters hold */
	RULE(v.tok == NONE, act = (unread -> LEAVE : ADOPT));
	/* a candidate is presented, for only Atlassian can judge it; in doubt after its leeway only if our own token may be older */
	RULE(c > 0 && OPEN(FIRSTOF(c), time), act = REPLAY; cv = c);
	RULE(c > 0 && c == v.pending && CONTINUES(c), LATECANDIDATE);
	RULE(c > 0 && c != v.pending && !STRANGERWAITS && OWNFIRST, act = LATEPROBE; REACH(25, true));
	RULE(c > 0 && c != v.pending && !STRANGERWAITS, act = ROTATE; cv = c);
	/* a token in doubt is presented again inside its leeway */
	RULE(first != NONE && REPLAYABLE(first), act = (KINFIRST -> LEAVE : REPLAY); chance[me] = chance[me] && act == REPLAY; REACH(28, c > 0));
	/* after the leeway, a token in doubt is probed when nothing is left to lose */
	RULE(first != NONE, act = (HELDBACK || SECONDLOOK -> LEAVE : LATEPROBE); REACH(1, HELDBACK));
	/* a refused token is probed now and then, and a candidate in doubt before it */
	RULE(ISREFUSED(v.fail) && STARVES, LATECANDIDATE);
	RULE(ISREFUSED(v.fail), act = (WAITS -> LEAVE : LATEPROBE); REACH(3, act == LEAVE); chance[me] = chance[me] && (act != LEAVE || ASKEDINTIME));
	/* a rotation is due before the access token ends */
	RULE((v.rotated == NONE || time - v.rotated >= PERIOD) && !SECONDLOOK, act = ROTATE);
	/* a candidate in doubt is probed after all else */
	RULE(c > 0, LATECANDIDATE);
	/* psoxy may have rotated; and what was there when the ledger began, and was never judged, may be newer */
	if
	:: act >= ROTATE && (UNJUDGED || PSOXYS) -> act = LEAVE; chance[me] = false
	:: else
	fi;
	chance[me] = chance[me] && !(unread && PSOXY > 0);
	keep = (c > 0 || ONCEREFUSED); REACH(39, ONCEREFUSED && rt[sv] != v.tok);
	first = (cv == 0 -> first : FIRSTOF(cv));
	last = (cv == 0 -> last : NONE);
	c = 0; time = 0; ruled = false; owned = false; kinWaits = false
}

/* State.Intending: an intent of me to present t. Our own token may be spent from now on, or was in doubt since first. */
inline intending(t) {
	v.own = me; v.it = t; v.cand = cv; v.at = NONE; v.seen = seen; before = v.owner;
	if
	:: cv == 0 -> v.owner = me;
#ifdef MUTANT_FIRST_LOST
		v.first = NONE
#else
		v.first = first
#endif
	:: cv > 0 ->
		v.pendFirst = first; v.pending = cv; v.kins = v.kins | (SUCCEEDS(cv) -> 1 << cv : 0);
#ifdef MUTANT_DOUBT_OVERWRITTEN
		endDoubt(v)
#endif
	fi
}

/* A candidate that does not continue our own family. */
#define OTHERKIN(t) (!TOKEN(v.tok) || fam[t] != fam[v.tok])

/* Snapshot.Offspring and Record.Succeed: what is received for the spent token t. Its chain tells its family. */
inline receive(t, got) {
	held[me].tok = got; held[me].before = v.tok; held[me].spent = t; held[me].cand = cv; held[me].at = v.at;
	held[me].past = v.past | BIT(v.tok) | BIT(t);
	if
	:: cv > 0 ->
		held[me].past = held[me].past | older;
		i = cv - 1; time = TIME(me);
		do
		:: i > 0 && OTHERKIN(t) -> held[me].past = held[me].past | (CANDIDATE(i) && !ISSUEDAFTER(i, cv) -> BIT(rt[i]) : 0); i-- /* of older consents */
		:: else -> break
		od;
		i = 0; time = 0
	:: else
	fi;
	if
	:: cv > 0 && OTHERKIN(t) -> held[me].auth = order[fam[t]]; held[me].gen = 1; held[me].born = 0
	:: else -> held[me].auth = v.auth; held[me].gen = v.gen + (cv > 0 -> 2 : 1); held[me].born = v.born
	fi
}

#ifdef MUTANT_MERGE_OLDER
#define NEWER(h) true
#else
#define SPENTLATER(h) (h.spent != NONE && (v.past & BIT(h.spent)) && h.tok < v.tok)
#define NEWER(h) (!(v.past & BIT(h.tok)) && (v.auth != h.auth -> (h.past & BIT(v.tok)) || (h.auth > v.auth && !SPENTLATER(h)) : !(v.gen > h.gen || h.tok <= v.tok)))
#endif

#define NEWFAMILY(h) (v.auth != h.auth)

/* The unknown process that is waited for may present what h holds: the wait goes on, but for a consent. */
#define WAITSON(h) (v.it != NONE && v.own == UNKNOWN && h.gen > 0)
/* Another candidate is being presented. */
#ifdef MUTANT_LEASE_ENDED
#define OTHERSPENDS(h) false
#else
#define OTHERSPENDS(h) (v.it != NONE && v.cand > 0 && v.cand != h.cand)
#endif

/* Inbox.outlived: our own token was accepted a leeway after a candidate was stored, so that is none of its family. */
inline estrange(h) {
	if
	:: h.cand == 0 && h.spent == v.tok && v.kins != 0 && !(v.rotated != NONE && v.rotated > v.rejAt) ->
		for (i : 1 .. MAXV - 1) {
			REACH(34, (v.rejected & v.kins & (1 << i)) && STORED(i) != NONE && h.at >= STORED(i) + LEEWAY);
			v.kins = (STORED(i) != NONE && h.at >= STORED(i) + LEEWAY -> v.kins & ~(1 << i) : v.kins)
		}
		i = 0
	:: else
	fi
}

/* refusedByMistake, Inbox.askedAnew: what was refused is accepted, so that the others are asked about again, too. */
#define WASMISTAKEN(h) ((h.cand > 0 && (v.rejected & (1 << h.cand))) || (h.cand == 0 && h.spent == v.tok && ISREFUSED(v.fail)))

/* State.Settle, where what h holds is the newest. */
inline take(h) {
	REACH(43, WASMISTAKEN(h) && (v.twice & ~(1 << h.cand)));
	v.twice = (WASMISTAKEN(h) -> 0 : v.twice);
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
	v.tok = h.tok; v.auth = h.auth; v.gen = h.gen; v.born = h.born; v.rotated = h.at; v.fail = h.fail; v.failAt = h.failAt; v.began = h.began; v.more = h.more; v.tried = h.tried;
	v.kins = v.kins & (v.rejected | (v.pending > 0 -> 1 << v.pending : 0));
	REACH(31, WAITSON(h) && now - v.at < STALE);
	v.first = (WAITSON(h) && h.first == NONE -> v.first : h.first);
	v.last = (WAITSON(h) -> v.last : h.last); v.owner = (WAITSON(h) -> UNKNOWN : h.owner);
	v.it = (WAITSON(h) -> h.tok : v.it);
	if
	:: WAITSON(h) || OTHERSPENDS(h) -> skip
	:: else -> endIntent(v)
	fi
}

/* State.Settle: what h holds becomes the newest, unless v, which others may have changed, is newer: kept. Then v remembers that h is older. */
inline settle(h) {
	kept = v.tok == h.before || v.tok == NONE || NEWER(h);
	if
	:: kept -> take(h)
	:: else ->
		remembered = h.tok == v.tok || (v.past & BIT(h.tok));
		v.past = v.past | (h.tok == v.tok -> 0 : BIT(h.tok))
	fi
}

/* State.settleInbox: what was settled has been presented by another meanwhile, as a candidate: it is in doubt, or refused. */
inline doubtSettled() {
	if
#ifndef MUTANT_PENDING_FORGOTTEN
	:: kept && v.pending > 0 && rt[v.pending] == v.tok && v.own == UNKNOWN -> endPending(v)
	:: kept && v.pending > 0 && rt[v.pending] == v.tok && v.own != UNKNOWN ->
		v.first = v.pendFirst; v.last = (v.cand == v.pending -> v.at : v.pendFirst);
		v.owner = (v.cand == v.pending -> v.own : (v.it == NONE -> FREE : NOBODY));
		endPending(v)
#endif
	:: else
	fi;
#ifndef MUTANT_REFUSAL_DROPPED
	for (i : 1 .. MAXV - 1) {
		if
		:: kept && (v.rejected & (1 << i)) && rt[i] == v.tok -> /* Rejected.failure; the refusal may have taken the answer's place */
			v.fail = REFUSED; v.failAt = v.rejAt; v.more = ((v.twice & (1 << i)) != 0);
			v.began = (v.rejFirst == NONE -> v.rejAt : v.rejFirst); v.tried = (STRANGERS -> v.began : 0);
			v.rejected = v.rejected & ~(1 << i); v.twice = v.twice & v.rejected; v.kins = v.kins & ~(1 << i)
		:: else
		fi
	}
	i = 0
#endif
}

/* State.Doubting: psoxy's lock, which ours is to replace, tells of an attempt. */
inline doubting() {
	v.first = (lkAt < v.first -> lkAt : v.first); v.last = lkAt; v.owner = PSOXYID
}

/* Failure.after: refusals in a row are counted together; the first failure of any kind is kept. */
inline noteFailure(class) {
	v.more = (ISREFUSED(class) && ISREFUSED(v.fail));
	v.began = (ISREFUSED(class) -> (v.more -> v.began : now) : 0);
	v.tried = (STRANGERS -> (v.fail == OKAY -> now : v.tried) : 0);
	v.fail = class; v.failAt = now
}

/* State.Failed: a spend without a successor. What a candidate came to says nothing of our own token. */
inline failed() {
	if
	:: (class == INDOUBT || class == DENIED) && v.cand == 0 -> /* the newest attempt whose answer was lost counts */
#ifdef MUTANT_HOLD_ENDED
		v.owner = FREE;
#else
		v.owner = (tries == 0 && before != me && before != UNKNOWN -> before : FREE); REACH(44, v.owner == OTHER(me)); /* Intent.Left: nothing of this tick can have arrived */
#endif
		v.last = last; noteFailure(class);
#ifdef MUTANT_FIRST_DATED_LATE
		v.first = (v.first == v.at -> now : v.first)
#endif
	:: (class == INDOUBT || class == DENIED) && v.cand > 0 -> skip
	:: class == REFUSED && v.cand > 0 ->
		v.rejFirst = (doubtful -> v.pendFirst : NONE);
		v.twice = (OPEN(v.rejFirst, now) -> v.twice & ~(1 << v.cand) : v.twice | (v.rejected & (1 << v.cand))); v.rejected = v.rejected | (1 << v.cand); v.rejAt = now;
		endPending(v)
	:: class == UNSPENT && v.cand > 0 -> endPending(v); v.kins = v.kins & v.rejected
	:: else -> noteFailure(class); endDoubt(v)
	fi;
	endIntent(v)
}

#ifdef MUTANT_ADOPT_WHAT_STANDS
#define BEENBEFORE(k) false
#define FOUND false
#else
#define BEENBEFORE(k) ((v.past | R.past) & BIT(rt[k]))
#define FOUND (v.tok != NONE && v.tok == R.tok)
#endif
#define PROVEN(k) (R.tok != NONE && rt[k] == R.tok)

/* newestRecord: TOKEN_FAMILY, or what the process knows if that is newer: both are records. */
#define AFTER(a, b) (b.tok == NONE || a.auth > b.auth || (a.auth == b.auth && a.gen > b.gen))
inline newestRecord() {
	copy(memo[me], Q);
	if
	:: aside && AFTER(K, Q) -> copy(K, Q)
	:: else
	fi;
#ifdef MUTANT_NOT_ANEW
	clear(Q);
#endif
	R.tok = F.tok; R.past = F.past; R.gen = F.gen; R.auth = F.auth; R.rotated = F.rotated; R.fail = F.fail; R.failAt = F.failAt; R.began = F.began; R.more = F.more; R.tried = F.tried; R.first = F.first;
	if
	:: Q.tok != NONE && AFTER(Q, F) -> recordOf(Q, R)
	:: else
	fi
}

/*
 * Snapshot.Adopt: the token that the newest record names, and then what was written
 * after it are candidates; or else the token that was stored for the first time
 * last. What only the process knows is adopted, too. The family is that of the
 * record, unless the claims say otherwise. A record tells that there was a ledger,
 * which may have told of a spend: of the adopted token, by a process that nobody knows.
 */
inline adopt(sv) {
	clear(v);
	newestRecord();
	v.seen = sv; v.era = rtEra;
	for (i : 1 .. MAXV - 1) {
		if
		:: i <= sv && !FOUND && OFFER(i) && rt[i] != v.tok && !BEENBEFORE(i) ->
			v.past = v.past | BIT(v.tok); v.tok = rt[i];
			v.seen = (PROVEN(i) -> 0 : v.seen); v.kin = (PROVEN(i) -> sv : 0)
		:: else
		fi
	}
	i = 0;
	if
	:: Q.tok != NONE && R.tok == Q.tok && v.tok != R.tok -> REACH(30, Q.tok == memo[me].tok); REACH(41, Q.tok != memo[me].tok); v.tok = R.tok; v.seen = 0; v.kin = sv
	:: else
	fi;
	if
	:: v.tok == NONE
#ifdef MUTANT_ADOPT_AS_NEW
	:: else -> v.auth = stamp + 1
#else
	:: v.tok != NONE && v.tok == R.tok ->
		v.past = R.past; v.auth = R.auth; v.gen = R.gen; v.rotated = R.rotated; v.fail = R.fail; v.failAt = R.failAt; v.began = R.began; v.more = R.more; v.tried = R.tried;
		v.first = R.first; v.last = (R.first == NONE -> NONE : R.failAt);
		if /* inherited: the doubt that the process knows */
		:: Q.tok == v.tok && Q.first != NONE && (v.first == NONE || Q.first < v.first) -> v.first = Q.first; v.last = Q.last
		:: else
		fi
	:: v.tok != NONE && v.tok != R.tok -> /* of another family: a history holds the record's token, too */
		v.auth = (TOKEN(v.tok) -> order[fam[v.tok]] : stamp)
#endif
	fi;
	v.past = v.past & ~BIT(v.tok);
	if
#ifndef MUTANT_NO_WAIT
	:: v.tok != NONE && R.tok != NONE -> v.own = UNKNOWN; v.it = v.tok; v.cand = 0; v.at = NONE; v.owner = UNKNOWN; v.last = NONE
#endif
	:: else
	fi;
	time = TIME(me); judge(sv); v.seen = seen; c = 0; older = 0; kinWaits = false; time = 0 /* Adopt */
}
