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

/*
 * At the moment at which keeper p presents t. The exceptions: psoxy deletes a
 * stale lock, and our intent with it; and two keepers that take one stale lock
 * over at once write over each other's, which the platform excludes.
 */
inline assertMayPresent(p, t, action) {
	/* The store knows of this spend, and nobody else is at it. */
	HOLDS(1, (lkEx && lkSpend == t && lkFirst <= now) || duel);
	HOLDS(6, !HOLDER(OTHER(p)) && !HOLDER(PSOXYID) && !HOLDER(AUTHORIZER));
	/* The first presentation is not forgotten: what comes after the leeway is a late probe, which knows what it is. */
	HOLDS(2, spentAt[t] == NONE || dead[fam[t]] || lkFirst <= spentAt[t] || intentDeleted || duel);
	HOLDS(2, action == LATEPROBE || spentAt[t] == NONE || dead[fam[t]] || now - spentAt[t] < LEEWAY || intentDeleted || duel);
	/* What Atlassian has refused is left alone. */
	HOLDS(4, !(l.tok == t && l.fail == REFUSAL));
	/* Without a fault no token is presented twice, however often the event is delivered. */
	HOLDS(8, faults > 0 || spentAt[t] == NONE);
	/*
	 * No presentation kills a family of which somebody, or the store, has a newer
	 * token. The exception is a known risk: an attempt may have been the first to
	 * arrive, so the late probe that follows it does not wait for another process;
	 * nor does any for longer than twice the leeway.
	 */
	i = t + 1;
	do
	:: i < nTok ->
		HOLDS(7, !(fam[i] == fam[t] && LIVE(i) && (revoked[t] || (spentAt[t] != NONE && now - spentAt[t] >= LEEWAY)) &&
			(held[p].tok == i || (held[OTHER(p)].tok == i && now < spentAt[t] + 2 * LEEWAY && !again && !duel && !outlived) || psoxyHeld == i || (RT == i && !outlived))));
		i++
	:: else -> break
	od;
	i = 0
}

/* When keeper p gives up the pair it holds. */
inline drop(p) {
	HOLDS(3, covered || oldAnswer || outlived || given > 0 || !LIVE(held[p].tok) || fam[held[p].tok] != newest || (LIVE(RT) && fam[RT] == newest));
	forget(p)
}

/* When p deletes the lock: it is nobody else's who works under it. */
#define HASLOCK(q) (lkEx && HOLDER(q) && myId[q] == lkId)
inline assertMayRelease(p) {
	HOLDS(6, (p == REFRESHER || !HASLOCK(REFRESHER)) && (p == SECOND || !HASLOCK(SECOND)) &&
		(p == AUTHORIZER || !HASLOCK(AUTHORIZER)) && !HASLOCK(PSOXYID))
}

/*
 * When keeper p has read token s: whether this tick, if nothing strikes it, has
 * to end with a living token in the store. It has if p holds a living successor;
 * if it holds none, where the token lives or can still be replayed.
 */
inline judgeChance(p, s) {
	chance[p] = !(FRESHLOCK && lkOwner != p) && given == 0 && s == RT && (
		(held[p].tok == NONE && fam[s] == newest && !dead[fam[s]] && !revoked[s] &&
			(spentAt[s] == NONE || (now - spentAt[s] < LEEWAY - MARGIN && !intentDeleted && !duel))) ||
		(held[p].tok != NONE && LIVE(held[p].tok) && fam[held[p].tok] == newest))
}

/* When the tick of keeper p is over. */
inline assertTick(p) {
	HOLDS(PROMISE, !chance[p] || hit[p] || given > 0 || covered || oldAnswer || outlived || (LIVE(RT) && fam[RT] == newest))
}

/* When the run is over: one fault, whatever and wherever it is, loses nothing, and no older consent lies over a newer. */
inline assertRun() {
	HOLDS(3, covered || oldAnswer || duel || outlived || fam[RT] == newest);
	HOLDS(PROMISE, faults > 1 || outlived || duel || covered || oldAnswer || consentLost ||
		(LIVE(RT) && !(rec.tok == RT && rec.fail == REFUSAL)))
}
