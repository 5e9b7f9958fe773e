package mockprovider

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"regexp"
	"time"
)

// reply is what every model says, toolArguments what it calls a tool with.
const (
	reply         = "It is sunny."
	toolArguments = `{"city":"Oslo"}`
)

var dated = map[string]string{
	"gpt-4o": "gpt-4o-2024-08-06", "gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-5-mini": "gpt-5-mini-2025-08-07", "o4-mini": "o4-mini-2025-04-16",
	"gpt-4o-audio-preview": "gpt-4o-audio-preview-2025-06-03", "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
}

func (q *request) answering(provider, api string) {
	q.call.Provider, q.call.API, q.call.Model = provider, api, q.call.RequestModel
	if model, ok := dated[q.call.RequestModel]; ok {
		q.call.Model = model
	}
}

var (
	reasoningModel = regexp.MustCompile(`^(openai/)?(o\d|gpt-5)`)
	thinks         = regexp.MustCompile(`^(grok-[34]|deepseek-reasoner|x-ai/)`) // of other vendors
)

// openAIBill draws what OpenAI counts: input includes the cache, output
// includes reasoning.
func (q *request) openAIBill() Bill {
	b := Bill{Input: q.draw(3001, 9999), Output: q.draw(901, 1999)}
	if q.short {
		b.Input = q.draw(31, 999)
	} else {
		b.CacheRead = 128 * q.draw(8, b.Input/128-1)
	}
	if reasoningModel.MatchString(q.call.RequestModel) {
		b.Reasoning = q.draw(101, b.Output-1)
	}
	return b
}

func chat(q *request) {
	v := q.vendor()
	q.answering(v.provider, "chat.completions")
	b := v.drawBill(q)
	if list, _ := q.body["modalities"].([]any); len(list) > 1 {
		b.CacheRead = 0
		b.InputAudio, b.OutputAudio = q.draw(11, b.Input/2), q.draw(11, b.Output/2)
	}
	q.call.Bill = b
	usage := v.usage(b)
	q.call.Usage = usage

	tool := q.wantsTool(func(m object) bool { return m["role"] == "tool" })
	text := reply
	if _, structured := q.body["response_format"].(object); structured {
		text = toolArguments
	}
	message, finish := object{"role": "assistant", "content": text, "refusal": nil}, "stop"
	if tool != "" {
		finish = "tool_calls"
		message["content"] = nil
		message["tool_calls"] = []any{object{"index": 0, "id": "call_1", "type": "function", "function": object{"name": tool, "arguments": toolArguments}}}
	}
	if b.OutputAudio > 0 {
		message["content"] = nil
		message["audio"] = object{"id": "audio_1", "data": "AAAA", "transcript": reply, "expires_at": time.Now().Unix() + 3600}
	}
	answer := object{
		"id": q.id("chatcmpl-"), "object": "chat.completion", "created": time.Now().Unix(), "model": q.call.Model,
		"service_tier": "default", "system_fingerprint": "fp_1",
	}
	if !q.call.Stream {
		answer["choices"] = []any{object{"index": 0, "message": message, "logprobs": nil, "finish_reason": finish}}
		answer["usage"] = usage
		q.json(answer)
		return
	}
	q.stream()
	options, _ := q.body["stream_options"].(object)
	withUsage := options["include_usage"] == true && !v.reports
	answer["object"] = "chat.completion.chunk"
	if withUsage {
		answer["usage"] = nil
	}
	chunk := func(delta object, finish any) {
		answer["choices"] = []any{object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}}
		q.event("", answer)
	}
	chunk(message, nil)
	if v.reports {
		answer["usage"] = usage
		answer["x_groq"] = object{"id": answer["id"], "usage": usage}
	}
	chunk(object{}, finish)
	if withUsage {
		answer["choices"], answer["usage"] = []any{}, usage
		q.event("", answer)
	}
	_, _ = q.w.Write([]byte("data: [DONE]\n\n"))
}

