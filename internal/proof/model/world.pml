/* The world: the clock, Atlassian, the copies, and what processes remember. The ledger is in ledger.pml. */

#define NONE 255
#define MALFORMED 254 /* a value that cannot be a token, such as a placeholder */
#define BROKEN 253 /* a damaged token that looks like one: Atlassian refuses it, and no family is touched */
#define MAXT 14 /* refresh tokens of one run, numbered in the order of issue */
#define MAXV 20 /* versions of REFRESH_TOKEN */
#define TOKEN(t) ((t) < MAXT)
/* The bit of a token, or of BROKEN, in a set. */
#define BIT(t) ((t) == BROKEN -> 1 << MAXT : (TOKEN(t) -> 1 << (t) : 0))

/* Processes. Only the first two are keepers. */
#define REFRESHER 0
#define SECOND 1
#define PSOXYID 2
#define CONSENTER 3
#define NOBODY 4 /* a process that died */
#define FREE 5 /* no process: whoever presented the token has written down that its answer is lost */
#define UNKNOWN 6 /* family.unknownOwner: who may be presenting the token of a ledger that was deleted */

/* What is decided: family.Action. */
#define LEAVE 0 /* nothing is presented */
#define ADOPT 1
#define SETTLEHELD 2
#define ROTATE 3
#define REPLAY 4
#define LATEPROBE 5

/* What an attempt to rotate came to. */
#define OKAY 0
#define REFUSED 1 /* Atlassian refused our own token */
#define UNSPENT 2 /* the attempt certainly reached nobody */
#define INDOUBT 3 /* it may be spent */
#define DENIED 4 /* the same, though Atlassian refused it: refusals have been mistaken */
#define ISREFUSED(class) ((class) == REFUSED || (class) == DENIED)

byte now;
bool tickDue = true;
bool repeats; /* the refresher's last tick waited for the unknown process: its platform repeats it */
byte faults, dups = DUPS, psoxyRuns = PSOXY;
byte i; /* for loops inside one atomic step; 0 between them */

/* ---- Atlassian: what became of each token, and of the families of each consent ---- */
byte nTok = 1, nFam = 1;
byte spentAt[MAXT], parent[MAXT], fam[MAXT];
bool revoked[MAXT], dead[3];
/* What is not known of Atlassian: a replay revokes the first successor, or both live. */
bool siblingsDie;
bool fatal;

#define LIVE(t) (TOKEN(t) && !dead[fam[t]] && !revoked[t] && spentAt[t] == NONE)
/* It lives, and is of the newest consent. */
#define GOOD(t) (LIVE(t) && fam[t] == newest)

/* ---- the copies: REFRESH_TOKEN with its history, and TOKEN_FAMILY; psoxy's lock ---- */
byte rtEra; /* how often it was deleted, and begun anew with version 1 */
byte rtVer = 1, rtAt; /* the newest version, and the minute at which it was written */
byte rt[MAXV]; /* by version: the token */
byte storedAt[MAXT + 1]; /* by token, the last being BROKEN: when it was stored first, or NONE */
#define STORED(k) storedAt[(TOKEN(rt[k]) -> rt[k] : MAXT)]
#define RT rt[rtVer]
bool lkEx;
byte lkOwner, lkAt, lkTok, lkRt; /* lkTok, lkRt: tokens and versions from this number on are younger */
#define FRESHLOCK (lkEx && now - lkAt < STALE)

/* What is denied for a while, by a policy or a label on the oldest version: to write the ledger; to write REFRESH_TOKEN; to read it. */
bool ledgerDenied, copyDenied, copyHidden;

/* ---- processes ---- */
bool busy[4], paused[4], posting[4];
byte pausedAt[2], started[2], since[4];
/* A pair that a keeper has not settled yet: it outlives the tick, not the process. From fail on: what a ledger that was deleted told of it. */
typedef Held { byte tok, before, spent, auth, gen, cand, born, at; short past; byte fail, failAt, began, tried, first, last, owner; bool more };
Held held[2];
byte judged[2]; /* up to which version of REFRESH_TOKEN a process has judged */
byte seenBefore[2]; /* memory.entry: the newest version that a process has seen of a ledger that was deleted since; 0 without one */
byte psoxyHeld = NONE;

/* A keeper's own clock is wrong by SKEW. It tells the store's time by what the store's answer said, and what elapsed since. */
#define LOCAL(p) (now + (p == SECOND -> SKEW : 0))
short offset[2];
#define TIME(p) (LOCAL(p) + offset[p])

