package genai

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// loginNames are the attributes in which coding agents say how they are logged
// in, and loginPayers who pays then. A login that is not in the list says
// nothing: "oauth" alone can be a subscription or an account that is billed.
//
// Sources: openai/codex (auth_mode: ApiKey, Chatgpt), google-gemini/gemini-cli
// and QwenLM/qwen-code (auth_type: AuthType in contentGenerator.ts),
// anthropics/claude-code (customer_type of its usage report, subscription.type).
var (
	loginNames  = names("auth_mode", "auth_type", "customer_type", "subscription.type")
	loginPayers = map[string]usage.Payer{
		"ApiKey": usage.PayerAPI, "apikey": usage.PayerAPI, "api_key": usage.PayerAPI, "gemini-api-key": usage.PayerAPI, "vertex-ai": usage.PayerAPI, "api": usage.PayerAPI,
		"Chatgpt": usage.PayerPlan, "ChatGPT": usage.PayerPlan, "chatgpt": usage.PayerPlan, "oauth-personal": usage.PayerPlan, "qwen-oauth": usage.PayerPlan,
		"subscription": usage.PayerPlan, "pro": usage.PayerPlan, "max": usage.PayerPlan, "team": usage.PayerPlan,
	}
)

// payerOf returns who pays, as far as the attributes tell.
func payerOf(a *attributes) usage.Payer {
	if !a.some(isLogin) {
		return ""
	}
	for _, id := range loginNames {
		if login := a.text(id); login != "" {
			if payer, known := loginPayers[login]; known {
				return payer
			}
		}
	}
	return ""
}
