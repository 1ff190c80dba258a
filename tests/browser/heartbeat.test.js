/**
 * When a server counts as silent or dead, without a browser and without waiting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Heartbeat, TICK_MS } from '../../static/heartbeat.js';

/**
 * A page and its server, from one tick to the next.
 *
 * @param {Object} of
 * @param {Heartbeat} of.heartbeat
 * @param {number} of.from - ms
 * @param {number} of.until
 * @param {(now: number) => boolean} [of.answers] - whether the server answers a ping at this time
 * @param {number} [of.every] - ms between two ticks
 * @returns {{at: number, verdict: string}[]} each verdict that differs from the one before
 */
function run({ heartbeat, from, until, answers = () => false, every = TICK_MS }) {
    const verdicts = [];
    let last = heartbeat.verdict;
    for (let now = from; now <= until; now += every) {
        const { verdict, ping } = heartbeat.tick(now);
        if (verdict !== last) {
            verdicts.push({ at: now, verdict });
            last = verdict;
        }
        if (ping && answers(now)) {
            heartbeat.answered(now + 5);
        }
    }
    return verdicts;
}

test('a server that stops answering is silent within three seconds, then dead', () => {
    for (let stops = 3000; stops < 4000; stops += 130) {
        const heartbeat = new Heartbeat(0);
        const verdicts = run({ heartbeat, from: 0, until: 20000, answers: (now) => now < stops });
        assert.deepEqual(verdicts.map(({ verdict }) => verdict), ['silent', 'dead']);
        const [silent, dead] = verdicts.map(({ at }) => at - stops);
        assert.ok(silent <= 3000 && silent >= 1000, `told after ${silent} ms`);
        assert.ok(dead > silent + 2000 && dead <= 7000, `given up after ${dead} ms`);
    }
});

test('anything that arrives is a sign of life, and ends the silence', () => {
    const heartbeat = new Heartbeat(0);
    heartbeat.answered(0);
    for (let now = 0; now <= 20000; now += TICK_MS) {
        assert.equal(heartbeat.tick(now).verdict, 'fine');
        if (now % 2000 === 0) {
            heartbeat.heard(now + 1); // not the answer to a ping, but words or sound
        }
    }
    assert.equal(run({ heartbeat, from: 20250, until: 23500 }).at(-1)?.verdict, 'silent');
    heartbeat.heard(23600);
    assert.equal(heartbeat.verdict, 'fine');
});

test('a server that has never answered is not judged, and one that does not know pings gets no more of them', () => {
    const heartbeat = new Heartbeat(0);
    assert.deepEqual(run({ heartbeat, from: 0, until: 60000 }), []);
    heartbeat.refused(60000);
    for (let now = 60250; now < 120000; now += TICK_MS) {
        assert.deepEqual(heartbeat.tick(now), { verdict: 'fine', ping: false });
    }
});

test('the server is pinged about once a second', () => {
    const heartbeat = new Heartbeat(0);
    let asked = 0;
    for (let now = 0; now < 60000; now += TICK_MS) {
        asked += Number(heartbeat.tick(now).ping);
    }
    assert.ok(asked >= 59 && asked <= 61, `${asked}`);
});

for (const every of [1000, 4000, 60000]) {
    test(`a page whose timers run every ${every / 1000} s does not blame a server that answers`, () => {
        const heartbeat = new Heartbeat(0);
        assert.deepEqual(run({ heartbeat, from: 0, until: every * 50, every, answers: () => true }), []);
    });
}

test('a page that slept or was busy gives the server time to be heard, and still finds a dead one', () => {
    const heartbeat = new Heartbeat(0);
    run({ heartbeat, from: 0, until: 5000, answers: () => true });
    assert.equal(heartbeat.tick(5000 + 3600000).verdict, 'fine', 'what arrived meanwhile has not been read yet');
    const verdicts = run({ heartbeat, from: 3605250, until: 3620000 });
    assert.deepEqual(verdicts.map(({ verdict }) => verdict), ['silent', 'dead']);
    assert.ok(verdicts[0].at - 3605000 >= 1500);
});

test('in a background tab, where timers run once a second, a dead server is still found, but later', () => {
    const heartbeat = new Heartbeat(0);
    run({ heartbeat, from: 0, until: 3000, every: 1000, answers: () => true });
    const verdicts = run({ heartbeat, from: 4000, until: 30000, every: 1000 });
    assert.deepEqual(verdicts.map(({ verdict }) => verdict), ['silent', 'dead']);
});

test('a clock that is set back does no harm', () => {
    const heartbeat = new Heartbeat(1e9);
    run({ heartbeat, from: 1e9, until: 1e9 + 3000, answers: () => true });
    assert.deepEqual(run({ heartbeat, from: 1000, until: 20000, answers: () => true }), []);
});
