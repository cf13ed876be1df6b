package alarm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// parseQueries reads Metrics: metrics and expressions, of which exactly one
// returns data. An expression may refer to any metric, and to expressions anywhere
// in the list.
func (a *Alarm) parseQueries(queries []any) error {
	waiting := map[string]string{}
	var order []string
	for _, v := range queries {
		object, ok := v.(cloudformation.Object)
		if !ok {
			return fmt.Errorf("the list Metrics holds %v: expected an object", v)
		}
		r := read(object)
		id, text := r.text("Id"), r.text("Expression")
		r.take("Label")
		if returned, given := r.take("ReturnData"); !given || returned == true {
			if a.result != "" {
				return fmt.Errorf("%s and %s both return data: an alarm watches one", a.result, id)
			}
			a.result = id
		}
		if strings.HasPrefix(text, "SELECT ") {
			if err := a.setInsight(r, text); err != nil || len(queries) > 1 {
				return fmt.Errorf("%s: expected a known query, alone: %w", id, err)
			}
		} else if text != "" {
			waiting[id] = text
			order = append(order, id)
			r.take("Period")
		} else {
			stat, _ := r.take("MetricStat")
			if err := a.parseMetricStat(id, stat); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
		if err := r.end(); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if a.result == "" {
		return errors.New("no metric returns data")
	}
	return a.parseExpressions(waiting, order)
}

// setInsight reads a Metrics Insights query.
func (a *Alarm) setInsight(r *reader, text string) (err error) {
	a.setPeriod(r)
	a.insight, err = parseInsight(text)
	return err
}

// parseMetricStat reads a metric among the queries.
func (a *Alarm) parseMetricStat(id string, stat any) error {
	object, ok := stat.(cloudformation.Object)
	if !ok {
		return errors.New("expected an Expression or a MetricStat")
	}
	r := read(object)
	a.setPeriod(r)
	inner, _ := r.take("Metric")
	metric, _ := inner.(cloudformation.Object)
	m := read(metric)
	q := metricQuery{id: id, statistic: r.statistic("Stat"), metric: metricOf(m)}
	a.metrics = append(a.metrics, q)
	return errors.Join(m.end(), r.end())
}

// parseExpressions brings expressions into an order in which each finds what it
// refers to.
func (a *Alarm) parseExpressions(waiting map[string]string, order []string) error {
	known := func(id string) bool {
		return slices.ContainsFunc(a.metrics, func(q metricQuery) bool { return q.id == id }) ||
			slices.ContainsFunc(a.expressions, func(q expressionQuery) bool { return q.id == id })
	}
	for len(waiting) > 0 {
		var problem error
		before := len(waiting)
		for _, id := range order {
			text, ok := waiting[id]
			if !ok {
				continue
			}
			e, err := parseExpression(text, known)
			if err != nil {
				problem = fmt.Errorf("%s: %w", id, err)
				continue
			}
			if err := a.try(e); err != nil {
				return fmt.Errorf("%s: expression %q: %w", id, text, err)
			}
			a.expressions = append(a.expressions, expressionQuery{id, e})
			delete(waiting, id)
		}
		if len(waiting) == before {
			return problem
		}
	}
	return nil
}

// try evaluates an expression once: it must give one time series, as
// CloudWatch demands of an alarm's, and of everything that it is made of here.
func (a *Alarm) try(e expression) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("its functions and operators do not fit together")
		}
	}()
	series := map[string][]float64{}
	for _, q := range a.metrics {
		series[q.id] = make([]float64, 2)
	}
	for _, q := range a.expressions {
		series[q.id] = make([]float64, 2)
	}
	if v := e.eval(series); v.kind != single || v.length() != 2 {
		return errors.New("it must give a single time series")
	}
	return nil
}
