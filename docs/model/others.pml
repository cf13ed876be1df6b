/* Those who write the store beside the keepers, and what they do by themselves. */

/*
 * Psoxy's own refresh, with its habits: it parses no lock, deletes a stale one
 * and gives up, writes over whatever is there, and leaks its lock on failure.
 */
proctype Psoxy() {
	byte step, s, got;
end:
	do
	:: atomic { !busy[PSOXYID] && psoxyRuns > 0 && now <= LASTFAULT ->
		psoxyRuns--;
		disturb();
		if
		:: lkEx && now - lkMod >= STALE ->
			intentDeleted = intentDeleted || (lkOwner != PSOXYID && lkSpend == RT);
			covered = covered || (lkOwner != PSOXYID && fam[RT] != newest);
			deleteLock()
		:: FRESHLOCK -> skip
		:: else ->
			writeLock(PSOXYID, NONE, 0, NONE, NONE);
			busy[PSOXYID] = true; since[PSOXYID] = now; step = VERIFY
		fi
	}
	:: atomic { busy[PSOXYID] && CANFAULT -> /* it dies, or its exchange fails: the lock stays */
		faults++; psoxyHeld = NONE; step = END;
		printf("%d: psoxy dies\n", now)
	}
	:: atomic { busy[PSOXYID] && step == VERIFY ->
		holding[PSOXYID] = (lkEx && lkId == myId[PSOXYID]);
		s = RT;
		step = (holding[PSOXYID] -> POST : END)
	}
	:: atomic { busy[PSOXYID] && step == POST ->
		HOLDS(6, !HOLDER(REFRESHER) && !HOLDER(SECOND) && !HOLDER(AUTHORIZER));
		present(s, got);
		psoxyHeld = got;
		step = (got == NONE -> END : SAVE);
		got = 0
	}
	:: atomic { busy[PSOXYID] && step == SAVE ->
		covered = covered || RT != s; /* a consent was filled in meanwhile */
		writeToken(psoxyHeld, false);
		psoxyHeld = NONE; step = RELEASE
	}
	:: atomic { busy[PSOXYID] && step == RELEASE ->
		holding[PSOXYID] = false;
		if
		:: lkEx -> deleteLock()
		:: else
		fi;
		step = END
	}
	:: atomic { busy[PSOXYID] && step == END ->
		busy[PSOXYID] = false; holding[PSOXYID] = false; since[PSOXYID] = 0; myId[PSOXYID] = 0; s = 0; step = 0
	}
	od
}

/* Atlassian grants a consent. Whether that kills the families before it is not known. */
inline grant(token) {
	given++;
	issue(nFam, NONE, token);
	if
	:: for (i : 0 .. 2) { dead[i] = dead[i] || i < nFam }
		i = 0
	:: skip
	fi;
	nFam++;
	printf("%d: a consent is given: token %d\n", now, token)
}

inline stored(token) {
	writeToken(token, false);
	newest = fam[token];
	given--
}

/* A person consents, and later fills the token in by hand, under no lock. */
proctype Consent() {
	byte token;
end:
	atomic { now <= LASTFAULT && !busy[AUTHORIZER] -> grant(token) }
	atomic { disturb(); stored(token); token = 0 }
}

/*
 * `tokenkeeper authorize`: the consent under the lock. It waits for as long as
 * there is a lock, fresh or stale, and creates its own; it may be paused for as
 * long as a laptop sleeps. Nobody consents twice at once: two consents follow
 * each other.
 */
