// Package health says whether a connection is well, until when, and who must do
// what. It is the answer to a page at three in the morning: the command line and
// the deployed functions give the same one.
//
// # The three levels
//
// A verdict is Fine (nobody needs to act), Attention (a person should look, and
// consumers still work), or Broken (consumers fail now, or only a consent helps).
// They are the exit codes 0, 1 and 2 of tokenkeeper status.
//
// # How a verdict comes about
//
// [Look] reads a connection: the ledger is the truth, the other parameters are
// copies. [Survey.Verdict] is pure. It tries a visible list of rules in their
// order. The first that applies is the verdict, and the report lists the others
// beside it. What the next tick would do is never worked out here but asked of
// [family.Decide], so that status and ticks cannot disagree.
//
// Missing ticks are noticed without any heartbeat: the next tick would act, would
// have acted a while ago, and nothing was written since.
package health
