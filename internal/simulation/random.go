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
	// None: nothing goes wrong, for a month.
	None Weight = "none"
	// Light: now and then something goes wrong in a week.
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

// NewPlan draws a run.
func NewPlan(runSeed uint64, weight Weight) Plan {
	rng := rand.New(rand.NewPCG(runSeed, 0x73696d756c617465))
	flip := func() bool { return rng.IntN(2) == 0 }
	p := Plan{Seed: runSeed, Situation: Situations()[rng.IntN(4)],
		Settings: Settings{SiblingsDie: flip(), ReconsentKillsOld: flip(), LegacyRefusal: flip(), Shared: flip()}}
	switch weight {
	case None:
		p.For = 30 * 24 * time.Hour
	case Light:
		p.For = 7 * 24 * time.Hour
		const operationsOfAWeek = 14000
		for range rng.IntN(4) {
			p.Faults = append(p.Faults, drawFault(rng, rng.IntN(operationsOfAWeek), p.Settings.Shared))
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
	CrashBefore: 6, CrashAfter: 8, ErrorBefore: 5, ErrorAfter: 8, Throttle: 3, Repeat: 3, PauseBefore: 5, PauseAfter: 4,
	Stale: 6, SharedCreate: 1, Unreached: 2, OmitBefore: 1, OmitAfter: 2, ClockForward: 2, ClockBack: 2,
	Again: 2, Late: 2, Concurrent: 8, Recycled: 3, NoTicks: 1, Consent: 6, Authorize: 6, Psoxy: 6,
	StoreOutage: 4, KeyOutage: 2, AtlassianBefore: 2, AtlassianAfter: 3, AtlassianRefuses: 2,
	Revoked: 1, PasswordChanged: 1, Deactivated: 1, SecretRotated: 1,
}

func drawFault(rng *rand.Rand, at int, shared bool) Fault {
	total := 0
	for _, n := range kindWeights {
		total += n
	}
	f := Fault{At: at, N: rng.Uint64()}
	for f.Kind == 0 || f.Kind == Psoxy && !shared {
		x := rng.IntN(total)
		for k, n := range kindWeights {
			if x -= n; x < 0 {
				f.Kind = Kind(k)
				break
			}
		}
	}
	choose := func(d ...time.Duration) time.Duration { return d[rng.IntN(len(d))] }
	switch f.Kind {
	case PauseBefore, PauseAfter:
		f.For = choose(time.Second, 12*time.Second, 25*time.Second, 70*time.Second, 90*time.Second, 125*time.Second)
	case Stale:
		f.For = choose(200*time.Millisecond, time.Second, 2*time.Second, 5*time.Second)
		f.N &= 0xf
	case Late:
		f.For = time.Duration(1+rng.IntN(600)) * time.Second
	case ClockForward, ClockBack:
		f.For = choose(time.Second, time.Minute, 15*time.Minute, 2*time.Hour)
		f.N %= 60
	default:
		if f.Kind.lasts() {
			// From two seconds to about a day, each order of magnitude as likely.
			f.For = (2 * time.Second << rng.IntN(16)) * time.Duration(100+rng.IntN(100)) / 150
			f.For = f.For.Round(time.Second)
		}
	}
	switch f.Kind {
	case Concurrent, Authorize, Psoxy:
		if f.N&0x300 == 0 {
			f.N &= 3 // all at once
		}
	case Consent:
		f.N &= 0xf
	case Throttle, KeyOutage:
		f.N &= 1
	case Stale, ClockForward, ClockBack:
	default:
		f.N = 0
	}
	return f
}
