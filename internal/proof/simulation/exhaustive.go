package simulation

import (
	"fmt"
	"iter"
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
	last := func(ds ...time.Duration) (fs []Fault) {
		for _, d := range ds {
			fs = append(fs, Fault{Kind: k, For: d})
		}
		return fs
	}
	variants := func(ns ...uint64) (fs []Fault) {
		for _, n := range ns {
			fs = append(fs, Fault{Kind: k, N: n})
		}
		return fs
	}
	switch k {
	case PauseBefore, PauseAfter:
		return last(90*time.Second, time.Second, 25*time.Second, 125*time.Second)
	case Stale:
		return []Fault{{Kind: k, For: time.Second}, {Kind: k, For: time.Second, N: 1 << slotLedger}, {Kind: k, For: time.Second, N: 1 << slotRefresh}, {Kind: k, For: 5 * time.Second}}
	case ClockForward, ClockBack:
		return []Fault{{Kind: k, For: 15 * time.Minute, N: 14}, {Kind: k, For: 2 * time.Hour, N: 59 | 64}}
	case Late:
		return last(time.Minute, 7*time.Minute)
	case NoTicks:
		return last(4*time.Minute, 7*time.Minute, 24*time.Hour)
	case StoreOutage:
		return last(20*time.Second, 3*time.Minute, 5*time.Hour)
	case KeyOutage:
		return append(last(20*time.Second, 3*time.Minute, 5*time.Hour), Fault{Kind: k, For: time.Minute, N: 1}, Fault{Kind: k, For: 5 * time.Hour, N: 1})
	case AtlassianBefore, AtlassianAfter, AtlassianRefuses, AtlassianDenies, Deactivated, SecretRotated:
		return last(4*time.Minute, 2*time.Second, 5*time.Hour)
	case Throttle:
		return variants(0, 1, 3)
	case Concurrent:
		return variants(inTurn<<2, 0, 1, inTurn<<2|1, twoForOne<<2|1)
	case Authorize:
		return variants(inTurn<<1, 0, 1, inTurn<<1|1, twoForOne<<1)
	case Psoxy:
		return variants(inTurn<<2, 0, twoForOne<<2)
	case Consent:
		return variants(0, 1, 2, 4, 8, 16, 16|5<<6)
	case Older:
		return variants(0, 1, 1<<2, 2<<2|3, 7<<5|1)
	case Terraform:
		return []Fault{{Kind: k, For: 3 * time.Minute}, {Kind: k, For: 40 * time.Minute}, {Kind: k, For: 3 * time.Minute, N: 1}, {Kind: k, For: 40 * time.Minute, N: 2}}
	case Damaged:
		fs := last(0, time.Minute)
		for n := range uint64(len(damages)) {
			fs = append(fs, Fault{Kind: k, N: n, For: 5 * time.Minute})
		}
		return fs
	case Placeholder:
		return []Fault{{Kind: k}, {Kind: k, For: 5 * time.Minute}, {Kind: k, N: 1, For: 5 * time.Minute}, {Kind: k, N: 2 | 1<<4}, {Kind: k, N: 1 << 4, For: 50 * time.Minute}, {Kind: k, N: 7 << 4}}
	case Backup:
		return variants(2, 0, 1|8, 2|8|1234<<4, 5, 3|777<<4)
	case Deleted:
		return variants(1, 2, 4, 7)
	case Labelled:
		return []Fault{{Kind: k, For: 5 * time.Minute}, {Kind: k, For: 5 * time.Minute, N: 1}, {Kind: k, For: 5 * time.Minute, N: 2}, {Kind: k, For: 5 * time.Hour, N: 1}}
	case Denied:
		fs := last(5 * time.Minute)
		for n := uint64(1); n < 24; n++ {
			fs = append(fs, Fault{Kind: k, N: n, For: 5 * time.Minute})
		}
		return append(fs, Fault{Kind: k, N: 1 | 8, For: 5 * time.Hour})
	}
	return []Fault{{Kind: k}}
}
