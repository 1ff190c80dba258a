#!/usr/bin/env node
// Chats with a Visavis server by OpenAI's own client, unchanged; ends with an error at the first answer that is not as it should be.
//
//     node chat.js http://127.0.0.1:8080/v1

import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'none is needed', timeout: 120_000 });
const model = 'any';
const messages = [{ role: 'user', content: 'What is the capital of France? Answer in one short sentence.' }];
const schema = {
  type: 'object',
  properties: {
    // No free text, so that any model comes to an end.
    name: { type: 'string', enum: ['Lyon', 'Paris'] },
    continent: { type: 'string', enum: ['Africa', 'America', 'Asia', 'Europe', 'Oceania'] },
    capital: { type: 'boolean' },
  },
  required: ['name', 'continent', 'capital'],
  additionalProperties: false,
};
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'Tells the weather of a city.',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
        required: ['city'],
        additionalProperties: false,
      },
    },
  },
];

async function models() {
  const names = [];
  for await (const { id } of client.models.list()) names.push(id);
  assert.equal(names.length, 3);
  assert.equal((await client.models.retrieve(names[0])).id, names[0]);
  await assert.rejects(client.models.retrieve('no-such-model'), (error) => {
    return error instanceof OpenAI.NotFoundError && error.code === 'model_not_found';
  });
}

async function whole() {
  const answer = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 40 });
  assert.match(answer.choices[0].message.content, /Paris/);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(prompt_tokens + completion_tokens, total_tokens);
  const stopped = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 40, stop: ['Paris'] });
  assert.doesNotMatch(stopped.choices[0].message.content, /Paris/);
  assert.equal(stopped.choices[0].finish_reason, 'stop');
}

async function streamed() {
  const stream_options = { include_usage: true };
  const asked = { model, messages, temperature: 0, max_tokens: 40, stream: true, stream_options };
  let text = '';
  let usage;
  for await (const chunk of await client.chat.completions.create(asked)) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.match(text, /Paris/);
  assert.ok(usage.total_tokens > 10);
  const stream = client.chat.completions.stream({ model, messages, temperature: 0, max_tokens: 40 });
  assert.ok((await stream.finalContent()).length > 0);
}

async function formatted() {
  const answer = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Tell me of Paris.' }],
    temperature: 0,
    response_format: { type: 'json_schema', json_schema: { name: 'city', strict: true, schema } },
  });
  const city = JSON.parse(answer.choices[0].message.content);
  assert.deepEqual(Object.keys(city), ['name', 'continent', 'capital'], 'fields come in the order of the schema');
  assert.ok(schema.properties.continent.enum.includes(city.continent));
  assert.equal(typeof city.capital, 'boolean');
}

async function called() {
  const question = [{ role: 'user', content: 'What is the weather in Paris?' }];
  const asked = { model, messages: question, tools, tool_choice: 'required' };
  const { message, finish_reason } = (await client.chat.completions.create(asked)).choices[0];
  assert.equal(finish_reason, 'tool_calls');
  const [call] = message.tool_calls;
  assert.equal(call.function.name, 'get_weather');
  assert.ok(['Paris', 'Rome'].includes(JSON.parse(call.function.arguments).city));
  const result = { role: 'tool', tool_call_id: call.id, content: 'It is sunny, 21 degrees.' };
  const next = { model, messages: [...question, message, result], temperature: 0, max_tokens: 40 };
  assert.equal(typeof (await client.chat.completions.create(next)).choices[0].message.content, 'string');
  const stream = client.chat.completions.stream(asked);
  const final = await stream.finalChatCompletion();
  assert.equal(final.choices[0].message.tool_calls[0].function.name, 'get_weather');
}

async function refused() {
  for (const [fields, param] of [[{ n: 2 }, 'n'], [{ logprobs: true }, 'logprobs'], [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop']]) {
    await assert.rejects(client.chat.completions.create({ model, messages, ...fields }), (error) => {
      return error instanceof OpenAI.BadRequestError && error.param === param;
    });
  }
}

async function left() {
  const long = [{ role: 'user', content: 'Write a very long story about the sea.' }];
  for (let times = 0; times < 3; times += 1) {
    const stream = await client.chat.completions.create({ model, messages: long, stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      break;
    }
  }
  await whole();
}

for (const check of [models, whole, streamed, formatted, called, refused, left]) {
  await check();
  console.log('ok', check.name);
}
