/**
 * The pure parts of the page /speech: what they read, place, outline, explain and write.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { originOf, speakerOf, toldOf } from '../../static/speech/cache.js';
import { EventReader, LineReader, bytesOf } from '../../static/speech/events.js';
import { playable } from '../../static/speech/formats.js';
import { described, peaksOf, stretches } from '../../static/speech/peaks.js';
import { Refused, explained, refusalOf } from '../../static/speech/refusal.js';
import { asSrt, asText, asVtt, cuesOf } from '../../static/speech/subtitles.js';
import { Placing, clock, wordAt } from '../../static/speech/words.js';

/**
 * @param {string} text
 * @param {number} [from]
 * @param {number} [each] - seconds of a word
 */
function words(text, from = 0, each = 0.5) {
    return text.split(/\s+/).map((word, i) => ({ word, start: from + i * each, end: from + (i + 1) * each }));
}

/**
 * @param {string} text
 * @param {number} [from]
 */
function segment(text, from = 0) {
    const own = words(text, from);
    return { start: from, end: own[own.length - 1].end, text, words: own };
}

test('events and lines are read whole, wherever their pieces are cut', () => {
    const text = 'data: {"type":"a","b":"x\\ny"}\n\ndata: {"type":"c"}\n\n';
    for (let cut = 0; cut <= text.length; cut++) {
        const reader = new EventReader();
        const events = [...reader.push(text.slice(0, cut)), ...reader.push(text.slice(cut))];
        assert.deepEqual(events, [{ type: 'a', b: 'x\ny' }, { type: 'c' }], `cut at ${cut}`);
    }
    const lines = new LineReader();
    assert.deepEqual([...lines.push('{"a":1}\n{"b"'), ...lines.push(':2}\n{"c":3}')], [{ a: 1 }, { b: 2 }]);
    assert.deepEqual([...bytesOf('AP8B')], [0, 255, 1]);
});

test('words keep the punctuation, spaces and lines of their text', () => {
    const text = '“Hello,  there!”\nBye.';
    const placing = new Placing(text);
    const placed = placing.next([...words('Hello there'), ...words('Bye', 2)]);
    const whole = placed.map(({ before, word }) => before + word).join('') + placing.after();
    assert.equal(whole, text);
});

test('a word that reads otherwise in the text stands apart, and the text goes on behind it', () => {
    const placing = new Placing('Dr. Smith has 20 cats.');
    const placed = placing.next(words('Doctor Smith has twenty cats'));
    assert.equal(placed.map(({ before, word }) => before + word).join('') + placing.after(), 'Doctor Smith has twenty cats.');
    const far = new Placing(`one ${'x'.repeat(500)} two`);
    assert.deepEqual(far.next(words('one two')).map(({ before }) => before), ['', ' ']);
    assert.equal(far.after(), '');
    assert.deepEqual(new Placing('').next(words('a b')).map(({ before }) => before), ['', ' ']);
    assert.deepEqual(new Placing('你好。').next([{ word: '你', start: 0, end: 1 }, { word: '好', start: 1, end: 2 }]).map(({ before }) => before), ['', '']);
});

test('the word that sounds is found, and none in a pause', () => {
    const list = [...words('a b'), ...words('c', 3)];
    const at = (/** @type {number} */ time) => wordAt(list, time);
    assert.deepEqual([at(0), at(0.49), at(0.5), at(0.99), at(1.1), at(2), at(3), at(9)], [0, 0, 1, 1, 1, -1, 2, -1]);
    assert.equal(wordAt(words('a', 1), 0.5), -1);
    assert.equal(wordAt([], 1), -1);
});

test('moments are written as people read them', () => {
    assert.deepEqual([0, 7.9, 61, 3723, -1].map(clock), ['0:00', '0:07', '1:01', '1:02:03', '0:00']);
});

test('subtitles break at sentences, fit two lines, and none is longer than 7 seconds', () => {
    const long = segment('one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen. End of it.');
    const cues = cuesOf([long]);
    assert.ok(cues.every(({ text, start, end }) => text.length <= 84 && end - start <= 7), JSON.stringify(cues));
    assert.equal(cues[cues.length - 1].text, 'End of it.');
    assert.equal(cues.map(({ text }) => text).join(' '), long.text);
    assert.ok(cues.every(({ end }, i) => i + 1 === cues.length || end <= cues[i + 1].start));
    for (const line of asSrt([long]).split('\n')) {
        assert.ok(line.length <= 50, line);
    }
});

