/**
 * Which engines the settings name as in use.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inUse, nameOf } from '../../static/engines.js';
import { Turns } from '../../static/turns.js';

const READY = {
    engines: { stt: { model: 'whisper.bin' }, llm: { model: 'large', engine: 'cloud' }, tts: { model: '', engine: 'main' } },
    backends: [
        { kind: 'llm', name: 'cloud', model: 'large' },
        { kind: 'llm', name: 'main', model: 'small.gguf' },
        { kind: 'tts', name: 'main', model: 'joe' },
    ],
};

test('before a response the engines are those that a new request would go to', () => {
    assert.equal(nameOf(inUse('llm', READY, {})), 'large (cloud)');
    assert.equal(nameOf(inUse('stt', READY, {})), 'whisper.bin', 'without a choice its name says nothing');
    assert.equal(nameOf(inUse('tts', READY, {})), 'main');
    assert.equal(nameOf(inUse('llm', null, {})), '–', 'an older server, or none');
});

test('after a response it is the engine that served it, with its own model', () => {
    const served = { llm: { engine: 'main', reason: 'breaker-open' } };
    assert.equal(nameOf(inUse('llm', READY, served)), 'small.gguf (main)');
    assert.equal(nameOf(inUse('llm', null, served)), 'main');
    assert.equal(nameOf(inUse('stt', READY, served)), 'whisper.bin');
});

test('the last response counts, for each kind the last that told of it, also one that nobody asked for', () => {
    const turns = new Turns();
    const told = (/** @type {number} */ response, /** @type {object} */ engines) => {
        turns.apply({ type: 'server-message', id: '', data: { type: 'turn', response, marks: {}, engines } });
    };
    told(1, { llm: { engine: 'main', reason: 'late' }, stt: { engine: 'ear', reason: 'route' } });
    told(2, { llm: { engine: 'cloud', reason: 'route' } });
    assert.deepEqual([turns.served.llm.engine, turns.served.stt.engine, turns.list.length], ['cloud', 'ear', 0]);
    assert.deepEqual(new Turns().served, {}, 'another call begins anew');
});
