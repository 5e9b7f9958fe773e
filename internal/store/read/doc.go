// Package read answers questions about usage ([Reader]): sums of a period, single
// calls, users, models. Each answer is read in one moment and under a database
// role that sees no more than who asks may see.
//
// It owns these statements. How a period is cut into pieces of the sums is
// package sums; what the days of a period are and how an answer looks, package
// report; who may ask, package access. It changes nothing.
package read
