/*
 * The rotation protocol, as a model for spin. README.md beside this file maps
 * every step to the code and says what is left out; tools/model.sh checks it.
 *
 * One connection, two keeper processes (the refresher, and a second delivery
 * that runs in a process of its own), psoxy, a person who consents, Atlassian,
 * and a clock that counts minutes. Every call to the store or to Atlassian is
 * one atomic step; between any two steps of a process the others may act, the
 * process may die, or be paused.
 *
 * Parameters (-D): MAXF faults in a run, DUPS second deliveries, PSOXY runs of
 * psoxy, CONSENTS 0 or 1, H the horizon in minutes. MUTANT_x breaks the
 * protocol in one place.
 */
#ifndef MAXF
#define MAXF 2
#endif
#ifndef DUPS
#define DUPS 1
#endif
#ifndef PSOXY
#define PSOXY 0
#endif
#ifndef CONSENTS
#define CONSENTS 1
#endif
#ifndef H
#define H 25
#endif

/* Minutes; family/policy.go has the same numbers. */
#define LEEWAY 10
#define STALE 2
#ifdef MUTANT_REPLAY_AT_ELEVEN
#define MARGIN -2
#else
#define MARGIN 1
#endif
#define TICK 5
/* A rotation is due PERIOD after the last: shorter than in reality, so that two generations fit into the horizon. */
#define PERIOD 10
/* No fault strikes later: what is lost after that could still have been kept. */
#define LASTFAULT 12
/* How long the platform lets a process live: template.yaml's Timeout. */
#ifndef INVOCATION
#define INVOCATION STALE
#endif

#define NONE 255
#define MAXT 12 /* refresh tokens of one run, numbered in the order of issue */
#define MAXV 14 /* versions of REFRESH_TOKEN */
#define BIT(t) (1 << (t))

/* The three who take locks. */
#define REFRESHER 0
#define SECOND 1
#define PSOXYID 2
#define NOBODY 3 /* owner of a lock whose process died */

/* What a keeper does next; see README.md. */
#define READ 0
#define TAKE 1
#define CHECKTAKEN 2
#define VERIFY 3
#define POST 4
#define REFUSED 5
#define FAILED 6
#define SAVE 7
#define WINNER 8
#define PUTBACK 9
#define RECORD 10
#define CHECKRECORD 11
#define RESTORE 12
#define RELEASE 13
#define END 14

/* Decisions that act. */
#define ROTATE 0
#define REPLAY 1
#define LATEPROBE 2
#define SAVEHELD 3
#define RESTOREOLD 4

/* Failures in a record. */
#define OKAY 0
#define PERMANENT 1
#define AMBIGUOUS 2

/* ---- the world ---- */
byte now;
bool tickDue = true;
byte faults, dups = DUPS, psoxyRuns = PSOXY, consents = CONSENTS;
bool minted; /* a consent was given and its token is not stored yet */

/* Atlassian: what became of each token, and of the families of the first and second consent. */
byte nTok = 1;
byte spentAt[MAXT], parent[MAXT];
bool fam[MAXT], revoked[MAXT];
bool dead[2];
bool siblingsDie;

/* The store: REFRESH_TOKEN with its history, TOKEN_FAMILY, the lock. */
byte rtVer = 1, rtMod;
byte rt[MAXV];
typedef Record { byte tok; short prev; byte auth; byte fail; byte first; byte at; byte rotated };
Record rec;
byte recVer;
bool lkEx;
byte lkId, lkVer, lkMod, lkOwner, lkSpend, lkFirst;
byte lkHist[10];
byte nextId = 1;

/* ---- the processes ---- */
bool busy[3], paused[2], hit[2], chance[2], holding[3];
byte pausedAt[2], started[2], since[3], myId[3];
typedef Held { byte tok; byte spent; byte at; byte ver; byte recv; byte auth; short prev; bool saved };
Held held[2];
byte seen[2];
byte psoxyHeld = NONE;
/* Things psoxy or a person did that nobody can make good; see the assertions. */
bool intentDeleted, covered;
/* Two keepers took one stale lock over at the same moment, and both gave up: the platform runs one at a time. */
bool duel;
/* A process went on although its lock had gone stale: only where INVOCATION is longer than STALE. */
bool outlived;

