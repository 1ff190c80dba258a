/**
 * Where a turn's time went, without a browser.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Turns, servedBy, stagesOf } from '../../static/turns.js';

/** A turn whose response was prepared before the turn was decided. */
const SPECULATED = {
    pause: 160, transcript: 310, speculated: 315, first_token: 430, first_segment: 500, first_audio: 640,
    turn_decided: 660, first_sent: 665, interrupted: null, done: 2665,
};

/**
 * @param {Turns} turns
 * @param {string} type
 * @param {Record<string, any>} data
 */
function say(turns, type, data) {
    return turns.apply({ type, id: '', data });
}

/**
 * @param {Turns} turns
 * @param {number} response
 * @param {string} question
 * @param {object} marks
 */
function answer(turns, response, question, marks) {
    say(turns, 'user-transcription', { text: question, final: true });
    say(turns, 'bot-llm-started', { response });
    say(turns, 'bot-started-speaking', { response });
    return say(turns, 'server-message', { type: 'turn', response, marks });
}

/** @param {import('../../static/turns.js').Stage[]} stages */
function spans(stages) {
    return stages.map(({ name, start, end, speculative }) => `${name} ${start}-${end}${speculative ? ' speculative' : ''}`);
}

test('speculative work overlaps the decision of the turn', () => {
    assert.deepEqual(spans(stagesOf(SPECULATED, 730)), [
        'pause 0-160',
        'transcript 160-310',
        'first_token 315-430 speculative',
        'first_segment 430-500 speculative',
        'first_audio 500-640 speculative',
        'turn_decided 160-660',
        'first_sent 660-665',
        'heard 665-730',
    ]);
});

test('without speculation the stages follow one another', () => {
    const marks = { turn_decided: 210, transcript: 560, first_token: 800, first_segment: 900, first_audio: 1100, first_sent: 1110 };
    assert.deepEqual(spans(stagesOf(marks, null)), [
        'turn_decided 0-210', 'transcript 210-560', 'first_token 560-800', 'first_segment 800-900', 'first_audio 900-1100',
        'first_sent 1100-1110',
    ]);
});

test('clocks that disagree make no stage of negative length', () => {
    const stages = stagesOf({ turn_decided: 300, transcript: 280, first_token: 270, first_sent: 700 }, 640);
    assert.ok(stages.every(({ start, end }) => start >= 0 && start <= end), spans(stages).join(', '));
});

test('a turn knows its question, its whole time and how long it sounded', () => {
    const turns = new Turns();
    const turn = answer(turns, 2, 'What is the capital of France?', { ...SPECULATED, interrupted: 1665, done: null });
    assert.equal(turn?.question, 'What is the capital of France?');
    assert.deepEqual([turn?.total, turn?.heard, turn?.spoken, turn?.interrupted, turn?.reason], [665, null, 1000, true, '']);
    assert.equal(turns.heard(2, 730)?.total, 730);
    assert.equal(turns.list.length, 1);
});

test('a response that is heard before its turn is reported loses nothing', () => {
    const turns = new Turns();
    turns.heard(1, 900);
    assert.equal(answer(turns, 1, 'Hello?', SPECULATED)?.heard, 900);
});

test('typed words are not a spoken question, and an unasked response is not a turn', () => {
    const turns = new Turns();
    assert.equal(say(turns, 'server-message', { type: 'turn', response: 1, marks: { first_sent: 40, done: 900 } }), null);
    turns.typed('Hello');
    const turn = answer(turns, 2, 'Hello', { transcript: 0, turn_decided: 0, first_token: 300, first_sent: 500 });
    assert.deepEqual([turn?.typed, turn?.question], [true, 'Hello']);
    assert.deepEqual(spans(turn?.stages ?? []), ['first_token 0-300', 'first_sent 300-500']);
    assert.equal(say(turns, 'server-message', { type: 'turn', response: 3, marks: SPECULATED })?.question, '');
});

test('only a slow turn has a reason: the server’s, or else the longest stage', () => {
    const turns = new Turns();
    const slow = { turn_decided: 200, transcript: 400, first_token: 2300, first_sent: 2500 };
    assert.equal(answer(turns, 1, 'a', { ...slow, reason: 'The language model was busy.' })?.reason, 'The language model was busy.');
    assert.equal(answer(turns, 2, 'b', slow)?.reason, 'Longest: first word, 1900 ms.');
    assert.equal(answer(turns, 3, 'c', { ...SPECULATED, reason: 'none' })?.reason, '');
});

test('the last ten turns are kept', () => {
    const turns = new Turns();
    for (let response = 1; response <= 13; response++) {
        answer(turns, response, `Question ${response}`, SPECULATED);
    }
    assert.deepEqual(turns.list.map(({ response }) => response), [4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

test('a turn says which engines served it, and why one stood in for another', () => {
    const turns = new Turns();
    say(turns, 'bot-started-speaking', { response: 1 });
    const engines = { tts: { engine: 'main', reason: 'late' }, llm: { engine: 'cloud', reason: 'share' } };
    const turn = say(turns, 'server-message', { type: 'turn', response: 1, marks: SPECULATED, engines });
    assert.ok(turn);
    assert.equal(servedBy(turn), 'Served by language model cloud, voice main (another one was late).');
    const later = turns.heard(1, 730);
    assert.ok(later);
    assert.deepEqual([later.total, servedBy(later)], [730, servedBy(turn)]);
    const plain = answer(turns, 2, 'Hello', SPECULATED);
    assert.ok(plain);
    assert.equal(servedBy(plain), '');
});
