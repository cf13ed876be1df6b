package world

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
)

// Pass lets time pass, for Atlassian and for the store. The function's own
// clock stays: nothing that it decides may depend on it.
func (w *World) Pass(d time.Duration) {
	w.Clock.Advance(d)
	w.dates.mu.Lock()
	defer w.dates.mu.Unlock()
	w.dates.ahead += d
}

// dates lets the store have a clock of its own: it changes the dates in what
// Parameter Store answers.
type dates struct {
	mu sync.Mutex
	// ahead is how far the store's clock is ahead of the machine's.
	ahead time.Duration
	// written is what ahead was when a version of a parameter was written.
	written map[string]map[int64]time.Duration
}

// wrote notes that a version was written now.
func (d *dates) wrote(name string, version int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.written == nil {
		d.written = map[string]map[int64]time.Duration{}
	}
	if d.written[name] == nil {
		d.written[name] = map[int64]time.Duration{}
	}
	d.written[name][version] = d.ahead
}

// deleted notes that a parameter is gone; its versions begin again with 1.
func (d *dates) deleted(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.written, name)
}

// apply changes an answer, or learns from it.
func (d *dates) apply(c *proxy.Call) {
	d.shiftHeader(c)
	if c.Status != http.StatusOK {
		return
	}
	switch c.Operation {
	case "PutParameter":
		var out struct{ Version int64 }
		if json.Unmarshal(c.Answer, &out) == nil && out.Version > 0 {
			d.wrote(Parameter(c), out.Version)
		}
	case "DeleteParameter":
		d.deleted(Parameter(c))
	default:
		if slices.Contains([]string{"GetParameters", "GetParameter", "GetParameterHistory"}, c.Operation) {
			d.shiftAnswer(c)
		}
	}
}

// shiftHeader changes the answer's own date.
func (d *dates) shiftHeader(c *proxy.Call) {
	at, err := http.ParseTime(c.AnswerHeader.Get("Date"))
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c.AnswerHeader.Set("Date", at.Add(d.ahead).UTC().Format(http.TimeFormat))
}

// shiftAnswer changes the dates of parameters.
func (d *dates) shiftAnswer(c *proxy.Call) {
	var answer map[string]any
	dec := json.NewDecoder(strings.NewReader(string(c.Answer)))
	dec.UseNumber()
	if dec.Decode(&answer) != nil {
		return
	}
	list, _ := answer["Parameters"].([]any)
	for _, item := range append(list, answer["Parameter"]) {
		if p, ok := item.(map[string]any); ok {
			d.shiftParameter(p)
		}
	}
	if shifted, err := json.Marshal(answer); err == nil {
		c.Answer = shifted
	}
}

func (d *dates) shiftParameter(p map[string]any) {
	name, _ := p["Name"].(string)
	number, _ := p["Version"].(json.Number)
	version, _ := number.Int64()
	date, _ := p["LastModifiedDate"].(json.Number)
	seconds, err := date.Float64()
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ahead, known := d.written[name][version]
	if !known {
		ahead = d.ahead // its write is just being answered
	}
	p["LastModifiedDate"] = seconds + ahead.Seconds()
}
