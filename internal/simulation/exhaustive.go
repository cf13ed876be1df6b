package simulation

import (
	"fmt"
	"iter"
	"time"
)

// Exhaustive yields a plan for every fault of every kind at every operation
// (depth 1), or for every pair of such faults (depth 2), in every situation.
// Depth 1 tries every combination of settings and more than one variant of a
// kind; depth 2 the two modes of operation with all other settings at their
// worst, and one variant of each kind.
//
// The second fault strikes up to reach operations after the first: the rest of
// the tick, and the ticks that recover from it.
func Exhaustive(depth int) (iter.Seq[Plan], error) {
	switch depth {
	case 1:
		return singles, nil
	case 2:
		return pairs, nil
	}
	return nil, fmt.Errorf("a depth of %d cannot be searched exhaustively: expected 1 or 2", depth)
}

// reach is how far apart two faults of a pair may be.
const reach = 60

func singles(yield func(Plan) bool) {
	for _, situation := range Situations() {
		for bits := range 1 << len(settingNames) {
			p := Plan{Seed: uint64(bits), Situation: situation, Settings: settingsOf(bits)}
			for _, f := range strikesOf(p, 0, allVariants) {
				p.Faults = Schedule{f}
				if !yield(p) {
					return
				}
			}
		}
	}
}

func pairs(yield func(Plan) bool) {
	for _, situation := range Situations() {
		for _, shared := range []bool{false, true} {
			p := Plan{Seed: 1, Situation: situation, Settings: Settings{SiblingsDie: true, ReconsentKillsOld: true, Shared: shared}}
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

func settingsOf(bits int) (s Settings) {
	for i, setting := range settingNames {
		*setting.of(&s) = bits&(1<<i) != 0
	}
	return s
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
			if !k.strikes(steps[at]) || k == Psoxy && !p.Settings.Shared {
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
		return []Fault{{Kind: k, For: time.Second}, {Kind: k, For: time.Second, N: 1 << slotLock}, {Kind: k, For: time.Second, N: 1 << slotRefresh}, {Kind: k, For: 5 * time.Second}}
	case ClockForward, ClockBack:
		return []Fault{{Kind: k, For: time.Minute, N: 14}, {Kind: k, For: 15 * time.Minute, N: 4}, {Kind: k, For: 2 * time.Hour, N: 59}}
	case Late:
		return last(time.Minute, 7*time.Minute)
	case NoTicks:
		return last(4*time.Minute, 7*time.Minute, 24*time.Hour)
	case StoreOutage:
		return last(20*time.Second, 3*time.Minute, 24*time.Hour)
	case KeyOutage:
		return append(last(20*time.Second, 3*time.Minute, 24*time.Hour), Fault{Kind: k, For: time.Minute, N: 1}, Fault{Kind: k, For: 24 * time.Hour, N: 1})
	case AtlassianBefore, AtlassianAfter, AtlassianRefuses, Deactivated, SecretRotated:
		return last(4*time.Minute, 2*time.Second, 24*time.Hour)
	case Throttle:
		return variants(0, 1)
	case Concurrent:
		return variants(inTurn<<2, 0, 1, inTurn<<2|1, twoForOne<<2|1)
	case Authorize:
		return variants(inTurn<<1, 0, 1, inTurn<<1|1, twoForOne<<1)
	case Psoxy:
		return variants(inTurn, 0, twoForOne)
	case Consent:
		return variants(0, 1, 2, 4, 8)
	}
	return []Fault{{Kind: k}}
}
