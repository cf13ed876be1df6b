package main

// runMutants break what is around the protocol where there is no Lambda: the timer,
// what Prometheus sees, and the face for other programs.
var runMutants = []mutant{
	{
		name: "a tick on a timer has no deadline", breaks: "invariant 1",
		why:   "a store that hangs ends the ticks, and nobody knows how long a stop takes",
		edits: []edit{{"internal/fleet/loop.go", "context.WithTimeout(ctx, TickTime)", "context.WithCancel(ctx)"}},
	},
	{
		name: "a stop does not wait for the tick", breaks: "step 5",
		why:   "each update of the service may lose what was just received",
		edits: []edit{{"internal/fleet/loop.go", "\t\ttick(one)\n\t\tcancel()\n", "\t\tgo func() {\n\t\t\ttick(one)\n\t\t\tcancel()\n\t\t}()\n"}},
	},
	{
		name: "a tick that served some shows as a heartbeat", breaks: "step 7",
		why:   "connections that are never served are missed by nobody",
		edits: []edit{{"internal/metrics/exporter/exporter.go", "\tif !postponed {\n", "\tif len(outcomes) > 0 {\n"}},
	},
	{
		name: "a tick that reads nothing hides what ends", breaks: "step 7",
		why:   "the alert on an access token that expires ends with the store that is down",
		edits: []edit{{"internal/metrics/exporter/exporter.go", "if o.Action == keeper.AwaitingConsent || e.ends[o.Connection] == nil {", "{"}},
	},
	{
		name: "a consent without a refresh token is saved", breaks: "invariant 3",
		why:   "a family that cannot be kept replaces one that can",
		edits: []edit{{"pkg/keeper/keeper.go", "case g.Token.Refresh.IsZero():", "case g.Token.Access.IsZero():"}},
	},
	{
		name: "a program's call may last for ever", breaks: "invariant 1",
		why:   "a database that hangs keeps a tick from ending, and with it all later ones",
		edits: []edit{{"pkg/keeper/keeper.go", "return context.WithTimeout(ctx, callTime)", "return context.WithCancel(ctx)"}},
	},
}