#define RT rt[rtVer]
#define LIVE(t) (!dead[fam[t]] && !revoked[t] && spentAt[t] == NONE)
#define CANFAULT (faults < MAXF && now <= LASTFAULT)
#define OTHER(p) (1 - (p))
/* HOLDER(q): q believes in its lock, and may. */
#define HOLDER(q) (holding[q] && now - since[q] < STALE)
#define NEWEST (consents < CONSENTS && !minted)

/* Somebody begins to work while others are at it: nobody is promised success. */
inline disturb() { hit[REFRESHER] = hit[REFRESHER] || busy[REFRESHER]; hit[SECOND] = hit[SECOND] || busy[SECOND] }

inline fault(p) { faults++; hit[p] = true; printf("%d: fault strikes keeper %d\n", now, p) }

inline writeToken(token_) {
	rtVer++;
	assert(rtVer < MAXV);
	rt[rtVer] = token_;
	printf("%d: REFRESH_TOKEN version %d is token %d\n", now, rtVer, token_);
	rtMod = now
}

inline writeLock(who, spend, first) {
	if
	:: lkEx -> lkVer++
	:: else -> lkEx = true; lkVer = 1
	fi;
	lkId = nextId; nextId++;
	lkHist[lkVer] = lkId;
	lkOwner = who; lkSpend = spend; lkFirst = first; lkMod = now;
	myId[who] = lkId;
	printf("%d: lock %d version %d by %d, spending %d first at %d\n", now, lkId, lkVer, who, spend, first)
}

inline deleteLock() {
	printf("%d: lock %d is deleted\n", now, lkId);
	lkEx = false; lkId = 0; lkVer = 0; lkMod = 0; lkOwner = 0; lkSpend = 0; lkFirst = 0;
	for (i : 0 .. 9) { lkHist[i] = 0 }
}

/*
 * Atlassian is presented token t: got is its successor, or NONE if it is
 * refused. A spent token yields a sibling inside the leeway; after it, or where
 * its successor was itself spent, or as a revoked sibling, it kills the family.
 */
inline present(t, got) {
	got = NONE;
	if
	:: dead[fam[t]] -> skip
	:: else ->
		fatal = revoked[t] || (spentAt[t] != NONE && now - spentAt[t] >= LEEWAY);
		for (i : 1 .. MAXT - 1) {
			if
			:: i < nTok && parent[i] == t && spentAt[i] != NONE -> fatal = true
			:: else -> skip
			fi
		}
		if
		:: fatal -> dead[fam[t]] = true; printf("%d: presenting token %d kills its family\n", now, t)
		:: else ->
			for (i : 1 .. MAXT - 1) {
				if
				:: siblingsDie && i < nTok && parent[i] == t -> revoked[i] = true
				:: else -> skip
				fi
			}
			if
			:: spentAt[t] == NONE -> spentAt[t] = now
			:: else -> skip
			fi;
			assert(nTok < MAXT);
			got = nTok;
			fam[got] = fam[t]; parent[got] = t; spentAt[got] = NONE;
			nTok++;
			printf("%d: token %d is spent for token %d\n", now, t, got)
		fi;
		fatal = false
	fi;
	i = 0
}

/*
 * Invariants 1, 2, 6, 7 and 8, at the moment at which a keeper presents t. The
 * exceptions are psoxy's: it deletes a stale lock with our intent in it.
 */
inline assertMayPresent(p, t, action) {
	/* 1, 6: nobody else holds the lock, and the store knows of this spend and of the first. */
	assert(!HOLDER(OTHER(p)) && !HOLDER(PSOXYID));
	assert(duel || (lkEx && lkSpend == t && lkFirst <= now));
	assert(spentAt[t] == NONE || lkFirst <= spentAt[t] || intentDeleted);
	/* 2: after the leeway only as a late probe, which knows what it is. */
	assert(action == LATEPROBE || spentAt[t] == NONE || now - spentAt[t] < LEEWAY || intentDeleted);
	/* 8: without a fault no token is presented twice. */
	assert(faults > 0 || spentAt[t] == NONE);
	/* 2, 3, 7: no presentation may kill a family whose newer token somebody holds, or the store. */
	i = 1;
	do
	:: i < nTok ->
		if
		:: i > t && fam[i] == fam[t] && LIVE(i) && (spentAt[t] != NONE || revoked[t]) &&
		   (revoked[t] || now - spentAt[t] >= LEEWAY) ->
			assert(held[REFRESHER].tok != i && held[SECOND].tok != i && psoxyHeld != i && RT != i)
		:: else -> skip
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* family.Outranks: theirs, written meanwhile, stays above the pair that p holds. */
#define OURS(p, t) ((t) == held[p].tok || (held[p].prev & BIT(t)))
#define OUTRANKS(p, t) (!OURS(p, t) && (rec.tok != (t) || (rec.auth != held[p].auth && rec.auth > held[p].auth) || \
	(rec.auth == held[p].auth && rec.tok > held[p].tok)))

