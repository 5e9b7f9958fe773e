# One call with OpenAI's library for Python. Nothing in it knows of OpenTelemetry:
# README.md, "Use it", starts it with the instrumentation.
from openai import OpenAI

answer = OpenAI().chat.completions.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello in French."}]
)
print(answer.choices[0].message.content)
