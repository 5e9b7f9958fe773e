package mockprovider

import "strings"

// gemini is Google's generateContent and streamGenerateContent: the prompt
// includes the cache, the candidates leave the thoughts out.
func gemini(q *request) {
	model, method, _ := strings.Cut(q.r.PathValue("model"), ":")
	q.call.RequestModel, q.call.Stream = model, method == "streamGenerateContent"
	provider := "gcp.gemini"
	if q.r.PathValue("project") != "" {
		provider = "gcp.vertex_ai"
	}
	q.answering(provider, method)
	if strings.Contains(method, "mbedContent") { // one text or many
		geminiEmbed(q)
		return
	}
	b := Bill{Input: q.draw(3001, 9999), Reasoning: q.draw(101, 999)}
	b.CacheRead = q.draw(1024, b.Input-1000)
	candidates := q.draw(21, 999)
	b.Output = candidates + b.Reasoning
	q.call.Bill = b
	q.call.Usage = object{
		"promptTokenCount": b.Input, "cachedContentTokenCount": b.CacheRead, "candidatesTokenCount": candidates,
		"thoughtsTokenCount": b.Reasoning, "totalTokenCount": b.Input + b.Output,
		"promptTokensDetails": []any{object{"modality": "TEXT", "tokenCount": b.Input}},
		"cacheTokensDetails":  []any{object{"modality": "TEXT", "tokenCount": b.CacheRead}},
	}
	part := object{"text": reply}
	tool := q.wantsTool(func(m object) bool {
		parts, _ := m["parts"].([]any)
		for _, p := range parts {
			if part, _ := p.(object); part["functionResponse"] != nil {
				return true
			}
		}
		return false
	})
	if tool != "" {
		part = object{"functionCall": object{"name": tool, "args": object{"city": "Oslo"}}}
	}
	answer := object{
		"candidates":    []any{object{"index": 0, "content": object{"role": "model", "parts": []any{part}}, "finishReason": "STOP"}},
		"usageMetadata": q.call.Usage, "modelVersion": model, "responseId": q.id("gem"),
	}
	if q.call.Stream {
		q.stream()
		q.event("", answer)
		return
	}
	q.json(answer)
}

// geminiEmbed is embedContent and batchEmbedContents: nothing in the answer
// says what is billed.
func geminiEmbed(q *request) {
	vector := object{"values": []float32{0.25, -0.5, 0.125}}
	q.json(object{"embedding": vector, "embeddings": []any{vector}})
}