inline forget(p) {
	held[p].tok = NONE; held[p].spent = 0; held[p].at = 0; held[p].ver = 0; held[p].recv = 0;
	held[p].auth = 0; held[p].prev = 0; held[p].saved = false
}

/* A new process takes its place, which does not own its lock. */
inline die(p) {
	forget(p); seen[p] = 0;
	if
	:: lkEx && lkOwner == p -> lkOwner = NOBODY
	:: else -> skip
	fi
}

/* family.Snapshot.Lineage: the record of the stored token t, into l. */
inline lineage(t, mod) {
	if
	:: rec.tok == t -> copy(rec, l)
	:: else ->
		if
		:: rec.tok != NONE && ((lkEx && lkOwner != PSOXYID && lkSpend == rec.tok) || (PSOXY > 0 && rec.fail != PERMANENT)) ->
			l.auth = rec.auth; l.prev = rec.prev | BIT(rec.tok)
		:: else -> l.auth = mod; l.prev = 0
		fi;
		l.tok = t; l.fail = OKAY; l.first = 0; l.at = 0; l.rotated = NONE
	fi
}

inline copy(a, b) {
	b.tok = a.tok; b.prev = a.prev; b.auth = a.auth; b.fail = a.fail; b.first = a.first; b.at = a.at; b.rotated = a.rotated
}

inline clear(a) { a.tok = NONE; a.prev = 0; a.auth = 0; a.fail = OKAY; a.first = 0; a.at = 0; a.rotated = 0 }

/* doubt.decide; act stays END where the token has to be left alone. */
inline decideDoubt() {
	if
	:: now - since_ < LEEWAY - MARGIN -> act = REPLAY
	:: else ->
		if
		:: last > since_ && now - last < LEEWAY - MARGIN -> act = LATEPROBE
		:: else ->
			if
			:: !answered && now < last + 2 * LEEWAY -> step = END
			:: else -> act = LATEPROBE
			fi
		fi
	fi;
	first = since_
}

/* family.Decide, from a snapshot with token s (version sv): step becomes TAKE with act, or END. */
inline decide(me) {
	step = TAKE; act = ROTATE; first = NONE;
	lineage(s, rtMod);
	if
#ifdef MUTANT_FRESH_LOCK_TAKEN
	:: false -> skip
#else
	:: lkEx && now - lkMod < STALE && lkOwner != me -> step = END
#endif
	:: else ->
		if
		:: held[me].tok != NONE -> act = SAVEHELD
		:: else ->
			if
#ifndef MUTANT_NO_RESTORE
			:: rec.tok != NONE && (rec.prev & BIT(s)) -> act = RESTOREOLD; copy(rec, l)
#endif
			:: else ->
				if
				:: l.fail == PERMANENT -> step = END
				:: else ->
					found = false; answered = false;
					if
					:: lkEx && lkOwner != PSOXYID && lkSpend == s && lkFirst != NONE ->
						since_ = lkFirst; last = lkMod; found = true
#ifndef MUTANT_PSOXY_LOCK_IGNORED
					:: lkEx && lkOwner == PSOXYID && rtMod <= lkMod ->
						since_ = lkMod; last = lkMod; found = true
#endif
					:: else -> skip
					fi;
					if
					:: l.fail == AMBIGUOUS && !found ->
						since_ = l.first; last = l.at; answered = true; found = true
					:: l.fail == AMBIGUOUS && found ->
						if
						:: l.first < since_ -> since_ = l.first
						:: else -> skip
						fi;
						if
						:: l.at >= last -> last = l.at; answered = true
						:: else -> skip
						fi
					:: else -> skip
					fi;
					if
					:: found -> decideDoubt()
					:: !found && l.rotated != NONE && now - l.rotated < PERIOD -> step = END
					:: else -> skip
					fi;
					found = false; answered = false; since_ = 0; last = 0
				fi
			fi
		fi
	fi
}

