package mockprovider

// converse is Bedrock's Converse: inputTokens leaves the cache out, totalTokens
// includes it.
func converse(q *request) {
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
	q.json(object{
		"output":     object{"message": object{"role": "assistant", "content": []any{object{"text": reply}}}},
		"stopReason": "end_turn", "usage": q.call.Usage, "metrics": object{"latencyMs": 5},
	})
}
