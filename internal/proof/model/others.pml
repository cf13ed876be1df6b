/* Those who write the store beside the keepers, and what they do by themselves. */

/*
 * Psoxy's own refresh, with its habits: it parses no lock, deletes a stale one
 * and gives up, writes over whatever is there, leaks its lock on failure, and
 * keeps for five minutes what it has read.
 */
proctype Psoxy() {
	byte step, s, got;
end:
	do
	:: atomic { !busy[PSOXYID] && psoxyRuns > 0 && now <= LASTFAULT ->
		psoxyRuns--;
		disturb();
		if
		:: lkEx && now - lkAt >= STALE -> psoxyErased = true; deleteLock()
		:: !lkEx -> takeLock(PSOXYID); busy[PSOXYID] = true; since[PSOXYID] = now; step = READ
		:: else
		fi
	}
	:: atomic { busy[PSOXYID] && CANFAULT -> /* it dies, or its exchange fails: the lock stays */
		faults++; psoxyHeld = NONE; step = END;
		printf("%d: psoxy dies\n", now)
	}
	:: atomic { busy[PSOXYID] && step == READ ->
		if
		:: s = RT
		:: rtVer > 1 && now - rtAt <= 5 -> s = rt[rtVer - 1]
		fi;
		step = (lkEx && lkOwner == PSOXYID && TOKEN(s) -> POST : END)
	}
	:: atomic { busy[PSOXYID] && step == POST ->
		HOLDS(6, psoxyRace || (!SPENDS(REFRESHER) && !SPENDS(SECOND)));
		psoxyBehind = psoxyBehind || !GOOD(s) || s != S.tok; psoxySpent = psoxySpent | BIT(s);
		present(s, got);
		psoxyHeld = got;
		step = (got == NONE -> END : SETTLE);
		got = 0
	}
	:: atomic { busy[PSOXYID] && step == SETTLE ->
		covered = covered || RT != s;
		writeToken(psoxyHeld);
		psoxyHeld = NONE; step = RELEASE
	}
	:: atomic { busy[PSOXYID] && step == RELEASE ->
		if
		:: lkEx -> psoxyRace = psoxyRace || lkOwner != PSOXYID; deleteLock()
		:: else
		fi;
		step = END
	}
	:: atomic { busy[PSOXYID] && step == END -> busy[PSOXYID] = false; since[PSOXYID] = 0; s = 0; step = READ }
	od
}

/* The consent of a family begins to count: that which was given or filled in last is the newest. */
inline count(family) { stamp++; order[family] = stamp }
inline stored(family) {
	newest = (order[family] > order[newest] && !dead[family] -> family : newest);
	given--
}

/* A person consents, and later fills the token in by hand: in vain, if a consent by tokenkeeper was given since. */
#define OVERDUE(family) (ownConsent != NONE && grantedAt[family] + CLOCKTOLERANCE < grantedAt[ownConsent])
proctype Paste() {
	byte token;
end:
	atomic { now <= LASTFAULT && !busy[CONSENTER] -> grant(token); count(fam[token]) }
	atomic { !busy[CONSENTER] ->
		disturb();
		REACH(42, OVERDUE(fam[token]));
		if
		:: OVERDUE(fam[token])
		:: else -> count(fam[token])
		fi;
		stored(fam[token]); writeToken(token); token = 0
	}
}

/*
 * A consent by tokenkeeper (keeper.Consent): an entry that changes nothing, the
 * exchange, and one entry that begins the family. It may be paused for as long
 * as a laptop sleeps.
 */
proctype Consent() {
	byte step = READ, b, e, sv, token;
	bool ok;
	Held h;
	Entry v;
	clear(v);
end:
	do
	:: atomic { step == READ && now <= LASTFAULT && !paused[CONSENTER] ->
		disturb();
		busy[CONSENTER] = true;
		copy(S, v); b = head; e = epoch; sv = rtVer; step = INTEND
	}
	:: atomic { busy[CONSENTER] && CANFAULT && !paused[CONSENTER] && step != END -> /* it dies, or the store or Atlassian fails for good */
		faults++;
		printf("%d: the consent dies\n", now);
		if
		:: step == SETTLE -> given--; consentLost = true
		:: else
		fi;
		step = END
	}
	:: atomic { busy[CONSENTER] && CANFAULT && !paused[CONSENTER] && step != END -> faults++; paused[CONSENTER] = true; since[CONSENTER] = now }
	:: atomic { paused[CONSENTER] && (now > since[CONSENTER] || now >= LASTFAULT) -> paused[CONSENTER] = false; since[CONSENTER] = 0; disturb() }
	:: atomic { busy[CONSENTER] && step == INTEND && !paused[CONSENTER] && !ledgerDenied ->
		append(CONSENTER, b, e, v);
		mine(CONSENTER, b, e, ledVer, ok);
		copy(S, v); b = head; e = epoch; /* or it reads again */
		step = (ok -> POST : INTEND)
	}
	:: atomic { busy[CONSENTER] && step == POST && !paused[CONSENTER] ->
		grant(token);
		count(fam[token]); ownConsent = fam[token];
		h.tok = token; h.before = v.tok; h.spent = NONE; h.cand = sv; h.past = v.past | BIT(v.tok) | BIT(rt[sv]); h.auth = order[fam[token]]; h.born = rtVer; h.at = now; endDoubt(h);
		step = SETTLE
	}
	:: atomic { busy[CONSENTER] && step == SETTLE && !paused[CONSENTER] && !ledgerDenied ->
		HOLDS(3, v.tok == h.before || v.tok == NONE || NEWER(h)); /* a consent is never older than what is in use */
		take(h);
		append(CONSENTER, b, e, v);
		mine(CONSENTER, b, e, ledVer, ok);
		if
		:: ok -> stored(fam[token]); step = PUBLISH
#ifdef MUTANT_CONSENT_GIVES_UP
		:: !ok -> given--; newest = fam[token]; step = END
#endif
		:: else -> copy(S, v); b = head; e = epoch /* it reads again */
		fi
	}
	:: atomic { busy[CONSENTER] && step == PUBLISH && !paused[CONSENTER] ->
		if
		:: !copyDenied && rt[sv] != token -> writeToken(token)
		:: else
		fi;
		if
		:: RECORDED -> record(v)
		:: else
		fi;
		step = END
	}
	:: atomic { busy[CONSENTER] && step == END && !paused[CONSENTER] ->
		busy[CONSENTER] = false; b = 0; e = 0; sv = 0; token = 0; ok = false; clear(v);
		h.tok = 0; h.before = 0; h.spent = 0; h.cand = 0; h.past = 0; h.auth = 0; h.born = 0; h.at = 0; h.first = 0; h.last = 0; h.owner = 0;
		break
	}
	od
}

