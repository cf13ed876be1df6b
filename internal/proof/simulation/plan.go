package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Situation is where a run's faults begin to strike.
type Situation string

// The situations.
const (
	// Adoption: the parameters were filled in by hand, and the first tick is due.
	Adoption Situation = "adoption"
	// Rotation: the family is known, and a rotation is due.
	Rotation Situation = "rotation"
	// Replay: a process died after a token request, and the next tick is due.
	Replay Situation = "replay"
	// Reconsent: a new consent was filled in over a known family.
	Reconsent Situation = "consent"
	// Upgrade: a process of this program's first edition died after a token
	// request, and left its record and its lock.
	Upgrade Situation = "upgrade"
)

// Situations are all situations.
func Situations() []Situation { return []Situation{Adoption, Rotation, Replay, Reconsent, Upgrade} }

// Plan is one run, complete: equal plans have equal results.
type Plan struct {
	// Seed determines the tokens.
	Seed      uint64
	Settings  Settings
	Situation Situation
	Faults    Schedule
	// For is how long the run lasts at least; it goes on until every fault has
	// struck and is over for three hours.
	For time.Duration
	// Every is the interval of the schedule; 0 is DefaultInterval.
	Every time.Duration
	// EveryTick runs the idle ticks too that are known to do nothing.
	EveryTick bool
	// Trace, if set, is given what happens, line by line, without secrets.
	Trace func(line string)

	broken broken
	// record asks for Result.steps.
	record bool
}

// DefaultInterval is the schedule's in template.yaml.
const DefaultInterval = 2 * time.Minute

func (p Plan) interval() time.Duration {
	if p.Every == 0 {
		return DefaultInterval
	}
	return p.Every
}

// settingNames are the names of the settings that are set, in Plan.String.
var settingNames = []struct {
	name string
	of   func(*Settings) *bool
}{
	{"siblings-die", func(s *Settings) *bool { return &s.SiblingsDie }},
	{"reconsent-kills-old", func(s *Settings) *bool { return &s.ReconsentKillsOld }},
	{"legacy-refusal", func(s *Settings) *bool { return &s.LegacyRefusal }},
	{"claims", func(s *Settings) *bool { return &s.Claims }},
	{"shared", func(s *Settings) *bool { return &s.Shared }},
	{"aged", func(s *Settings) *bool { return &s.Aged }},
	{"google", func(s *Settings) *bool { return &s.Google }},
}

// String writes a plan as ParsePlan reads it, such as
// "rotation seed=1f for=168h0m0s siblings-die crash-after@12 consent@13".
func (p Plan) String() string {
	parts := []string{string(p.Situation), "seed=" + strconv.FormatUint(p.Seed, 16)}
	if p.For != 0 {
		parts = append(parts, "for="+p.For.String())
	}
	if p.Every != 0 {
		parts = append(parts, "every="+p.Every.String())
	}
	for _, s := range settingNames {
		if *s.of(&p.Settings) {
			parts = append(parts, s.name)
		}
	}
	if len(p.Faults) > 0 {
		parts = append(parts, p.Faults.String())
	}
	return strings.Join(parts, " ")
}

var errTooOften = errors.New("a schedule has at least a minute between ticks")

// ParsePlan reads what Plan.String writes: a situation, then seed=HEX,
// for=DURATION, every=DURATION, names of settings and faults in any order.
func ParsePlan(text string) (Plan, error) {
	situation, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	p := Plan{Situation: Situation(situation)}
	if !slices.Contains(Situations(), p.Situation) {
		return Plan{}, fmt.Errorf("%q is no situation: expected one of %v first", situation, Situations())
	}
	var faults []string
	for _, field := range strings.Fields(rest) {
		key, value, hasValue := strings.Cut(field, "=")
		var err error
		setting := slices.IndexFunc(settingNames, func(s struct {
			name string
			of   func(*Settings) *bool
		}) bool {
			return s.name == field
		})
		switch {
		case setting >= 0:
			*settingNames[setting].of(&p.Settings) = true
		case hasValue && key == "seed":
			p.Seed, err = strconv.ParseUint(value, 16, 64)
		case hasValue && key == "for":
			p.For, err = time.ParseDuration(value)
		case hasValue && key == "every":
			if p.Every, err = time.ParseDuration(value); err == nil && p.Every < time.Minute {
				err = errTooOften
			}
		default:
			faults = append(faults, field)
		}
		if err != nil {
			return Plan{}, fmt.Errorf("%q: %q is not a value of %s", text, value, key)
		}
	}
	var err error
	p.Faults, err = ParseSchedule(strings.Join(faults, " "))
	return p, err
}
