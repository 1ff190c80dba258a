/**
 * Names and groups of voices, and requests that are answered, without a browser.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Refusal, Requests } from '../../static/requests.js';
import { groupVoices, isKnown, nameForPeople, readVoices } from '../../static/voices.js';

const VOICES = readVoices({
    voices: [
        { name: 'af_heart', language: 'en', locale: 'en_US', title: 'Heart', mixes: true },
        { name: 'bf_emma', language: 'en', locale: 'en_GB', title: 'Emma', mixes: true },
        { name: 'en_US-joe-medium', language: 'en', locale: 'en_US', title: 'Joe' },
        { name: 'my-joe', language: 'en', locale: 'en_US', title: 'Joe' },
        { name: 'de_DE-thorsten-medium', language: 'de', locale: 'de_DE', title: 'Thorsten' },
        { name: 'libri', language: 'fr', locale: 'fr_FR', speakers: 904 },
        { name: 'alloy' },
        { name: 7 },
        null,
    ],
});

test('voices are grouped by language, in the order of their names, with the default first', () => {
    assert.deepEqual(groupVoices(VOICES).map(({ label, voices }) => [label, voices.map(({ title }) => title)]), [
        ['Deutsch · German', ['Thorsten']],
        ['English', ['Heart · United States', 'Emma · United Kingdom', 'Joe (en_US-joe-medium) · United States', 'Joe (my-joe) · United States']],
        ['Français · French', ['libri · 904 speakers']],
        ['Any language', ['alloy']],
    ]);
    assert.deepEqual(groupVoices([]), []);
    assert.deepEqual([readVoices(null), readVoices({ voices: 'none' })], [[], []]);
});

test('a name is known if all of its parts are, and any name is where the server lists none', () => {
    for (const name of ['af_heart', 'libri#12', 'af_heart(2)+bf_emma', 'af_heart + bf_emma(0.5)']) {
        assert.ok(isKnown(VOICES, name), name);
    }
    for (const name of ['bob', 'bob#1', 'af_heart+bob', '']) {
        assert.equal(isKnown(VOICES, name), false, name);
    }
    assert.ok(isKnown([], 'bob'));
    assert.equal(nameForPeople(VOICES, 'libri#12'), 'libri#12');
});

test('a request ends with the answer that has its id, or with the connection', async () => {
    /** @type {{id: string, data: any}[]} */
    const sent = [];
    const requests = new Requests((text) => sent.push(JSON.parse(text)));
    const asked = ['one', 'two', 'three'].map((voice) => requests.ask('set-voice', { voice }));
    const outcomes = Promise.allSettled(asked);
    assert.deepEqual(sent.map(({ data }) => data), ['one', 'two', 'three'].map((voice) => ({ t: 'set-voice', d: { voice } })));
    requests.received({ type: 'server-response', id: sent[1].id, data: {} });
    requests.received({ type: 'error-response', id: sent[0].id, data: { error: 'no voice "one"' } });
    requests.received({ type: 'error-response', id: 'other', data: { error: 'not ours' } });
    requests.clear();
    const [one, two, three] = await outcomes;
    assert.equal(two.status, 'fulfilled');
    assert.ok(one.status === 'rejected' && one.reason instanceof Refusal && one.reason.message === 'no voice "one"');
    assert.ok(three.status === 'rejected' && !(three.reason instanceof Refusal));
});
