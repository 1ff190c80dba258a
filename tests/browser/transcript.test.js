/**
 * The captions' logic and the wire format, without a browser.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeTurn } from '../../static/captions.js';
import { decodeAudio, decodeMessage, encodeAudio, encodeMessage } from '../../static/protocol.js';
import { Transcript, joinText } from '../../static/transcript.js';
import { wordErrorRate, wordsInOrder } from './lib/words.js';

/**
 * @param {Transcript} transcript
 * @param {string} type
 * @param {Record<string, any>} data
 */
function say(transcript, type, data) {
    return transcript.apply({ type, id: '', data });
}

/** @param {Transcript} transcript */
function lines(transcript) {
    return transcript.entries.map(({ who, text, final }) => `${who}${final ? '' : '…'}: ${text}`);
}

test('partial words grow into final ones, and a noise is taken back', () => {
    const transcript = new Transcript();
    say(transcript, 'user-transcription', { text: 'What is', final: false });
    say(transcript, 'user-transcription', { text: 'What is this', final: false });
    assert.deepEqual(lines(transcript), ['user…: What is this']);
    say(transcript, 'user-transcription', { text: 'What is this?', final: true });
    say(transcript, 'user-transcription', { text: 'hm', final: false });
    say(transcript, 'user-transcription', { text: '', final: true });
    assert.deepEqual(lines(transcript), ['user: What is this?']);
});

test('segments of a response make one entry, which ends with its sound', () => {
    const transcript = new Transcript();
    say(transcript, 'bot-output', { text: 'Hello.', spoken: true, response: 1 });
    say(transcript, 'bot-output', { text: 'How are you?', spoken: true, response: 1 });
    assert.deepEqual(lines(transcript), ['agent…: Hello. How are you?']);
    say(transcript, 'bot-stopped-speaking', { response: 1 });
    assert.deepEqual(lines(transcript), ['agent: Hello. How are you?']);
});

test('an interrupted response keeps what was heard, and late segments do not add to it', () => {
    const transcript = new Transcript();
    say(transcript, 'bot-output', { text: 'One two three four.', spoken: true, response: 4 });
    say(transcript, 'bot-interrupted', { response: 4, heard: 'One two' });
    say(transcript, 'bot-output', { text: 'Five six.', spoken: true, response: 4 });
    assert.deepEqual(lines(transcript), ['agent: One two']);
    assert.equal(transcript.entries[0].interrupted, true);
    say(transcript, 'bot-output', { text: 'Seven.', spoken: true, response: 5 });
    say(transcript, 'bot-interrupted', { response: 5, heard: '' });
    assert.deepEqual(lines(transcript), ['agent: One two']);
});

test('a response that failed keeps what was heard, and was not interrupted', () => {
    const transcript = new Transcript();
    say(transcript, 'bot-output', { response: 4, text: 'One two three.' });
    say(transcript, 'server-message', { type: 'response-failed', response: 4, heard: 'One two' });
    assert.equal(transcript.entries[0].text, 'One two');
    assert.deepEqual([transcript.entries[0].final, transcript.entries[0].interrupted], [true, undefined]);
});

test('typed words appear once, also while a spoken sentence is open', () => {
    const transcript = new Transcript();
    say(transcript, 'user-transcription', { text: 'I wanted', final: false });
    transcript.userTyped('Stop.');
    say(transcript, 'user-llm-text', { text: 'Stop.' });
    say(transcript, 'user-transcription', { text: 'I wanted to ask', final: true });
    assert.deepEqual(lines(transcript), ['user: I wanted to ask', 'user: Stop.']);
    say(transcript, 'user-transcription', { text: 'Stop.', final: true });
    assert.deepEqual(lines(transcript).slice(2), ['user: Stop.']);
});

