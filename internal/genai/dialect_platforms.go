package genai

import "strings"

// MLflow, LangWatch and Braintrust write names of their own: a type that says
// what the span is, and the usage as JSON. MLflow writes every value as JSON
// text, also a name. They take the numbers that the provider's client library
// has, and sum up nothing.
//
// Sources: mlflow/mlflow (mlflow/tracing/constant.py, tests of its translation);
// langwatch/langwatch (span types and metrics of its SDKs);
// braintrustdata/braintrust-sdk (otel).
var (
	mlflowType     = name("mlflow.spanType")
	mlflowUsage    = name("mlflow.chat.tokenUsage")
	mlflowModel    = name("mlflow.llm.model")
	mlflowProvider = name("mlflow.llm.provider")
	mlflowCost     = name("mlflow.llm.cost")

	langWatchType  = name("langwatch.span.type")
	langWatchModel = names("langwatch.model", "langwatch.llm.model")
	langWatchUsage = name("langwatch.metrics")

	braintrustType     = name("braintrust.span_attributes")
	braintrustMetadata = name("braintrust.metadata")
	braintrustUsage    = name("braintrust.metrics")
)

var mlflow = dialect{
	name:    "mlflow",
	follows: follows{"mlflow.*", inSourceOnly},
	marks:   setOf(mlflowType, mlflowUsage),
	scopes:  []string{"mlflow*"},
	words:   vocabulary{session: names("mlflow.trace.session", "session.id", "gen_ai.conversation.id")}.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
	knows:   knownFromAttributes,
	operation: func(s *spanReader) operation {
		return typedOperation(strings.ToLower(s.quoted(mlflowType)))
	},
	adjust: func(s *spanReader, f *facts) {
		if usage := s.a.text(mlflowUsage); usage != "" {
			// Its names are Anthropic's for every provider; the numbers are each provider's
			// own.
			own := noFacts
			j := newJSON(usage)
			own.readUsage(&j)
			f.take(&own)
			f.inputMeans, f.outputMeans = inputAsProvider, outputAsProvider
		}
		if model := s.quoted(mlflowModel); model != "" {
			s.call.RequestModel = model
		}
		if provider := s.quoted(mlflowProvider); provider != "" {
			s.provider = provider
		}
		s.costIn(mlflowCost, "total_cost", "total")
	},
}

var langWatch = dialect{
	name:    "langwatch",
	follows: follows{"langwatch.*", inSourceOnly},
	marks:   setOf(langWatchType),
	scopes:  []string{"langwatch*"},
	words:   vocabulary{session: names("langwatch.thread.id", "langwatch.thread_id", "session.id", "gen_ai.conversation.id")}.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
	knows:   knownFromAttributes,
	operation: func(s *spanReader) operation {
		return typedOperation(s.quoted(langWatchType))
	},
	adjust: func(s *spanReader, f *facts) {
		f.unlisted = true
		if s.call.RequestModel == "" {
			s.call.RequestModel = s.a.firstText(langWatchModel)
		}
		s.costIn(langWatchUsage, "cost")
	},
}

var braintrust = dialect{
	name:    "braintrust",
	follows: follows{"braintrust.*", inSourceOnly},
	marks:   setOf(braintrustType, braintrustUsage),
	scopes:  []string{"braintrust*"},
	words:   conventionWords.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
	knows:   knownFromAttributes,
	operation: func(s *spanReader) operation {
		return typedOperation(jsonMember(s.a.text(braintrustType), "type"))
	},
	adjust: func(s *spanReader, f *facts) {
		f.unlisted = true
		metadata := s.a.text(braintrustMetadata)
		if s.call.RequestModel == "" {
			s.call.RequestModel = jsonMember(metadata, "model")
		}
		if s.provider == "" {
			s.provider = jsonMember(metadata, "provider")
		}
		s.costIn(braintrustUsage, "estimated_cost")
	},
}

// typedOperation maps the type that a platform gives its spans to an operation.
func typedOperation(kind string) operation {
	switch kind {
	case "llm", "chat_model", "generation", "chat", "completion", "model":
		return opChat
	case "embedding", "embeddings":
		return opEmbedding
	case "reranker", "rerank":
		return opRerank
	case "":
		return opUnknown
	}
	return opNotACall
}

// quoted returns a text without the quotes of JSON, if it has them.
func (s *spanReader) quoted(id nameID) string { return strings.Trim(s.a.text(id), `"`) }

// costIn reads a cost in dollars from a JSON object.
func (s *spanReader) costIn(id nameID, members ...string) {
	if text := s.a.text(id); text != "" && !s.call.HasReportedCost {
		s.call.reportCostText(jsonMember(text, members...))
	}
}
