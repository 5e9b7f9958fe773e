// One call with OpenAI's library for Node.js. Nothing in it knows of OpenTelemetry:
// README.md, "Use it", starts it with the instrumentation.
const OpenAI = require('openai')

new OpenAI().chat.completions
  .create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Say hello in French.' }] })
  .then((answer) => console.log(answer.choices[0].message.content))
