// Package many tests a stack that keeps many connections: a thousand over a
// simulated day, and some dozens as the built function keeps them on Parameter
// Store.
package many
