package simulation

// Counters are what must be 0; the package documentation defines each.
type Counters struct {
	AvoidableLosses  int `json:"avoidable_losses"`
	KilledByUs       int `json:"killed_by_us"`
	OlderOverNewer   int `json:"older_over_newer"`
	SiblingPresented int `json:"sibling_presented"`
	UnlockedSpends   int `json:"unlocked_spends"`
	SecretsLeaked    int `json:"secrets_leaked"`
	CopiesLeft       int `json:"copies_left"`
	MadeYounger      int `json:"made_younger"`
}

// Count is one counter by its name in reports.
type Count struct {
	Name string
	N    int
}

// List returns the counters in their order.
func (c Counters) List() []Count {
	return []Count{
		{"avoidable_losses", c.AvoidableLosses}, {"killed_by_us", c.KilledByUs}, {"older_over_newer", c.OlderOverNewer},
		{"sibling_presented", c.SiblingPresented}, {"unlocked_spends", c.UnlockedSpends}, {"secrets_leaked", c.SecretsLeaked},
		{"copies_left", c.CopiesLeft}, {"made_younger", c.MadeYounger},
	}
}

// Add adds d's counters to c's.
func (c *Counters) Add(d Counters) {
	c.AvoidableLosses += d.AvoidableLosses
	c.KilledByUs += d.KilledByUs
	c.OlderOverNewer += d.OlderOverNewer
	c.SiblingPresented += d.SiblingPresented
	c.UnlockedSpends += d.UnlockedSpends
	c.SecretsLeaked += d.SecretsLeaked
	c.CopiesLeft += d.CopiesLeft
	c.MadeYounger += d.MadeYounger
}

// Broken names the counters that are not 0.
func (c Counters) Broken() []string {
	var names []string
	for _, counter := range c.List() {
		if counter.N != 0 {
			names = append(names, counter.Name)
		}
	}
	return names
}

// tally counts what an oracle finds, and tells the trace.
type tally struct {
	Counters
	losses map[string]int
	*tracer
}

// name tells the trace about a token, by the numbers of its consent, generation and sibling.
func (t *tally) name(what string, r rank) {
	if t.tracing() {
		t.note("  token %d.%d.%d %s", r.consent, r.generation, r.sibling, what)
	}
}

// count counts what must be 0.
func (t *tally) count(counter *int, what string) {
	*counter++
	t.note("  ORACLE: %s", what)
}

// excuse counts what is excused.
func (t *tally) excuse(name string) {
	if t.losses == nil {
		t.losses = map[string]int{}
	}
	t.losses[name]++
	t.note("  ORACLE: excused: %s", name)
}
