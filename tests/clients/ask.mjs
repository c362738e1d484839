// What the official Node client gets from the server at argv[2]: one JSON object on standard output.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: process.argv[3], maxRetries: 0 });
const messages = [{ role: "user", content: "how long is delivery?" }];
const told = {};

const whole = await client.chat.completions.create({ model: "default", messages, max_tokens: 40 });
told.whole = whole.choices[0].message.content;
told.usage = whole.usage.total_tokens;

const options = { model: "default", messages, max_tokens: 40, stream: true, stream_options: { include_usage: true } };
told.streamed = "";
for await (const chunk of await client.chat.completions.create(options)) {
  told.streamed += chunk.choices[0]?.delta?.content ?? "";
  told.streamedUsage = chunk.usage?.total_tokens ?? told.streamedUsage;
}

const runner = client.chat.completions.stream({ model: "default", messages, max_tokens: 300, logprobs: true });
const final = await runner.finalChatCompletion();
told.gathered = final.choices[0].message.content;
told.logprobs = final.choices[0].logprobs.content.length;

told.models = [];
for await (const model of client.models.list()) told.models.push(model.id);
told.model = (await client.models.retrieve("default")).id;
const moderation = await client.moderations.create({ input: "i want to kill myself" });
told.flagged = moderation.results[0].categories["self-harm"];

try {
  await client.chat.completions.create({ model: "default", messages: [] });
} catch (error) {
  told.error = [error instanceof OpenAI.BadRequestError, error.status, error.code];
}
console.log(JSON.stringify(told));
