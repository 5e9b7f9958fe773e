package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// operation is what a span does, as far as it matters for billing.
type operation uint8

const (
	opUnknown       operation = iota // an unknown operation, or none reported
	opNotACall                       // agent, workflow, tool, retrieval, wrapper
	opChat                           // chat, text completion, generate_content, Responses
	opEmbedding                      //
	opImage                          // images made or edited
	opVideo                          //
	opTranscription                  // speech to text, also translated
	opTTS                            // text to speech
	opAudio                          // OpenLIT's word for both; the model decides
	opRealtime                       // spoken conversation
	opOCR                            // documents read, billed by the page
	opRerank                         //
	opModeration                     // a call that no provider bills for
	opOtherSignal                    // read from logs instead
)

// operationNamed classifies the values of gen_ai.operation.name: those of the conventions,
// of open proposals, and those that libraries invented (LiteLLM writes its own call types,
// with an "a" in front of the asynchronous ones).
func operationNamed(name string) operation {
	switch name {
	case "chat", "text_completion", "generate_content", "completion", "completions", "chat.completions", "chat_completion",
		"generate", "generate_text", "message", "messages", "anthropic_messages", "responses", "response", "llm_call",
		"acompletion", "atext_completion", "aresponses", "agenerate_content", "generate_content_stream", "agenerate_content_stream",
		"fim", "chat_completions", "llm", "converse", "converse_stream", "invoke_model",
		"stream_text", "generate_object", "stream_object", "generateText", "streamText", "generateObject", "streamObject", "chat_stream", "stream_chat",
		"call_llm", "invoke_llm", "llm_request", "llm_completion", "model_call", "model_request", "inference", "complete", "ask",
		"text_completions", "pass_through_endpoint", "llm_passthrough_route", "allm_passthrough_route":
		return opChat
	case "embeddings", "embedding", "embed", "aembedding", "embed_content",
		"embed_query", "embed_documents", "create_embedding", "create_embeddings", "embed_many":
		return opEmbedding
	case "image_generation", "image", "generate_image", "image_edit", "image_variation", "aimage_generation", "aimage_edit",
		"ai.generateImage", "images", "create_image":
		return opImage
	case "video_generation", "video", "generate_video", "avideo_generation", "ai.generateVideo", "create_video":
		return opVideo
	case "transcription", "transcribe", "speech_to_text", "translation", "audio.transcriptions", "audio.translations",
		"atranscription", "ai.transcribe", "speech_recognition", "stt", "asr", "speech2text", "audio_transcription", "audio_translation", "create_transcription", "listen":
		return opTranscription
	case "speech", "text_to_speech", "tts", "audio.speech", "aspeech", "ai.generateSpeech", "generate_speech",
		"text2speech", "speech_synthesis", "synthesize", "synthesize_speech", "audio_speech", "create_speech", "speak":
		return opTTS
	case "audio":
		return opAudio
	case "realtime", "arealtime", "_arealtime", "realtime_session", "speech_to_speech", "s2s", "live", "realtime_response":
		return opRealtime
	case "rerank", "arerank", "ai.rerank":
		return opRerank
	case "ocr", "aocr", "document_ocr", "process_document", "document_parsing", "parse_document":
		return opOCR
	case "moderation", "moderations", "amoderation", "litellm.moderation":
		return opModeration
	case "invoke_agent", "invoke_workflow", "create_agent", "execute_tool", "plan", "agent_step", "retrieval", "fetch_response",
		"search_memory", "create_memory", "update_memory", "upsert_memory", "delete_memory",
		"create_memory_store", "delete_memory_store", "workflow", "task", "agent", "tool", "schedule_tool_calls",
		"model_chunk", "model_step", "handoff", "guardrail", "invoke_subagent", "execute_event_loop_cycle",
		"execute_agent_loop_cycle", "orchestrate_tools", "litellm.vector_store_management",
		"litellm.vector_store_file_management", "litellm.responses_management", "execute_task", "vector_db_retrieve", "framework", "vectordb", "count_tokens", "create_thread", "run_agent":
		return opNotACall
	}
	if lower := strings.ToLower(name); lower != name {
		return operationNamed(lower)
	}
	return opUnknown
}

// isCall reports whether spans of the operation are billable calls.
func (op operation) isCall() bool { return op >= opChat && op <= opRerank }

// operationWith returns what is done with a model of a kind that is not billed by tokens,
// opChat for any other.
func operationWith(kind catalog.Kind) operation {
	switch kind {
	case catalog.KindTranscription:
		return opTranscription
	case catalog.KindTTS:
		return opTTS
	case catalog.KindImage:
		return opImage
	case catalog.KindVideo:
		return opVideo
	}
	return opChat
}

// apiType derives the API type from the operation, and from the model where the operation
// leaves it open.
func (op operation) apiType(kind catalog.Kind) usage.APIType {
	switch op {
	case opEmbedding:
		return usage.APITypeEmbedding
	case opImage:
		return usage.APITypeImage
	case opVideo:
		return usage.APITypeVideo
	case opTranscription:
		return usage.APITypeTranscription
	case opTTS:
		return usage.APITypeTTS
	case opRealtime:
		return usage.APITypeSpeech
	case opRerank:
		return usage.APITypeRerank
	}
	switch kind {
	case catalog.KindEmbedding:
		return usage.APITypeEmbedding
	case catalog.KindImage:
		return usage.APITypeImage
	case catalog.KindVideo:
		return usage.APITypeVideo
	case catalog.KindTranscription:
		return usage.APITypeTranscription
	case catalog.KindTTS:
		return usage.APITypeTTS
	case catalog.KindSpeech:
		return usage.APITypeSpeech
	case catalog.KindRerank:
		return usage.APITypeRerank
	}
	return usage.APITypeText
}