/* A whole snapshot of the store in one call; s and sv are given, so that a stale answer can be. */
inline readAndDecide(me) {
	seen[me] = sv;
	lk = lkEx; lkid = lkId; lkver = lkVer; recv = recVer;
	if
	:: held[me].tok != NONE && s != held[me].spent && OUTRANKS(me, s) -> forget(me)
	:: else -> skip
	fi;
	/* Whether a tick without a fault must end with a living token in the store. */
	chance[me] = (fam[s] == NEWEST && !dead[fam[s]] && !revoked[s] && s == RT && !minted &&
		(spentAt[s] == NONE || (now - spentAt[s] < LEEWAY - MARGIN && !intentDeleted)) &&
		!(lkEx && now - lkMod < STALE && lkOwner != me));
	if
	:: held[me].tok != NONE && LIVE(held[me].tok) && fam[held[me].tok] == NEWEST && !minted &&
	   !(lkEx && now - lkMod < STALE && lkOwner != me) -> chance[me] = true
	:: else -> skip
	fi;
	decide(me);
	printf("%d: keeper %d reads token %d, step %d, decision %d\n", now, me, s, step, act);
	if
	:: step == TAKE && act == SAVEHELD -> held[me].saved = held[me].saved && s == held[me].tok
	:: else -> skip
	fi
}

