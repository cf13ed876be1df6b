/* Time passes only when every process waits: for a tick, for a lock, or because it is paused. */

#define QUIET(p) (!busy[p] || paused[p])
#define MUSTDIE(p) (paused[p] && now >= started[p] + INVOCATION)

/* The platform repeats a tick that failed one minute later, and two minutes after that. */
#ifdef MUTANT_NOT_REPEATED
#define REPEATED false
#else
#define REPEATED (now % TICK == 1 || now % TICK == 3)
#endif

proctype Clock() {
	do
	:: atomic { now < H && !tickDue && QUIET(REFRESHER) && QUIET(SECOND) && QUIET(PSOXYID) && QUIET(CONSENTER) &&
		!MUSTDIE(REFRESHER) && !MUSTDIE(SECOND) && (now < LASTFAULT || !(ledgerDenied || copyDenied || copyHidden || given > 0 || paused[CONSENTER])) ->
		now++;
		tickDue = (!busy[REFRESHER] && (now % TICK == 0 || (repeats && REPEATED)))
	}
	:: atomic { tickDue && CANFAULT -> tickDue = false; repeats = false; faults++; printf("%d: the tick does not come\n", now) }
	:: atomic { now == H && !tickDue && !busy[REFRESHER] && !busy[SECOND] && !busy[PSOXYID] && !busy[CONSENTER] && given == 0 ->
		break
	}
	od;
	assertRun()
}
