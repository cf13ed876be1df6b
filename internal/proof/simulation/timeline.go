package simulation

import "time"

// timeline is true time, which Atlassian and the store know, and what will happen.
type timeline struct {
	now    time.Time
	agenda []event
	// busy is when something last went wrong or came in between.
	busy time.Time
}

// event is something that will happen at a time.
type event struct {
	at time.Time
	do func()
}

// Now returns the true time.
func (t *timeline) Now() time.Time { return t.now }

// in lets something happen later.
func (t *timeline) in(d time.Duration, do func()) {
	t.agenda = append(t.agenda, event{t.now.Add(d), do})
}

// after lets something happen now or later.
func (t *timeline) after(d time.Duration, do func()) {
	if d == 0 {
		do()
		return
	}
	t.in(d, do)
}

// advance lets time pass, and what is due happen.
func (t *timeline) advance(d time.Duration) { t.advanceTo(t.now.Add(d)) }

func (t *timeline) advanceTo(end time.Time) {
	for len(t.agenda) > 0 {
		first := 0
		for i := range t.agenda {
			if t.agenda[i].at.Before(t.agenda[first].at) {
				first = i
			}
		}
		e := t.agenda[first]
		if e.at.After(end) {
			break
		}
		t.agenda = append(t.agenda[:first], t.agenda[first+1:]...)
		if e.at.After(t.now) {
			t.now = e.at
		}
		e.do()
		t.busy = t.now
	}
	if end.After(t.now) {
		t.now = end
	}
}

// clocks says how wrong the processes' clocks are.
type clocks struct {
	until time.Time
	back  bool
	n     uint64
}

// skewOf is how wrong the clock of the i-th process is: by 1 to 60 minutes. The
// clock of every second process may be wrong in the other direction.
func (c clocks) skewOf(i int, now time.Time) time.Duration {
	if !now.Before(c.until) {
		return 0
	}
	d := time.Duration((c.n&63+uint64(i)*17)%60+1) * time.Minute
	if back := c.back != (i%2 == 1 && c.n&64 != 0); back {
		return -d
	}
	return d
}
