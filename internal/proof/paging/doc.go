// Package paging proves by simulated days and years what the alarms of
// template.yaml do: the warnings come on their days and nothing else does, every
// cause is told of within a quarter of an hour of the moment from which it can
// be known, and docs/alarms.md says so truly.
package paging
