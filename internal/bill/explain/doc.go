// Package explain says why a bill and the stored calls differ: every cent of the
// difference has a cause, and the causes add up to it to the last digit.
//
// explain.go divides a bill into days and pools of one model and service tier,
// names.go finds which model the bill means, compare.go compares one pool and
// explains other prices for the same quantities, gap.go explains quantities that
// only one side has, answer.go is the document that people get.
//
// It owns the arithmetic and its words, and rounds nothing that it does not name. It
// owns no SQL and no clock: what it compares is a bill.Input.
package explain
