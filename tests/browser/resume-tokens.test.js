/**
 * What lets the page go on with a call after a loss or a reload, without a browser and without waiting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { goesOnByItself } from '../../static/comeback.js';
import { Line } from '../../static/line.js';
import { CallProblem, NEW_CALL_TEXT, newCallText } from '../../static/problems.js';
import { Redial } from '../../static/redial.js';
import { ResumeTokens, readResumeToken } from '../../static/resume-tokens.js';
import { Transcript } from '../../static/transcript.js';

const TOKEN = { call: 'c1', token: 't1', seconds: 60 };
/** @type {import('../../static/resume-tokens.js').Manner} */
const MANNER = { backend: '', way: 'webrtc', spoken: true, muted: false };
const HOUR = 3600000;

/** @returns {import('../../static/resume-tokens.js').Place & {kept: Map<string, string>}} */
function place() {
    /** @type {Map<string, string>} */
    const kept = new Map();
    return {
        kept,
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => void kept.set(key, value),
        removeItem: (key) => void kept.delete(key),
    };
}

/** @param {Partial<import('../../static/redial.js').Lost>} [lost] */
function redial(lost = {}) {
    return new Redial({ now: 0, heardAt: 0, call: 'c1', mode: 'auto', way: 'webrtc', resumable: 60, ...lost });
}

test('the newest token is kept for the next page, with how the call was made', () => {
    const storage = place();
    const tokens = new ResumeTokens(storage, () => 1000);
    tokens.keep(TOKEN, MANNER);
    tokens.keep({ ...TOKEN, token: 't2' }, MANNER);
    tokens.touch({ ...MANNER, way: 'websocket', muted: true });
    const next = new ResumeTokens(storage, () => 2000);
    assert.deepEqual(next.left(), { ...TOKEN, token: 't2', backend: '', way: 'websocket', spoken: true, muted: true, seenAt: 1000 });
    tokens.clear();
    assert.equal(next.left(), null);
    assert.equal(storage.kept.size, 0);
    tokens.touch(MANNER);
    assert.equal(storage.kept.size, 0, 'without a token there is nothing to keep');
});

test('a call that was left long ago is forgotten, and so is what is not a token', () => {
    const storage = place();
    new ResumeTokens(storage, () => 0).keep(TOKEN, MANNER);
    assert.notEqual(new ResumeTokens(storage, () => HOUR - 1).left(), null);
    assert.equal(new ResumeTokens(storage, () => HOUR).left(), null);
    for (const text of ['', 'null', '7', '{}', '{"call":"c1","token":"","seenAt":0}', '{"call":"c1","token":"t1"}']) {
        storage.setItem('visavis.resume', text);
        assert.equal(new ResumeTokens(storage, () => 0).left(), null, text);
    }
    assert.deepEqual(readResumeToken({ call: 'c1', token: 't1' }), TOKEN, 'a server that names no time');
});

test('where storage is blocked the token lives as long as the page', () => {
    const blocked = () => {
        throw new DOMException('blocked', 'SecurityError');
    };
    const tokens = new ResumeTokens({ getItem: blocked, setItem: blocked, removeItem: blocked });
    tokens.keep(TOKEN, MANNER);
    assert.deepEqual(tokens.newest, TOKEN);
    assert.equal(tokens.left(), null);
    tokens.clear();
    assert.equal(tokens.newest, null);
});

test('a page goes on by itself only after a reload, with sound and microphone allowed, and while somebody is there', () => {
    const left = { ...TOKEN, ...MANNER, seenAt: 0 };
    const arrival = { now: 5000, reloaded: true, microphone: true, sound: true };
    assert.equal(goesOnByItself(left, arrival), true);
    assert.equal(goesOnByItself(left, { ...arrival, reloaded: false }), false);
    assert.equal(goesOnByItself(left, { ...arrival, sound: false }), false);
    assert.equal(goesOnByItself(left, { ...arrival, microphone: false }), false);
    assert.equal(goesOnByItself(left, { ...arrival, now: 120001 }), false);
    assert.equal(goesOnByItself({ ...left, spoken: false }, { ...arrival, microphone: false }), true);
});

test('with a token the call goes on over any transport, and pauses stay short', () => {
    assert.deepEqual(redial().begin(0), { call: 'c1', resume: true, mode: 'auto' });
    assert.deepEqual(redial({ way: 'websocket', call: '' }).begin(0), { call: '', resume: true, mode: 'websocket' });
    const calls = redial();
    const pauses = [];
    let now = 0;
    for (let pause = calls.pause(now); pause !== null; pause = calls.pause(now)) {
        pauses.push(pause);
        now += pause;
        calls.begin(now);
        calls.failed(now, new CallProblem('server-unreachable'));
    }
    assert.deepEqual(pauses.slice(0, 4), [500, 1000, 1500, 1500]);
    assert.ok(now > 58000 && now < 62000, `${now}: for as long as the token is good`);
});

