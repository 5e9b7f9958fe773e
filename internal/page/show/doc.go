// Package show says how amounts, shares, changes and times look on a page, and lays out its
// chart of days.
//
// It owns rounding for the eye, which keeps the exact number beside the one shown. It knows
// nothing of pages and their addresses.
package show
