package mockprovider

import "encoding/json"

// messages is Anthropic's Messages API: input_tokens leaves the cache out, and
// writes are reported by their lifetime.
func messages(q *request) {
	answer := q.message("anthropic", "messages")
	if !q.call.Stream {
		q.json(answer)
		return
	}
	q.stream()
	q.messageEvents(answer, func(name string, data object) { q.event(name, data) })
}

// message draws the bill of a call and makes the answer to it.
func (q *request) message(provider, api string) object {
	q.answering(provider, api)
	fresh := q.draw(21, 999)
	b := Bill{Output: q.draw(201, 1999)}
	if !q.short {
		b.CacheRead, b.CacheWrite5m, b.CacheWrite1h = q.draw(1024, 9999), q.draw(101, 999), q.draw(101, 999)
	}
	b.Input = fresh + b.CacheRead + b.CacheWrite5m + b.CacheWrite1h
	q.call.Bill = b
	usage := object{
		"input_tokens": fresh, "output_tokens": b.Output,
		"cache_read_input_tokens": b.CacheRead, "cache_creation_input_tokens": b.CacheWrite5m + b.CacheWrite1h,
		"cache_creation": object{"ephemeral_5m_input_tokens": b.CacheWrite5m, "ephemeral_1h_input_tokens": b.CacheWrite1h},
		"service_tier":   "standard",
	}
	q.call.Usage = usage
	content, stop := object{"type": "text", "text": reply}, "end_turn"
	if tool := q.wantsTool(hasToolResult); tool != "" {
		content, stop = object{"type": "tool_use", "id": "toolu_1", "name": tool, "input": json.RawMessage(toolArguments)}, "tool_use"
	}
	return object{
		"id": q.id("msg_"), "type": "message", "role": "assistant", "model": q.call.Model,
		"content": []any{content}, "stop_reason": stop, "stop_sequence": nil, "usage": usage,
	}
}

// messageEvents gives the answer as a stream: the usage comes twice, first with
// one output token, then with all of them.
func (q *request) messageEvents(answer object, send func(name string, data object)) {
	begun, first, last := object{}, object{}, object{}
	for key, value := range answer {
		begun[key] = value
	}
	usage := answer["usage"].(object)
	for key, value := range usage {
		first[key] = value
	}
	for _, key := range []string{"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"} {
		last[key] = usage[key]
	}
	first["output_tokens"] = 1
	begun["content"], begun["stop_reason"], begun["usage"] = []any{}, nil, first
	content := answer["content"].([]any)[0].(object)
	empty, delta := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": reply}
	if content["type"] == "tool_use" {
		empty = object{"type": "tool_use", "id": "toolu_1", "name": content["name"], "input": object{}}
		delta = object{"type": "input_json_delta", "partial_json": toolArguments}
	}
	for _, data := range []object{
		{"type": "message_start", "message": begun},
		{"type": "content_block_start", "index": 0, "content_block": empty},
		{"type": "content_block_delta", "index": 0, "delta": delta},
		{"type": "content_block_stop", "index": 0},
		{"type": "message_delta", "delta": object{"stop_reason": answer["stop_reason"], "stop_sequence": nil}, "usage": last},
		{"type": "message_stop"},
	} {
		send(data["type"].(string), data)
	}
}

func hasToolResult(message object) bool {
	parts, _ := message["content"].([]any)
	for _, p := range parts {
		if part, _ := p.(object); part["type"] == "tool_result" || part["toolResult"] != nil {
			return true
		}
	}
	return false
}
