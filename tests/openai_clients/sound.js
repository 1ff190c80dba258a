#!/usr/bin/env node
// Has a Visavis server speak, transcribe and translate by OpenAI's own client, unchanged.
//
//     node sound.js http://127.0.0.1:8080/v1 VOICE question.wav

import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import OpenAI from 'openai';

const [url, voice, file] = process.argv.slice(2);
const client = new OpenAI({ baseURL: url, apiKey: 'none is needed', timeout: 120_000 });
const input = 'The quick brown fox jumps over the lazy dog. It does so every day.';

async function bytes(response) {
  return Buffer.from(await response.arrayBuffer());
}

async function speech() {
  const asked = { model: 'tts-1', voice, input };
  const wav = await bytes(await client.audio.speech.create({ ...asked, response_format: 'wav' }));
  assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
  const streamed = await client.audio.speech.create({ ...asked, response_format: 'pcm' });
  const pieces = [];
  for await (const piece of streamed.body) pieces.push(piece);
  const whole = await bytes(await client.audio.speech.create({ ...asked, response_format: 'pcm' }));
  assert.ok(Buffer.concat(pieces).equals(whole), 'the tail was lost');
}

async function transcription() {
  const ask = (more) => client.audio.transcriptions.create({ model: 'whisper-1', file: createReadStream(file), ...more });
  assert.match((await ask({})).text.toLowerCase(), /capital/);
  assert.match(await ask({ response_format: 'srt' }), /-->/);
  let last;
  for await (const event of await ask({ stream: true })) last = event;
  assert.match(last.text.toLowerCase(), /capital/);
}

async function translation() {
  const asked = { model: 'whisper-1', file: createReadStream(file) };
  assert.match((await client.audio.translations.create(asked)).text.toLowerCase(), /capital/);
}

for (const check of [speech, transcription, translation]) {
  await check();
  console.log('ok', check.name);
}
