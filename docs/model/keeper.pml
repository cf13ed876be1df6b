/* One keeper process, package keeper: an endless loop over the steps of a tick. */

#define READ 0
#define TAKE 1 /* shared mode: psoxy's lock */
#define CHECK 2
#define INTEND 3
#define POST 4
#define SETTLE 5
#define RESETTLE 6
#define PUBLISH 7
#define RELEASE 8
#define END 9

#define AT(s) (busy[me] && step == s && !paused[me])
#define LAST (locked -> RELEASE : END)

#ifdef MUTANT_OVERTAKEN_IGNORED
#define WON true
#else
#define WON ok
#endif

/* Ledger.Put: v on base b. ok: it is valid; then v and b are that entry. */
inline put() {
	append(me, b, v);
	if
	:: true
	:: CANFAULT -> fault(me); append(me, b, v) /* the answer is lost, and the call repeated */
	fi;
	mine(me, b, ledVer, ok);
	if
	:: ok -> copy(S, v); b = head; known[me] = ledVer
	:: else
	fi
}

proctype Keeper(byte me) {
	/* step is where this tick stands; the rest is what it knows. */
	byte step = END, act, b, sv, seen, c, cv, first = NONE, last, time, got, t, tries, class, lockFirst = NONE;
	bool ruled, busyElsewhere, owned, keep, ok, kept, locked, doubtful, sawLock, success;
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
		if
		:: sv = rtVer
		:: CANFAULT && rtVer > 1 && rtAt == now -> fault(me); sv = rtVer - 1 /* an old answer */
		fi;
		readLedger(me);
#ifndef MUTANT_LOCAL_CLOCK
		offset[me] = now - LOCAL(me);
#endif
		judgeChance(me);
		decide(sv);
		t = (cv > 0 -> rt[cv] : v.tok);
		sawLock = LOCKSEEN; success = false;
		if
		:: busyElsewhere -> step = LAST
		:: act >= ROTATE && PSOXY > 0 && !locked -> step = TAKE
		:: else -> step = (act >= ROTATE || act == ADOPT -> INTEND : (act == SETTLEHELD -> SETTLE : PUBLISH))
		fi;
		busyElsewhere = false;
		printf("%d: keeper %d reads token %d, version %d; decision %d, candidate %d, step %d\n", now, me, v.tok, sv, act, cv, step)
	}

	/* ---- shared mode: psoxy's lock; what was left behind is deleted first. Then everything is read again ---- */
	:: atomic { AT(TAKE) ->
		since[me] = now;
		if
		:: lkEx && !sawLock -> step = END
		:: else ->
#ifndef MUTANT_PSOXY_DOUBT_LOST
			lockFirst = (sawLock && cv == 0 -> first : lockFirst);
#endif
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
		:: act == ADOPT -> adopt(sv)
		:: else -> doubtful = (act == REPLAY || first != NONE); intending(t)
		fi;
		if
		:: ledgerDenied || v.tok == NONE -> step = LAST
		:: else ->
#ifdef MUTANT_CANDIDATE_BELIEVED
			v.past = v.past | (cv > 0 -> BIT(v.tok) : 0); v.tok = t;
#endif
#ifdef MUTANT_NO_INTENT
			ok = true;
#else
			put();
#endif
			step = (act == ADOPT -> READ : (WON -> POST : LAST));
			REACH(6, !ok);
			if
			:: true
			:: CANFAULT -> fault(me); step = END /* it is written, and its answer lost until the deadline */
			fi;
			posting[me] = (step == POST)
		fi
	}

	/* ---- spend: the check of the time left, and the request ---- */
	:: atomic { AT(POST) ->
		if
#ifndef MUTANT_NOT_IN_TIME
		:: now - since[me] > STALE - 1 -> class = INDOUBT; step = (tries > 0 -> SETTLE : LAST)
#endif
		:: else ->
			assertMayPresent(me, t, act);
			if
			:: /* answered */
				present(t, got);
				if
				:: got == NONE -> class = REFUSED
				:: else -> receive(t, got)
				fi;
				step = SETTLE
			:: CANFAULT && TOKEN(t) && !dead[fam[t]] -> /* a refusal by mistake */
				fault(me); class = REFUSED; step = SETTLE; mistaken = mistaken || cv > 0
			:: CANFAULT -> /* the request or its answer is lost: once more, or an outage */
				fault(me);
				if
				:: present(t, got)
				:: skip
				fi;
				doubtful = true; tries++;
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
		:: held[me].tok != NONE -> settle(held[me])
		:: else -> failed(); kept = true
		fi;
		if
		:: !kept -> REACH(4, true); drop(me); step = (act == SETTLEHELD -> READ : LAST)
		:: kept && ledgerDenied ->
			if
			:: held[me].tok != NONE && !copyDenied && RT != held[me].tok -> writeToken(held[me].tok) /* save's rescue */
			:: else
			fi;
			step = LAST
		:: else ->
			put();
			if
			:: ok && held[me].tok != NONE ->
				forget(me); success = true;
				step = (act == SETTLEHELD -> READ : PUBLISH)
			:: !ok && held[me].tok != NONE -> step = RESETTLE
#ifdef MUTANT_REFUSAL_BELIEVED
			:: !ok && held[me].tok == NONE && class == REFUSED -> step = RESETTLE
#endif
			:: else -> step = (!ok || (class == REFUSED && cv > 0) -> READ : PUBLISH)
			fi;
			if
			:: true
			:: CANFAULT -> fault(me); step = END
			fi
		fi;
		kept = false
	}
	/* ---- somebody else's entry came first: read it, and again ---- */
	:: atomic { AT(RESETTLE) -> readLedger(me); step = SETTLE }

	/* ---- the copies that differ ---- */
	:: atomic { AT(PUBLISH) ->
		keep = keep && !(success && cv > 0);
#ifdef MUTANT_PUBLISH_UNJUDGED
		judged[me] = rtVer; keep = false;
#endif
		if
		:: !keep && rt[sv] != v.tok && !copyDenied ->
			writeToken(v.tok);
			judged[me] = (rtVer == sv + 1 -> rtVer : judged[me])
		:: else
		fi;
		if
		:: LOSE > 0 && !success -> copy(v, F); endIntent(F); endPending(F); F.seen = 0; F.rejected = 0; F.owned = false
		:: else
		fi;
		step = LAST
	}
	:: atomic { AT(RELEASE) ->
		if
		:: lkEx && now - since[me] < STALE -> HOLDS(6, lkOwner == me || psoxyRace); deleteLock()
		:: else
		fi;
		step = END
	}

	/* ---- the tick is over ---- */
	:: atomic { AT(END) ->
		busy[me] = false; posting[me] = false;
		assertTick(me);
#ifdef MUTANT_HELD_DROPPED
		forget(me);
#endif
		hit[me] = false; chance[me] = false; started[me] = 0; since[me] = 0; intended[me] = NONE; offset[me] = 0;
		act = 0; b = 0; sv = 0; seen = 0; cv = 0; first = NONE; t = 0; tries = 0; class = 0; lockFirst = NONE;
		keep = false; ok = false; locked = false; doubtful = false; sawLock = false; success = false;
		clear(v); unmark(me)
	}
	od
}
