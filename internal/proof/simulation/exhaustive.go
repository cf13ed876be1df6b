package simulation

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Exhaustive yields a plan for every fault of every kind at every operation
// (depth 1), or for every pair of such faults (depth 2), in every situation.
// Depth 1 tries more than one variant of a kind, in either mode, under all rules
// for siblings and older families, and in half of these each under those for
// claims and refusals. Depth 2 has all settings at their worst, and one variant
// of each kind.
//
// The draw's weight is without meaning. The second fault strikes up to reach operations after the first: the rest of
// the tick, and the ticks that recover from it.
func Exhaustive(depth int, d Draw) (iter.Seq[Plan], error) {
	e := exhaustive{every: d.Every, google: d.Google}
	for _, shared := range []bool{false, true} {
		if d.Mode == Both || shared == (d.Mode == Shared) {
			e.shared = append(e.shared, shared)
		}
	}
	switch depth {
	case 1:
		return e.singles, nil
	case 2:
		return e.pairs, nil
	}
	return nil, fmt.Errorf("a depth of %d cannot be searched exhaustively: expected 1 or 2", depth)
}

// reach is how far apart two faults of a pair may be.
const reach = 60

type exhaustive struct {
	shared []bool
	every  time.Duration
	google bool
}

func (e exhaustive) singles(yield func(Plan) bool) {
	for _, situation := range Situations() {
		for _, shared := range e.shared {
			for bits := range 4 {
				s := Settings{SiblingsDie: bits&1 != 0, ReconsentKillsOld: bits&2 != 0, LegacyRefusal: bits&1 != bits>>1, Claims: bits == 0 || bits == 3, Shared: shared, Google: e.google}
				p := Plan{Seed: uint64(bits), Situation: situation, Settings: s, Every: e.every}
				for _, f := range strikesOf(p, 0, allVariants) {
					p.Faults = Schedule{f}
					if !yield(p) {
						return
					}
				}
			}
		}
	}
}

func (e exhaustive) pairs(yield func(Plan) bool) {
	for _, situation := range Situations() {
		for _, shared := range e.shared {
			p := Plan{Seed: 1, Situation: situation, Settings: Settings{SiblingsDie: true, ReconsentKillsOld: true, Shared: shared, Google: e.google}, Every: e.every}
			for _, f := range strikesOf(p, 0, oneVariant) {
				p.Faults = Schedule{f}
				for _, g := range strikesOf(p, f.At, oneVariant) {
					p.Faults = Schedule{f, g}
					if !yield(p) {
						return
					}
				}
			}
		}
	}
}

// strikesOf runs a plan, counts its operations, and returns the faults that can
// strike them: from the given one to reach operations later, and without other
// faults up to the end of the first tick.
func strikesOf(p Plan, from int, variants func(Kind) []Fault) []Fault {
	p.record, p.EveryTick = true, true
	steps := Run(p).steps
	end := len(steps)
	if len(p.Faults) == 0 {
		for i, o := range steps {
			if o == opPublish {
				end = i + 1
				break
			}
		}
	}
	var faults []Fault
	for at := from; at < min(end, from+reach); at++ {
		for k := CrashBefore; k < kindEnd; k++ {
			if !k.strikes(steps[at]) || k.sharedOnly() && !p.Settings.Shared {
				continue
			}
			for _, f := range variants(k) {
				f.At = at
				faults = append(faults, f)
			}
		}
	}
	return faults
}

// Turns of those who run beside: all at once, one operation each in turn, and
// two for one.
const (
	inTurn    = 0x1555555555555555
	twoForOne = 0x1999999999999999
)

func oneVariant(k Kind) []Fault { return allVariants(k)[:1] }

// allVariants returns the variants of a kind; the first is the harshest that
// leaves a chance.
func allVariants(k Kind) []Fault {
	faults := slices.Clone(variants[k])
	if len(faults) == 0 {
		faults = []Fault{{}}
	}
	for i := range faults {
		faults[i].Kind = k
	}
	return faults
}