/* ---- what only the model knows, for its assertions ---- */
byte newest;        /* the family of the consent that was stored last */
byte given;         /* consents that were given and are not stored yet */
byte intended[2];   /* by keeper: the token of its own valid intent in this tick */
bool hit[2];        /* this tick met a fault, or somebody else at work */
bool chance[2];     /* this tick could have ended well; see promises.pml */
bool consentLost;   /* a consent's process died with the tokens in its memory, or somebody deleted what was filled in */
bool outlived;      /* a keeper lived on after its lease: only where INVOCATION > STALE */
bool spendDeleted;  /* the ledger was deleted while it told of a spend in doubt */
bool soleCopyDeleted; /* the ledger was deleted while its token stood nowhere else, and no process that goes on can settle it once more */
byte lone = NONE;   /* such a token, which the refresher knows */
bool lied, mistaken, displaced; /* Atlassian refused a living token by mistake; a candidate; twice the token with which the ledger began */
/* Shared mode: */
short psoxySpent;   /* the tokens that psoxy has presented */
bool oldAnswer;     /* a keeper was answered with a token that psoxy had rotated since */
bool psoxyBehind;   /* psoxy presented another token than the ledger's, for the copy was behind */
bool psoxyRace;     /* two held psoxy's lock, which it deletes whoever's it is */
bool psoxyErased;   /* psoxy deleted a lock that told of a spend */
bool covered;       /* psoxy wrote over a consent */

#define CANFAULT (faults < FAULTS && now <= LASTFAULT)
#define OTHER(p) (1 - (p))
/* q is presenting a token within its lease. */
#define SPENDS(q) (posting[q] && now - since[q] < STALE)

inline fault(p) { faults++; hit[p] = true; printf("%d: a fault strikes keeper %d\n", now, p) }

/* Somebody begins to work while keepers are at it: these are not promised success. */
inline disturb() { hit[REFRESHER] = hit[REFRESHER] || busy[REFRESHER]; hit[SECOND] = hit[SECOND] || busy[SECOND] }

inline writeToken(token) {
	rtVer++;
	rt[rtVer] = token; rtAt = now;
	STORED(rtVer) = ((LOSE > 0 || PSOXY > 0) && STORED(rtVer) == NONE -> now : STORED(rtVer)); /* elsewhere no candidate is of our own family */
	printf("%d: REFRESH_TOKEN version %d is token %d\n", now, rtVer, token)
}

byte order[3]; /* by family: when its consent was stored, as a number */

/* When each consent was given, which its claims tell; which one was by tokenkeeper. */
byte grantedAt[3], ownConsent = NONE;
#define CLOCKTOLERANCE 2

inline issue(family, from, got) {
	got = nTok;
	fam[got] = family; parent[got] = from; spentAt[got] = NONE;
	nTok++
}

/*
 * Atlassian is presented token t: got is its successor, or NONE if it is
 * refused. A spent token yields a sibling inside the leeway; after it, or where
 * its successor was itself spent, or as a revoked sibling, it kills the family.
 */
inline present(t, got) {
	got = NONE;
	if
	:: !TOKEN(t) -> skip
	:: TOKEN(t) && dead[fam[t]] -> skip
	:: else ->
		fatal = revoked[t] || (spentAt[t] != NONE && now - spentAt[t] >= LEEWAY);
		for (i : 1 .. MAXT - 1) {
			if
			:: i < nTok && parent[i] == t && spentAt[i] != NONE -> fatal = true
			:: else
			fi
		}
		i = 0;
		if
		:: fatal -> dead[fam[t]] = true; printf("%d: presenting token %d kills its family\n", now, t)
		:: else ->
			for (i : 1 .. MAXT - 1) {
				if
				:: siblingsDie && i < nTok && parent[i] == t -> revoked[i] = true
				:: else
				fi
			}
			i = 0;
			if
			:: spentAt[t] == NONE -> spentAt[t] = now
			:: else
			fi;
			issue(fam[t], t, got);
			printf("%d: token %d is presented and yields token %d\n", now, t, got)
		fi;
		fatal = false
	fi
}

/* Atlassian grants a consent. Whether that kills the families before it is not known. */
inline grant(token) {
	given++;
	grantedAt[nFam] = (CONSENT > 0 && PASTE > 0 -> now : nFam); /* elsewhere their order says enough */
	issue(nFam, NONE, token);
	if
	:: for (i : 0 .. 2) { dead[i] = dead[i] || i < nFam }
		i = 0
	:: skip
	fi;
	nFam++;
	printf("%d: a consent is given: token %d\n", now, token)
}

inline takeLock(who) {
	lkEx = true; lkOwner = who; lkAt = now; lkTok = nTok; lkRt = rtVer + 1;
	printf("%d: the lock is %d's\n", now, who)
}

inline deleteLock() {
	printf("%d: the lock of %d is deleted\n", now, lkOwner);
	lkEx = false; lkOwner = 0; lkAt = 0; lkTok = 0; lkRt = 0
}
