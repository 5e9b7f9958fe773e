package genai

import "strings"

// What a provider charges for beside tokens: searches, sessions of code. Usage
// objects have counters for some; the others are counted in the answer, where a
// library attaches it.
//
// Sources: the API references of OpenAI (responses), Anthropic (messages),
// Google (generateContent), xAI (responses).

// readToolCounters reads the objects inside a usage object that count the tools
// which the provider ran itself.
func (f *facts) readToolCounters(key string, j *jsonText) bool {
	switch key {
	case "server_tool_use", "serverToolUse", "server_side_tool_usage", "server_side_tool_usage_details", "serverSideToolUsage":
	default:
		return false
	}
	counted := noFacts
	add := func(to fact) {
		one := noFacts
		one.n[to] = j.count()
		counted.addOne(&one, to)
	}
	j.members(func(key string) bool {
		switch key {
		case "web_search_requests", "webSearchRequests", "web_search_calls", "x_search_calls":
			add(factWebSearches)
		case "file_search_calls", "document_search_calls":
			add(factFileSearches)
		case "code_interpreter_calls":
			add(factCodeSessions)
		}
		return true
	})
	for i := factWebSearches; i <= factCodeSessions; i++ {
		if counted.n[i] != absent {
			f.n[i] = counted.n[i]
		}
	}
	return true
}

// maxItems bounds how many items of an answer are looked at.
const maxItems = 4096

// readItems counts what the items of an answer cost beside their tokens.
func (f *facts) readItems(key string, j *jsonText) {
	switch key {
	case "groundingMetadata", "grounding_metadata":
		f.readGrounding(j)
		return
	}
	if j.peek() != '[' {
		return // a text, or an object that wraps something else
	}
	var items answerItems
	j.elements(maxItems, func(int) { items.read(f, j) })
	items.addTo(f)
}

// answerItems are the items of one answer.
type answerItems struct {
	searches, files, sessions count
	container                 string // the last one in which code ran
	images                    bool   // another model drew them
	search                    string // the id of a search by Anthropic's servers, as messages of the conventions have it
}

// answerItem is one item of an answer.
type answerItem struct {
	kind, name, id, status, action, container string
	results                                   bool
}

func (a *answerItems) read(f *facts, j *jsonText) {
	var i answerItem
	i.read(f, j)
	if i.status != "failed" {
		a.count(i.kind, i.name, i.id, i.action, i.container, i.results)
	}
}

func (i *answerItem) read(f *facts, j *jsonText) {
	j.members(func(key string) bool {
		switch key {
		case "type":
			i.kind = j.text()
		case "name":
			i.name = j.text()
		case "id":
			i.id = j.text()
		case "status":
			i.status = j.text()
		case "container_id":
			i.container = j.text()
		case "action":
			j.members(func(key string) bool {
				if key == "type" && j.peek() == '"' {
					i.action = j.text()
				}
				return true
			})
		case "content", "response", "result":
			i.results = i.results || j.peek() == '['
		case "groundingMetadata", "grounding_metadata":
			f.readGrounding(j)
		}
		return true
	})
}

func (a *answerItems) count(kind, name, id, action, container string, results bool) {
	switch kind {
	case "web_search_call":
		if action == "" || action == "search" { // opening a page is free
			a.searches++
		}
	case "custom_tool_call": // xAI's
		if name == "web_search" || name == "x_search" || name == "x_keyword_search" || name == "x_semantic_search" {
			a.searches++
		}
	case "x_search_call":
		a.searches++
	case "web_search_tool_result":
		if results { // an error is an object, and free
			a.searches++
		}
	case "tool_call", "server_tool_call":
		if name == "web_search" && strings.HasPrefix(id, "srvtoolu_") {
			a.search = id
		}
	case "tool_call_response", "server_tool_call_response":
		if results && id != "" && id == a.search {
			a.searches++
		}
	case "file_search_call":
		a.files++
	case "code_interpreter_call":
		if container == "" || container != a.container {
			a.sessions++
		}
		a.container = container
	case "image_generation_call":
		a.images = true
	}
}

// addTo gives what no counter reported.
func (a *answerItems) addTo(f *facts) {
	for _, fee := range [...]struct {
		fact fact
		n    count
	}{{factWebSearches, a.searches}, {factFileSearches, a.files}, {factCodeSessions, a.sessions}} {
		if fee.n > 0 && f.n[fee.fact] == absent {
			f.n[fee.fact] = fee.n
		}
	}
	if a.images {
		f.callsMissing = true
	}
}

// readGrounding counts the searches that Google made for an answer.
func (f *facts) readGrounding(j *jsonText) {
	queries := count(0)
	j.members(func(key string) bool {
		switch key {
		case "webSearchQueries", "web_search_queries", "imageSearchQueries", "image_search_queries":
			j.elements(maxItems, func(int) { queries++ })
		}
		return true
	})
	if queries > 0 && f.n[factSearchQueries] == absent {
		f.n[factSearchQueries] = queries
	}
}
