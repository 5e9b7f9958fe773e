package genai

import "strings"

// What a provider charges for beside tokens: searches, sessions of code. Usage
// objects have counters for some; the others are counted in the answer, where a
// library attaches it.
//
// Sources: the API references of OpenAI (responses), Anthropic (messages),
// Google (generateContent), xAI (responses).

// readToolCounters reads the objects inside a usage object that count the tools which the
// provider ran itself.
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
		case "code_execution_requests", "codeExecutionRequests":
			f.containers = j.count() > 0 || f.containers
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

// readToolUsage reads what the tools of an answer used: "image_gen" has the tokens of a model
// that the answer does not name.
func (f *facts) readToolUsage(j *jsonText) {
	j.members(func(string) bool {
		j.members(func(string) bool {
			if c := j.peek(); c >= '0' && c <= '9' {
				f.callsMissing = j.count() > 0 || f.callsMissing
			}
			return true
		})
		return true
	})
}

// maxItems bounds how many items of an answer are read.
const maxItems = 4096

// readItems counts the fees of the items of an answer.
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

// answerItems counts the items of one answer.
type answerItems struct {
	searches, files, sessions count
	container                 string // the last one in which code ran
	images                    bool   // another model drew them
	search                    string // the id of a search by Anthropic's servers, in messages of the conventions
}

// answerItem is one item of an answer.
type answerItem struct {
	kind, name, id, status, action, container string
	results                                   bool
	hosted                                    bool // the library says that the provider ran it
}

func (a *answerItems) read(f *facts, j *jsonText) {
	var i answerItem
	i.read(f, j)
	if i.status != "failed" {
		a.count(f, &i)
	}
}

func (i *answerItem) read(f *facts, j *jsonText) {
	j.members(func(key string) bool {
		switch key {
		case "type":
			i.kind = j.text()
		case "name", "toolName":
			i.name = j.text()
		case "builtin", "providerExecuted":
			i.hosted = i.hosted || j.peek() == 't'
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

func (a *answerItems) count(f *facts, i *answerItem) {
	switch i.kind {
	case "web_search_call":
		if i.action == "" || i.action == "search" { // opening a page is free
			a.searches++
		}
	case "custom_tool_call": // xAI's
		if i.name == "web_search" || i.name == "x_search" || i.name == "x_keyword_search" || i.name == "x_semantic_search" {
			a.searches++
		}
	case "x_search_call":
		a.searches++
	case "web_search_tool_result":
		if i.results { // an error is an object, and free
			a.searches++
		}
	case "tool_call", "server_tool_call", "tool-call", "":
		a.countHosted(f, i)
	case "tool_call_response", "server_tool_call_response":
		if i.results && i.id != "" && i.id == a.search {
			a.searches++
		}
	case "code_execution_tool_result", "bash_code_execution_tool_result", "text_editor_code_execution_tool_result":
		f.containers = true
	case "file_search_call":
		a.files++
	case "code_interpreter_call":
		if i.container == "" || i.container != a.container {
			a.sessions++
		}
		a.container = i.container
	case "image_generation_call":
		a.images = true
	}
}

// countHosted counts the tool calls, as the conventions and libraries write them, of tools
// that the provider ran itself.
func (a *answerItems) countHosted(f *facts, i *answerItem) {
	switch {
	case strings.HasPrefix(i.id, "srvtoolu_"): // Anthropic's, whose searches cost money when they find something
		switch i.name {
		case "web_search":
			a.search = i.id
		case "code_execution", "bash_code_execution":
			f.containers = true
		}
	case !i.hosted && i.kind != "server_tool_call":
	case i.name == "web_search" || i.name == "web_search_preview" || i.name == "x_search":
		a.searches++
	case i.name == "file_search":
		a.files++
	case i.name == "code_interpreter" || i.name == "code_execution":
		a.sessions = 1 // of one container, as far as the answer shows
	}
}

// addTo adds what no counter reported.
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
		case "googleMapsWidgetContextToken", "google_maps_widget_context_token":
			f.unknown = f.unknown || j.text() != "" // Maps, which is billed by the prompt and has no price in any book
		case "groundingChunks", "grounding_chunks":
			j.elements(maxItems, func(int) {
				j.members(func(key string) bool {
					f.unknown = f.unknown || key == "maps"
					return true
				})
			})
		}
		return true
	})
	if queries > 0 && f.n[factSearchQueries] == absent {
		f.n[factSearchQueries] = queries
	}
}
