/*
 * The rotation protocol, as a model for spin. README.md beside this file maps
 * every step to the code and says what is left out; tools/model.sh checks it.
 *
 * One connection; two keeper processes (the refresher, and a second one that
 * works on the same connection); a consent; psoxy under its lock; people and
 * programs that write; Atlassian; and a clock that counts minutes. Every call to
 * the store or to Atlassian is one atomic step. Between any two steps of a
 * process the others may act, and the process may die, be paused or see a call
 * fail.
 *
 * Read world.pml, ledger.pml, promises.pml, decide.pml, keeper.pml, others.pml,
 * clock.pml.
 */

/* What may happen in a run; configurations.txt has the combinations that are checked. */
#ifndef FAULTS
#define FAULTS 1 /* faults, at most */
#endif
#ifndef DUPS
#define DUPS 0 /* ticks of the second keeper */
#endif
#ifndef SKEW
#define SKEW 0 /* by how many minutes the second keeper's clock is ahead */
#endif
#ifndef PSOXY
#define PSOXY 0 /* runs of psoxy; more than none means shared mode */
#endif
#ifndef CONSENT
#define CONSENT 0 /* consents by tokenkeeper: 0 or 1 */
#endif
#ifndef PASTE
#define PASTE 0 /* consents whose token a person fills in by hand: 0 or 1 */
#endif
#ifndef RESTORE
#define RESTORE 0 /* how often somebody puts an older value of REFRESH_TOKEN back */
#endif
#ifndef DAMAGE
#define DAMAGE 0 /* how often somebody writes a damaged token or a placeholder */
#endif
#ifndef DELETE
#define DELETE 0 /* how often somebody deletes REFRESH_TOKEN */
#endif
#ifndef LOSE
#define LOSE 0 /* how often somebody deletes the ledger */
#endif
#ifndef BACKUP
#define BACKUP 0 /* how often somebody puts an older value of the ledger back */
#endif
#ifndef DENY
#define DENY 0 /* whether writing a single name may be denied for a while, which counts as a fault */
#endif
#ifndef REPLACED
#define REPLACED 1 /* whether a mistaken refusal may take the place of the answer with the successor */
#endif
#ifndef H
#define H 25 /* the minute at which a run ends */
#endif
#ifndef LASTFAULT
#define LASTFAULT 12 /* no fault strikes later: what is lost after that could still have been kept */
#endif

/* Minutes; internal/family/policy.go has the same numbers. */
#define LEEWAY 10
#define STALE 2 /* family.Lease */
#ifdef MUTANT_NO_MARGIN
#define MARGIN -1
#define UNTIL 11
#else
#define MARGIN 0 /* half a minute */
#define UNTIL LEEWAY /* the last moment at which a replay is sent */
#endif
/* Shorter or longer than in reality, so that several generations, and a refusal's probe, fit into a run. */
#ifndef TICK
#define TICK 4
#endif
#ifndef PERIOD
#define PERIOD 10
#endif
#define BACKOFF 4 /* family.failureBackoff: half a minute less */
#define HOUR 10   /* family.probeFirst and probeAgain: longer than what is left of a leeway */
/* How long the platform lets a process live: the function's Timeout in template.yaml. */
#ifndef INVOCATION
#define INVOCATION STALE
#endif

/* A first attempt at this time, or NONE, has a leeway that is not over. */
#define OPEN(since, at) ((since) != NONE && (at) - (since) < LEEWAY - MARGIN)

#include "world.pml"
#include "promises.pml"
#include "ledger.pml"
#include "decide.pml"
#include "keeper.pml"
#include "others.pml"
#include "clock.pml"

init {
	atomic {
		for (i : 0 .. MAXT - 1) { spentAt[i] = NONE; parent[i] = NONE; storedAt[i + 1] = NONE }
		i = 0;
		forget(REFRESHER); forget(SECOND); forgetKnown(REFRESHER); forgetKnown(SECOND);
		intended[REFRESHER] = NONE; intended[SECOND] = NONE;
		clear(S); clear(P); record(S); clear(K);
		rt[0] = NONE;
		if
		:: siblingsDie = true
		:: skip
		fi;
		if
		:: skip /* hand-filled parameters */
		:: S.tok = 0; S.seen = 1; ledVer = 1; head = 1; record(S) /* a ledger, and a rotation that is due */
		fi;
		run Keeper(REFRESHER);
		if
		:: DUPS > 0 -> run Keeper(SECOND)
		:: else
		fi;
		if
		:: PSOXY > 0 -> run Psoxy()
		:: else
		fi;
		if
		:: PASTE > 0 -> run Paste()
		:: else
		fi;
		if
		:: CONSENT > 0 -> run Consent()
		:: else
		fi;
		if
		:: RESTORE + DAMAGE + DELETE + LOSE + BACKUP + DENY > 0 -> run Writers()
		:: else
		fi;
		run Clock()
	}
}
