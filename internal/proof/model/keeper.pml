/* One keeper process, package keeper: an endless loop over the steps of a tick. */

#define READ 0
#define DOUBT 1 /* shared mode: psoxy's lock */
#define TAKE 2
#define CHECK 10
#define INTEND 3
#define POST 4
#define SETTLE 5
#define RESETTLE 6
#define PUBLISH 7
#define RELEASE 8
#define END 9
#define TELL 11 /* TOKEN_FAMILY, after the first entry of a ledger, and before the first spend */

#define AT(s) (busy[me] && step == s && !paused[me])
#define LAST (locked -> RELEASE : END)

/* A refusal of our own token in doubt settles nothing before its leeway is over: refusals have been mistaken. */
#ifdef MUTANT_REFUSED_IN_LEEWAY
#define REFUSAL REFUSED
#else
#ifdef MUTANT_REJECTED_LATE
#define OWNTOKEN true
#else
#define OWNTOKEN (cv == 0)
#endif
#define REFUSAL (OWNTOKEN && doubtful && LEEWAYOPEN -> DENIED : REFUSED)
#endif


#ifdef MUTANT_OVERTAKEN_IGNORED
#define WON true
#else
#define WON ok
#endif

/* Ledger.Put: v on base b. ok: it is valid; then v and b are that entry. */
inline put() {
	copies = 1;
	if
	:: true
	:: CANFAULT -> fault(me); copies = 2 /* the answer is lost, and the call repeated */
	fi;
	do
	:: copies > 0 -> append(me, b, e, v); copies--
	:: else -> break
	od;
	mine(me, b, e, ledVer, ok);
	if
	:: ok -> REACH(6, head < ledVer); copy(S, v); b = head; e = epoch; known[me] = ledVer
	:: else
	fi
}

