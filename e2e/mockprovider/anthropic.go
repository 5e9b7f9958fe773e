package mockprovider

import "encoding/json"

// messages is Anthropic's Messages API: input_tokens leaves the cache out, and
// writes are told by their lifetime.
func messages(q *request) {
	q.answering("anthropic", "messages")
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
	answer := object{
		"id": q.id("msg_"), "type": "message", "role": "assistant", "model": q.call.Model,
		"content": []any{content}, "stop_reason": stop, "stop_sequence": nil, "usage": usage,
	}
	if !q.call.Stream {
		q.json(answer)
		return
	}
	q.stream()
	begun, first := object{}, object{}
	for key, value := range answer {
		begun[key] = value
	}
	for key, value := range usage {
		first[key] = value
	}
	first["output_tokens"] = 1
	begun["content"], begun["stop_reason"], begun["usage"] = []any{}, nil, first
	q.event("message_start", object{"type": "message_start", "message": begun})
	empty, delta := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": reply}
	if content["type"] == "tool_use" {
		empty = object{"type": "tool_use", "id": "toolu_1", "name": content["name"], "input": object{}}
		delta = object{"type": "input_json_delta", "partial_json": toolArguments}
	}
	q.event("content_block_start", object{"type": "content_block_start", "index": 0, "content_block": empty})
	q.event("content_block_delta", object{"type": "content_block_delta", "index": 0, "delta": delta})
	q.event("content_block_stop", object{"type": "content_block_stop", "index": 0})
	q.event("message_delta", object{
		"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil},
		"usage": object{
			"input_tokens": fresh, "cache_read_input_tokens": b.CacheRead,
			"cache_creation_input_tokens": b.CacheWrite5m + b.CacheWrite1h, "output_tokens": b.Output,
		},
	})
	q.event("message_stop", object{"type": "message_stop"})
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