proctype Keeper(byte me) {
	/* step is where this invocation stands; the rest is what it knows. */
	byte step = END, act, first, s, sv, lkid, lkver, recv, got, tries, from, to, win, failure;
	byte since_, last, i;
	bool lk, doubt, found, answered, fatal, stale;
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
		:: busy[OTHER(me)] || busy[PSOXYID] -> disturb()
		:: else -> skip
		fi
	}
	/* ---- faults, at any step ---- */
	:: atomic { busy[me] && CANFAULT && !paused[me] -> /* it dies, and its memory with it */
		fault(me); die(me); step = END
	}
	:: atomic { busy[me] && CANFAULT && !paused[me] && step != READ && step != TAKE && step != END -> /* it is paused */
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

	/* ---- read, decide ---- */
	:: atomic { busy[me] && step == READ && !paused[me] ->
		if
		:: s = RT; sv = rtVer
		:: CANFAULT && rtVer > 1 && rtMod == now && rtVer - 1 >= seen[me] -> fault(me); stale = true; sv = rtVer - 1; s = rt[sv]
		fi;
		readAndDecide(me)
	}

	/* ---- take the lock ---- */
	:: atomic { busy[me] && step == TAKE && !paused[me] ->
		since[me] = now;
		doubt = (act == REPLAY || act == LATEPROBE);
		if
		:: act == SAVEHELD -> first = held[me].at; got = held[me].spent
		:: act == RESTOREOLD -> first = NONE; got = NONE
		:: else ->
			got = s;
			if
			:: first == NONE -> first = now
			:: else -> skip
			fi
		fi;
#ifdef MUTANT_FIRST_SPEND_LOST
		if
		:: act != RESTOREOLD -> first = now
		:: else -> skip
		fi;
#endif
#ifdef MUTANT_NO_INTENT
		holding[me] = true;
		step = (act == SAVEHELD -> SAVE : (act == RESTOREOLD -> RESTORE : POST));
#else
		if
		:: !lk && lkEx -> step = END /* ErrExists: verify would find another's value */
		:: !lk && !lkEx -> writeLock(me, got, first); step = VERIFY
		:: lk ->
#ifdef MUTANT_STALE_LOCK_KEPT
			step = END
#else
			writeLock(me, got, first);
			step = (lkVer == lkver + 1 -> CHECKTAKEN : END);
			duel = duel || step == END
#endif
		fi;
		/* The call takes effect and its answer is lost. */
		if
		:: true
		:: CANFAULT && step != END -> fault(me); step = END
		fi;
#endif
		got = 0
	}
	:: atomic { busy[me] && step == CHECKTAKEN && !paused[me] ->
		step = (lkEx && lkVer >= lkver && lkHist[lkver] == lkid -> VERIFY : END)
	}
	:: atomic { busy[me] && step == VERIFY && !paused[me] ->
		if
		:: !lkEx || lkId != myId[me] -> step = END
		:: else ->
			if
#ifdef MUTANT_TOKEN_NOT_CHECKED
			:: false -> skip
			:: else ->
#else
			:: RT != s -> step = RELEASE
			:: RT == s || (stale && sv == rtVer - 1 && rtMod == now) -> /* the same answer, as stale as before */
#endif
				holding[me] = true;
#ifdef FIX_BASELINE
				if
				:: RT == s -> sv = rtVer
				:: else -> skip
				fi;
#endif
				step = (act == SAVEHELD -> SAVE : (act == RESTOREOLD -> RESTORE : POST))
			fi
		fi
	}

	/* ---- spend: the check of the time left, and the request ---- */
	:: atomic { busy[me] && step == POST && !paused[me] ->
		if
#ifndef MUTANT_NOT_IN_TIME
		:: now - since[me] > STALE - 1 -> step = (doubt -> END : RELEASE)
#endif
		:: else ->
			assertMayPresent(me, s, act);
			if
			:: /* answered */
				present(s, got);
				if
				:: got == NONE -> step = REFUSED
				:: else ->
					held[me].tok = got; held[me].spent = s; held[me].at = now; held[me].ver = sv; held[me].recv = recv;
					held[me].auth = l.auth; held[me].prev = l.prev | BIT(s); held[me].saved = false;
#ifdef MUTANT_RECORD_FIRST
					step = RECORD
#else
					step = SAVE
#endif
				fi
			:: CANFAULT -> /* the request or its answer is lost; once more, or an outage */
				fault(me);
				if
				:: present(s, got)
				:: skip
				fi;
				if
				:: tries == 0 -> tries = 1; doubt = true
				:: doubt = true; failure = AMBIGUOUS; step = FAILED
				fi
			fi;
			got = 0
		fi
	}
	:: atomic { busy[me] && step == REFUSED && !paused[me] -> /* believed only after a read */
		if
#ifndef MUTANT_REFUSAL_BELIEVED
		:: RT != s -> step = RELEASE
#endif
		:: else -> failure = PERMANENT; step = FAILED; assert(RT == s)
		fi
	}
	:: atomic { busy[me] && step == FAILED && !paused[me] -> /* write down what is known */
#ifdef MUTANT_AMBIGUOUS_NOT_SPENT
		step = RELEASE;
#else
		copy(rec, old);
		copy(l, rec);
		rec.fail = failure; rec.at = now;
		rec.first = (failure == AMBIGUOUS -> first : 0);
		to = recVer; recVer++;
		step = (to != recv -> CHECKRECORD : (failure == AMBIGUOUS -> END : RELEASE))
#endif
	}

	/* ---- save: refresh token, record ---- */
	:: atomic { busy[me] && step == SAVE && !paused[me] ->
		if
		:: held[me].saved -> step = RECORD
		:: else ->
			writeToken(held[me].tok);
			from = held[me].ver + 1; to = rtVer - 1; win = NONE; seen[me] = rtVer;
			if
			:: true
			:: CANFAULT -> fault(me); writeToken(held[me].tok); to = rtVer - 1 /* the answer is lost, the call repeated */
			fi;
#ifdef MUTANT_VERSION_IGNORED
			held[me].saved = true; step = RECORD;
#else
			step = WINNER;
#endif
			if
			:: true
			:: CANFAULT -> fault(me); held[me].saved = false; step = END /* nothing more gets through before the deadline */
			fi
		fi
	}
	:: atomic { busy[me] && step == SAVE && !paused[me] && CANFAULT && !held[me].saved -> /* the store takes no writes */
		fault(me); step = END
	}
	:: atomic { busy[me] && step == WINNER && !paused[me] -> /* what was written in between, newest first */
		i = to; got = NONE; found = false;
		do
		:: i >= from && i > 0 && got == NONE ->
			if
			:: rt[i] != (win == NONE -> held[me].tok : win) ->
				found = true;
				if
				:: OUTRANKS(me, rt[i]) -> got = rt[i]
				:: else -> skip
				fi
			:: else -> skip
			fi;
			i--
		:: else -> break
		od;
		i = 0;
		if
		:: got != NONE -> win = got; step = PUTBACK
		:: got == NONE && win != NONE && !found -> forget(me); step = RELEASE
		:: else -> held[me].saved = true; step = RECORD
		fi;
		got = 0; found = false
	}
	:: atomic { busy[me] && step == PUTBACK && !paused[me] ->
		from = to + 2; /* after our own last write */
		writeToken(win);
		to = rtVer - 1; seen[me] = rtVer;
		step = WINNER
	}
	:: atomic { busy[me] && step == RECORD && !paused[me] ->
		copy(rec, old);
		rec.tok = held[me].tok; rec.prev = held[me].prev; rec.auth = held[me].auth;
		rec.fail = OKAY; rec.first = 0; rec.at = 0; rec.rotated = held[me].at;
		to = recVer; recVer++;
		failure = OKAY;
#ifdef MUTANT_RECORD_FIRST
		if
		:: !held[me].saved && act != SAVEHELD -> held[me].recv = recVer; act = SAVEHELD; step = SAVE
		:: else -> step = (to != held[me].recv -> CHECKRECORD : RELEASE); forget(me)
		fi
#else
		step = (to != held[me].recv -> CHECKRECORD : RELEASE);
		l.tok = held[me].tok;
		forget(me)
#endif
	}
	:: atomic { busy[me] && step == CHECKRECORD && !paused[me] -> /* others wrote it in between */
		if
		:: RT != l.tok && old.tok != NONE -> copy(old, rec); recVer++
		:: else -> skip
		fi;
		step = (failure == AMBIGUOUS -> END : RELEASE)
	}

	/* ---- restore a token that an older one was written over ---- */
	:: atomic { busy[me] && step == RESTORE && !paused[me] ->
		i = sv - 1;
		do
		:: i > 0 && rt[i] != l.tok -> i--
		:: else -> break
		od;
		if
		:: i > 0 ->
			to = rtVer;
			writeToken(rt[i]);
			if
			:: to != sv -> writeToken(rt[to])
			:: else -> skip
			fi;
			seen[me] = rtVer
		:: else -> skip
		fi;
		i = 0;
		step = RELEASE
	}

	/* ---- release, if it is still ours ---- */
	:: atomic { busy[me] && step == RELEASE && !paused[me] ->
		holding[me] = false;
		if
#ifndef MUTANT_RELEASE_UNCHECKED
		:: now - since[me] >= STALE && lkId != myId[me] -> skip
#endif
		:: else ->
			/* 6: nobody's lock is deleted while he works under it. */
			assert(!(lkEx && HOLDER(OTHER(me)) && myId[OTHER(me)] == lkId));
			assert(!(lkEx && HOLDER(PSOXYID) && myId[PSOXYID] == lkId));
			if
			:: lkEx -> deleteLock()
			:: else -> skip
			fi
		fi;
		step = END
	}

	/* ---- the tick is over ---- */
	:: atomic { busy[me] && step == END && !paused[me] ->
		busy[me] = false; holding[me] = false;
		/* A tick that nothing struck ends with a living token in the store, unless somebody is at work. */
		assert(!chance[me] || hit[me] || minted || fam[s] != NEWEST || (LIVE(RT) && fam[RT] == NEWEST));
		hit[me] = false; chance[me] = false; started[me] = 0; since[me] = 0; myId[me] = 0;
#ifdef MUTANT_HELD_DROPPED
		forget(me);
#endif
		act = 0; first = 0; s = 0; sv = 0; lkid = 0; lkver = 0; recv = 0; got = 0; tries = 0; from = 0; to = 0; win = 0; failure = 0;
		lk = false; doubt = false; stale = false;
		clear(l); clear(old);
		if
		:: !lkEx && !busy[0] && !busy[1] && !busy[2] -> nextId = 1
		:: else -> skip
		fi
	}
	od
}

