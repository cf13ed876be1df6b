package main

// intendMutants break the intent: the lock, its take-over and its release.
var intendMutants = []mutant{
	{
		name: "no intent", breaks: "invariant 1", quick: true,
		why: "two processes spend at once, and a crash leaves no trace of a spend",
		edits: []edit{{"internal/rotation/lock.go",
			"err = t.create(ctx, l)", "l.version = s.RefreshToken.Version\n\t\treturn l, nil"}},
	},
	{
		name: "the intent is written after the request", breaks: "invariant 1", quick: true,
		why: "a crash in between leaves a spent token that nobody knows to be in doubt",
		edits: []edit{
			{"internal/rotation/spend.go",
				"sp.lease, err = t.take(ctx, s, family.Intent{Spending: sp.record.Refresh, Version: s.RefreshToken.Version, FirstSpend: sp.first, Attempt: attempt})",
				"sp.lease = lease{since: t.Now(), version: s.RefreshToken.Version}"},
			{"internal/rotation/spend.go",
				"\tt.present(ctx, &sp)\n",
				"\tt.present(ctx, &sp)\n\tif sp.lease, err = t.take(ctx, s, family.Intent{Spending: sp.record.Refresh, Version: s.RefreshToken.Version, FirstSpend: sp.first, Attempt: attempt}); err != nil {\n" +
					"\t\treturn t.notSpent(out, sp.doubt, err)\n\t}\n"},
		},
	},
	{
		name: "an error of the intent is ignored", breaks: "invariant 1",
		why: "a store that takes no writes will not take the successor either",
		edits: []edit{{"internal/rotation/lock.go",
			"if err != nil {\n\t\treturn lease{}, err\n\t}\n\treturn l, t.verify(ctx, &l, s)",
			"if err != nil {\n\t\tl.version = s.RefreshToken.Version\n\t\treturn l, nil\n\t}\n\treturn l, t.verify(ctx, &l, s)"}},
	},
	{
		name: "the intent names no token", breaks: "invariant 2", quick: true,
		why: "after a crash nothing tells which token is in doubt",
		edits: []edit{{"internal/rotation/spend.go",
			"family.Intent{Spending: sp.record.Refresh, Version: s.RefreshToken.Version, FirstSpend: sp.first, Attempt: attempt}", "family.Intent{}"}},
	},
	{
		name: "the lock is not encrypted", breaks: "invariant 1", quick: true,
		why: "a key that decrypts and does not encrypt lets the token be spent and its successor be lost",
		edits: []edit{{"internal/rotation/lock.go",
			"t.Store.Create(ctx, t.names.Lock, l.value, store.Encrypted)", "t.Store.Create(ctx, t.names.Lock, l.value, store.Plain)"}},
	},
	{
		name: "the lock does not name the successor", breaks: "invariant 3",
		why: "after a crash a token that the keeper saved looks like a person's, and a consent under it is not known from it",
		edits: []edit{{"internal/rotation/save.go",
			"\t\tt.announce(ctx, l, h.Record.Refresh)\n", ""}},
	},
	{
		name: "the lock is not verified", breaks: "invariant 1",
		why: "a create right after a delete is not always exclusive: two spend",
		edits: []edit{{"internal/rotation/lock.go",
			"return l, t.verify(ctx, &l, s)", "l.version = s.RefreshToken.Version\n\treturn l, nil"}},
	},
	{
		name: "verifying does not look whose the lock is", breaks: "invariant 6",
		why: "two processes that both see a lock both spend",
		edits: []edit{{"internal/rotation/lock.go",
			"case lock.Value != l.value:", "case lock.Version == 0:"}},
	},
	{
		name: "verifying does not look at the token", breaks: "invariant 1",
		why: "a token that was replaced after it was read is presented: a spent one revokes its family",
		edits: []edit{{"internal/rotation/lock.go",
			"case token.Value != s.RefreshToken.Value:", "case false:"}},
	},
	{
		name: "another's fresh lock is taken over", breaks: "invariant 6",
		why: "two processes spend, and the loser's pair is dropped",
		edits: []edit{{"internal/family/decide.go",
			"s.Lock.fresh(now) && !s.Lock.OwnedBy(s.Process)", "s.Lock.fresh(now) && false"}},
	},
	{
		name: "a lock is stale after a minute", breaks: "invariant 6",
		why: "a process that is still spending loses its lock",
		edits: []edit{{"internal/family/policy.go",
			"LockStale = 2 * time.Minute", "LockStale = 1 * time.Minute"}},
	},
	{
		name: "a lock from the future is respected for ever", breaks: "invariant 6",
		why: "a clock that jumped once stops rotation until the family dies",
		edits: []edit{{"internal/family/lock.go",
			"age >= -ClockTolerance && age < LockStale", "age < LockStale"}},
	},
	{
		name: "a take-over does not check versions", breaks: "invariant 6",
		why: "two processes that find a stale lock both take it",
		edits: []edit{
			{"internal/rotation/lock.go", "for _, e := range history[since+1:] {", "for _, e := range history[:0] {"},
		},
	},
	{
		name: "a lock that only a wrong clock calls stale is taken over", breaks: "invariant 6",
		why: "a process whose clock is ahead spends beside the one that holds the lock",
		edits: []edit{{"internal/rotation/lock.go",
			"history[since+1].Modified.Sub(first.Modified) < family.LockStale:", "history[since+1].Modified.Sub(first.Modified) < 0:"}},
	},
	{
		name: "a take-over is proved from the first one on for ever", breaks: "the promise",
		why:   "after an outage of some hours the history no longer holds it, and the keeper waits for its own lock",
		edits: []edit{{"internal/rotation/lock.go", "t.state.overtaken = &ours", "_ = ours"}},
	},
	{
		name: "a lock created anew is never one's own", breaks: "the promise",
		why:   "after a stale read of a lock that was released, the keeper waits for its own lock",
		edits: []edit{{"internal/rotation/lock.go", "case since < 0 && history[0].Version != 1:", "case since < 0:"}},
	},
	{
		name: "a lock that was taken wrongly is not put back", breaks: "invariant 6",
		why: "its holder's intent is lost, and with it the time of the first spend",
		edits: []edit{{"internal/rotation/lock.go",
			"if _, err := t.Store.Write(ctx, t.names.Lock, e.Value, store.Encrypted); err != nil {", "if err := error(nil); err != nil {"}},
	},
	{
		name: "a take-over that was repeated counts as another's", breaks: "invariant 6",
		why: "a lost answer of the store costs the tick, which may be the last inside the leeway",
		edits: []edit{{"internal/rotation/lock.go",
			"if e.Version <= version && !family.ParseLock(e).OwnedBy(t.Process) {", "if e.Version < version {"}},
	},
	{
		name: "the lock is deleted without asking whose it is", breaks: "invariant 6",
		why: "a process that was paused deletes the lock of one that is spending",
		edits: []edit{{"internal/rotation/lock.go",
			"if elapsed(l.since, t.Now()) > family.LockStale-releaseMargin {\n\t\tentries", "if false {\n\t\tentries"}},
	},
	{
		name: "a process that was paused spends", breaks: "invariant 1", quick: true,
		why: "its lock is stale: another process may be spending the same token",
		edits: []edit{{"internal/rotation/lock.go",
			"held+need > family.LockStale {", "held+need < 0 {"}},
	},
	{
		name: "a spend begins with no time left to save", breaks: "invariant 1",
		why: "the invocation ends between the answer and its save",
		edits: []edit{{"internal/rotation/lock.go",
			"if !t.left(need) {", "if false {"}},
	},
	{
		name: "the lock of a lost answer is not kept", breaks: "invariant 2",
		why: "where the record cannot be written, nothing tells that the token is in doubt",
		edits: []edit{{"internal/rotation/failure.go",
			"if f.FirstSpend.IsZero() {\n\t\tt.release(ctx, sp.lease)\n\t}", "t.release(ctx, sp.lease)"}},
	},
	{
		name: "the lock is released before the save", breaks: "step 6",
		why: "a crash before the save leaves no trace of the spend",
		edits: []edit{{"internal/rotation/spend.go",
			"\treturn t.save(ctx, sp.lease, out.as(success,", "\tt.release(ctx, sp.lease)\n\treturn t.save(ctx, sp.lease, out.as(success,"}},
	},
}
