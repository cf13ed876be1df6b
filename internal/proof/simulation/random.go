package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Weight is how much goes wrong in random runs.
type Weight string

// The weights.
const (
	// None: nothing goes wrong, for two days; in one of sixteen runs for a month.
	None Weight = "none"
	// Light: now and then something goes wrong in two days; in one of eight runs in a week.
	Light Weight = "light"
	// Heavy: up to six things go wrong within some rotations, often at once.
	Heavy Weight = "heavy"
)

// ParseWeight reads the name of a weight.
func ParseWeight(name string) (Weight, error) {
	switch w := Weight(name); w {
	case None, Light, Heavy:
		return w, nil
	}
	return "", fmt.Errorf("%q is no weight of faults: expected none, light or heavy", name)
}

// RunSeed is the seed of the i-th run, from 0, of a simulation.
func RunSeed(seed uint64, i int) uint64 {
	x := seed*0x9e3779b97f4a7c15 + uint64(i) + 1
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Mode says who rotates in random and exhaustive runs.
type Mode string

// The modes.
const (
	// Reader: psoxy only reads.
	Reader Mode = "reader"
	// Shared: psoxy rotates too.
	Shared Mode = "shared"
	// Both: half of the runs each.
	Both Mode = "both"
)

// ParseMode reads the name of a mode.
func ParseMode(name string) (Mode, error) {
	switch m := Mode(name); m {
	case Reader, Shared, Both:
		return m, nil
	}
	return "", fmt.Errorf("%q is no mode: expected reader, shared or both", name)
}

// Draw is what random runs are drawn from.
type Draw struct {
	Weight Weight
	Mode   Mode
	// Every is the interval of the schedule; 0 is DefaultInterval.
	Every time.Duration
	// Google is that of Settings.
	Google bool
}

// oneAged of so many runs begins with an aged family, which takes long to prepare.
const oneAged = 128

// short is how long most runs with few faults last: some eighty rotations. All versions that
// the ledger keeps are new by then.
const (
	day   = 24 * time.Hour
	short = 2 * day
)

// NewPlan draws a run.
func NewPlan(runSeed uint64, d Draw) Plan {
	rng := rand.New(rand.NewPCG(runSeed, 0x73696d756c617465))
	flip := func() bool { return rng.IntN(2) == 0 }
	p := Plan{Seed: runSeed, Every: d.Every, Situation: Situations()[rng.IntN(len(Situations()))],
		Settings: Settings{SiblingsDie: flip(), ReconsentKillsOld: flip(), LegacyRefusal: flip(), Claims: flip(), Shared: flip(), Aged: rng.IntN(oneAged) == 0}}
	if d.Mode != Both {
		p.Settings.Shared = d.Mode == Shared
	}
	p.Settings.Google = d.Google
	switch d.Weight {
	case None:
		if p.For = short; rng.IntN(16) == 0 {
			p.For = 30 * day
		}
	case Light:
		if p.For = short; rng.IntN(8) == 0 {
			p.For = 7 * day
		}
		operations := int(p.For / p.interval() * 7)
		for range rng.IntN(4) {
			p.Faults = append(p.Faults, drawFault(rng, rng.IntN(operations), p.Settings.Shared))
		}
	case Heavy:
		at := rng.IntN(40)
		for range 1 + rng.IntN(6) {
			p.Faults = append(p.Faults, drawFault(rng, at, p.Settings.Shared))
			switch rng.IntN(4) {
			case 0:
				at += rng.IntN(4)
			case 1, 2:
				at += rng.IntN(30)
			default:
				at += rng.IntN(200)
			}
		}
	}
	p.Faults = p.Faults.sorted()
	return p
}

// kindWeights are how often each kind is drawn.
var kindWeights = [kindEnd]int{
	CrashBefore: 6, CrashAfter: 8, ErrorBefore: 5, ErrorAfter: 8, Throttle: 3, TooMany: 2, Repeat: 4, PauseBefore: 5, PauseAfter: 4,
	Stale: 6, SharedCreate: 1, Unreached: 2, OmitBefore: 1, OmitAfter: 2, FalseRefusal: 2, Unreadable: 2, ClockForward: 2, ClockBack: 2,
	Again: 2, Late: 2, Concurrent: 8, Recycled: 3, NoTicks: 1, Consent: 6, Authorize: 6, Psoxy: 8,
	Older: 6, Terraform: 3, Damaged: 5, Placeholder: 3, Backup: 4, Deleted: 3, LedgerDeleted: 3, Labelled: 3, Denied: 4,
	StoreOutage: 4, KeyOutage: 2, AtlassianBefore: 2, AtlassianAfter: 3, AtlassianRefuses: 2, AtlassianDenies: 1,
	Revoked: 1, PasswordChanged: 1, Deactivated: 1, SecretRotated: 1,
}

func drawFault(rng *rand.Rand, at int, shared bool) Fault {
	total := 0
	for _, n := range kindWeights {
		total += n
	}
	f := Fault{At: at, N: rng.Uint64()}
	for f.Kind == 0 || f.Kind.sharedOnly() && !shared {
		x := rng.IntN(total)
		for k, n := range kindWeights {
			if x -= n; x < 0 {
				f.Kind = Kind(k)
				break
			}
		}
	}
	f.For = drawDuration(rng, f.Kind)
	switch f.Kind {
	case Concurrent, Authorize, Psoxy:
		if f.N&0x300 == 0 {
			f.N &= 3 // all at once
		}
	case Denied:
		f.N %= 24
	case Consent, Damaged, Placeholder, Deleted, Older, Backup, ClockForward, ClockBack:
		f.N &= 0xffff
	case Stale:
		f.N &= 1<<slotCount - 1
		if rng.IntN(4) == 0 {
			f.N = 0
		}
	case Throttle, Labelled, Terraform:
		f.N &= 3
	case KeyOutage, OmitAfter:
		f.N &= 1
	default:
		f.N = 0
	}
	return f
}

// drawDuration draws how long a fault lasts; 0 where that does not matter.
func drawDuration(rng *rand.Rand, k Kind) time.Duration {
	choose := func(d ...time.Duration) time.Duration { return d[rng.IntN(len(d))] }
	switch {
	case k == PauseBefore, k == PauseAfter:
		return choose(time.Second, 12*time.Second, 25*time.Second, 70*time.Second, 90*time.Second, 125*time.Second)
	case k == Stale:
		return choose(200*time.Millisecond, time.Second, 2*time.Second, 5*time.Second)
	case k == Late:
		return time.Duration(1+rng.IntN(600)) * time.Second
	case k == ClockForward, k == ClockBack:
		return choose(time.Minute, 15*time.Minute, 2*time.Hour)
	case k == Damaged, k == Placeholder:
		return choose(0, time.Second, time.Minute, 5*time.Minute, 50*time.Minute)
	case k == Terraform:
		return choose(time.Second, 20*time.Second, 3*time.Minute, 40*time.Minute, 3*time.Hour)
	case !k.lasts():
		return 0
	}
	// From two seconds to some hours, each order of magnitude as likely, and now
	// and then up to a day.
	orders := 13
	if rng.IntN(16) == 0 {
		orders = 16
	}
	d := (2 * time.Second << rng.IntN(orders)) * time.Duration(100+rng.IntN(100)) / 150
	return d.Round(time.Second)
}