test('progress reports of a segment add nothing to it', () => {
    const transcript = new Transcript();
    const segment = { text: 'Hello there.', will_be_spoken: true, segment_id: 65536, response: 1 };
    for (const spoken_status of ['new', 'in-progress', 'completed']) {
        say(transcript, 'bot-output', { ...segment, spoken: spoken_status === 'new', spoken_status });
    }
    assert.deepEqual(lines(transcript), ['agent…: Hello there.']);
    say(transcript, 'bot-output', { text: 'To be read.', spoken: false, will_be_spoken: false, response: 2 });
    say(transcript, 'server-message', { type: 'turn', response: 2, marks: {} });
    assert.deepEqual(lines(transcript).slice(1), ['agent: To be read.']);
});

test('a call that replaces a lost one numbers its responses from the start, and leaves the old words alone', () => {
    const transcript = new Transcript();
    const apply = (/** @type {string} */ type, /** @type {object} */ data) => transcript.apply({ type, id: '', data });
    apply('bot-output', { text: 'Hello.', response: 1 });
    transcript.userTyped('And the sun?');
    const line = transcript.newCall('A new call began.');
    assert.deepEqual({ who: line.who, final: line.final, text: line.text }, { who: 'page', final: true, text: 'A new call began.' });
    apply('user-transcription', { text: 'And the sun?', final: true }); // it was sent again, and is not shown twice
    apply('bot-output', { text: 'Hello again.', response: 1 });
    apply('bot-interrupted', { response: 1, heard: 'Hello' });
    assert.deepEqual(transcript.entries.map(({ who, text, final }) => `${who}: ${text}${final ? '' : ' …'}`), [
        'agent: Hello.', 'user: And the sun?', 'page: A new call began.', 'agent: Hello',
    ]);
});

test('segments are joined as their script is written', () => {
    assert.equal(joinText('Hello.', ' Again.'), 'Hello. Again.');
    assert.equal(joinText('你好。', '再见。'), '你好。再见。');
    assert.equal(joinText('你好。', 'Paris'), '你好。 Paris');
});

test('audio frames survive the wire, and others are refused', () => {
    const samples = Int16Array.of(0, 1, -1, 32767, -32768);
    const frame = decodeAudio(encodeAudio(65537, 2 ** 32 + 5, samples));
    assert.deepEqual(frame, { sequence: 1, timestamp: 5, response: 0, samples });
    assert.equal(decodeAudio(new ArrayBuffer(12)), null);
    assert.equal(decodeAudio(new ArrayBuffer(13)), null);
    const later = new Uint8Array(encodeAudio(0, 0, samples));
    later[0] = 2;
    assert.equal(decodeAudio(later.buffer), null);
});

test('only RTVI messages are read', () => {
    assert.deepEqual(decodeMessage(encodeMessage('send-text', { content: 'x' }))?.data, { content: 'x' });
    for (const text of ['ping', '{}', 'null', '{"type":"signalling","message":{}}', '{"label":"rtvi-ai"}']) {
        assert.equal(decodeMessage(text), null, text);
    }
    assert.deepEqual(decodeMessage('{"label":"rtvi-ai","type":"x","data":null}')?.data, {});
});

test('a turn is described in seconds, without stages that did not happen', () => {
    const marks = { transcript: 320, first_token: 540, first_audio: null, first_sent: 1043 };
    assert.equal(describeTurn(marks), 'Answered in 1.0 s (words 0.32 s, thought 0.54 s)');
    assert.equal(describeTurn({ ...marks, heard: 1210 }), 'Answered in 1.2 s (words 0.32 s, thought 0.54 s)', 'as the waterfall has it');
    assert.equal(describeTurn({ interrupted: 100 }), '');
    assert.equal(describeTurn({ first_sent: 30 }), '', 'a greeting answers nothing');
});

test('the similarity measures count words', () => {
    assert.equal(wordErrorRate('What is the capital of France?', 'what is the capital of france'), 0);
    assert.equal(wordErrorRate('one two three four', 'one too three'), 0.5);
    assert.equal(wordsInOrder('It is Paris, in France.', 'um it is paris france'), 0.8);
    assert.equal(wordsInOrder('Paris', ''), 0);
});
