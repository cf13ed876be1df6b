/* The world: the clock, Atlassian, the store, and what processes remember. */

#define NONE 255
#define CONSENTING 254 /* in a lock, for the token to be spent: a consent is under way */
#define MAXT 14 /* refresh tokens of one run, numbered in the order of issue */
#define MAXV 16 /* versions of REFRESH_TOKEN */
#define MAXL 10 /* versions of one lock */
#define BIT(t) (1 << (t))

/* Those who take locks. Only the first two are keepers. */
#define REFRESHER 0
#define SECOND 1
#define PSOXYID 2
#define AUTHORIZER 3
#define NOBODY 4 /* the owner of a lock whose process died */

/* What a process does next: the steps of keeper.pml and others.pml. */
#define READ 0
#define WAIT 0
#define TAKE 1
#define CHECKTAKEN 2
#define VERIFY 3
#define POST 4
#define REREAD 5
#define SAVE 7
#define WINNER 8
#define PUTBACK 9
#define RECORD 10
#define CHECKRECORD 11
#define RESTORE 12
#define RECONCILE 13
#define RELEASE 14
#define END 15

/* Decisions that act. */
#define ROTATE 0
#define REPLAY 1
#define LATEPROBE 2
#define SAVEHELD 3
#define RESTOREOLD 4
#define FINISH 5 /* family.Reconcile: an interrupted rotation */

/* What the newest attempt to rotate came to, in a record. */
#define OKAY 0
#define REFUSAL 1 /* Atlassian's permanent refusal */
#define INDOUBT 2 /* the presented token may be spent */
#define UNSPENT 3 /* it is certainly not */

byte now;
bool tickDue = true;
byte faults, dups = DUPS, psoxyRuns = PSOXY;
byte i; /* for loops inside one atomic step; 0 between them */

/* ---- Atlassian: what became of each token, and of the families of each consent ---- */
byte nTok = 1;
byte spentAt[MAXT], parent[MAXT], fam[MAXT];
bool revoked[MAXT];
byte nFam = 1;
bool dead[3];
/* Knobs that differ between what is known of Atlassian: a replay revokes the first successor, or both live. */
bool siblingsDie;
bool fatal;

#define LIVE(t) (!dead[fam[t]] && !revoked[t] && spentAt[t] == NONE)

/* ---- the store: REFRESH_TOKEN with its history, TOKEN_FAMILY, the lock ---- */
byte rtVer = 1;
byte rt[MAXV], rtMod[MAXV]; /* by version: the token, and the minute at which it was written */
bool own[MAXV];              /* by version: whether a keeper wrote it, which the store tells */
#define RT rt[rtVer]
typedef Record {
	byte tok;     /* the newest refresh token */
	short prev;   /* the generations before, as bits */
	byte auth;    /* when the consent was: the version as which it was stored, for versions are in the order of time */
	byte fail;    /* OKAY, REFUSAL, … */
	byte first;   /* INDOUBT: the first presentation */
	byte at;      /* the newest presentation */
	byte rotated  /* the last rotation; NONE if unknown, and so due */
};
Record rec;
byte recVer;
bool lkEx;
byte lkId, lkVer, lkMod, lkOwner; /* lkId is unique to a value, as Intent.Owner */
byte lkSpend, lkFirst, lkTry;     /* the intent: token, its first and its newest presentation; NONE in psoxy's lock and in an empty one */
byte lkBase;                      /* the version of REFRESH_TOKEN that held lkSpend */
byte lkHist[MAXL];
byte nextId = 1;

/* ---- processes ---- */
bool busy[4], paused[4], holding[4];
byte pausedAt[2], started[2], since[4], myId[4];
/* A received pair that a keeper has not saved completely: family.Held. */
typedef Held { byte tok; byte spent; byte first; byte at; byte ver; byte recv; byte auth; short prev; bool saved };
Held held[2];
byte seen[2]; /* the newest version of REFRESH_TOKEN that a keeper knows */
byte psoxyHeld = NONE;

