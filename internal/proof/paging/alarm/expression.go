package alarm

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// expression is a parsed metric math expression, as using-metric-math.html
// describes it, as far as alarms here need it. What is not known is an error
// when it is parsed, so that no alarm is evaluated wrongly.
type expression interface {
	// eval gives the expression's value; series holds the others by their id,
	// all of one length.
	eval(series map[string][]float64) value
}

// value is a scalar, one time series or, for an array, several.
type value struct {
	scalar float64
	series [][]float64
	kind   kind
}

type kind int

const (
	scalar kind = iota
	single
	array
)

type (
	literal   float64
	reference string
	list      []expression
	operation struct {
		operator    string
		left, right expression
	}
	function struct {
		name      string
		arguments []expression
	}
	repeat struct{}
)

func (l literal) eval(map[string][]float64) value { return value{scalar: float64(l)} }

func (r reference) eval(series map[string][]float64) value {
	return value{kind: single, series: [][]float64{series[string(r)]}}
}

func (l list) eval(series map[string][]float64) value {
	v := value{kind: array}
	for _, item := range l {
		v.series = append(v.series, item.eval(series).series...)
	}
	return v
}

func (repeat) eval(map[string][]float64) value { return value{} }

func (o operation) eval(series map[string][]float64) value {
	return combine(o.left.eval(series), o.right.eval(series), binary[o.operator])
}

// binary are the operators. "Missing values in a time series are treated as 0",
// and a data point that would divide by zero is dropped.
var binary = map[string]func(a, b float64) float64{
	"+": func(a, b float64) float64 { return a + b },
	"-": func(a, b float64) float64 { return a - b },
	"*": func(a, b float64) float64 { return a * b },
	"/": func(a, b float64) float64 {
		if b == 0 {
			return math.NaN()
		}
		return a / b
	},
	"^":   math.Pow,
	"==":  func(a, b float64) float64 { return truth(a == b) },
	"!=":  func(a, b float64) float64 { return truth(a != b) },
	"<":   func(a, b float64) float64 { return truth(a < b) },
	"<=":  func(a, b float64) float64 { return truth(a <= b) },
	">":   func(a, b float64) float64 { return truth(a > b) },
	">=":  func(a, b float64) float64 { return truth(a >= b) },
	"AND": func(a, b float64) float64 { return truth(a != 0 && b != 0) },
	"OR":  func(a, b float64) float64 { return truth(a != 0 || b != 0) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// combine applies an operator point by point. A point that is missing in all
// series stays missing; in one of two series it counts as 0.
func combine(a, b value, f func(a, b float64) float64) value {
	if a.kind == scalar && b.kind == scalar {
		return value{scalar: f(a.scalar, b.scalar)}
	}
	out := value{kind: max(a.kind, b.kind)}
	for i := range max(len(a.series), len(b.series)) {
		var line []float64
		for j := range max(a.length(), b.length()) {
			x, y := a.at(i, j), b.at(i, j)
			if (a.kind == scalar || math.IsNaN(x)) && (b.kind == scalar || math.IsNaN(y)) {
				line = append(line, math.NaN())
				continue
			}
			line = append(line, f(orZero(x), orZero(y)))
		}
		out.series = append(out.series, line)
	}
	return out
}

func (v value) length() int {
	if len(v.series) == 0 {
		return 0
	}
	return len(v.series[0])
}

// at is data point j of series i; a scalar and a single series go with every
// series of an array.
func (v value) at(i, j int) float64 {
	switch {
	case v.kind == scalar:
		return v.scalar
	case v.kind == single:
		i = 0
	}
	return v.series[i][j]
}

func orZero(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// parser reads an expression by recursive descent.
type parser struct {
	text string
	rest string
	// known are the ids that may be referred to.
	known func(id string) bool
}

// parseExpression reads an expression that refers to the given ids only.
func parseExpression(text string, known func(id string) bool) (e expression, err error) {
	p := &parser{text: text, rest: text, known: known}
	defer func() {
		if problem, ok := recover().(parseError); ok {
			e, err = nil, fmt.Errorf("expression %q: %s", text, string(problem))
		}
	}()
	e = p.binary(0)
	if p.skip(); p.rest != "" {
		p.fail("unexpected %q", p.rest)
	}
	return e, nil
}

type parseError string

func (p *parser) fail(format string, args ...any) {
	panic(parseError(fmt.Sprintf(format, args...)))
}

func (p *parser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// take consumes the text if it comes next.
func (p *parser) take(text string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.rest, text)
	if ok {
		p.rest = rest
	}
	return ok
}

// levels of binary operators, weakest first; longer spellings before shorter.
var levels = [][][2]string{
	{{"OR", "OR"}, {"||", "OR"}},
	{{"AND", "AND"}, {"&&", "AND"}},
	{{"==", "=="}, {"!=", "!="}, {"<=", "<="}, {">=", ">="}, {"<", "<"}, {">", ">"}},
	{{"+", "+"}, {"-", "-"}},
	{{"*", "*"}, {"/", "/"}},
	{{"^", "^"}},
}

func (p *parser) binary(level int) expression {
	if level == len(levels) {
		return p.operand()
	}
	left := p.binary(level + 1)
next:
	for {
		for _, spelling := range levels[level] {
			if p.take(spelling[0]) {
				left = operation{spelling[1], left, p.binary(level + 1)}
				continue next
			}
		}
		return left
	}
}

func (p *parser) operand() expression {
	switch {
	case p.take("-"):
		return operation{"-", literal(0), p.operand()}
	case p.take("("):
		e := p.binary(0)
		p.expect(")")
		return e
	case p.take("["):
		return list(p.items("]"))
	}
	p.skip()
	if word := p.word(func(c rune) bool { return c >= '0' && c <= '9' || c == '.' }); word != "" {
		f, err := strconv.ParseFloat(word, 64)
		if err != nil {
			p.fail("%q is no number", word)
		}
		return literal(f)
	}
	return p.named()
}

// named reads a function's call, or a metric by its id.
func (p *parser) named() expression {
	word := p.word(func(c rune) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	})
	switch {
	case word == "":
		p.fail("expected a value before %q", p.rest)
	case p.take("("):
		return p.call(word)
	case word == "REPEAT":
		return repeat{}
	case !p.known(word):
		p.fail("there is no metric with the id %q", word)
	}
	return reference(word)
}

func (p *parser) word(in func(rune) bool) string {
	end := strings.IndexFunc(p.rest, func(c rune) bool { return !in(c) })
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *parser) expect(text string) {
	if !p.take(text) {
		p.fail("expected %q before %q", text, p.rest)
	}
}

// items are expressions up to the closing bracket.
func (p *parser) items(closing string) (items []expression) {
	for !p.take(closing) {
		if len(items) > 0 {
			p.expect(",")
		}
		items = append(items, p.binary(0))
	}
	return items
}
