package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Coding agents report their calls in spans, in logs or in both. [Config.AgentLogs] decides
// which signal is read; logs.go reads the logs.

// claudeCode writes bare names; its input leaves the cache out and its writes
// are not split by lifetime (its log events are). gen_ai.response.id holds the
// id of the request.
//
// Source: captures of Claude Code 2.1.330.
var (
	claudeSpanType = name("span.type")
	claudeSuccess  = name("success")
	claudeSpeed    = name("speed")
	claudeRequest  = name("request_id")
	claudeProvider = name("anthropic.provider")
	nameSessionID  = name("session.id")
)

var claudeCode = dialect{
	name:           "claude-code",
	callsComeApart: true,
	follows:        alsoOwn("Claude Code", experimental),
	scopes:         []string{"com.anthropic.claude_code*"},
	installation:   setOf(name("user.id")),
	words: vocabulary{
		operation:    []nameID{claudeSpanType},
		requestModel: names("gen_ai.request.model", "model"),
		session:      names("session.id", "gen_ai.conversation.id"),
		counts: factNames{
			factInput:        names("input_tokens"),
			factOutput:       names("output_tokens"),
			factCacheRead:    names("cache_read_tokens"),
			factCacheWrite:   names("cache_creation_tokens"),
			factCacheWrite5m: names("cache_creation_5m_tokens"),
			factCacheWrite1h: names("cache_creation_1h_tokens"),
		},
	}.complete(),
	input:   inputExclusive,
	output:  outputInclusive,
	knows:   knowledge{always: MissingContextLength, sometimes: MissingSpeed, never: asAttribute&^MissingSpeed | inAnswer | inRequest | nowhere},
	reports: MissingCache,
	operation: func(s *spanReader) operation {
		switch {
		case s.a.text(claudeSpanType) != "llm_request" && (s.a.has(claudeSpanType) || s.span.Name() != "claude_code.llm_request"):
			return opNotACall
		case s.r.config.AgentLogs:
			return opOtherSignal
		}
		return opChat
	},
	adjust: func(s *spanReader, f *facts) { adjustClaudeCode(s) },
}

// adjustClaudeCode reads what spans and log events have in common.
func adjustClaudeCode(s *spanReader) {
	c := s.call
	if s.a.has(claudeSuccess) && !s.a.isTrue(claudeSuccess) {
		s.callFailed = true
	}
	if speed := s.a.text(claudeSpeed); speed != "" {
		s.r.facts.modifiers[modSpeed] = speed
	}
	c.ResponseID = s.a.text(claudeRequest)
	if session := s.a.text(nameSessionID); session != "" && c.ResponseID != "" {
		c.KeySpace, c.Key = session, c.ResponseID
	}
	s.provider = catalog.Anthropic
	switch s.a.text(claudeProvider) {
	case "bedrock":
		s.provider = catalog.Bedrock
	case "vertex":
		s.provider = catalog.Vertex
	case "foundry":
		s.provider = catalog.AzureAI
	}
	// "claude-sonnet-4-5[1m]" requests the long context of the same model.
	c.RequestModel, _, _ = strings.Cut(c.RequestModel, "[")
}
