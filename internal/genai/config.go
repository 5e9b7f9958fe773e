package genai

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Config says what a [Reader] looks for in addition to the calls themselves. The zero value
// is usable and tracks no users.
type Config struct {
	// TrackUsers makes the reader look for the user of each call.
	TrackUsers bool
	// UserAttributes are the attributes that may name the user, in order of precedence.
	// They are looked up on the span, then on its ancestors, nearest first, then on the
	// resource. Empty means [DefaultUserAttributes]; of those, an attribute that names an
	// installation of a tool comes last. Names in front of them, and any other list, are
	// used as they are.
	UserAttributes []string
	// Tags defines [Call.Tags]: a value is taken from the span, otherwise from the nearest
	// ancestor that has it, otherwise from the resource.
	Tags []Tag

	// InputAudioSeconds, InputCharacters and InputImages are the names of the attributes in
	// which an app reports what its library leaves out: seconds of audio (of video, for a
	// video call), characters of text to speak, images made. Empty means that there is no
	// such attribute.
	InputAudioSeconds string
	InputCharacters   string
	InputImages       string

	// Own is the prefix of the caller's own attributes, of three bytes or more. Touch is called
	// for each span that has one of them, GenAI or not, before the span is read: a separate
	// pass over a large payload would load all of it once more.
	Own   string
	Touch func(ptrace.Span)

	// NamedUser, when set, is called for a span that is not a call and names the user of
	// its trace: the first of each trace and service, and that span again when it is sent
	// again. Calls of the trace may have been read before, here or in another collector. It
	// may write to the span.
	NamedUser func(span ptrace.Span, user, service string)

	// AgentLogs says that the log events of coding agents are read too, with
	// [Reader.ReadLogs]. Those report the agents' calls better than their spans do, so the
	// spans are skipped.
	AgentLogs bool

	// DuplicateWindow is how long the reader remembers calls, to recognise a second report
	// of one call in another payload. 0 means defaultDuplicateWindow; a negative value
	// turns this off.
	DuplicateWindow time.Duration
	// DuplicateCalls is the maximum number of calls remembered; 0 means
	// defaultDuplicateCalls.
	DuplicateCalls int
	// RootMemory is the number of traces for which the reader remembers the user that an
	// agent or root span named, for calls that arrive in other payloads. 0 means
	// defaultRootMemory; a negative value turns this off.
	RootMemory int

	// Now returns the time for the duplicate window; nil means [time.Now].
	Now func() time.Time
}

// Tag is one configured dimension: its name, and the attributes that may carry it, in order
// of precedence.
type Tag struct {
	Name       string
	Attributes []string
}

// The defaults of [Config].
const (
	defaultDuplicateWindow = 2 * time.Minute
	defaultDuplicateCalls  = 8192
	defaultRootMemory      = 4096
)

// DefaultUserAttributes returns the names under which libraries report the user, the
// general ones of OpenTelemetry first. Most libraries report none unless the app sets it;
// docs/compatibility.md says how.
func DefaultUserAttributes() []string {
	return []string{
		"user.account_id", "user.account_uuid", // Claude Code, Codex: the account
		"user.id", "enduser.id", // OpenTelemetry, OpenInference, Langfuse, Strands
		"langfuse.user.id",
		"traceloop.association.properties.user_id",
		"ai.telemetry.metadata.userId", // Vercel AI SDK, by convention
		"ai.telemetry.metadata.user_id",
		"metadata.userId",
		"langsmith.metadata.user_id",
		"mastra.metadata.userId",
		"gen_ai.user.id", "gen_ai.request.user", // OpenLIT
		"metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id", "llm.user", // LiteLLM, and its otel_v2
		"litellm.end_user.id", "litellm.metadata.user_api_key_end_user_id", "litellm.metadata.user_api_key_user_id",
		"gen_ai.user", // OpenLLMetry, Python
		"enduser.pseudo.id",
		"user.email",
	}
}

// generalUserAttributes are those of [DefaultUserAttributes] that spans without GenAI
// attributes may have.
var generalUserAttributes = []string{"user.id", "enduser.id", "enduser.pseudo.id", "user.email"}

func (c *Config) setDefaults() {
	if len(c.UserAttributes) == 0 {
		c.UserAttributes = DefaultUserAttributes()
	}
	if c.DuplicateWindow == 0 {
		c.DuplicateWindow = defaultDuplicateWindow
	}
	if c.DuplicateCalls == 0 {
		c.DuplicateCalls = defaultDuplicateCalls
	}
	if c.RootMemory == 0 {
		c.RootMemory = defaultRootMemory
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// declare adds the configured names to the table.
func (r *Reader) declare(c *Config) error {
	var errs []error
	one := func(key, text string) nameID {
		if text == "" {
			return 0
		}
		id, err := r.names.add(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		return id
	}
	list := func(key string, texts []string) []nameID {
		ids := make([]nameID, 0, len(texts))
		for i, text := range texts {
			if text == "" {
				errs = append(errs, fmt.Errorf("%s[%d]: an attribute name is empty", key, i))
				continue
			}
			ids = append(ids, one(fmt.Sprintf("%s[%d]", key, i), text))
		}
		return ids
	}
	if c.TrackUsers {
		r.userNames = list("user attributes", c.UserAttributes)
		users := setOf(r.userNames...)
		r.names.give(isUser, &users)
		for _, id := range r.userNames {
			name := r.names.names[id]
			if slices.Contains(generalUserAttributes, name) || !slices.Contains(DefaultUserAttributes(), name) {
				r.gate.enter(id)
			}
		}
		standard := DefaultUserAttributes()
		if r.userExtra = len(c.UserAttributes) - len(standard); r.userExtra >= 0 {
			r.userDefaults = slices.Equal(c.UserAttributes[r.userExtra:], standard)
		}
	}
	for _, t := range c.Tags {
		r.tags = append(r.tags, tagNames{t.Name, list("tag "+t.Name, t.Attributes)})
	}
	r.inputSeconds = one("input audio seconds", c.InputAudioSeconds)
	r.inputCharacters = one("input characters", c.InputCharacters)
	r.inputImages = one("input images", c.InputImages)
	return errors.Join(errs...)
}