/* Psoxy's own refresh, with its habits: it parses no lock, deletes a stale one and gives up, and leaks its own on failure. */
proctype Psoxy() {
	byte step, s, i, got;
	bool fatal;
end:
	do
	:: atomic { !busy[PSOXYID] && psoxyRuns > 0 && now <= LASTFAULT ->
		psoxyRuns--;
		disturb();
		if
		:: lkEx && now - lkMod >= STALE ->
			if
			:: lkOwner != PSOXYID && lkSpend == RT -> intentDeleted = true
			:: else -> skip
			fi;
			deleteLock()
		:: lkEx && now - lkMod < STALE -> skip
		:: else ->
			writeLock(PSOXYID, NONE, NONE);
			busy[PSOXYID] = true; since[PSOXYID] = now; step = VERIFY
		fi
	}
	:: atomic { busy[PSOXYID] && CANFAULT -> /* it dies, or its exchange fails: the lock stays */
		faults++; psoxyHeld = NONE; step = END
	}
	:: atomic { busy[PSOXYID] && step == VERIFY ->
		if
		:: lkEx && lkId == myId[PSOXYID] -> holding[PSOXYID] = true; s = RT; step = POST
		:: else -> step = END
		fi
	}
	:: atomic { busy[PSOXYID] && step == POST ->
		assert(!HOLDER(REFRESHER) && !HOLDER(SECOND));
		present(s, got);
		psoxyHeld = got;
		step = (got == NONE -> END : SAVE);
		got = 0
	}
	:: atomic { busy[PSOXYID] && step == SAVE ->
		if
		:: RT != s -> covered = true /* a consent was filled in meanwhile; psoxy writes over it */
		:: else -> skip
		fi;
		writeToken(psoxyHeld);
		psoxyHeld = NONE; step = RELEASE
	}
	:: atomic { busy[PSOXYID] && step == RELEASE ->
		if
		:: lkEx -> deleteLock()
		:: else -> skip
		fi;
		step = END
	}
	:: atomic { busy[PSOXYID] && step == END ->
		busy[PSOXYID] = false; holding[PSOXYID] = false; since[PSOXYID] = 0; myId[PSOXYID] = 0; s = 0; step = 0
	}
	od
}