proctype Authorize() {
	byte step = WAIT, token, s, recv, to, auth;
	bool lk;
	Record old;
	clear(old);
end:
	do
	:: atomic { step == WAIT && now <= LASTFAULT && given == 0 &&
#ifdef MUTANT_AUTHORIZE_TAKES_STALE
		!FRESHLOCK
#else
		!lkEx
#endif
		->
		disturb();
		lk = lkEx; s = RT; recv = recVer;
		busy[AUTHORIZER] = true; since[AUTHORIZER] = now; step = TAKE
	}
	:: atomic { busy[AUTHORIZER] && step == TAKE && !paused[AUTHORIZER] ->
		since[AUTHORIZER] = now;
		if
		:: lkEx && !lk -> step = END
		:: else -> writeLock(AUTHORIZER, CONSENTING, 0, NONE, NONE); step = VERIFY
		fi
	}
	:: atomic { busy[AUTHORIZER] && CANFAULT && !paused[AUTHORIZER] -> /* it dies, or the store or Atlassian fails for good */
		faults++;
		printf("%d: authorize dies\n", now);
		if
		:: step == SAVE -> given--; consentLost = true
		:: else
		fi;
		if
		:: lkEx && lkOwner == AUTHORIZER -> lkOwner = NOBODY
		:: else
		fi;
		step = END
	}
	:: atomic { busy[AUTHORIZER] && CANFAULT && !paused[AUTHORIZER] && step != END -> faults++; paused[AUTHORIZER] = true }
	:: atomic { paused[AUTHORIZER] && now > since[AUTHORIZER] -> paused[AUTHORIZER] = false; disturb() }
	:: atomic { busy[AUTHORIZER] && step == VERIFY && !paused[AUTHORIZER] ->
		holding[AUTHORIZER] = (lkEx && lkId == myId[AUTHORIZER] && RT == s);
		step = (holding[AUTHORIZER] -> POST : (lkEx && lkId == myId[AUTHORIZER] -> RELEASE : END))
	}
	:: atomic { busy[AUTHORIZER] && step == POST && !paused[AUTHORIZER] ->
		grant(token);
		step = SAVE
	}
	:: atomic { busy[AUTHORIZER] && step == SAVE && !paused[AUTHORIZER] ->
		stored(token);
#ifndef MUTANT_AUTHORIZED_AT_EXCHANGE
		auth = rtVer;
#endif
		step = RECORD
	}
	:: atomic { busy[AUTHORIZER] && step == RECORD && !paused[AUTHORIZER] ->
		copy(rec, old);
		clear(rec);
		rec.tok = token; rec.auth = auth; rec.rotated = now;
		to = recVer; recVer++;
		step = (to != recv -> CHECKRECORD : RELEASE)
	}
	:: atomic { busy[AUTHORIZER] && step == CHECKRECORD && !paused[AUTHORIZER] ->
		if
		:: RT != token && old.tok != NONE -> copy(old, rec); recVer++
		:: else
		fi;
		step = RELEASE
	}
	:: atomic { busy[AUTHORIZER] && step == RELEASE && !paused[AUTHORIZER] ->
		holding[AUTHORIZER] = false;
		if
#ifdef MUTANT_AUTHORIZE_RELEASE_UNCHECKED
		:: lkEx ->
#else
		:: lkEx && lkId == myId[AUTHORIZER] ->
#endif
			assertMayRelease(AUTHORIZER);
			deleteLock()
		:: else
		fi;
		step = END
	}
	:: atomic { busy[AUTHORIZER] && step == END && !paused[AUTHORIZER] ->
		busy[AUTHORIZER] = false; holding[AUTHORIZER] = false; since[AUTHORIZER] = 0; myId[AUTHORIZER] = 0;
		token = 0; s = 0; lk = false; recv = 0; to = 0; auth = 0; clear(old);
		break
	}
	od
}

/* An operator puts an older version of REFRESH_TOKEN back: a fault. */
proctype Operator() {
	byte old;
end:
	atomic { CANFAULT && given == 0 && rtVer > 1 && rec.tok == RT && (rec.prev & BIT(rt[rtVer - 1])) ->
		faults++;
		printf("%d: an operator restores an old version\n", now);
		disturb();
		old = rt[rtVer - 1];
		writeToken(old, false);
		old = 0
	}
}
