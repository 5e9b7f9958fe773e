package catalog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

func TestEveryNameLeadsToExactlyOneProvider(t *testing.T) {
	t.Parallel()
	named, at := map[string]string{}, map[string]string{}
	for _, p := range catalog.Providers {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			require.Empty(t, named[name], "%s names two providers, one of them %s", name, p.Name)
			named[name] = p.Name
			require.Equal(t, strings.ToLower(name), name, "names are compared in lower case")
			full := strings.ReplaceAll(name, "*", "text")
			assert.Equal(t, p.Name, catalog.Canonical(full))
			assert.Equal(t, p.Name, catalog.Canonical(strings.ToUpper(full)))
			assert.False(t, catalog.IsFramework(full), "%s means a provider and a framework", full)
		}
		for _, address := range p.Addresses {
			require.Empty(t, at[address], "%s is the address of two providers, one of them %s", address, p.Name)
			at[address] = p.Name
			assert.Equal(t, p.Name, catalog.At(strings.Replace(address, "*", "eu-west-1", 1)), address)
		}
	}
}

func TestAProviderHasManyNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"openai": catalog.OpenAI, "OpenAI": catalog.OpenAI, "openai.responses": catalog.OpenAI, "openai.textEmbedding": catalog.OpenAI,
		"azure": catalog.AzureOpenAI, "azure.chat": catalog.AzureOpenAI, "AWS": catalog.Bedrock, "BedrockRuntime": catalog.Bedrock,
		"google.vertex.anthropic.messages": catalog.Vertex, "vertex_ai-zai_models": catalog.Vertex, "Google": catalog.GoogleAny,
		"firstParty": catalog.Anthropic, "x-ai": catalog.XAI, "voyage": "voyage_ai", "voyageai": "voyage_ai", "zai": "z_ai", "zhipu": "zhipuai",
		"vertex_ai-": catalog.Vertex,
		"":           "", "litellm": "", "my-cluster": "", "my-cluster.chat": "", ".chat": "", "openai.thing": "", "my-openai": "", "openai-gateway": "", "api": "", "chat": "",
		"openai.": catalog.OpenAI, "ChatOpenAI": catalog.OpenAI, "AzureChatOpenAI": catalog.AzureOpenAI, "Azure OpenAI": catalog.AzureOpenAI, "ChatBedrockConverse": catalog.Bedrock,
		"OpenAI API": catalog.OpenAI, "Together AI": catalog.Together, "Google Generative AI": catalog.Gemini, "Claude": catalog.Anthropic,
		"azure-openai-responses": catalog.AzureOpenAI, "OpenAIChatModel": catalog.OpenAI, "AnthropicVertex": catalog.Vertex, "Google Gemini": catalog.Gemini, "GroqCloud": "groq",
		"api.cerebras.ai": "cerebras", "https://api.anthropic.com/v1": catalog.Anthropic, "api.groq.com:443/openai/v1": "groq", "example.com": "",
	} {
		assert.Equal(t, want, catalog.Canonical(name), name)
	}
	assert.Equal(t, "my-cluster", catalog.WithoutAPI("my-cluster.chat"))
	assert.Equal(t, "my.cluster", catalog.WithoutAPI("my.cluster"))
}

func TestFrameworksNameNoProvider(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "LlamaIndex", "vercel", "vercel.chat", "github", "_OTHER", "mock"} {
		assert.True(t, catalog.IsFramework(name), name)
	}
	for _, name := range []string{"openai", "my-cluster", "github_models"} {
		assert.False(t, catalog.IsFramework(name), name)
	}
	assert.True(t, catalog.IsNobody("_OTHER"))
	assert.False(t, catalog.IsNobody("langchain"), "a framework is somebody")
}

func TestAnAddressNamesTheProvider(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"api.openai.com": catalog.OpenAI, "eu.api.openai.com": catalog.OpenAI, "notapi.openai.com": "",
		"shop.openai.azure.com": catalog.AzureOpenAI, "shop.services.ai.azure.com": catalog.AzureAI, "models.inference.ai.azure.com": catalog.GitHubModels,
		"bedrock-runtime.us-east-1.amazonaws.com": catalog.Bedrock, "bedrock.cn-north-1.amazonaws.com.cn": catalog.Bedrock, "s3.amazonaws.com": "",
		"aiplatform.googleapis.com": catalog.Vertex, "europe-west4-aiplatform.googleapis.com": catalog.Vertex,
		"api.z.ai": "z_ai", "open.bigmodel.cn": "zhipuai", "api.voyageai.com": "voyage_ai",
		"": "", "x.ai": "", "127.0.0.1": "", strings.Repeat("a", 300) + ".openai.azure.com": "",
	} {
		assert.Equal(t, want, catalog.At(host), host)
	}
}

func TestTheHostOfAnAddressIsRead(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://api.openai.com/v1": "api.openai.com", "http://localhost:8080": "localhost", "https://a.b?c": "a.b", "api.openai.com": "", "": "",
	} {
		assert.Equal(t, want, catalog.HostOf(url), url)
	}
}

func TestPricesAreHeldUnderOneName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"google": catalog.Gemini, "azure": catalog.AzureOpenAI, "gcp.vertex_ai": catalog.Vertex, "dashscope": catalog.Alibaba, "zai": "z_ai",
		"alibaba-cn": "alibaba_cn", "Hyperbolic": "hyperbolic", "wafer.ai": "wafer.ai", "": "",
	} {
		assert.Equal(t, want, catalog.Book(name), name)
	}
}

func TestSomeHostsSpeakOpenAIsAPI(t *testing.T) {
	t.Parallel()
	assert.True(t, catalog.SpeaksOpenAI(catalog.OpenRouter))
	assert.True(t, catalog.SpeaksOpenAI(catalog.AzureOpenAI))
	assert.False(t, catalog.SpeaksOpenAI(catalog.Anthropic))
	assert.False(t, catalog.SpeaksOpenAI("my-cluster"))
}