test('a server that hands the call over is left at once, without a token after a pause', () => {
    assert.equal(redial({ handedOver: true }).pause(0), 0);
    assert.equal(redial({ handedOver: true, resumable: 0 }).pause(0), 500);
    const calls = redial({ handedOver: true });
    calls.pause(0);
    calls.begin(0);
    calls.failed(10, new CallProblem('server-stopping', '', 5));
    assert.equal(calls.pause(10), 5000, 'it said when to try again');
});

test('a refused token is not shown again: a new call begins at once', () => {
    const calls = redial();
    calls.pause(0);
    calls.begin(500);
    calls.failed(600, new CallProblem('resume-refused', 'resume-expired'));
    assert.equal(calls.refused, 'resume-expired');
    assert.equal(calls.pause(600), 0);
    assert.deepEqual(calls.begin(600), { call: '', resume: false, mode: 'webrtc' });
});

test('a full server, and one that cannot reach its store, are waited for as long as they say', () => {
    for (const code of /** @type {const} */ (['server-full', 'store-unreachable'])) {
        const calls = redial();
        let now = 0;
        for (let tries = 0; tries < 20; tries++) {
            const pause = calls.pause(now) ?? NaN;
            assert.ok(pause >= (tries === 0 ? 500 : 7000), `${code}: ${pause}`);
            now += pause;
            assert.equal(calls.begin(now)?.resume, true, 'the token is not spent');
            calls.failed(now, new CallProblem(code, '', 7));
            assert.equal(calls.waitsFor, code);
        }
    }
});

test('what was said before the page was loaded is shown once, and what this page knows is not repeated', () => {
    const said = [{ role: 'user', text: ' How old is it? ' }, { role: 'assistant', text: 'Very.' }, { role: 'tool', text: 'x' }, { role: 'user' }, null];
    const fresh = new Transcript();
    const added = fresh.goesOn(said);
    assert.deepEqual(added.map(({ who, text, final, earlier }) => ({ who, text, final, earlier })), [
        { who: 'user', text: 'How old is it?', final: true, earlier: true },
        { who: 'agent', text: 'Very.', final: true, earlier: true },
    ]);
    assert.deepEqual(fresh.goesOn(said), []);
    assert.deepEqual(new Transcript().goesOn('nonsense'), []);

    const old = new Transcript();
    old.apply({ type: 'user-transcription', id: '', data: { text: 'How old is it?', final: true } });
    old.apply({ type: 'bot-output', id: '', data: { text: 'Ve', response: 1 } });
    assert.deepEqual(old.goesOn(said), []);
    assert.deepEqual(old.entries.map(({ text, final }) => ({ text, final })), [{ text: 'How old is it?', final: true }, { text: 'Ve', final: true }]);
});

test('typed words that the server remembers are not sent again, the same words typed once more are', () => {
    const transcript = new Transcript();
    transcript.userTyped('Yes.');
    transcript.apply({ type: 'user-llm-text', id: '', data: { text: 'Yes.' } });
    transcript.userTyped('Yes.');
    transcript.goesOn([{ role: 'user', text: 'Yes.' }]);
    assert.deepEqual(transcript.unconfirmed.map(({ text }) => text), ['Yes.']);
    transcript.goesOn([{ role: 'user', text: 'Yes.' }, { role: 'user', text: 'Yes.' }]);
    assert.deepEqual(transcript.unconfirmed, []);
});

test('each refusal is told in one sentence of its own', () => {
    const reasons = ['resume-unknown', 'resume-used', 'resume-expired', 'resume-not-yours'];
    const texts = reasons.map(newCallText);
    assert.equal(new Set(texts).size, reasons.length);
    for (const text of texts) {
        assert.match(text, /^The earlier conversation could not be found again[^.]* new call began\.$/);
    }
    assert.equal(newCallText('resume-of-the-future'), texts[0]);
    assert.equal(newCallText(''), NEW_CALL_TEXT);
});

test('a call that may go on is not hung up when its line is closed', () => {
    for (const leaves of [false, true]) {
        const line = new Line({ onMessage() {}, onTrouble() {}, onLost() {} });
        /** @type {string[]} */
        const done = [];
        line.transport = /** @type {any} */ ({ close: () => done.push('hung up'), drop: () => done.push('given up') });
        if (leaves) {
            line.leave();
        }
        line.close();
        assert.equal(done[0], leaves ? 'given up' : 'hung up');
        assert.equal(line.transport, null);
    }
});
