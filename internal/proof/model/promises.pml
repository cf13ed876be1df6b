/*
 * What must never be violated. The number is that of the invariant in README.md;
 * spin prints it first: "assertion violated (6&&…".
 */
#define HOLDS(invariant, condition) assert(invariant && (condition))
/* Not an invariant: no family is lost that could have been kept, and none is killed by us. */
#define PROMISE 10

/* A probe must fail: it shows that the model gets where the assertions matter. probes.txt lists them. */
#ifndef PROBE
#define PROBE 0
#endif
#define REACH(n, condition) assert(PROBE != n || !(condition))

/* disproven: our own token was adopted, and refused more than once: perhaps an older one is the right one. */
#define DISPLACED (v.rotated == NONE && ISREFUSED(v.fail) && v.first == NONE && v.more)

/* stillOlder: for an hour the refusals of the adopted token may be a mistake. */
#ifdef MUTANT_OLDER_AT_ONCE
#define LONG true
#else
#define LONG (v.failAt - v.began >= HOUR)
#endif

/* spend.until: the leeway of the first attempt is open; after it, that of the last one may be, which may have been the first to arrive. */
#define LEEWAYOPEN (act != LATEPROBE || OPEN(last, now))

/* judge.succeeds: version k holds our own token's successor, as far as is known. Of a damaged one no claim tells. */
#define SUCCEEDS(k) (TOKEN(rt[k]) && TOKEN(v.tok) -> fam[rt[k]] == fam[v.tok] : (k) <= v.kin)

/* Rejected.sibling: a refused candidate is one of our own token. */
#define SIBLING(k) ((v.kins & (1 << (k))) && v.rotated != NONE && v.rotated > v.rejAt)

/* judge.again: a refused candidate is presented once more at the next tick, and then now and then. */
#define MAYAGAIN(k, at) ((at) > v.rejAt && !SIBLING(k) && \
	(!(v.twice & (1 << (k))) || OPEN(v.rejFirst, at) || (at) >= v.rejAt + HOUR || \
	(ISREFUSED(v.fail) && (at) >= v.failAt + REST && v.rejAt < v.failAt + REST) || TAKESTURN(k, at)))
/* judge.takesTurn: it may be our own token's successor, and both are refused inside the leeway of that. */
#define TAKESTURN(k, at) (ISREFUSED(v.fail) && v.rejAt <= v.failAt && OPEN(v.first, at) && (v.kins & (1 << (k))))
/* Losses that nobody can undo; README.md explains each variable. */
#define SHARED (oldAnswer || psoxyBehind || psoxyRace || psoxyErased || covered || (PSOXY > 0 && lied))
#define EXCUSED (spendDeleted || soleCopyDeleted || displaced || SHARED)

/* Record.probeAt: how long a refused token rests: until the next tick, then for minutes inside the leeway of the first refusal, then longer. */
#ifdef MUTANT_SECOND_LOOK_LATE
#define REST HOUR
#else
#ifdef MUTANT_LEEWAY_UNUSED
#define REST (v.more -> HOUR : 1)
#else
#define REST (v.more -> (OPEN(v.began, v.failAt + BACKOFF) -> BACKOFF : HOUR) : 1)
#endif
#endif
/* A refusal may have replaced the answer: each tick inside the leeway of the first refusal has to ask again. */
#define ASKEDINTIME (time >= v.failAt + BACKOFF && OPEN(v.began, time))

/* At the moment at which keeper p presents t. */
inline assertMayPresent(p, t, action) {
	/* An entry of its own, which is valid, tells of this spend; its lease is not over, and nobody else is at it. */
	HOLDS(1, (intended[p] == t) && now - since[p] < STALE);
	HOLDS(6, !SPENDS(OTHER(p)));
	/* What Atlassian has refused is left alone; a candidate after a second refusal, unless our own token is refused too. */
	HOLDS(4, cv > 0 || !ISREFUSED(v.fail) || first != NONE || now >= v.failAt + REST || (v.rotated == NONE && v.more && keep));
	HOLDS(4, cv == 0 || !(v.rejected & (1 << cv)) || MAYAGAIN(cv, now));
	REACH(7, act == REPLAY && cv == 0 && spentAt[t] != NONE && !dead[fam[t]]);
	REACH(8, act == LATEPROBE && cv == 0 && !ISREFUSED(v.fail) && spentAt[t] == NONE);
	REACH(9, act == LATEPROBE && cv == 0 && !ISREFUSED(v.fail) && spentAt[t] != NONE && now - spentAt[t] >= LEEWAY);
	REACH(10, act == LATEPROBE && cv > 0);
	REACH(11, act == REPLAY && cv > 0 && LIVE(t));
	REACH(12, cv > 0 && cv < sv);
	REACH(13, act == REPLAY && cv == 0 && (psoxySpent & BIT(t)));
	REACH(35, cv > 0 && (v.past & BIT(t)) && !LONG);
	REACH(36, act == LATEPROBE && cv == 0 && doubtful && LEEWAYOPEN && ISREFUSED(v.fail));
	REACH(37, cv > 0 && TAKESTURN(cv, now) && (v.rejected & (1 << cv)));
	REACH(38, cv > 0 && v.fail == DENIED && OPEN(v.first, now) && !SUCCEEDS(cv));
	REACH(40, act == LATEPROBE && v.fail == REFUSED && v.more && spentAt[t] != NONE && now - spentAt[t] < LEEWAY);
	if
	:: TOKEN(t) && !dead[fam[t]] ->
		/* The first presentation is not forgotten: what comes after the leeway is a probe, which knows what it is. */
		HOLDS(2, spentAt[t] == NONE || (v.cand > 0 -> v.pendFirst : v.first) <= spentAt[t] || ISREFUSED(v.fail) || lied || spendDeleted || soleCopyDeleted || (lone != NONE && p == SECOND) || (psoxySpent & BIT(t)));
		HOLDS(2, action == LATEPROBE || spentAt[t] == NONE || now - spentAt[t] < LEEWAY || lied || EXCUSED);
		/* Without a fault no token is presented twice, however often the event is delivered. */
		HOLDS(8, faults > 0 || PSOXY > 0 || spentAt[t] == NONE);
		/* No presentation kills a family of which somebody has a newer token. */
		for (i : 1 .. MAXT - 1) {
			HOLDS(7, !(i > t && i < nTok && fam[i] == fam[t] && LIVE(i) && (revoked[t] || (spentAt[t] != NONE && now - spentAt[t] >= LEEWAY)) &&
				(S.tok == i || held[p].tok == i || held[OTHER(p)].tok == i || psoxyHeld == i || RT == i)) || tooLate || mistaken || EXCUSED)
		}
		i = 0
	:: else
	fi
}

