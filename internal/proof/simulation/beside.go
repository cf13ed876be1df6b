package simulation

import (
	"iter"
	"time"
)

// coroutines are the actors that run beside whatever runs now. They hand over at
// their operations, and where they wait.
type coroutines struct {
	time   *timeline
	others []*actor
}

// beside lets an actor run beside whatever runs now.
func (c *coroutines) beside(a *actor, turns uint64, run func()) {
	const most = 3
	if len(c.others) == most {
		return
	}
	a.turns = turns
	a.step, _ = iter.Pull(func(yield func(struct{}) bool) {
		a.turn = yield
		run()
		a.turn = nil
	})
	c.others = append(c.others, a)
}

// letOthers gives those who run beside their turns, or lets them finish. An
// actor that waits for a later time is passed over.
func (c *coroutines) letOthers(finish bool) {
	for i := 0; i < len(c.others); i++ {
		o := c.others[i]
		steps := int(o.turns & 3)
		o.turns = o.turns>>2 | o.turns<<62
		for running := true; running && (finish || o.turns == 0 || steps > 0); steps-- {
			if c.time.now.Before(o.wakes) {
				if !finish {
					break
				}
				c.time.advanceTo(o.wakes)
			}
			if _, running = o.step(); !running {
				c.others = append(c.others[:i], c.others[i+1:]...)
				i--
			}
		}
	}
}

// wait lets an actor do nothing for a time, in which others go on.
func (c *coroutines) wait(a *actor, d time.Duration) {
	until := c.time.now.Add(d)
	if a.turn != nil {
		for a.wakes = until; c.time.now.Before(until); {
			a.turn(struct{}{})
		}
		return
	}
	const most = 40 // steps of others in one wait
	for i := 0; i < most && len(c.others) > 0; i++ {
		c.letOthers(false)
		next := until
		for _, o := range c.others {
			if o.wakes.Before(next) {
				next = o.wakes
			}
		}
		if !c.time.now.Before(until) || !next.Before(until) {
			break
		}
		c.time.advanceTo(next)
	}
	c.time.advanceTo(until)
}
