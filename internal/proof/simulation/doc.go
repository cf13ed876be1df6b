// Package simulation proves that no token family is lost that could have been
// kept. It runs the real refresher, keeper, ledger and decision against the
// emulator, and against a store with Parameter Store's semantics. Time is virtual,
// and things go wrong.
//
// # A run
//
// A [Plan] is a situation, the unknown rules of Atlassian, a schedule of ticks, and
// a [Schedule] of faults. Equal plans have equal results. Fault points are not
// listed: every operation of every process (a read or write of the store, a token
// request, a publication of metrics, a sleep, a look at the clock) is counted as it
// happens, and a [Fault] strikes the operation with its number. So new code is
// covered without a change here.
//
// Processes that run beside each other are coroutines. They hand over at their
// operations, and the fault that started one says which goes on. A panic in the
// middle of an operation kills a process; no code of the keeper recovers from it.
// An invocation that fails is repeated as Lambda repeats it. Each process has its
// own clock, which can be wrong by up to an hour. The store's clock, which shows
// whole seconds, and Atlassian's are right.
//
// Beside the keepers there are psoxy with its habits, and people and programs that
// write to every parameter: consents, older tokens, damaged ones, placeholders,
// what Terraform read at its plan, whole backups. They delete parameters, and put a
// label on the oldest version.
//
// # The oracle
//
// The oracle shares no code with the keeper. It knows from the emulator what
// became of every token, and from its own log who wrote what. It reads the ledger's
// entries by a parser of its own. It counts:
//
//   - avoidable losses: a family died, or nobody goes on with it, or a consent's
//     tokens were dropped, and no excuse applies;
//   - killed by us: a keeper presented a token that killed a family whose newer
//     token was stored, or held by a process that goes on;
//   - older over newer: a valid entry of the ledger holds an older token than the
//     one before it;
//   - siblings presented: a keeper presented a token although a younger one of the
//     same generation was stored, or held by a process that goes on;
//   - unlocked spends: a keeper presented a token without a valid intent of its own,
//     younger than two minutes, that names it;
//   - secrets leaked: a token or client secret in a log line, an error, a metric, a
//     report or a parameter that is not encrypted;
//   - copies left: REFRESH_TOKEN stayed other than the ledger, or ACCESS_TOKEN
//     useless, although quiet ticks could have published it;
//   - made younger: a family's time of consent is later than the truth.
//
// excuses.go lists every excuse for a loss, and what documents that no keeper could
// prevent its cause. A spend whose answer was lost excuses the loss only if every tick
// within the leeway was in trouble. An outage counts as trouble only if it left no
// 22 seconds of calm (27 beside psoxy) in the tick's first minute. A summary says how
// many losses each excuse covered.
//
// # Reading order
//
// What a run is: plan.go, kind.go, schedule.go. The world and its parts: world.go,
// timeline.go, slots.go, storage.go, google.go, post.go, trouble.go. Who acts:
// actor.go, beside.go, authorize.go, psoxy.go, people.go, damage.go. How it goes on:
// run.go, prepare.go, platform.go, operation.go, happen.go, idle.go. How it is judged:
// counters.go, rank.go, chain.go, holdings.go, spends.go, rivals.go, oracle.go,
// ledger.go, killing.go, overdue.go, verdict.go, excuses.go, canary.go. Many runs:
// random.go, exhaustive.go, minimise.go, summary.go.
package simulation
