package mockprovider

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"strings"
)

// converse is Bedrock's Converse: inputTokens leaves the cache out, totalTokens
// includes it.
func converse(q *request) {
	answer := q.converse()
	q.json(answer)
}

// converseStream answers the same in Amazon's event stream.
func converseStream(q *request) {
	q.call.Stream = true
	answer := q.converse()
	message := answer["output"].(object)["message"].(object)
	content := message["content"].([]any)[0].(object)
	q.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	q.frame("messageStart", object{"role": "assistant"})
	if tool, is := content["toolUse"].(object); is {
		q.frame("contentBlockStart", object{"contentBlockIndex": 0, "start": object{"toolUse": object{"toolUseId": tool["toolUseId"], "name": tool["name"]}}})
		q.frame("contentBlockDelta", object{"contentBlockIndex": 0, "delta": object{"toolUse": object{"input": toolArguments}}})
	} else {
		q.frame("contentBlockDelta", object{"contentBlockIndex": 0, "delta": object{"text": reply}})
	}
	q.frame("contentBlockStop", object{"contentBlockIndex": 0})
	q.frame("messageStop", object{"stopReason": answer["stopReason"]})
	q.frame("metadata", object{"usage": answer["usage"], "metrics": object{"latencyMs": 5}})
}

func (q *request) converse() object {
	q.call.RequestModel = q.r.PathValue("model")
	q.answering("aws.bedrock", "converse")
	q.call.Model = ""
	fresh := q.draw(21, 999)
	b := Bill{CacheRead: q.draw(1024, 9999), CacheWrite5m: q.draw(101, 999), Output: q.draw(201, 1999)}
	b.Input = fresh + b.CacheRead + b.CacheWrite5m
	q.call.Bill = b
	q.call.Usage = object{
		"inputTokens": fresh, "outputTokens": b.Output, "totalTokens": b.Input + b.Output,
		"cacheReadInputTokens": b.CacheRead, "cacheWriteInputTokens": b.CacheWrite5m,
	}
	content, stop := object{"text": reply}, "end_turn"
	if config, is := q.body["toolConfig"].(object); is {
		tools, _ := config["tools"].([]any)
		spec := object{}
		for _, t := range tools {
			if tool, _ := t.(object); tool["toolSpec"] != nil {
				spec, _ = tool["toolSpec"].(object)
				break
			}
		}
		q.body["tools"] = []any{spec}
		if name := q.wantsTool(hasToolResult); name != "" {
			content, stop = object{"toolUse": object{"toolUseId": "tooluse_1", "name": name, "input": json.RawMessage(toolArguments)}}, "tool_use"
		}
	}
	return object{
		"output":     object{"message": object{"role": "assistant", "content": []any{content}}},
		"stopReason": stop, "usage": q.call.Usage, "metrics": object{"latencyMs": 5},
	}
}

// invokeModel is InvokeModel, which hands the vendor's own API through:
// Anthropic's, or Titan's embeddings.
func invokeModel(q *request) {
	q.call.RequestModel = q.r.PathValue("model")
	if strings.Contains(q.call.RequestModel, "embed") {
		q.answering("aws.bedrock", "invoke_model")
		q.call.Bill = Bill{Input: q.draw(5, 900)}
		q.call.Usage = object{"inputTextTokenCount": q.call.Bill.Input}
		q.tellTokens()
		q.json(object{"embedding": []float32{0.25, -0.5}, "inputTextTokenCount": q.call.Bill.Input})
		return
	}
	answer := q.message("aws.bedrock", "invoke_model")
	q.tellTokens()
	q.json(answer)
}

// invokeModelStream wraps Anthropic's events into Amazon's.
func invokeModelStream(q *request) {
	q.call.Stream = true
	q.call.RequestModel = q.r.PathValue("model")
	answer := q.message("aws.bedrock", "invoke_model")
	q.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	q.messageEvents(answer, func(_ string, data object) {
		if data["type"] == "message_stop" {
			b := q.call.Bill
			data["amazon-bedrock-invocationMetrics"] = object{
				"inputTokenCount": b.Input - b.CacheRead - b.CacheWrite5m - b.CacheWrite1h, "outputTokenCount": b.Output,
				"cacheReadInputTokenCount": b.CacheRead, "cacheWriteInputTokenCount": b.CacheWrite5m + b.CacheWrite1h,
			}
		}
		raw, _ := json.Marshal(data)
		q.frame("chunk", object{"bytes": base64.StdEncoding.EncodeToString(raw)})
	})
}

// tellTokens writes the headers that Bedrock adds to InvokeModel's answer.
func (q *request) tellTokens() {
	raw := func(n int64) string { text, _ := json.Marshal(n); return string(text) }
	b := q.call.Bill
	q.w.Header().Set("X-Amzn-Bedrock-Input-Token-Count", raw(b.Input-b.CacheRead-b.CacheWrite5m-b.CacheWrite1h))
	q.w.Header().Set("X-Amzn-Bedrock-Output-Token-Count", raw(b.Output))
}

// frame writes one message of Amazon's event stream: lengths, headers, payload,
// each guarded by a CRC.
func (q *request) frame(event string, payload object) {
	var headers []byte
	for _, h := range [][2]string{{":event-type", event}, {":content-type", "application/json"}, {":message-type", "event"}} {
		headers = append(headers, byte(len(h[0])))
		headers = append(headers, h[0]...)
		headers = append(headers, 7) // a string
		headers = binary.BigEndian.AppendUint16(headers, uint16(len(h[1])))
		headers = append(headers, h[1]...)
	}
	body, _ := json.Marshal(payload)
	var m []byte
	m = binary.BigEndian.AppendUint32(m, uint32(16+len(headers)+len(body)))
	m = binary.BigEndian.AppendUint32(m, uint32(len(headers)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, headers...), body...)
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	_, _ = q.w.Write(m)
}
