/* Time passes only when every process waits: for a tick, for a lock, or because it is paused. */

#define QUIET(p) (!busy[p] || paused[p])
#define MUSTDIE(p) (paused[p] && now >= started[p] + INVOCATION)

proctype Clock() {
	do
	:: atomic { now < H && !tickDue && QUIET(REFRESHER) && QUIET(SECOND) && QUIET(PSOXYID) && QUIET(CONSENTER) &&
		!MUSTDIE(REFRESHER) && !MUSTDIE(SECOND) && (now < LASTFAULT || !(ledgerDenied || copyDenied || copyHidden || given > 0 || paused[CONSENTER])) ->
		now++;
		tickDue = (now % TICK == 0 && !busy[REFRESHER])
	}
	:: atomic { tickDue && CANFAULT -> tickDue = false; faults++; printf("%d: the tick does not come\n", now) }
	:: atomic { now == H && !tickDue && !busy[REFRESHER] && !busy[SECOND] && !busy[PSOXYID] && !busy[CONSENTER] && given == 0 ->
		break
	}
	od;
	assertRun()
}
