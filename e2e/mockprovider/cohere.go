package mockprovider

// cohereChat is version 2 of Cohere's chat: billed_units are charged, tokens
// are what the model saw, its own instructions included.
func cohereChat(q *request) {
	q.answering("cohere", "chat")
	b := Bill{Input: q.draw(31, 9999), Output: q.draw(11, 1999)}
	q.call.Bill = b
	q.call.Usage = object{
		"billed_units": object{"input_tokens": b.Input, "output_tokens": b.Output},
		"tokens":       object{"input_tokens": b.Input + q.draw(100, 600), "output_tokens": b.Output + q.draw(1, 60)},
	}
	if !q.call.Stream {
		q.json(object{
			"id": q.id("co-"), "finish_reason": "COMPLETE", "usage": q.call.Usage,
			"message": object{"role": "assistant", "content": []any{object{"type": "text", "text": reply}}},
		})
		return
	}
	q.stream()
	q.event("", object{"type": "message-start", "id": q.id("co-"), "delta": object{"message": object{"role": "assistant", "content": []any{}}}})
	q.event("", object{"type": "content-start", "index": 0, "delta": object{"message": object{"content": object{"type": "text", "text": ""}}}})
	q.event("", object{"type": "content-delta", "index": 0, "delta": object{"message": object{"content": object{"text": reply}}}})
	q.event("", object{"type": "content-end", "index": 0})
	q.event("", object{"type": "message-end", "delta": object{"finish_reason": "COMPLETE", "usage": q.call.Usage}})
}

// cohereChat1 is version 1, with the same numbers in meta.
func cohereChat1(q *request) {
	q.answering("cohere", "chat")
	b := Bill{Input: q.draw(31, 9999), Output: q.draw(11, 1999)}
	q.call.Bill = b
	meta := object{
		"api_version":  object{"version": "1"},
		"billed_units": object{"input_tokens": b.Input, "output_tokens": b.Output},
		"tokens":       object{"input_tokens": b.Input + q.draw(100, 600), "output_tokens": b.Output + q.draw(1, 60)},
	}
	q.call.Usage = meta
	answer := object{
		"response_id": q.id("co-"), "generation_id": "gen_1", "text": reply, "finish_reason": "COMPLETE", "meta": meta,
		"chat_history": []any{object{"role": "USER", "message": "?"}, object{"role": "CHATBOT", "message": reply}},
	}
	if !q.call.Stream {
		q.json(answer)
		return
	}
	q.w.Header().Set("Content-Type", "application/stream+json")
	q.line(object{"event_type": "stream-start", "generation_id": "gen_1", "is_finished": false})
	q.line(object{"event_type": "text-generation", "text": reply, "is_finished": false})
	q.line(object{"event_type": "stream-end", "finish_reason": "COMPLETE", "is_finished": true, "response": answer})
}

func cohereEmbed(q *request) {
	q.answering("cohere", "embed")
	b := Bill{Input: q.draw(5, 900)}
	q.call.Bill = b
	texts, _ := q.body["texts"].([]any)
	vectors := []any{}
	for range max(1, len(texts)) {
		vectors = append(vectors, []float32{0.25, -0.5, 0.125})
	}
	meta := object{"api_version": object{"version": "2"}, "billed_units": object{"input_tokens": b.Input}}
	q.call.Usage = meta
	q.json(object{"id": q.id("co-"), "embeddings": object{"float": vectors}, "texts": texts, "meta": meta, "response_type": "embeddings_by_type"})
}

func cohereRerank(q *request) {
	q.answering("cohere", "rerank")
	q.call.Bill = Bill{SearchUnits: 1}
	meta := object{"api_version": object{"version": "2"}, "billed_units": object{"search_units": 1}}
	q.call.Usage = meta
	q.json(object{"id": q.id("co-"), "results": []any{object{"index": 0, "relevance_score": 0.9}}, "meta": meta})
}