/* People, Terraform, backups: what they write, and what is denied. */
proctype Writers() {
	byte restores = RESTORE, damages = DAMAGE, deletions = DELETE, losses = LOSE, backups = BACKUP, j;
end:
	do
	:: atomic { restores > 0 && now <= LASTFAULT && S.past != 0 -> /* a token that was the newest once: the oldest, or the last before it */
		restores--; disturb();
		for (i : 0 .. MAXT - 1) {
			if
			:: S.past & BIT(i) -> j = i; break
			:: else
			fi
		}
		if
		:: writeToken(j)
		:: for (i : 0 .. MAXT - 1) { j = (S.past & BIT(i) -> i : j) }
			writeToken(j)
		fi;
		i = 0; j = 0
	}
	:: atomic { damages > 0 && now <= LASTFAULT && head > 0 ->
		damages--; disturb();
		if
		:: writeToken(BROKEN)
		:: writeToken(MALFORMED)
		fi
	}
	:: atomic { deletions > 0 && now <= LASTFAULT && rtVer > 0 && head > 0 && given == 0 ->
		deletions--; disturb();
		printf("%d: REFRESH_TOKEN is deleted\n", now);
		consentLost = consentLost || !(TOKEN(S.tok) && fam[S.tok] == newest);
		for (i : 1 .. MAXV - 1) { rt[i] = 0 }
		for (i : 0 .. MAXT) { storedAt[i] = NONE }
		i = 0; rtVer = 0; rtEra++; judged[0] = 0; judged[1] = 0
	}
	:: atomic { losses > 0 && now <= LASTFAULT && ledVer > 0 && given == 0 ->
		losses--; disturb();
		printf("%d: the ledger is deleted\n", now);
		consentLost = consentLost || !TOKEN(RT) || (TOKEN(S.tok) && fam[S.tok] != newest);
		forgetting();
		for (i : 1 .. MAXL - 1) { base[i] = 0; writer[i] = 0 }
		i = 0; ledVer = 0; head = 0; epoch++; prev = 0; headAt = 0;
		aside = false;
		clear(S); clear(P); seenBefore[0] = known[0]; seenBefore[1] = known[1]; known[0] = 0; known[1] = 0
	}
	:: atomic { backups > 0 && now <= LASTFAULT && K.tok == NONE && head > 0 -> copy(S, K); kBase = base[head] }
	:: atomic { backups > 0 && now <= LASTFAULT && K.tok != NONE && !aside -> /* its age tells that it is none of these entries */
		backups--; disturb();
		printf("%d: an older entry of the ledger is put back\n", now);
#ifdef MUTANT_BACKUP_BELIEVED
		append(NOBODY, kBase, epoch, K);
#else
		ledVer++; base[ledVer] = NONE; writer[ledVer] = NOBODY;
#endif
		aside = (head == 0); kBase = 0
	}
	:: atomic { K.tok != NONE && backups == 0 && !aside -> clear(K) }
	:: atomic { DENY > 0 && CANFAULT && !ledgerDenied && !copyDenied && !copyHidden ->
		faults++; disturb();
		if
		:: ledgerDenied = true; printf("%d: writing the ledger is denied\n", now)
		:: copyDenied = true; printf("%d: writing REFRESH_TOKEN is denied\n", now)
		:: copyHidden = true; printf("%d: reading REFRESH_TOKEN is denied\n", now)
		fi
	}
	:: atomic { ledgerDenied || copyDenied || copyHidden -> ledgerDenied = false; copyDenied = false; copyHidden = false; disturb() }
	od
}
