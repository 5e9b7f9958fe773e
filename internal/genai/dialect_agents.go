package genai

import "strings"

// Coding agents. Each reports its calls in spans, in logs or in both; which
// signal is read is decided by [Config.AgentLogs], and logs.go reads the logs.

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
	name:   "claude-code",
	scopes: []string{"com.anthropic.claude_code*"},
	words: vocabulary{
		operation:    []nameID{claudeSpanType},
		requestModel: names("gen_ai.request.model", "model"),
		input:        names("input_tokens"),
		output:       names("output_tokens"),
		cacheRead:    names("cache_read_tokens"),
		cacheWrite:   names("cache_creation_tokens"),
		cacheWrite5m: names("cache_creation_5m_tokens"),
		cacheWrite1h: names("cache_creation_1h_tokens"),
		session:      names("session.id", "gen_ai.conversation.id"),
	}.complete(),
	input:   inputExclusive,
	output:  outputInclusive,
	reports: MissingCache,
	operation: func(s *spanReader) operation {
		switch {
		case s.a.text(claudeSpanType) != "llm_request":
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
	c.ResponseID = s.a.text(claudeRequest)
	if session := s.a.text(nameSessionID); session != "" && c.ResponseID != "" {
		c.KeySpace, c.Key = session, c.ResponseID
	}
	if speed := s.a.text(claudeSpeed); speed != "" && speed != "normal" {
		c.ServiceTier = speed
	}
	s.told = providerAnthropic
	switch s.a.text(claudeProvider) {
	case "bedrock":
		s.told = providerBedrock
	case "vertex":
		s.told = providerVertex
	case "foundry":
		s.told = providerAzureAI
	}
	// "claude-sonnet-4-5[1m]" asks for the long context of the same model.
	c.RequestModel, _, _ = strings.Cut(c.RequestModel, "[")
}

// codex writes hundreds of spans per call, of which "handle_responses" has the
// usage, and neither model nor provider: those stand on an ancestor.
//
// Source: captures of Codex CLI 0.169.0.
var codex = dialect{
	name:   "codex",
	scopes: []string{"codex*"},
	words: vocabulary{
		reasoning: names("codex.usage.reasoning_output_tokens"),
		total:     names("codex.usage.total_tokens"),
		session:   names("conversation.id", "gen_ai.conversation.id"),
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache | MissingReasoning,
	operation: func(s *spanReader) operation {
		switch {
		case !s.a.present.meets(&usageNames):
			return opNotACall
		case s.span.Name() != "handle_responses":
			return opUnknown
		case s.r.config.AgentLogs:
			return opOtherSignal
		}
		return opChat
	},
}

// geminiCLI writes candidates without thoughts and drops the cache; only its
// log events have both.
//
// Source: captures of Gemini CLI 0.61.0.
var geminiCLI = dialect{
	name:   "gemini-cli",
	scopes: []string{"gemini-cli*"},
	words:  conventionWords.complete(),
	input:  inputInclusive,
	output: outputAsProvider,
	operation: func(s *spanReader) operation {
		op := s.conventionalOperation()
		if op.isCall() && s.r.config.AgentLogs {
			return opOtherSignal
		}
		return op
	},
}

// copilot is GitHub's: the newest conventions, with itself as provider of
// every model.
//
// Source: captures of Copilot CLI 1.0.102.
var copilot = dialect{
	name:    "copilot",
	scopes:  []string{"github.copilot*", "github-copilot*", "copilot*", "@github/copilot*"},
	systems: []string{"github"},
	words:   conventionWords.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	reports: MissingCache,
}
