package family

// Received is the receipt of the pair that the ledger's own token, or a candidate,
// has yielded.
func (s Snapshot) Received(pair Pair, candidate Field) *Receipt {
	r := &Receipt{Pair: pair, Record: s.Offspring(candidate).Succeed(pair), Before: s.State.Record.Refresh,
		Spent: s.State.Record.Refresh, Candidate: candidate.Version}
	r.Record.AccessFormat, r.Record.Client = remembered(s.AccessFormat), client(s.App())
	if candidate.Version > 0 {
		r.Spent = FingerprintOf(candidate.Value)
		return r
	}
	j := judge{s}
	for _, f := range s.Offers {
		if j.isCandidate(f) && j.succeeds(f) && j.byPsoxy(f) && pair.SpentAt.Before(f.Modified.Add(Leeway)) {
			r.Record.Past = r.Record.Past.With(FingerprintOf(f.Value)) // a sibling
		}
	}
	return r
}

// Offspring is the record of the family of a token that is about to be presented: the ledger's
// own, or a candidate. A candidate that does not continue the family begins another, which is as
// old as the candidate is known to be.
func (s Snapshot) Offspring(candidate Field) Record {
	j, own := judge{s}, s.State.Record
	if candidate.Version == 0 {
		return own
	}
	for _, spent := range j.judged().spent {
		own.Past = own.Past.With(spent)
	}
	token, chain, same := FingerprintOf(candidate.Value), chainOf(candidate.Value), j.continues(candidate)
	past := own.Past.With(own.Refresh)
	if !same || chain == "" && !j.byPsoxy(candidate) {
		past = past.Merge(before(j, candidate)) // nobody will judge these any more
	}
	if same {
		own.Generation++
		own.Refresh, own.Past, own.LastFailure = token, past, nil
		return own
	}
	if !s.State.mistaken() { // or the chain may be that of the token that was meant
		past = past.With(own.Chain)
	}
	if site := s.CloudID.Value; !site.IsZero() && site.Reveal() != own.CloudID { // stored with the token, as the consent was for another site
		own.CloudID, own.SiteURL = "", ""
	}
	return dated(s, Record{Schema: Schema, Connection: s.Connection, AuthorizedAt: stamp(birth(candidate, s.Now)), AuthorizedAtSource: FromAdoption,
		LifetimeDays: own.LifetimeDays, Refresh: token, Past: past, Chain: chain,
		CloudID: own.CloudID, SiteURL: own.SiteURL, RedirectURI: own.RedirectURI})
}

// before are the candidates that were offered before the given one, unless claims tell that they
// were issued after it.
func before(s judge, candidate Field) (older Past) {
	for _, f := range s.Offers {
		if s.isCandidate(f) && f.Since < candidate.Since && !issuedAfter(f, candidate) {
			older = older.With(FingerprintOf(f.Value))
			if chain := chainOf(f.Value); chain != chainOf(candidate.Value) {
				older = older.With(chain)
			}
		}
	}
	return older
}