proctype Keeper(byte me) {
	/* step is where this tick stands; the rest is what it knows. */
	byte step = END, act, b, e, sv, seen, c, cv, first = NONE, last = NONE, time, got, t, tries, class, copies, best, over, before;
	byte latest[3];
	short older;
	bool waits, kinWaits, under, remembered, ruled, busyElsewhere, owned, keep, ok, kept, locked, doubtful, sawLock, success, deferred, again, interleaved, unread, tooLate, contended;
	Entry v;
	clear(v);

end:
	do
	/* ---- a tick begins ---- */
	:: atomic { !busy[me] && ((me == REFRESHER && tickDue) || (me == SECOND && dups > 0 && now <= LASTFAULT)) ->
		if
		:: me == REFRESHER -> tickDue = false
		:: else -> dups--
		fi;
		busy[me] = true; started[me] = now; step = READ;
		if
		:: busy[OTHER(me)] || busy[PSOXYID] || busy[CONSENTER] -> disturb()
		:: else
		fi
	}

	/* ---- faults, at any step ---- */
	:: atomic { busy[me] && CANFAULT && !paused[me] -> /* the process dies, and its memory with it */
		fault(me); die(me); step = END
	}
	:: atomic { busy[me] && CANFAULT && !paused[me] && step > READ && step < END -> /* it is paused */
		fault(me); paused[me] = true; pausedAt[me] = now
	}
	:: atomic { paused[me] && now > pausedAt[me] && now < started[me] + INVOCATION ->
		paused[me] = false; pausedAt[me] = 0;
		outlived = outlived || now - since[me] >= STALE
	}
	:: atomic { paused[me] && now >= started[me] + INVOCATION -> /* the platform kills it */
		paused[me] = false; pausedAt[me] = 0; die(me); step = END
	}
	:: atomic { busy[me] && CANFAULT && !paused[me] && step != POST && step != END -> /* the store fails until the deadline */
		fault(me); step = END
	}

	/* ---- read, decide ---- */
	:: atomic { AT(READ) ->
		unread = copyHidden;
		if
		:: sv = (unread -> 0 : rtVer)
		:: CANFAULT && rtVer > 1 && rtAt == now -> fault(me); sv = rtVer - 1; oldAnswer = (PSOXY > 0) /* an old answer */
		fi;
		readLedger(me);
		voidInbox();
		locked = locked && lkEx && lkOwner == me;
#ifndef MUTANT_LOCAL_CLOCK
		offset[me] = now - LOCAL(me);
#endif
		judged[me] = (b == 0 || (seenBefore[me] > 0 && b <= seenBefore[me]) -> 0 : judged[me]); seenBefore[me] = 0; /* memory.parse: the ledger was begun anew */
		waits = false;
		compare(me);
		judgeChance(me);
		decide(sv);
		t = (cv > 0 -> rt[cv] : v.tok); tooLate = (v.owner != FREE && now >= v.last + 2 * LEEWAY) || (v.last > v.first && OPEN(v.last, now));
		sawLock = LOCKSEEN; success = false; contended = false;
		if
		:: busyElsewhere || (act == LEAVE && v.tok == NONE) -> contended = busyElsewhere; step = LAST
		:: act >= ROTATE && PSOXY > 0 && !locked -> step = (LOCKPSOXY && !(v.rotated != NONE && v.tok >= lkTok) && cv < lkRt -> DOUBT : TAKE)
#ifndef MUTANT_UNTOLD_BEFORE
		:: act >= ROTATE && !(PSOXY > 0 && !locked) && RECORDED && F.tok == NONE -> step = TELL; REACH(29, true)
#endif
		:: else -> step = (act >= ROTATE || act == ADOPT -> INTEND : (act == SETTLEHELD -> SETTLE : PUBLISH))
		fi;
		REACH(2, busyElsewhere && me == SECOND); REACH(21, cv > 0 && rtEra > 0); REACH(23, waits); REACH(33, act == REPLAY && repeats && now % TICK > 0);
		REACH(27, act == SETTLEHELD && v.own == UNKNOWN && now - v.at < STALE);
		busyElsewhere = false;
		printf("%d: keeper %d reads token %d, version %d; decision %d, candidate %d, step %d\n", now, me, v.tok, sv, act, cv, step)
	}

	/* ---- shared mode: psoxy's lock; what was left behind is written down, and deleted. Then everything is read again ---- */
	:: atomic { AT(DOUBT) ->
#ifdef MUTANT_PSOXY_DOUBT_LOST
		ok = true;
#else
		doubting();
		if
		:: ledgerDenied -> ok = false
		:: else -> put()
		fi;
#endif
		step = (ok -> TAKE : END)
	}
	:: atomic { AT(TAKE) ->
		since[me] = now;
		if
		:: lkEx && !sawLock -> step = END
		:: else ->
			psoxyRace = psoxyRace || (LOCKPSOXY && FRESHLOCK); /* psoxy has taken it in the meantime */
			if
			:: lkEx -> deleteLock()
			:: else
			fi;
			takeLock(me); step = CHECK
		fi
	}
	:: atomic { AT(CHECK) -> locked = (lkEx && lkOwner == me); step = (locked -> READ : END) }

	/* ---- the intent, or the first entry of a ledger ---- */
	:: atomic { AT(INTEND) ->
		since[me] = (locked -> since[me] : now);
		if
		:: act == ADOPT -> adopt(rtVer); REACH(22, v.tok == F.tok && TOKEN(v.tok) && rt[rtVer] != v.tok) /* the history is read now */
		:: else -> doubtful = (act == REPLAY || first != NONE); intending(t)
		fi;
		if
		:: ledgerDenied || v.tok == NONE -> step = LAST
		:: else ->
#ifdef MUTANT_CANDIDATE_BELIEVED
			v.past = v.past | (cv > 0 -> BIT(v.tok) : 0); v.tok = (cv > 0 -> t : v.tok);
#endif
#ifdef MUTANT_NO_INTENT
			ok = true;
#else
			put();
#endif
			step = (act == ADOPT && ok && RECORDED -> TELL : (act == ADOPT || !WON -> READ : POST));
			REACH(14, !ok);
			if
			:: true
			:: CANFAULT -> fault(me); step = END /* it is written, and its answer lost until the deadline */
			fi;
			posting[me] = (step == POST)
		fi
	}

	:: atomic { AT(TELL) ->
#ifndef MUTANT_UNTOLD
		record(v);
#endif
		step = (act == ADOPT -> READ : INTEND)
	}

	/* ---- spend: the check of the time left, and the request; a second one only under the newest entry ---- */
	:: atomic { AT(POST) ->
		if
#ifndef MUTANT_NOT_IN_TIME
		:: now - since[me] > STALE - 1 || (act == REPLAY && now - first >= UNTIL) || (act == LATEPROBE && OPEN(last, since[me]) && now - last >= UNTIL) || (tries > 0 && (b != head || e != epoch)) -> class = INDOUBT; step = (tries > 0 -> SETTLE : LAST)
#endif
		:: else ->
			assertMayPresent(me, t, act);
			if
			:: /* answered */
				present(t, got);
				if
				:: got == NONE -> class = REFUSAL
				:: else -> receive(t, got)
				fi;
				step = SETTLE
			:: CANFAULT && TOKEN(t) && !dead[fam[t]] -> /* a refusal by mistake */
				fault(me);
				if
				:: skip
				:: REPLACED -> present(t, got) /* the refusal replaces the answer */
				fi;
				class = REFUSAL; step = SETTLE; lied = true; mistaken = mistaken || cv > 0;
				displaced = displaced || (v.rotated == NONE && ISREFUSED(v.fail) && (RESTORE > 0 || now - v.began >= HOUR))
			:: CANFAULT -> /* the request or its answer is lost: once more, or an outage */
				fault(me);
				if
				:: present(t, got)
				:: skip
				fi;
				doubtful = true; last = (cv == 0 -> now : NONE); tries++;
				if
				:: tries == 1
#ifdef MUTANT_AMBIGUOUS_NOT_SPENT
				:: class = UNSPENT; step = SETTLE
#else
				:: class = INDOUBT; step = SETTLE
#endif
				fi
			:: CANFAULT -> /* it certainly reached nobody */
				fault(me); step = SETTLE;
#ifdef MUTANT_UNSPENT_AFTER_DOUBT
				class = UNSPENT
#else
				class = (doubtful -> INDOUBT : UNSPENT)
#endif
			fi;
			got = 0
		fi;
		posting[me] = (step == POST)
	}

	/* ---- settle: what was received, or that nothing was ---- */
	:: atomic { AT(SETTLE) ->
		if
		:: held[me].tok != NONE && DEFERS(held[me]) -> deferred = true
		:: held[me].tok != NONE && !DEFERS(held[me]) -> REACH(19, held[me].cand > 0 && (v.rejected & (1 << held[me].cand))); estrange(held[me]); settle(held[me]); doubtSettled()
		:: else -> failed(); kept = true
		fi;
		if
		:: deferred -> REACH(5, true); step = LAST
		:: !deferred && !kept && remembered -> drop(me); step = (act == SETTLEHELD -> READ : LAST)
		:: !deferred && !(!kept && remembered) && ledgerDenied -> step = LAST
		:: else ->
			put();
			if /* writeDown: the ledger was deleted, and begins with what is known of the spend */
			:: !ok && held[me].tok == NONE && head == 0 && (class == INDOUBT || class == DENIED || cv > 0) -> b = 0; e = epoch; put()
			:: else
			fi;
			if
			:: ok && !kept -> REACH(4, true); drop(me); remember(me); step = (act == SETTLEHELD -> READ : LAST)
			:: ok && kept && held[me].tok != NONE ->
				REACH(15, act == SETTLEHELD); REACH(16, v.gen > 2); REACH(17, held[me].cand > 0 && PSOXY == 0);
				REACH(18, held[me].cand > 0 && PSOXY > 0);
				forget(me); remember(me); success = true;
				step = (act == SETTLEHELD -> READ : PUBLISH)
			:: !ok && held[me].tok != NONE -> step = RESETTLE
#ifdef MUTANT_REFUSAL_BELIEVED
			:: !ok && held[me].tok == NONE && class == REFUSED -> step = RESETTLE
#endif
			:: else -> step = (!ok || (class == REFUSED && cv > 0) -> READ : PUBLISH); again = (ok && class == REFUSED)
			fi;
			if
			:: true
			:: CANFAULT -> fault(me); step = END
			fi
		fi;
		kept = false; deferred = false; remembered = false
	}
	/* ---- somebody else's entry came first: read it, and again ---- */
	:: atomic { AT(RESETTLE) -> readLedger(me); REACH(20, v.own == me && v.it == t); step = SETTLE }

	/* ---- the copies that differ ---- */
	:: atomic { AT(PUBLISH) ->
		judged[me] = (v.era == rtEra -> seen : 0);
		keep = keep && !(success && cv > 0);
#ifdef MUTANT_PUBLISH_UNJUDGED
		judged[me] = rtVer; keep = false;
#endif
		if
		:: !keep && rt[sv] != v.tok && !copyDenied && (!unread || success) -> interleaved = (rtVer > sv && !unread); writeToken(v.tok)
		:: else
		fi;
		if
		:: RECORDED && (interleaved || !(success && F.tok != NONE && F.auth == v.auth && F.gen + 1 == v.gen)) -> 
			if
			:: record(v)
			:: CANFAULT -> fault(me); step = END /* the process dies, or the store fails, before it is written */
			fi
		:: else
		fi;
		/* after a refusal, where a candidate's turn has come, and where somebody wrote between this tick's read and its write */
		step = (step == END -> END : (again || interleaved || (success && cv == 0 && keep) -> READ : LAST)); again = false; interleaved = false
	}
	:: atomic { AT(RELEASE) ->
		if
		:: lkEx && lkOwner == me && now - since[me] < STALE && !contended -> deleteLock()
		:: else
		fi;
		step = END
	}

	/* ---- the tick is over ---- */
	:: atomic { AT(END) ->
		busy[me] = false; posting[me] = false;
		assertTick(me);
#ifdef MUTANT_HELD_DROPPED
		if
		:: held[me].tok != NONE -> drop(me)
		:: else
		fi;
#endif
		repeats = (me == REFRESHER -> waits : repeats);
		hit[me] = false; chance[me] = false; started[me] = 0; since[me] = 0; intended[me] = NONE; offset[me] = 0;
		act = 0; b = 0; e = 0; sv = 0; seen = 0; cv = 0; first = NONE; last = NONE; t = 0; tries = 0; class = 0; before = 0;
		older = 0; waits = false; unread = false; tooLate = false; contended = false; keep = false; ok = false; locked = false; doubtful = false; sawLock = false; success = false; again = false;
		clear(v); unmark(me)
	}
	od
}
