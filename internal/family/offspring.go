package family

// Received is the receipt of the pair that the ledger's own token, or a candidate,
// has yielded.
func (s Snapshot) Received(pair Pair, candidate Field) *Receipt {
	r := &Receipt{Pair: pair, Record: s.Offspring(candidate).Succeed(pair), Before: s.State.Record.Refresh,
		Spent: s.State.Record.Refresh, Candidate: candidate.Version}
	if candidate.Version > 0 {
		r.Spent = FingerprintOf(candidate.Value)
		_, r.Older = judging{s}.before(candidate, r.Record.sameFamily(s.State.Record))
	}
	return r
}

// Offspring is the record of the family to which a token belongs that is about
// to be presented: the ledger's own, or a candidate. One that does not continue the
// family begins another, at the time at which it was stored or issued, whichever is
// earlier.
func (s Snapshot) Offspring(candidate Field) Record {
	j, r := judging{s}, s.State.Record
	if in := j.judged(); candidate.Version > 0 || in.rival {
		for _, spent := range in.spent {
			r.Past = r.Past.With(spent)
		}
	}
	if candidate.Version > 0 {
		return j.offspring(candidate, r)
	}
	if f := s.Family; f != nil && f.sameFamily(r) && f.Refresh != r.Refresh {
		r.Past = r.Past.With(f.Refresh) // a rescued token is a sibling of what comes now
	}
	return r
}

// offspring is the record of a candidate's family; own is the ledger's.
func (s judging) offspring(candidate Field, own Record) Record {
	fp := FingerprintOf(candidate.Value)
	past := own.Past.With(own.Refresh)
	if s.rescued(fp) {
		past = past.Merge(s.Family.Past) // its receiver may have presented others before
	}
	if s.rescued(fp) && !s.Family.sameFamily(own) {
		rescued := *s.Family
		rescued.Past, rescued.LastFailure = rescued.Past.Merge(past), nil
		return rescued
	}
	same := s.continues(candidate)
	if !same || candidate.Since <= s.State.Inbox.Kin && chainOf(candidate.Value) == "" {
		older, _ := s.before(candidate, same)
		past = past.Merge(older) // nobody will judge these any more
	}
	if same {
		own.Generation++
		own.Refresh, own.Past, own.LastFailure = fp, past, nil
		return own
	}
	return Record{Schema: Schema, Connection: s.Connection, AuthorizedAt: stamp(birth(candidate, s.Now)), AuthorizedAtSource: FromAdoption,
		LifetimeDays: own.LifetimeDays, Refresh: fp, Past: past.With(own.Chain),
		CloudID: own.CloudID, SiteURL: own.SiteURL, RedirectURI: own.RedirectURI}
}

// before are the candidates that were offered before the given one and are older,
// and the version up to which all are. Of one family's tokens, one that was stored
// just before is none of these: a keeper does not rotate again so soon.
func (s judging) before(candidate Field, same bool) (older Past, upTo int64) {
	upTo = candidate.Version
	for _, f := range s.Offers {
		j, _ := s.State.Judge(f)
		switch {
		case j != Candidate || f.Version >= candidate.Version:
		case same && !s.Shared() && candidate.Modified.Sub(f.Modified) < republishPause:
			upTo = min(upTo, f.Version-1)
		default:
			older = older.With(FingerprintOf(f.Value))
		}
	}
	return older, upTo
}
