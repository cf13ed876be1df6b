package simulation

import (
	"slices"
	"time"
)

// Minimise returns a plan that breaks the same promise as p with as few and as
// simple faults as it can find. p must break one.
func Minimise(p Plan) Plan {
	p.Trace = nil
	broken := Run(p).Counters.Broken()
	return minimise(p, func(r Result) bool { return slices.Contains(r.Counters.Broken(), broken[0]) })
}

// minimise makes a plan simpler as long as its result stays what it must be.
func minimise(p Plan, stays func(Result) bool) Plan {
	try := func(faults Schedule) bool {
		q := p
		q.Faults = faults
		if stays(Run(q)) {
			p = q
			return true
		}
		return false
	}
	for again := true; again; {
		again = false
		for i := len(p.Faults) - 1; i >= 0; i-- {
			again = try(slices.Delete(slices.Clone(p.Faults), i, i+1)) || again
		}
	}
	for i := range p.Faults {
		for _, n := range []uint64{0, 1, 2, 3} {
			simpler := slices.Clone(p.Faults)
			if simpler[i].N == 0 {
				break
			}
			if simpler[i].N = n; try(simpler) {
				break
			}
		}
		for p.Faults[i].For > time.Second {
			shorter := slices.Clone(p.Faults)
			if shorter[i].For = (shorter[i].For / 2).Round(time.Second); !try(shorter) {
				break
			}
		}
	}
	return p
}
