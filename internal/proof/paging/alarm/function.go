package alarm

import (
	"math"
	"slices"
)

// functions are what metric math functions do, and how many arguments they take.
var functions = map[string]struct {
	least, most int
	apply       func(arguments []value) value
}{
	"ABS":         {1, 1, each(math.Abs)},
	"CEIL":        {1, 1, each(math.Ceil)},
	"FLOOR":       {1, 1, each(math.Floor)},
	"MIN":         {1, 1, aggregate(slices.Min[[]float64])},
	"MAX":         {1, 1, aggregate(slices.Max[[]float64])},
	"SUM":         {1, 1, aggregate(sum)},
	"DIFF":        {1, 1, difference},
	"IF":          {2, 3, choose},
	"FILL":        {2, 2, nil}, // in eval: REPEAT is no value
	"TIME_SERIES": {1, 1, nil}, // in eval: it needs the length of the range
}

// call parses a function's arguments and checks that the function is known.
func (p *parser) call(name string) expression {
	f, ok := functions[name]
	if !ok {
		p.fail("the function %s is not known here", name)
	}
	arguments := p.items(")")
	if len(arguments) < f.least || len(arguments) > f.most {
		p.fail("%s takes %d to %d arguments, not %d", name, f.least, f.most, len(arguments))
	}
	return function{name, arguments}
}

func (f function) eval(series map[string][]float64) value {
	var arguments []value
	for _, a := range f.arguments {
		arguments = append(arguments, a.eval(series))
	}
	switch f.name {
	case "FILL":
		_, last := f.arguments[1].(repeat)
		return fill(arguments[0], arguments[1], last)
	case "TIME_SERIES":
		length := 0
		for _, line := range series {
			length = len(line)
		}
		return value{kind: single, series: [][]float64{slices.Repeat([]float64{arguments[0].scalar}, length)}}
	}
	return functions[f.name].apply(arguments)
}

// fill puts filler, or with REPEAT the last value before, where a data point is
// missing.
func fill(v, filler value, last bool) value {
	out := value{kind: v.kind}
	for i, line := range v.series {
		line = slices.Clone(line)
		for j, x := range line {
			switch {
			case !math.IsNaN(x):
			case !last:
				line[j] = filler.at(i, j)
			case j > 0:
				line[j] = line[j-1]
			}
		}
		out.series = append(out.series, line)
	}
	return out
}

// each applies a function of one number to every data point.
func each(f func(float64) float64) func([]value) value {
	return func(arguments []value) value {
		v := arguments[0]
		out := value{kind: v.kind, scalar: f(v.scalar)}
		for _, line := range v.series {
			line = slices.Clone(line)
			for j := range line {
				line[j] = f(line[j])
			}
			out.series = append(out.series, line)
		}
		return out
	}
}

// aggregate makes of one series a scalar, and of an array one series. Only what
// exists counts.
func aggregate(f func([]float64) float64) func([]value) value {
	return func(arguments []value) value {
		v := arguments[0]
		if v.kind != array {
			var all []float64
			for _, line := range v.series {
				all = append(all, line...)
			}
			return value{scalar: existing(all, f)}
		}
		line := make([]float64, v.length())
		for j := range line {
			column := make([]float64, len(v.series))
			for i := range v.series {
				column[i] = v.series[i][j]
			}
			line[j] = existing(column, f)
		}
		return value{kind: single, series: [][]float64{line}}
	}
}

// difference is each data point less the one before it; missing where either is.
func difference(arguments []value) value {
	v := arguments[0]
	out := value{kind: v.kind}
	for _, line := range v.series {
		changes := make([]float64, len(line))
		for j := range line {
			changes[j] = math.NaN()
			if j > 0 {
				changes[j] = line[j] - line[j-1]
			}
		}
		out.series = append(out.series, changes)
	}
	return out
}

func existing(values []float64, f func([]float64) float64) float64 {
	values = slices.DeleteFunc(values, math.IsNaN)
	if len(values) == 0 {
		return math.NaN()
	}
	return f(values)
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// choose is IF(condition, whenTrue, whenFalse). Without a condition the data point
// is missing. Without a value, a true condition gives 0 and a false one drops the
// point.
func choose(arguments []value) value {
	condition, yes := arguments[0], arguments[1]
	length := max(condition.length(), yes.length())
	if len(arguments) == 3 {
		length = max(length, arguments[2].length())
	}
	line := make([]float64, length)
	for j := range line {
		switch c := condition.at(0, j); {
		case math.IsNaN(c):
			line[j] = c
		case c != 0:
			line[j] = yes.at(0, j)
			if condition.kind != scalar {
				line[j] = orZero(line[j])
			}
		case len(arguments) == 3:
			line[j] = arguments[2].at(0, j)
		default:
			line[j] = math.NaN()
		}
	}
	return value{kind: single, series: [][]float64{line}}
}
