package usageapiextension

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
)

// Kinds of callers in the access log.
const (
	kindUnknown       = "unknown" // refused before the caller was identified
	kindUser          = "user"
	kindAdministrator = "administrator"
)

// other replaces a path, method or status that this API does not have, so that the set of
// values is closed.
const other = "other"

// Statuses that are not HTTP statuses.
const (
	statusCanceled = "canceled"  // the caller was gone before an answer
	statusBrokeOff = "broke_off" // an export failed after status 200
)

// statuses are the HTTP statuses that are counted individually.
var statuses = []int{200, 204, 304, 400, 401, 403, 404, 405, 429, 500, 503}

// callerKind is the context key with which the handler reports the kind of caller to the
// access log.
type callerKind struct{}

func noteCaller(ctx context.Context, caller access.Caller) {
	kind, ok := ctx.Value(callerKind{}).(*string)
	switch {
	case !ok:
	case caller.Admin:
		*kind = kindAdministrator
	default:
		*kind = kindUser
	}
}

// observe measures every request and logs it at debug level, including those that the
// collector's handlers refuse. Metrics and log contain nothing that a caller chose: no
// parameter value, no name, no unknown path.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, tooMany := kindUnknown, false
		ctx := context.WithValue(r.Context(), callerKind{}, &kind)
		r = r.WithContext(context.WithValue(ctx, tooManyFailures{}, &tooMany))
		start := time.Now()
		var answer httpsnoop.Metrics
		whole := false
		defer func() {
			took := time.Since(start)
			route, status := routeOf(r), statusOf(answer.Code, whole)
			a.telemetry.UsageAPIRequestDuration.Record(context.WithoutCancel(r.Context()), took.Seconds(),
				metric.WithAttributes(attribute.String("route", route), attribute.String("status", status)))
			if e := a.log.Check(zap.DebugLevel, "Answered a request"); e != nil {
				e.Write(zap.String("method", methodOf(r)), zap.String("route", route), zap.String("status", status),
					zap.Duration("took", took), zap.String("caller", kind), zap.String("request_id", w.Header().Get(requestIDHeader)))
			}
		}()
		answer.CaptureMetrics(w, func(w http.ResponseWriter) {
			if r.ContentLength != 0 {
				a.refuseBody(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
		whole = true
	})
}

func routeOf(r *http.Request) string {
	for _, known := range [][]route{routes, pageRoutes} {
		if slices.ContainsFunc(known, func(route route) bool { return route.path == r.URL.Path }) {
			return r.URL.Path
		}
	}
	return other
}

func methodOf(r *http.Request) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method) {
		return r.Method
	}
	return other
}

// statusOf names the outcome of a request. code is 0 when nothing was sent.
func statusOf(code int, whole bool) string {
	switch {
	case !whole:
		return statusBrokeOff
	case code == 0:
		return statusCanceled
	case slices.Contains(statuses, code):
		return strconv.Itoa(code)
	}
	return other
}
