package mockprovider

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Call is one answer that a provider would charge for.
type Call struct {
	// Case is the case that the client had announced.
	Case string `json:"case"`
	// Provider is who bills, as OpenTelemetry's gen_ai.provider.name.
	Provider string `json:"provider"`
	// API is the path of the endpoint in words: "chat.completions".
	API string `json:"api"`
	// RequestModel is what was asked for, Model what answered.
	RequestModel string `json:"model_requested"`
	Model        string `json:"model_returned,omitempty"`
	ResponseID   string `json:"response_id,omitempty"`
	// APIKey is what the client showed, as OpenAI's clients do.
	APIKey   string `json:"-"`
	Stream   bool   `json:"stream"`
	Billable bool   `json:"billable"`
	// Arrived is when the request had been read.
	Arrived time.Time `json:"-"`
	Bill    Bill      `json:"-"`
	// Usage is the usage object as the provider writes it.
	Usage any `json:"usage"`
}

// Bill is what a call is charged by. Input and Output are inclusive.
type Bill struct {
	Input, CacheRead, CacheWrite5m, CacheWrite1h int64 // tokens
	Output, Reasoning                            int64 // tokens
	InputAudio, OutputAudio                      int64 // tokens
	Seconds, Characters, Images, SearchUnits     int64
}

// Case is what a client announces before it calls, with a POST to /_case.
type Case struct {
	Name string `json:"name"`
	// Expect is what must become of each call, one word for all of them or one
	// for each.
	Expect []string `json:"expect"`
	// User is who the calls are made for, "" for nobody.
	User string `json:"user"`
	// Tags and Session are what the rows of the calls must have, none for whatever they have.
	Tags    map[string]string `json:"tags"`
	Session string            `json:"session"`
	// Short asks for prompts that are too short for a cache.
	Short bool `json:"short"`
	// Fail is how many requests are refused with status 429 before the first
	// that is answered.
	Fail int `json:"fail"`
}

// Provider is one mock, for one client: use it as the client's base URL.
type Provider struct {
	mux *http.ServeMux

	mu     sync.Mutex
	random *rand.Rand
	cases  []Case
	calls  []Call
}

// New makes a provider that draws its numbers from a seed.
func New(seed uint64) *Provider {
	p := &Provider{mux: http.NewServeMux(), random: rand.New(rand.NewPCG(seed, 0))}
	p.mux.HandleFunc("POST /_case", p.announce)
	for path, answer := range map[string]func(*request){
		"/v1/chat/completions":          chat,
		"/{vendor}/v1/chat/completions": chat, // compatible.go
		"/v1/responses":                 responses,
		"/v1/embeddings":                embeddings,
		"/{vendor}/v1/embeddings":       embeddings,
		"/v1/audio/speech":              speech,
		"/v1/audio/transcriptions":      transcription,
		"/v1/images/generations":        image,
		"/v1/messages":                  messages,

		"/openai/deployments/{deployment}/chat/completions": chat,
		"/openai/deployments/{deployment}/embeddings":       embeddings,

		"/model/{model}/converse":                    converse,
		"/model/{model}/converse-stream":             converseStream,
		"/model/{model}/invoke":                      invokeModel,
		"/model/{model}/invoke-with-response-stream": invokeModelStream,

		"/v1beta/models/{model}": gemini, // "gemini-2.5-flash:generateContent"
		"/{version}/projects/{project}/locations/{location}/publishers/google/models/{model}": gemini,

		"/v2/chat":   cohereChat,
		"/v1/chat":   cohereChat1,
		"/v2/embed":  cohereEmbed,
		"/v1/embed":  cohereEmbed,
		"/v2/rerank": cohereRerank,
		"/v1/rerank": cohereRerank,
	} {
		p.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, answer) })
	}
	return p
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Log gives the cases that were announced and the calls that were answered.
func (p *Provider) Log() ([]Case, []Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Case(nil), p.cases...), append([]Call(nil), p.calls...)
}