/*
 * When the ledger is deleted: what nothing else tells, a later tick cannot know. It
 * tells of a spend whose successor is not saved, or its token was not published yet.
 */
inline forgetting() {
	spendDeleted = spendDeleted || S.first != NONE || S.it != NONE || S.pending > 0;
	j = 0;
	for (i : 1 .. MAXV - 1) { j = (i <= rtVer && rt[i] == S.tok -> i : j) }
	soleCopyDeleted = soleCopyDeleted || (S.tok != NONE && j == 0 && memo[REFRESHER].tok != S.tok);
	lone = (S.tok != NONE && j == 0 -> S.tok : NONE);
	i = 0; j = 0
}

/* When a valid entry n of who follows S. */
inline assertForward(who, n) {
	/* Over families the newest consent wins while it lives, within a family the newest token. */
	HOLDS(3, EXCUSED || !TOKEN(S.tok) || dead[fam[S.tok]] || !TOKEN(n.tok) || n.tok == S.tok || order[fam[n.tok]] > order[fam[S.tok]] || (fam[n.tok] == fam[S.tok] && n.tok > S.tok));
	/* Nothing but an answer of Atlassian makes a token the ledger's; adoption has no other. */
	HOLDS(4, n.tok == S.tok || S.tok == NONE || who == CONSENTER || held[who].tok == n.tok);
	/* No family is taken for younger than it is. */
	HOLDS(4, !TOKEN(n.tok) || n.auth <= order[fam[n.tok]]);
	/* A refusal is written down about the ledger's own token only, by whoever presented that, or knows it from a ledger that was deleted; or by whoever settles what was refused as a candidate. */
	HOLDS(4, !ISREFUSED(n.fail) || ISREFUSED(S.fail) || intended[who] == S.tok || (S.tok == NONE && epoch > 0) || ISREFUSED(held[who].fail) || (n.tok != S.tok && (S.rejected & ~n.rejected)))
}

/* Our own token, spent, can still be replayed. */
#define RECOVERABLE (TOKEN(S.tok) && fam[S.tok] == newest && !dead[newest] && !revoked[S.tok] && (spentAt[S.tok] == NONE || now - spentAt[S.tok] < LEEWAY - MARGIN))

/* As far as the ledger knows: an intent is older than its request, by a minute if its process was paused. */
#define INTIME (S.first == NONE || spentAt[S.tok] == NONE || now - S.first < LEEWAY - MARGIN)

/* When keeper p gives up the pair it holds. */
inline drop(p) {
	HOLDS(3, EXCUSED || !GOOD(held[p].tok) || GOOD(S.tok) || RECOVERABLE || given > 0 || (e != epoch && GOOD(v.tok))); /* the ledger was deleted since */
	forget(p)
}

/*
 * When keeper p has read: whether this tick, if nothing strikes it, has to end
 * with a living token in the ledger. It has if p holds a living successor; if it
 * holds none, where the token lives or can still be replayed.
 */
inline judgeChance(p) {
	chance[p] = !FRESHLOCK && !(S.it != NONE && S.own != p && now - S.at < STALE && !(held[p].tok != NONE && (S.own == UNKNOWN || S.cand > 0))) && given == 0 && !ledgerDenied &&
		((held[p].tok == NONE && RECOVERABLE && (!ISREFUSED(S.fail) || spentAt[S.tok] != NONE) && INTIME) || (held[p].tok != NONE && GOOD(held[p].tok)))
}

/* When the tick of keeper p is over. */
inline assertTick(p) { HOLDS(PROMISE, !chance[p] || hit[p] || given > 0 || EXCUSED || GOOD(S.tok)) }

/* When the run is over: one fault, whatever and wherever it is, loses nothing, and every copy is reached. */
inline assertRun() {
	HOLDS(3, consentLost || mistaken || displaced || SHARED || soleCopyDeleted || (faults > 1 && dead[newest]) || (TOKEN(S.tok) && fam[S.tok] == newest));
	HOLDS(PROMISE, faults > 1 || SHARED || soleCopyDeleted || consentLost || mistaken || (GOOD(S.tok) && !ISREFUSED(S.fail)));
	HOLDS(PROMISE, RT == S.tok || S.pending > 0 || soleCopyDeleted || (PSOXY > 0 && (S.rejected & ~S.twice & (1 << rtVer)))) /* refused once, by the last tick */
}
