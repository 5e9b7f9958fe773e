// Package explain says why a bill and the stored calls differ. Every cent of the difference
// has a cause, and the causes add up to it exactly.
//
// explain.go splits a bill into days and into pools of one model and service tier, names.go
// finds which model the bill means, compare.go compares a pool and explains other prices
// for the same quantities, gap.go explains quantities that only one side has, and answer.go
// is the resulting document.
//
// It owns the arithmetic and the words for causes; rounding is itself a cause. It does not
// own SQL or a clock: its input is a bill.Input.
package explain
