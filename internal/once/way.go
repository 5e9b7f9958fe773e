package once

import "time"

// way is one way to find two reports of one call neither of which lies inside the other.
// The indexes use it to find pairs; [Same] decides.
type way uint8

const (
	byID     way = iota // the same id
	byTokens            // equal tokens
	byInput             // nearly equal tokens
	byTime              // one has no usage and falls into the time of the other
	ways                // not a way: the number of ways
)

// hashes returns the hash under which others find the report, and those under which it
// looks for others; 0 for none.
func (w way) hashes(r *Report) (put uint64, look [2]uint64) {
	switch w {
	case byID:
		put = r.Key
		if put == 0 && r.Trace != [16]byte{} {
			put = spanHash(r.Trace, r.Span)
		}
	case byTokens:
		if r.comparable() {
			put = mix(uint64(r.Input)*0x9E3779B97F4A7C15+uint64(r.Output)) | 1
		}
	case byInput:
		if r.comparable() {
			put = mix(uint64(r.Input)) | 1
		}
	case byTime:
		if r.Model == 0 {
			break
		}
		second := r.Start / int64(time.Second)
		put = r.timeHash(second)
		look[1] = r.timeHash(second + 1) // of a client below it
		if r.silent() {
			look[1] = r.timeHash(second - 1) // of the framework around it
		}
	}
	look[0] = put
	return put, look
}

func (r *Report) timeHash(second int64) uint64 { return mix(r.Model^uint64(second)) | 1 }

// matches is [Same] restricted to one way.
func (w way) matches(a, b *Report) bool {
	switch w {
	case byID:
		if !a.sameID(b) {
			return false
		}
	case byTokens:
		if !a.sameTokens(b) {
			return false
		}
	case byTime:
		if a.silent() == b.silent() {
			return false
		}
	}
	return Same(a, b, false)
}
