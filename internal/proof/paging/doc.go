// Package paging proves by simulated days and years what the alarms of
// template.yaml do. The warnings come on their days, and nothing else does. Every
// cause is reported within a quarter of an hour of the moment from which it can be
// known. docs/alarms.md must agree.
package paging