test('a transcript is written as text, as SRT and as VTT', () => {
    const said = [segment('Hello there.'), segment('A < B & C.', 3661.5)];
    assert.equal(asText(said), 'Hello there.\nA < B & C.\n');
    assert.equal(asSrt(said), '1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n01:01:01,500 --> 01:01:04,000\nA < B & C.\n\n');
    assert.equal(asVtt(said), 'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n01:01:01.500 --> 01:01:04.000\nA &lt; B &amp; C.\n\n');
    const untimed = { start: 1, end: 2, text: ' Only  text. ', words: [] };
    assert.deepEqual(cuesOf([untimed]).map(({ text }) => text), ['Only text.']);
    assert.deepEqual([asText([]), asSrt([]), asVtt([])], ['', '', 'WEBVTT\n\n']);
});

test('a mark that belongs to no word is in the subtitles too', () => {
    const quoted = { start: 0, end: 1, text: '“Hello, there”', words: words('Hello there') };
    assert.deepEqual(cuesOf([quoted]).map(({ text }) => text), ['“Hello, there”']);
});

test('the outline has the loudest of each column, also with fewer samples than columns', () => {
    assert.deepEqual([...peaksOf(Float32Array.from([0, -1, 0.5, 0.25]), 2)], [1, 0.5]);
    assert.deepEqual([...peaksOf(Float32Array.from([0.5]), 3)], [0, 0, 0.5]);
    assert.deepEqual([...peaksOf(new Float32Array(0), 2)], [0, 0]);
    assert.equal(peaksOf(Float32Array.from([3]), 1)[0], 1);
});

test('the outline is told in words: sound, pauses, silence', () => {
    const peaks = new Float32Array(100).map((_, i) => ((i >= 10 && i < 30) || (i >= 60 && i < 70) ? 0.5 : 0.001));
    assert.deepEqual(stretches(peaks, 10).map(({ start, end }) => [Math.round(start), Math.round(end)]), [[1, 3], [6, 7]]);
    assert.equal(described(peaks, 10), 'Waveform of 0:10: sound from 0:01 to 0:03, from 0:06 to 0:07.');
    assert.equal(described(new Float32Array(100), 10), 'Waveform of 0:10: silence.');
    const many = new Float32Array(100).map((_, i) => (i % 10 === 0 ? 0.5 : 0));
    assert.match(described(many, 100), /10 stretches of sound with pauses/);
});

test('refusals of both forms say what to do, and name the field', () => {
    const wrong = explained(400, { error: { message: 'voice: there is no "bob"; there are joe, ann', param: 'voice' } }, null);
    assert.deepEqual([wrong.text, wrong.field], ['voice: there is no "bob"; there are joe, ann', 'voice']);
    const picture = explained(400, { detail: 'The recording cannot be used: it is a PNG picture, not a sound.', field: 'file' }, null);
    assert.deepEqual([picture.field, picture.text.includes('PNG')], ['file', true]);
    const busy = explained(503, { detail: 'The voice loads.' }, '5');
    assert.deepEqual([busy.title, busy.text], ['The server is busy', 'The voice loads. It asks to wait for 5 s.']);
    assert.match(explained(413, { detail: 'It is too large.' }, null).text, /shorter parts/);
    assert.match(explained(502, null, null).text, /answered 502.*Try again/);
    assert.equal(refusalOf(wrong), wrong);
    assert.ok(refusalOf(new TypeError('x')) instanceof Refused);
});

test('where speech came from is told plainly', () => {
    const heads = new Headers({ 'X-TTS-Cache': 'hit', 'X-TTS-Source': 'memory', 'X-TTS-Latency': '0', 'X-TTS-Engine': 'piper', 'X-TTS-Model-Version': 'unknown' });
    const origin = originOf(heads);
    assert.equal(toldOf(origin, 8.4), 'Cache hit, from memory: first sound after 0 ms at the server, 8 ms here.');
    assert.equal(speakerOf(origin), 'piper');
    const miss = originOf(new Headers({ 'X-TTS-Cache': 'miss', 'X-TTS-Source': 'engine' }));
    assert.equal(toldOf(miss, 200), 'Cache miss, spoken now: first sound after 200 ms here.');
    assert.equal(toldOf(originOf(new Headers()), 1), 'Spoken: first sound after 1 ms here.');
});

test('bare samples get a header that a player understands, and files stay as they are', async () => {
    const file = new Blob([new Uint8Array(480)]);
    const wav = Buffer.from(await playable('pcm', file).arrayBuffer());
    assert.deepEqual([wav.length, wav.toString('latin1', 0, 4), wav.readUInt32LE(24), wav.readUInt32LE(40)], [524, 'RIFF', 24000, 480]);
    assert.equal(playable('mp3', file), file);
});
