package world

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
)

// Pass lets time pass between two ticks. A process keeps what it holds in
// memory, so no tokens may be waiting there to be saved.
func (w *World) Pass(d time.Duration) {
	w.t.Helper()
	w.Clock.Advance(d)
	w.mu.Lock()
	connections := w.connections
	w.mu.Unlock()
	w.aging.mu.Lock()
	defer w.aging.mu.Unlock()
	for stored := range w.aging.ages {
		w.aging.ages[stored] += d
	}
	for _, c := range connections {
		for _, name := range c.all() {
			for _, p := range c.history(name) {
				stored := storedValue{name, p.Version, aws.ToString(p.Value)}
				if _, known := w.aging.ages[stored]; !known {
					if w.aging.ages == nil {
						w.aging.ages = map[storedValue]time.Duration{}
					}
					w.aging.ages[stored] = d
				}
			}
		}
	}
}

// storedValue is one version of a parameter. The value is part of it, because a
// parameter that is deleted begins again with version 1.
type storedValue struct {
	name    string
	version int64
	value   string
}

// aging knows how much older than in truth the stored values must look.
type aging struct {
	mu   sync.Mutex
	ages map[storedValue]time.Duration
}

// apply changes what Parameter Store answers.
func (a *aging) apply(c *proxy.Call) {
	if !slices.Contains([]string{"GetParameters", "GetParameter", "GetParameterHistory"}, c.Operation) {
		return
	}
	var answer map[string]any
	dec := json.NewDecoder(strings.NewReader(string(c.Answer)))
	dec.UseNumber()
	if dec.Decode(&answer) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := answer["Parameter"].(map[string]any); ok {
		a.age(p)
	}
	list, _ := answer["Parameters"].([]any)
	for _, item := range list {
		if p, ok := item.(map[string]any); ok {
			a.age(p)
		}
	}
	if aged, err := json.Marshal(answer); err == nil {
		c.Answer = aged
	}
}

func (a *aging) age(p map[string]any) {
	name, _ := p["Name"].(string)
	value, _ := p["Value"].(string)
	// Undecrypted, the value of a SecureString is moto's "kms:KEY:" and the value.
	ciphertext, decrypted := "", value
	if kind, _ := p["Type"].(string); kind == "SecureString" && strings.HasPrefix(value, "kms:") {
		if parts := strings.SplitN(value, ":", 3); len(parts) == 3 {
			decrypted = parts[2]
			ciphertext = strings.TrimSuffix(value, decrypted)
		}
	}
	version, _ := p["Version"].(json.Number)
	v, _ := version.Int64()
	d := a.ages[storedValue{name, v, decrypted}]
	if d == 0 {
		return
	}
	if n, ok := p["LastModifiedDate"].(json.Number); ok {
		if seconds, err := n.Float64(); err == nil {
			p["LastModifiedDate"] = seconds - d.Seconds()
		}
	}
	p["Value"] = ciphertext + older(decrypted, d)
}

var (
	writtenTime   = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)
	writtenMillis = regexp.MustCompile(`^locked_\d{13}|"expirationDate":\d{13}`)
)

// older moves the times in a value that the keeper, or psoxy, wrote.
func older(value string, d time.Duration) string {
	value = writtenTime.ReplaceAllStringFunc(value, func(s string) string {
		at, err := time.Parse(time.RFC3339Nano, strings.Trim(s, `"`))
		if err != nil {
			return s
		}
		return `"` + at.Add(-d).Format(time.RFC3339Nano) + `"`
	})
	return writtenMillis.ReplaceAllStringFunc(value, func(s string) string {
		digits := s[len(s)-13:]
		ms, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return s
		}
		return strings.TrimSuffix(s, digits) + strconv.FormatInt(ms-d.Milliseconds(), 10)
	})
}
