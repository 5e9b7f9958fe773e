package genaiusageprocessor

import (
	"sync"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// readers gives the two signals of one processor the same reader, so that a call reported
// by a span and by a log event is counted once. Two pipelines of one signal have a reader
// each: a span that a fan-out sends into both is read once in each.
type readers struct {
	mu       sync.Mutex
	byConfig map[*Config]*sharedReader
}

type sharedReader struct {
	reader *genai.Reader
	used   map[pipeline.Signal]bool
}

func (r *readers) get(cfg *Config, signal pipeline.Signal) (*genai.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if shared := r.byConfig[cfg]; shared != nil && !shared.used[signal] {
		shared.used[signal] = true
		return shared.reader, nil
	}
	reader, err := genai.NewReader(genai.Config{
		TrackUsers:        cfg.TrackUsers,
		UserAttributes:    userAttributes(cfg),
		Tags:              tagList(cfg),
		InputAudioSeconds: usageattr.InputAudioSeconds,
		InputCharacters:   usageattr.InputCharacters,
		InputImages:       usageattr.InputImages,
		AgentLogs:         cfg.AgentLogs,
		Own:               usageattr.Prefix,
		Touch:             removeForged,
		NamedUser:         nameTraceUser,
	})
	if err != nil {
		return nil, err
	}
	if r.byConfig[cfg] == nil {
		r.byConfig[cfg] = &sharedReader{reader, map[pipeline.Signal]bool{signal: true}}
	}
	return reader, nil
}

// nameTraceUser writes on a span that is not a call who the user of its trace is.
func nameTraceUser(span ptrace.Span, user, service string) {
	u := usage.TraceUser{TraceID: span.TraceID(), Service: usage.CleanText(service, usage.MaxTextBytes), UserID: usage.UserID(user)}
	if _, isID := usage.ParseID(user); !isID {
		u.UserExternalID = usage.CleanText(user, usage.MaxTextBytes)
		if u.UserExternalID != user { // a cut text could name another user
			return
		}
	}
	span.Attributes().PutStr(usageattr.TraceUser, string(usageattr.AppendTraceUser(nil, &u)))
}

// release removes the reader of a processor that ends.
func (r *readers) release(cfg *Config) {
	r.mu.Lock()
	delete(r.byConfig, cfg)
	r.mu.Unlock()
}
