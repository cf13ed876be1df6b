/* What package family decides, purely: Lineage, Outranks, doubtOf, Decide. */

/* family.Outranks: t, which somebody else wrote, stays above the pair that p holds. */
#define OURS(p, t) ((t) == held[p].tok || (held[p].prev & BIT(t)))
#ifdef MUTANT_UNKNOWN_TOKEN_LOSES
#define UNKNOWN(t) false
#else
#define UNKNOWN(t) (rec.tok != (t))
#endif
#define OUTRANKS(p, t) (!OURS(p, t) && (UNKNOWN(t) || \
	(rec.tok == (t) && rec.auth > held[p].auth) || \
	(rec.tok == (t) && rec.auth == held[p].auth && rec.tok > held[p].tok)))

/* A keeper's own lock: its intent can be read. Psoxy's has none, and authorize's an empty one. */
#define INTENT (lkOwner != PSOXYID && lkSpend != NONE && lkSpend != CONSENTING)

/* The pair that p holds has reached the store, and was presented by another process since. */
#ifdef MUTANT_HELD_OVER_INTENT
#define SPENTSINCE(p) false
#else
#define SPENTSINCE(p) (lkEx && INTENT && lkSpend == held[p].tok)
#endif

/* family.Snapshot.Lineage: the record of token t, read as version v, into l. */
inline lineage(t, v) {
	if
	:: rec.tok == t -> copy(rec, l)
	:: else ->
		if
		:: rec.tok != NONE && ((lkEx && INTENT && lkSpend == rec.tok) || (PSOXY > 0 && !(lkEx && lkSpend == CONSENTING) && rec.fail != REFUSAL)) ->
			l.auth = rec.auth; l.prev = rec.prev | BIT(rec.tok)
		:: else -> l.auth = v; l.prev = 0
		fi;
		l.tok = t; l.fail = OKAY; l.first = 0; l.at = 0; l.rotated = NONE
	fi
}

/* family.doubtOf: whether token s, read as version v, may have been presented, first and last when, and whether the last was answered. */
inline doubtOf(s, v) {
	found = false; answered = false;
	if
	:: lkEx && INTENT && lkSpend == s && lkFirst != NONE ->
		first = lkFirst; last = lkTry; found = true
#ifndef MUTANT_PSOXY_LOCK_IGNORED
	:: lkEx && lkOwner == PSOXYID && rtMod[v] <= lkMod ->
		first = lkMod; last = lkMod; found = true
#endif
	:: else
	fi;
	if
	:: l.fail != INDOUBT -> skip
	:: l.fail == INDOUBT && !found ->
		first = l.first; last = l.at; answered = true; found = true
	:: l.fail == INDOUBT && found ->
		first = (l.first < first -> l.first : first);
		answered = (l.at >= last);
		last = (answered -> l.at : last)
	fi
}

/* doubt.decide; the step becomes END where the token has to be left alone. */
inline decideDoubt() {
	if
	:: now - first < LEEWAY - MARGIN -> act = REPLAY
	:: now - first >= LEEWAY - MARGIN && last > first && now - last < LEEWAY - MARGIN -> act = LATEPROBE
	:: else ->
		act = LATEPROBE;
		if
		:: !answered && now < last + 2 * LEEWAY -> REACH(1, true); step = END
		:: else
		fi
	fi
}

#ifdef MUTANT_FRESH_LOCK_TAKEN
#define CONTENDED(p) false
#else
#define CONTENDED(p) (FRESHLOCK && lkOwner != p)
#endif
#ifdef MUTANT_NO_RESTORE
#define OLDER(s) false
#else
#define OLDER(s) (rec.tok != NONE && (rec.prev & BIT(s)))
#endif
#ifdef MUTANT_NO_RECONCILE
#define INTERRUPTED(s) false
#else
/* family.Snapshot.interrupted: our lock tells of a rotation that ended after REFRESH_TOKEN was written, before the record was. */
#define INTERRUPTED(s) (lkEx && INTENT && lkSpend != s && rec.tok != s)
#endif
#ifdef MUTANT_DEAD_HAMMERED
#define STOPPED false
#else
#define STOPPED (l.fail == REFUSAL)
#endif

/* family.Decide, from a snapshot with token s in version v: step becomes TAKE with act, or END. */
inline decide(me, s, v) {
	step = TAKE; act = ROTATE; first = NONE;
	lineage(s, v);
	if
	:: CONTENDED(me) -> REACH(2, me == SECOND); step = END
	:: !CONTENDED(me) && held[me].tok != NONE -> act = SAVEHELD
	:: !CONTENDED(me) && held[me].tok == NONE && OLDER(s) -> act = RESTOREOLD; copy(rec, l)
	:: !CONTENDED(me) && held[me].tok == NONE && !OLDER(s) && INTERRUPTED(s) -> act = FINISH
	:: else ->
		if
		:: STOPPED -> REACH(3, true); step = END
		:: else ->
			doubtOf(s, v);
			if
			:: found -> decideDoubt()
			:: !found && l.rotated != NONE && now - l.rotated < PERIOD -> step = END
			:: else /* due */
			fi;
			found = false; answered = false; last = 0
		fi
	fi
}

/* family.Snapshot.Reconciled: which token belongs on top after an interrupted rotation, into win, and its record, into l. */
inline reconciled() {
	/* What the interrupted rotation began with, then what was written since: got the last of ours, win of others'. */
	if
	:: rec.tok == lkspend -> copy(rec, l)
	:: rec.tok != lkspend && rec.tok != NONE && PSOXY > 0 && rec.fail != REFUSAL -> l.auth = rec.auth; l.prev = rec.prev | BIT(rec.tok)
	:: else -> l.auth = lkbase; l.prev = 0
	fi;
	got = NONE; win = NONE; i = lkbase + 1;
	do
	:: i <= sv ->
		if
		:: rt[i] == lkspend || (l.prev & BIT(rt[i])) -> skip
		:: else ->
			if
			:: own[i] -> got = i
			:: else -> win = i
			fi
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	if
	:: win != NONE -> /* a person's or psoxy's stays on top */
		got = win; win = rt[got];
		if
		:: rec.tok == win -> copy(rec, l)
		:: rec.tok != win && rec.tok != NONE && PSOXY > 0 && rec.fail != REFUSAL -> l.auth = rec.auth; l.prev = rec.prev | BIT(rec.tok)
		:: else -> l.prev = 0; l.auth = got
		fi
	:: win == NONE && got != NONE -> win = rt[got]; l.prev = l.prev | BIT(lkspend)
	:: else -> win = s; l.prev = 0; l.auth = sv
	fi;
	got = 0;
	if
	:: rec.tok == win -> skip
	:: else -> l.tok = win; l.fail = OKAY; l.first = 0; l.at = 0; l.rotated = NONE
	fi
}