/* ---- what only the model knows, for its assertions ---- */
byte newest;        /* the family of the consent that was stored last */
byte given;         /* consents that were given and are not stored yet */
bool hit[2];        /* this tick met a fault, or somebody else at work */
bool chance[2];     /* this tick could have ended well; see promises.pml */
bool intentDeleted; /* psoxy deleted a stale lock with our intent in it */
bool covered;       /* psoxy wrote over a consent, or deleted the intent that told of one; nobody can undo it */
bool oldAnswer;     /* a keeper presented a token that psoxy had rotated, because the store's answers were old */
bool duel;          /* a take-over met another, or a deletion by psoxy: both sides gave up */
bool again;         /* a keeper took the lock to present a token again */
bool consentLost;   /* authorize died with the tokens of a new consent in its memory */
bool outlived;      /* a keeper lived on after its lock had gone stale: only where INVOCATION > STALE */

#define CANFAULT (faults < FAULTS && now <= LASTFAULT)
#define OTHER(p) (1 - (p))
/* q believes in its lock, and may. */
#define HOLDER(q) (holding[q] && now - since[q] < STALE)
#define FRESHLOCK (lkEx && now - lkMod < STALE)

inline fault(p) { faults++; hit[p] = true; printf("%d: a fault strikes keeper %d\n", now, p) }

/* Somebody begins to work while keepers are at it: these are not promised success. */
inline disturb() { hit[REFRESHER] = hit[REFRESHER] || busy[REFRESHER]; hit[SECOND] = hit[SECOND] || busy[SECOND] }

inline copy(a, b) {
	b.tok = a.tok; b.prev = a.prev; b.auth = a.auth; b.fail = a.fail; b.first = a.first; b.at = a.at; b.rotated = a.rotated
}

inline clear(a) { a.tok = NONE; a.prev = 0; a.auth = 0; a.fail = OKAY; a.first = 0; a.at = 0; a.rotated = 0 }

inline writeToken(token_, byKeeper) {
	rtVer++;
	rt[rtVer] = token_; own[rtVer] = byKeeper;
	printf("%d: REFRESH_TOKEN version %d is token %d\n", now, rtVer, token_);
	rtMod[rtVer] = now
}

inline writeLock(who, spend, base, first_, try_) {
	if
	:: lkEx -> lkVer++
	:: else -> lkEx = true; lkVer = 1
	fi;
	lkId = nextId; nextId++;
	lkHist[lkVer] = lkId;
	lkOwner = who; lkSpend = spend; lkFirst = first_; lkTry = try_; lkBase = base; lkMod = now;
	myId[who] = lkId;
	printf("%d: the lock's version %d is %d's, for token %d, first presented at %d\n", now, lkVer, who, spend, first_)
}

inline deleteLock() {
	printf("%d: the lock of %d is deleted\n", now, lkOwner);
	lkEx = false; lkId = 0; lkVer = 0; lkMod = 0; lkOwner = 0; lkSpend = 0; lkFirst = 0; lkTry = 0; lkBase = 0;
	for (i : 0 .. MAXL - 1) { lkHist[i] = 0 }
	i = 0
}

inline issue(family_, from_, got) {
	got = nTok;
	fam[got] = family_; parent[got] = from_; spentAt[got] = NONE;
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
	:: dead[fam[t]] -> skip
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

inline forget(p) {
	held[p].tok = NONE; held[p].spent = 0; held[p].first = 0; held[p].at = 0; held[p].ver = 0; held[p].recv = 0;
	held[p].auth = 0; held[p].prev = 0; held[p].saved = false
}

/* A keeper dies; a new process takes its place, which does not own the lock. */
inline die(p) {
	printf("%d: keeper %d dies\n", now, p);
	forget(p); seen[p] = 0;
	if
	:: lkEx && lkOwner == p -> lkOwner = NOBODY
	:: else
	fi
}
