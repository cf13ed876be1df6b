/*
 * The rotation protocol, as a model for spin. README.md beside this file maps
 * every step to the code and says what is left out; tools/model.sh checks it.
 *
 * One connection; two keeper processes (the refresher, and a second delivery of
 * the same event that runs in a process of its own); psoxy; a person who fills
 * a consent in by hand and one who runs `tokenkeeper authorize`; an operator who
 * restores an old version; Atlassian; and a clock that counts minutes. Every
 * call to the store or to Atlassian is one atomic step. Between any two steps of
 * a process the others may act, and the process may die, be paused or see a
 * call fail.
 *
 * Read world.pml, promises.pml, decide.pml, keeper.pml, others.pml, clock.pml.
 */

/* What may happen in a run; configurations.txt has the combinations that are checked. */
#ifndef FAULTS
#define FAULTS 1 /* faults, at most */
#endif
#ifndef DUPS
#define DUPS 0 /* second deliveries */
#endif
#ifndef PSOXY
#define PSOXY 0 /* runs of psoxy */
#endif
#ifndef CONSENTS
#define CONSENTS 0 /* consents filled in by hand: 0 or 1 */
#endif
#ifndef AUTHORIZE
#define AUTHORIZE 0 /* consents by `tokenkeeper authorize`: 0 or 1 */
#endif
#ifndef OPERATOR
#define OPERATOR 0 /* whether an operator may restore an old version, which counts as a fault */
#endif
#ifndef H
#define H 25 /* the minute at which a run ends */
#endif
#ifndef LASTFAULT
#define LASTFAULT 12 /* no fault strikes later: what is lost after that could still have been kept */
#endif

/* Minutes; internal/family/policy.go has the same numbers. */
#define LEEWAY 10
#define STALE 2
#ifdef MUTANT_REPLAY_AT_ELEVEN
#define MARGIN -2
#else
#define MARGIN 1
#endif
#define TICK 5
/* A rotation is due PERIOD after the last: shorter than in reality, so that several generations fit into the horizon. */
#define PERIOD 10
/* How long the platform lets a process live: the function's Timeout in template.yaml. */
#ifndef INVOCATION
#define INVOCATION STALE
#endif

#include "world.pml"
#include "promises.pml"
#include "decide.pml"
#include "keeper.pml"
#include "others.pml"
#include "clock.pml"

init {
	atomic {
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
		:: CONSENTS > 0 -> run Consent()
		:: else
		fi;
		if
		:: AUTHORIZE > 0 -> run Authorize()
		:: else
		fi;
		if
		:: OPERATOR > 0 -> run Operator()
		:: else
		fi;
		run Clock()
	}
}