func (p *Provider) announce(w http.ResponseWriter, r *http.Request) {
	var c Case
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cases = append(p.cases, c)
}

// request is one call on its way to an answer.
type request struct {
	w     http.ResponseWriter
	r     *http.Request
	p     *Provider
	body  map[string]any
	call  Call
	short bool
}

// latency passes between a request and its answer. Spans of JavaScript start on
// whole milliseconds, rounded down: two calls inside one could not be distinguished
// by their start.
const latency = 5 * time.Millisecond

func (p *Provider) serve(w http.ResponseWriter, r *http.Request, answer func(*request)) {
	q := &request{w: w, r: r, p: p, body: map[string]any{}}
	if err := q.read(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock() // one call after the other: the numbers depend on the seed alone
	q.call = Call{RequestModel: q.text("model"), Stream: q.body["stream"] == true, Billable: true, Arrived: time.Now(), APIKey: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	if len(p.cases) > 0 {
		current := &p.cases[len(p.cases)-1]
		q.call.Case, q.short = current.Name, current.Short
		if current.Fail > 0 {
			current.Fail--
			w.Header().Set("Retry-After-Ms", "1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"type":"error","error":{"type":"rate_limit_error","message":"slow down","code":"rate_limit_exceeded"}}`)
			return
		}
	}
	time.Sleep(latency)
	answer(q)
	p.calls = append(p.calls, q.call)
}

// read takes the body: JSON, or a form with an upload.
func (q *request) read() error {
	if q.r.ParseMultipartForm(8<<20) == nil {
		for key, values := range q.r.MultipartForm.Value {
			q.body[key] = values[0]
		}
		return nil
	}
	return json.NewDecoder(io.LimitReader(q.r.Body, 8<<20)).Decode(&q.body)
}

// text is a member of the request.
func (q *request) text(key string) string {
	s, _ := q.body[key].(string)
	return s
}

// draw gives a number from low to high. Not round, so that it stands out.
func (q *request) draw(low, high int64) int64 { return low + q.p.random.Int64N(high-low+1) }

func (q *request) id(prefix string) string {
	q.call.ResponseID = fmt.Sprintf("%s%016x%016x", prefix, q.p.random.Uint64(), q.p.random.Uint64())
	return q.call.ResponseID
}

func (q *request) json(answer any) {
	q.w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(q.w).Encode(answer)
}

// object is a JSON object.
type object = map[string]any

// event is one message of a stream; name is "" where the provider sends none.
func (q *request) event(name string, data any) {
	if name != "" {
		fmt.Fprintf(q.w, "event: %s\n", name)
	}
	raw, _ := json.Marshal(data)
	fmt.Fprintf(q.w, "data: %s\n\n", raw)
	q.w.(http.Flusher).Flush()
}

// line is one message of a stream of lines.
func (q *request) line(data any) {
	_ = json.NewEncoder(q.w).Encode(data)
	q.w.(http.Flusher).Flush()
}

func (q *request) stream() { q.w.Header().Set("Content-Type", "text/event-stream") }

// wantsTool gives the name of the tool that the model should call: the first
// one offered, unless the conversation holds a result already.
func (q *request) wantsTool(results func(message object) bool) string {
	tools, _ := q.body["tools"].([]any)
	if len(tools) == 0 {
		return ""
	}
	for _, key := range []string{"messages", "input", "contents"} {
		list, _ := q.body[key].([]any)
		for _, m := range list {
			if message, ok := m.(object); ok && results(message) {
				return ""
			}
		}
	}
	tool, _ := tools[0].(object)
	if function, ok := tool["function"].(object); ok {
		tool = function
	}
	if list, ok := tool["functionDeclarations"].([]any); ok && len(list) > 0 {
		tool, _ = list[0].(object)
	}
	name, _ := tool["name"].(string)
	return name
}
