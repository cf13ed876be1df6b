package simulation

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong, or comes in between.
type Fault struct {
	// At is the operation it strikes, counted over the run from 0; if the kind
	// cannot strike that one, the next that it can.
	At   int
	Kind Kind
	// For is how long it lasts, where that matters.
	For time.Duration
	// N selects among the variants of the kind.
	N uint64
}

// String writes a fault as ParseSchedule reads it, such as
// "store-outage@12/3m0s" or "concurrent@7#2a".
func (f Fault) String() string {
	s := f.Kind.String() + "@" + strconv.Itoa(f.At)
	if f.For != 0 {
		s += "/" + f.For.String()
	}
	if f.N != 0 {
		s += "#" + strconv.FormatUint(f.N, 16)
	}
	return s
}

// Schedule is the faults of one run, in the order in which they strike.
type Schedule []Fault

// String writes a schedule as ParseSchedule reads it.
func (s Schedule) String() string {
	parts := make([]string, len(s))
	for i, f := range s {
		parts[i] = f.String()
	}
	return strings.Join(parts, " ")
}

func (s Schedule) sorted() Schedule {
	s = slices.Clone(s)
	slices.SortStableFunc(s, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return s
}

// ParseSchedule reads what Schedule.String writes: faults with spaces between
// them, each KIND@OPERATION, /DURATION where it lasts, and #HEX for its variant.
func ParseSchedule(text string) (Schedule, error) {
	var s Schedule
	for _, field := range strings.Fields(text) {
		rest, variant, hasVariant := strings.Cut(field, "#")
		rest, duration, hasDuration := strings.Cut(rest, "/")
		name, at, _ := strings.Cut(rest, "@")
		var f Fault
		k := slices.Index(kindNames[:], name)
		if k < 1 {
			return nil, fmt.Errorf("fault %q: there is no kind %q; expected KIND@OPERATION, the kind one of %s", field, name, strings.Join(kindNames[1:], ", "))
		}
		f.Kind = Kind(k)
		var err error
		if f.At, err = strconv.Atoi(at); err != nil || f.At < 0 {
			return nil, fmt.Errorf("fault %q: %q is no operation; expected a number from 0, such as %s@12", field, at, name)
		}
		if hasDuration {
			if f.For, err = time.ParseDuration(duration); err != nil || f.For < 0 {
				return nil, fmt.Errorf("fault %q: %q is no duration; expected one such as 90s or 5m", field, duration)
			}
		}
		if hasVariant {
			if f.N, err = strconv.ParseUint(variant, 16, 64); err != nil {
				return nil, fmt.Errorf("fault %q: %q is no variant; expected a hexadecimal number", field, variant)
			}
		}
		s = append(s, f)
	}
	return s.sorted(), nil
}