func responses(q *request) {
	q.answering("openai", "responses")
	b := q.openAIBill()
	q.call.Bill = b
	usage := object{
		"input_tokens": b.Input, "input_tokens_details": object{"cached_tokens": b.CacheRead},
		"output_tokens": b.Output, "output_tokens_details": object{"reasoning_tokens": b.Reasoning}, "total_tokens": b.Input + b.Output,
	}
	q.call.Usage = usage
	text := reply
	if format, _ := q.body["text"].(object); format["format"] != nil {
		if kind, _ := format["format"].(object); kind["type"] == "json_schema" {
			text = toolArguments
		}
	}
	part := object{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
	item := object{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": []any{part}}
	if tool := q.wantsTool(func(m object) bool { return m["type"] == "function_call_output" }); tool != "" {
		item = object{"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": tool, "arguments": toolArguments}
	}
	answer := object{
		"id": q.id("resp_"), "object": "response", "created_at": time.Now().Unix(), "status": "completed", "model": q.call.Model,
		"output": []any{item}, "usage": usage, "service_tier": "default", "error": nil, "incomplete_details": nil, "instructions": nil,
		"metadata": object{}, "parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": []any{}, "top_p": 1,
	}
	if !q.call.Stream {
		q.json(answer)
		return
	}
	q.stream()
	begun := object{}
	for key, value := range answer {
		begun[key] = value
	}
	begun["status"], begun["output"], begun["usage"] = "in_progress", []any{}, nil
	number := 0
	send := func(name string, members object) {
		members["type"], members["sequence_number"] = name, number
		number++
		q.event(name, members)
	}
	send("response.created", object{"response": begun})
	send("response.in_progress", object{"response": begun})
	if item["type"] == "message" {
		send("response.output_item.added", object{"output_index": 0, "item": object{"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []any{}}})
		at := func(members object) object {
			members["item_id"], members["output_index"], members["content_index"] = "msg_1", 0, 0
			return members
		}
		send("response.content_part.added", at(object{"part": object{"type": "output_text", "text": "", "annotations": []any{}, "logprobs": []any{}}}))
		send("response.output_text.delta", at(object{"delta": text, "logprobs": []any{}}))
		send("response.output_text.done", at(object{"text": text, "logprobs": []any{}}))
		send("response.content_part.done", at(object{"part": part}))
	} else {
		send("response.output_item.added", object{"output_index": 0, "item": object{"id": "fc_1", "type": "function_call", "status": "in_progress", "call_id": "call_1", "name": item["name"], "arguments": ""}})
		send("response.function_call_arguments.done", object{"item_id": "fc_1", "output_index": 0, "arguments": toolArguments})
	}
	send("response.output_item.done", object{"output_index": 0, "item": item})
	send("response.completed", object{"response": answer})
}

func embeddings(q *request) {
	q.answering(q.vendor().provider, "embeddings")
	q.call.Bill = Bill{Input: q.draw(5, 900)}
	q.call.Usage = object{"prompt_tokens": q.call.Bill.Input, "total_tokens": q.call.Bill.Input}
	count := 1
	if list, ok := q.body["input"].([]any); ok {
		count = len(list)
	}
	vector := []float32{0.25, -0.5, 0.125}
	var value any = vector
	if q.text("encoding_format") == "base64" {
		var raw []byte
		for _, f := range vector {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		value = base64.StdEncoding.EncodeToString(raw)
	}
	var data []any
	for i := range count {
		data = append(data, object{"object": "embedding", "index": i, "embedding": value})
	}
	q.json(object{"object": "list", "data": data, "model": q.call.Model, "usage": q.call.Usage})
}

func speech(q *request) {
	q.answering("openai", "audio.speech")
	q.call.Model = ""
	q.call.Bill = Bill{Characters: int64(len([]rune(q.text("input"))))}
	q.w.Header().Set("Content-Type", "audio/mpeg")
	_, _ = q.w.Write([]byte{0xff, 0xfb, 0x90, 0x00})
}

func transcription(q *request) {
	q.answering("openai", "audio.transcriptions")
	q.call.Model = ""
	answer := object{"text": reply}
	if q.call.RequestModel == "whisper-1" {
		q.call.Bill = Bill{Seconds: q.draw(2, 599)}
		q.call.Usage = object{"type": "duration", "seconds": q.call.Bill.Seconds}
		answer["task"], answer["language"], answer["duration"], answer["segments"] = "transcribe", "english", q.call.Bill.Seconds, []any{}
	} else {
		b := Bill{InputAudio: q.draw(101, 999), Output: q.draw(11, 99)}
		b.Input = b.InputAudio + q.draw(1, 20)
		q.call.Bill = b
		q.call.Usage = object{
			"type": "tokens", "input_tokens": b.Input, "output_tokens": b.Output, "total_tokens": b.Input + b.Output,
			"input_token_details": object{"text_tokens": b.Input - b.InputAudio, "audio_tokens": b.InputAudio},
		}
	}
	answer["usage"] = q.call.Usage
	q.json(answer)
}

func image(q *request) {
	q.answering("openai", "images.generations")
	q.call.Model = ""
	b := Bill{Input: q.draw(5, 50), Output: q.draw(1001, 4999), Images: 1}
	q.call.Bill = b
	q.call.Usage = object{
		"total_tokens": b.Input + b.Output, "input_tokens": b.Input, "output_tokens": b.Output,
		"input_tokens_details": object{"text_tokens": b.Input, "image_tokens": 0},
	}
	q.json(object{"created": time.Now().Unix(), "data": []any{object{"b64_json": "iVBORw0KGgo="}}, "usage": q.call.Usage, "size": "1024x1024", "quality": "high"})
}
