package genaiusageprocessor

import (
	"sync"

	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// readers gives the two signals of one processor the same reader, so that a call
// that a span and a log event report is one. Two pipelines of one signal have a
// reader each: a span that a fan-out sends into both is read once in each.
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
		InputAudioSeconds: usageattr.InputAudioSeconds,
		InputCharacters:   usageattr.InputCharacters,
		InputImages:       usageattr.InputImages,
		AgentLogs:         cfg.AgentLogs,
		Touch:             removeForged,
	})
	if err != nil {
		return nil, err
	}
	if r.byConfig[cfg] == nil {
		r.byConfig[cfg] = &sharedReader{reader, map[pipeline.Signal]bool{signal: true}}
	}
	return reader, nil
}

// release forgets the reader of a processor that ends.
func (r *readers) release(cfg *Config) {
	r.mu.Lock()
	delete(r.byConfig, cfg)
	r.mu.Unlock()
}
