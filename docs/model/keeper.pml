/* One keeper process, package rotation: an endless loop over the steps of a tick. */

#define AT(s) (busy[me] && step == s && !paused[me])
#ifdef MUTANT_RESTORE_LOSES_INTENT
#define FORGET true
#else
#define FORGET false
#endif
/* What follows the lock: a spend, or the save or restoration of what is known. */
#define LOCKED (act == SAVEHELD -> SAVE : (act == RESTOREOLD -> RESTORE : (act == FINISH -> RECONCILE : POST)))

/* A saved pair's lock presents nothing: its times are those of the spend that yielded the pair. */
#ifdef MUTANT_HELD_FIRST_SPEND_LOST
#define HELDFIRST held[me].at
#else
#define HELDFIRST held[me].first
#endif
#ifdef MUTANT_HELD_COUNTS_AS_ATTEMPT
#define HELDTRY now
#else
#define HELDTRY held[me].at
#endif

/* rotation's failed: what is written down about a spend that yielded no successor. */
inline failed(class) {
	l.fail = class; l.at = now;
	l.first = (class == INDOUBT -> first : 0);
	step = RECORD
}

proctype Keeper(byte me) {
	/* step is where this tick stands; the rest is what it knows. */
	byte step = END, act, first, s, sv, lkid, lkver, lkspend, lkfirst, lktry, lkbase, recv, got, base, try, tries, from, to, win, last;
	bool lk, doubt, found, answered, stale, finished;
	Record l, old;
	clear(l); clear(old);

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
		:: busy[OTHER(me)] || busy[PSOXYID] || busy[AUTHORIZER] -> disturb()
		:: else
		fi
	}

	/* ---- faults, at any step ---- */
	:: atomic { busy[me] && CANFAULT && !paused[me] -> /* the process dies, and its memory with it */
		fault(me); die(me); step = END
	}
	:: atomic { busy[me] && CANFAULT && !paused[me] && step > TAKE && step < END -> /* it is paused */
		fault(me); paused[me] = true; pausedAt[me] = now
	}
	:: atomic { paused[me] && now > pausedAt[me] && now < started[me] + INVOCATION ->
		paused[me] = false; pausedAt[me] = 0;
		outlived = outlived || now - since[me] >= STALE
	}
	:: atomic { paused[me] && now >= started[me] + INVOCATION -> /* the platform kills it */
		paused[me] = false; pausedAt[me] = 0; die(me); step = END;
		outlived = outlived || INVOCATION > STALE
	}
	:: atomic { busy[me] && CANFAULT && !paused[me] && step != POST && step != END -> /* the store fails until the deadline */
		fault(me);
		step = ((step == RESTORE && !doubt) || (step == RECORD && held[me].tok == NONE && act != FINISH && !doubt) -> RELEASE : END)
	}

	/* ---- read, decide ---- */
	:: atomic { AT(READ) ->
		if
		:: s = RT; sv = rtVer
		:: CANFAULT && rtVer > 1 && rtMod[rtVer] == now && rtVer - 1 >= seen[me] -> /* an old answer */
			fault(me); stale = true; sv = rtVer - 1; s = rt[sv]
		fi;
		seen[me] = sv;
		lk = lkEx; lkid = lkId; lkver = lkVer; lkspend = lkSpend; lkfirst = lkFirst; lktry = lkTry; lkbase = lkBase; recv = recVer;
		if
		:: held[me].tok != NONE && ((s != held[me].spent && OUTRANKS(me, s)) || SPENTSINCE(me)) -> REACH(4, true); drop(me)
		:: else
		fi;
		judgeChance(me, s);
		decide(me, s, sv);
		printf("%d: keeper %d reads token %d, decision %d, step %d\n", now, me, s, act, step);
		if
		:: step == TAKE && act == SAVEHELD -> held[me].saved = held[me].saved && s == held[me].tok
		:: else
		fi
	}

	/* ---- take the lock ---- */
	:: atomic { AT(TAKE) ->
		since[me] = now;
		doubt = (act == REPLAY || act == LATEPROBE);
		again = again || act == REPLAY;
		if
		:: act == SAVEHELD -> first = HELDFIRST; try = HELDTRY; got = held[me].spent; base = held[me].ver
		:: act == FINISH -> first = lkfirst; try = lktry; got = lkspend; base = lkbase
		:: act == RESTOREOLD && lkspend == l.tok && !FORGET -> first = lkfirst; try = lktry; got = lkspend; base = lkbase; doubt = true
		:: act == RESTOREOLD && (lkspend != l.tok || FORGET) -> first = NONE; try = NONE; got = NONE; base = 0
		:: else -> first = (first == NONE -> now : first); try = now; got = s; base = sv
		fi;
#ifdef MUTANT_FIRST_SPEND_LOST
		first = (act == RESTOREOLD || act == FINISH -> first : now);
#endif
#ifdef MUTANT_NO_INTENT
		holding[me] = true; step = LOCKED;
#ifndef MUTANT_BASELINE_BEFORE_LOCK
				sv = (RT == s -> rtVer : sv);
#endif
#else
		if
		:: !lk && lkEx -> step = END /* ErrExists; verify finds another's value */
		:: !lk && !lkEx -> writeLock(me, got, base, first, try); step = VERIFY
		:: lk ->
#ifdef MUTANT_STALE_LOCK_KEPT
			step = END
#else
			REACH(5, lkEx && lkOwner == PSOXYID && act == REPLAY);
			writeLock(me, got, base, first, try);
#ifdef MUTANT_TAKEOVER_UNCHECKED
			step = VERIFY
#else
			step = (lkVer == lkver + 1 -> CHECKTAKEN : END);
			REACH(6, step == END);
			duel = duel || lkVer != lkver + 1 || lkHist[lkver] != lkid
#endif
#endif
		fi;
		if
		:: true
		:: CANFAULT && step != END -> fault(me); step = END /* the call takes effect and its answer is lost */
		fi;
#endif
		got = 0; try = 0; base = 0
	}
	:: atomic { AT(CHECKTAKEN) -> step = (lkEx && lkVer >= lkver && lkHist[lkver] == lkid -> VERIFY : END) }
	:: atomic { AT(VERIFY) ->
		if
		:: !lkEx || lkId != myId[me] -> REACH(7, true); step = END
		:: else ->
			if
#ifdef MUTANT_TOKEN_NOT_CHECKED
			:: true ->
#else
			:: RT != s -> REACH(8, stale); step = RELEASE
			:: RT == s || (stale && sv == rtVer - 1 && rtMod[rtVer] == now) -> /* the same answer, or one as old as before */
#endif
				holding[me] = true; step = LOCKED;
#ifndef MUTANT_BASELINE_BEFORE_LOCK
				sv = (RT == s -> rtVer : sv);
#endif
				oldAnswer = oldAnswer || (PSOXY > 0 && RT != s)
			fi
		fi
	}

	/* ---- spend: the check of the time left, and the request ---- */
	:: atomic { AT(POST) ->
		if
#ifndef MUTANT_NOT_IN_TIME
		:: now - since[me] > STALE - 1 ->
			if
			:: tries > 0 -> failed(INDOUBT)
			:: else -> step = (doubt -> END : RELEASE)
			fi
#endif
		:: else ->
			assertMayPresent(me, s, act);
			again = again || doubt;
			REACH(9, act == REPLAY && spentAt[s] != NONE && !dead[fam[s]]);
			REACH(10, act == LATEPROBE && spentAt[s] == NONE);
			REACH(11, act == LATEPROBE && spentAt[s] != NONE && now - spentAt[s] >= LEEWAY);
			if
			:: /* answered */
				present(s, got);
				if
				:: got == NONE -> step = REREAD
				:: else ->
					held[me].tok = got; held[me].spent = s; held[me].first = first; held[me].at = now; held[me].ver = sv; held[me].recv = recv;
					held[me].auth = l.auth; held[me].prev = l.prev | BIT(s); held[me].saved = false;
#ifdef MUTANT_RECORD_FIRST
					step = RECORD
#else
					step = SAVE
#endif
				fi
			:: CANFAULT -> /* the request or its answer is lost: once more, or an outage */
				fault(me);
				if
				:: present(s, got)
				:: skip
				fi;
				doubt = true;
				if
				:: tries == 0 -> tries = 1
#ifdef MUTANT_AMBIGUOUS_NOT_SPENT
				:: step = RELEASE
#else
				:: failed(INDOUBT)
#endif
				fi
			:: CANFAULT -> /* it certainly reached nobody, or was refused for the app's sake */
				fault(me);
#ifdef MUTANT_UNSPENT_AFTER_DOUBT
				doubt = false;
#endif
				failed((doubt -> INDOUBT : UNSPENT))
			fi;
			got = 0
		fi
	}
	:: atomic { AT(REREAD) -> /* a refusal is believed only then */
		if
#ifndef MUTANT_REFUSAL_BELIEVED
		:: RT != s -> REACH(12, true); step = RELEASE
#endif
		:: else -> HOLDS(4, RT == s); doubt = false; failed(REFUSAL)
		fi
	}

	/* ---- save: refresh token, record ---- */
	:: atomic { AT(SAVE) ->
		if
		:: held[me].saved -> step = RECORD
		:: else ->
			REACH(13, act == SAVEHELD);
			writeToken(held[me].tok, true);
			from = held[me].ver + 1; to = rtVer - 1; win = NONE; seen[me] = rtVer;
			if
			:: true
			:: CANFAULT -> fault(me); writeToken(held[me].tok, true); to = rtVer - 1 /* the answer is lost, the call repeated */
			fi;
#ifdef MUTANT_VERSION_IGNORED
			held[me].saved = true; step = RECORD
#else
			step = WINNER
#endif
		fi
	}
	:: atomic { AT(WINNER) -> /* what was written in between, newest first */
		i = to; got = NONE; found = false;
		do
		:: i >= from && i > 0 && got == NONE ->
			if
			:: rt[i] != (win == NONE -> held[me].tok : win) ->
				found = true;
				if
				:: OUTRANKS(me, rt[i]) -> got = rt[i]
				:: else
				fi
			:: else
			fi;
			i--
		:: else -> break
		od;
		i = 0;
		if
		:: got != NONE -> win = got; step = PUTBACK
		:: got == NONE && win != NONE && !found -> drop(me); step = RELEASE
		:: else -> held[me].saved = true; step = RECORD
		fi;
		got = 0; found = false
	}
	:: atomic { AT(PUTBACK) ->
		from = to + 2; /* after our own last write */
		writeToken(win, true);
		REACH(14, true);
		to = rtVer - 1; seen[me] = rtVer;
		step = WINNER
	}
	:: atomic { AT(RECORD) -> /* of what was received, or of a failure, or of an interrupted rotation */
		copy(rec, old);
		if
		:: held[me].tok != NONE ->
			l.tok = held[me].tok; l.prev = held[me].prev; l.auth = held[me].auth; l.rotated = held[me].at;
			l.fail = OKAY; l.first = 0; l.at = 0;
			recv = held[me].recv;
			doubt = false
		:: else
		fi;
		copy(l, rec);
		REACH(15, rec.prev & 6); /* the third generation */
		to = recVer; recVer++;
		step = (to != recv -> CHECKRECORD : (doubt -> END : RELEASE));
		if
		:: held[me].tok == NONE -> skip
#ifdef MUTANT_RECORD_FIRST
		:: held[me].tok != NONE && !held[me].saved -> held[me].recv = recVer; step = SAVE
#endif
		:: else -> drop(me)
		fi
	}
	:: atomic { AT(CHECKRECORD) -> /* others wrote it in between */
		if
		:: RT != l.tok && old.tok != NONE -> REACH(16, true); copy(old, rec); recVer++
		:: else
		fi;
		step = (doubt -> END : RELEASE)
	}

	/* ---- restore a token that an older one was written over ---- */
	:: atomic { AT(RESTORE) ->
		i = sv - 1;
		do
		:: i > 0 && rt[i] != l.tok -> i--
		:: else -> break
		od;
		if
		:: i > 0 ->
			to = rtVer;
			writeToken(rt[i], true);
			REACH(17, LIVE(RT));
			if
			:: to != sv -> writeToken(rt[to], true)
			:: else
			fi;
			seen[me] = rtVer
		:: else
		fi;
		i = 0;
		step = (doubt -> END : RELEASE)
	}

	/* ---- finish an interrupted rotation; family.Snapshot.Reconciled ---- */
	:: atomic { AT(RECONCILE) ->
		reconciled();
		doubt = false;
		step = RECORD;
		REACH(18, win == s); REACH(19, win != s);
		if
		:: win != s ->
			to = rtVer;
			writeToken(win, true);
			seen[me] = rtVer;
			step = (to != sv -> END : RECORD)
		:: else
		fi
	}

	/* ---- release, if the lock is still ours: look and delete; the function's time-out forbids a long pause in between ---- */
	:: atomic { AT(RELEASE) ->
		holding[me] = false;
		if
#ifndef MUTANT_RELEASE_UNCHECKED
		:: now - since[me] >= STALE && lkId != myId[me] -> skip
#endif
		:: else ->
			assertMayRelease(me);
			if
			:: lkEx -> deleteLock()
			:: else
			fi
		fi;
		step = (act == FINISH && !finished -> READ : END); /* what is due since then */
		finished = (act == FINISH)
	}

	/* ---- the tick is over ---- */
	:: atomic { AT(END) ->
		busy[me] = false; holding[me] = false;
		assertTick(me);
		hit[me] = false; chance[me] = false; started[me] = 0; since[me] = 0; myId[me] = 0;
#ifdef MUTANT_HELD_DROPPED
		if
		:: held[me].tok != NONE -> drop(me)
		:: else
		fi;
#endif
		act = 0; first = 0; s = 0; sv = 0; lkid = 0; lkver = 0; recv = 0; got = 0; tries = 0; from = 0; to = 0; win = 0;
		lkspend = 0; lkfirst = 0; lktry = 0; lkbase = 0;
		lk = false; doubt = false; stale = false; finished = false; last = 0;
		clear(l); clear(old);
		if
		:: !lkEx && !busy[0] && !busy[1] && !busy[2] && !busy[3] -> nextId = 1
		:: else
		fi
	}
	od
}