// lasting are variants of different lengths.
func lasting(ds ...time.Duration) (fs []Fault) {
	for _, d := range ds {
		fs = append(fs, Fault{For: d})
	}
	return fs
}

// valued are variants with different values of Fault.N.
func valued(ns ...uint64) (fs []Fault) {
	for _, n := range ns {
		fs = append(fs, Fault{N: n})
	}
	return fs
}

// each is a variant for every value of Fault.N from..to-1.
func each(from, to uint64, d time.Duration) (fs []Fault) {
	for n := from; n < to; n++ {
		fs = append(fs, Fault{N: n, For: d})
	}
	return fs
}

var outageSpans = lasting(4*time.Minute, 2*time.Second, 5*time.Hour)

// variants are those of the kinds that have more than one.
var variants = [kindEnd][]Fault{
	PauseBefore:  lasting(90*time.Second, time.Second, 25*time.Second, 125*time.Second),
	PauseAfter:   lasting(90*time.Second, time.Second, 25*time.Second, 125*time.Second),
	Stale:        {{For: time.Second}, {For: time.Second, N: 1 << slotLedger}, {For: time.Second, N: 1 << slotRefresh}, {For: 5 * time.Second}},
	ClockForward: {{For: 15 * time.Minute, N: 14}, {For: 2 * time.Hour, N: 59 | 64}},
	ClockBack:    {{For: 15 * time.Minute, N: 14}, {For: 2 * time.Hour, N: 59 | 64}},
	Late:         lasting(time.Minute, 7*time.Minute),
	NoTicks:      lasting(4*time.Minute, 7*time.Minute, 24*time.Hour),
	StoreOutage:  lasting(20*time.Second, 3*time.Minute, 5*time.Hour),
	KeyOutage: slices.Concat(lasting(20*time.Second, 3*time.Minute, 5*time.Hour),
		[]Fault{{For: time.Minute, N: 1}, {For: 5 * time.Hour, N: 1}}),
	AtlassianBefore: outageSpans, AtlassianAfter: outageSpans, AtlassianRefuses: outageSpans, AtlassianDenies: outageSpans,
	Deactivated: outageSpans, SecretRotated: outageSpans,
	OmitAfter: valued(0, 1), FalseRefusal: valued(0, 1),
	Throttle:    valued(0, 1, 3),
	Concurrent:  valued(inTurn<<2, 0, 1, inTurn<<2|1, twoForOne<<2|1),
	Authorize:   valued(inTurn<<1, 0, 1, inTurn<<1|1, twoForOne<<1),
	Psoxy:       valued(inTurn<<2, 0, twoForOne<<2),
	Consent:     valued(0, 1, 2, 4, 8, 16, 16|5<<6),
	Older:       valued(0, 1, 1<<2, 2<<2|3, 7<<5|1),
	Terraform:   {{For: 3 * time.Minute}, {For: 40 * time.Minute}, {For: 3 * time.Minute, N: 1}, {For: 40 * time.Minute, N: 2}},
	Damaged:     slices.Concat(lasting(0, time.Minute), each(0, uint64(len(damages)), 5*time.Minute)),
	Placeholder: {{}, {For: 5 * time.Minute}, {N: 1, For: 5 * time.Minute}, {N: 2 | 1<<4}, {N: 1 << 4, For: 50 * time.Minute}, {N: 7 << 4}},
	Backup:      valued(2, 0, 1|8, 2|8|1234<<4, 5, 3|777<<4),
	Deleted:     valued(1, 2, 4, 7),
	Labelled:    {{For: 5 * time.Minute}, {For: 5 * time.Minute, N: 1}, {For: 5 * time.Minute, N: 2}, {For: 5 * time.Hour, N: 1}},
	Denied:      append(each(0, 24, 5*time.Minute), Fault{N: 1 | 8, For: 5 * time.Hour}),
}
