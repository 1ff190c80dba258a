/**
 * When and how the page redials, without a browser and without waiting.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CallProblem } from '../../static/problems.js';
import { Redial, isAccident } from '../../static/redial.js';

const UNREACHABLE = new CallProblem('server-unreachable');

/** @param {Partial<import('../../static/redial.js').Lost>} [lost] */
function redial(lost = {}) {
    return new Redial({ now: 0, heardAt: 0, call: 'c1', mode: 'auto', way: 'webrtc', ...lost });
}

/**
 * Fails every try until the page gives up.
 *
 * @param {Redial} redial
 * @param {number} tryMs - how long each try takes
 * @returns {{pauses: number[], lasted: number}}
 */
function inVain(redial, tryMs) {
    const pauses = [];
    let now = 0;
    for (let pause = redial.pause(now); pause !== null; pause = redial.pause(now)) {
        pauses.push(pause);
        now += pause;
        assert.notEqual(redial.begin(now), null);
        now += tryMs;
        redial.failed(now, UNREACHABLE);
    }
    return { pauses, lasted: now };
}

test('pauses grow, and after about thirty seconds the page gives up', () => {
    const quick = inVain(redial(), 20);
    assert.deepEqual(quick.pauses.slice(0, 5), [500, 1000, 2000, 4000, 8000]);
    assert.ok(quick.lasted > 25000 && quick.lasted < 32000, `${quick.lasted}`);
    const slow = inVain(redial(), 5000);
    assert.ok(slow.lasted > 25000 && slow.lasted < 36000, `${slow.lasted}`);
});

test('the call is resumed until a server says that it is unknown, then a new one begins', () => {
    const calls = redial();
    calls.pause(0);
    assert.deepEqual(calls.begin(500), { call: 'c1', resume: false, mode: 'webrtc' });
    calls.failed(600, UNREACHABLE);
    calls.pause(600);
    assert.equal(calls.begin(1600)?.call, 'c1');
    calls.failed(1700, new CallProblem('server-full', 'a place for a new call was asked for', 2)); // so the old one is unknown
    assert.ok((calls.pause(1700) ?? 0) >= 2000, 'it said when to retry');
    assert.equal(calls.begin(4000)?.call, '');
});

test('another transport is used only after WebRTC has failed, and never against the person’s choice', () => {
    const auto = redial();
    auto.begin(0);
    auto.failed(5000, new CallProblem('connection-failed'));
    assert.deepEqual(auto.begin(6000), { call: 'c1', resume: false, mode: 'auto' });
    const chosen = redial({ mode: 'webrtc' });
    chosen.failed(5000, new CallProblem('connection-failed'));
    assert.equal(chosen.begin(6000)?.mode, 'webrtc');
    assert.deepEqual(redial({ way: 'websocket' }).begin(0), { call: '', resume: false, mode: 'websocket' });
});

test('a server that is loading is waited for', () => {
    const calls = redial();
    let now = 0;
    for (let i = 0; i < 5; i++) {
        now += calls.pause(now) ?? 0;
        calls.begin(now);
        calls.failed(now, UNREACHABLE);
    }
    now += calls.pause(now) ?? 0;
    calls.begin(now);
    for (let i = 0; i < 60; i++) {
        now += 1000;
        calls.loading(now);
    }
    calls.failed(now, UNREACHABLE);
    assert.equal(calls.pause(now), 500);
});

test('a server that is stopping is waited for, with growing pauses', () => {
    const calls = redial({ call: '' });
    let now = 0;
    let pause = 0;
    for (let i = 0; i < 20; i++) {
        pause = calls.pause(now) ?? NaN;
        now += pause;
        calls.begin(now);
        calls.failed(now, new CallProblem('server-stopping'));
    }
    assert.equal(pause, 8000);
});

test('after a sleep no microphone is sent anywhere unasked', () => {
    const hour = 3600000;
    assert.equal(redial({ now: hour, heardAt: 0 }).pause(hour), null, 'it slept before the loss was seen');
    const calls = redial();
    assert.equal(calls.pause(0), 500);
    assert.equal(calls.begin(hour), null, 'it slept in the pause');
});

test('a call that is over is not redialled', () => {
    const calls = redial();
    assert.equal(calls.pause(0), 500);
    calls.begin(500);
    calls.failed(600, new CallProblem('call-over', 'ended-by-operator'));
    assert.equal(calls.pause(600), null);
    assert.equal(calls.over, 'ended-by-operator');
});

test('only accidental ends are redialled', () => {
    for (const reason of ['connection-lost', 'server-stopping']) {
        assert.equal(isAccident(reason), true, reason);
    }
    for (const reason of ['hung-up', 'ended-by-operator', 'idle', 'agent-ended', 'fault', '']) {
        assert.equal(isAccident(reason), false, reason);
    }
});

test('a token that an earlier try may have used is shown once more, and one that another page has used is not', () => {
    const used = new CallProblem('resume-refused', 'resume-used');
    const first = redial({ resumable: 60 });
    first.pause(0);
    first.begin(500);
    first.failed(600, used);
    assert.deepEqual([first.refused, first.pause(600), first.begin(700)?.resume], ['resume-used', 0, false]);

    const later = redial({ resumable: 60 });
    later.pause(0);
    later.begin(500);
    later.failed(600, new CallProblem('connection-lost'));
    later.pause(600);
    later.begin(1600);
    later.failed(1700, used);
    assert.equal(later.refused, '');
    assert.ok((later.pause(1700) ?? 0) > 2000, 'the server takes it two seconds after the try');
    assert.equal(later.begin(4200)?.resume, true);
    later.failed(4300, used);
    assert.deepEqual([later.refused, later.begin(4400)?.resume], ['resume-used', false]);
});