/* A person consents, and later fills the token in by hand, under no lock. */
proctype Consent() {
	byte token;
end:
	atomic { consents > 0 && now <= LASTFAULT ->
		consents--; minted = true;
		token = nTok; nTok++;
		fam[token] = 1; parent[token] = NONE; spentAt[token] = NONE;
		if
		:: dead[0] = true /* whether a new consent kills the old family is not known */
		:: skip
		fi
	}
	atomic { writeToken(token); minted = false; token = 0 }
}

/* An operator puts an older version of REFRESH_TOKEN back: a fault. */
proctype Operator() {
end:
	atomic { CANFAULT && !minted && rtVer > 1 && rec.tok == RT && (rec.prev & BIT(rt[rtVer - 1])) ->
		faults++;
		disturb();
		writeToken(rt[rtVer - 1])
	}
}

#define QUIET(p) (!busy[p] || paused[p])

proctype Clock() {
	byte newest;
	do
	:: atomic { now < H && !tickDue && QUIET(REFRESHER) && QUIET(SECOND) && !busy[PSOXYID] &&
		!(paused[REFRESHER] && now >= started[REFRESHER] + INVOCATION) &&
		!(paused[SECOND] && now >= started[SECOND] + INVOCATION) ->
		now++;
		tickDue = (now % TICK == 0 && !busy[REFRESHER])
	}
	:: atomic { tickDue && CANFAULT -> tickDue = false; faults++ } /* the platform drops a tick */
	:: atomic { now == H && !tickDue && !busy[REFRESHER] && !busy[SECOND] && !busy[PSOXYID] && !minted -> break }
	od;
	/* The promise: one fault, whatever and wherever it is, loses nothing; and nothing newer lies under the token in use. */
	newest = NEWEST;
	assert(faults > 1 || duel || outlived || covered || (LIVE(RT) && fam[RT] == newest && !(rec.tok == RT && rec.fail == PERMANENT)));
	assert(covered || fam[RT] == newest);
	newest = 0;
end:
	false
}

init {
	atomic {
		byte i;
		for (i : 0 .. MAXT - 1) { spentAt[i] = NONE; parent[i] = NONE }
		i = 0;
		forget(REFRESHER); forget(SECOND);
		clear(rec);
		if
		:: siblingsDie = true
		:: skip
		fi;
		if
		:: skip /* four hand-filled parameters */
		:: rec.tok = 0; rec.rotated = NONE; recVer = 1 /* a family that is known, and due */
		fi;
		run Keeper(REFRESHER); run Keeper(SECOND); run Psoxy(); run Consent(); run Operator(); run Clock()
	}
}
