/**
 * What the network test makes of its results, without a browser: the sentence, the report, and the relays to be tested.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CAUSES, CHECKS, Fault, explained, faulty, noResults, passed } from '../../static/network/checks.js';
import { over } from '../../static/network/path.js';
import { relaysByTransport, transportOf } from '../../static/network/relays.js';
import { report } from '../../static/network/report.js';
import { faultOf } from '../../static/network/run.js';
import { rate } from '../../static/network/transfer.js';
import { verdict } from '../../static/network/verdict.js';
import { CallProblem } from '../../static/problems.js';

/**
 * @typedef {import('../../static/network/checks.js').Cause} Cause
 * @typedef {import('../../static/network/checks.js').CheckId} CheckId
 * @typedef {import('../../static/network/checks.js').Results} Results
 */

const PLACE = { host: 'voice.example.org', port: 8080 };
/** @type {Partial<Record<CheckId, Cause | number>>} */
const GOOD = { microphone: -30, tcp: 'no-tcp', 'round-trip': 40, download: 20000, upload: 5000 };
/** @type {CheckId[]} */
const RELAYS = ['turn-udp', 'turn-tcp', 'turn-tls'];

/**
 * Results that are good but for these.
 *
 * @param {Partial<Record<CheckId, Cause | number | Fault>>} [but] - a cause, a fault, or what was measured
 * @returns {Results}
 */
function results(but = {}) {
    const all = noResults();
    for (const { id } of CHECKS) {
        const given = but[id] ?? GOOD[id] ?? null;
        const fault = typeof given === 'string' ? new Fault(given) : given;
        all[id] = fault instanceof Fault ? faulty(1, fault) : passed(1, { value: fault });
    }
    return all;
}

/**
 * @param {Cause} cause
 * @returns {Partial<Record<CheckId, Cause>>}
 */
function relays(cause) {
    return /** @type {Partial<Record<CheckId, Cause>>} */ (Object.fromEntries(RELAYS.map((id) => [id, cause])));
}

const NOT_REACHED = /** @type {Partial<Record<CheckId, Cause>>} */ (Object.fromEntries(
    CHECKS.filter(({ id }) => id !== 'microphone' && id !== 'server').map(({ id }) => [id, 'not-reached']),
));

/** @type {{name: string, but: Partial<Record<CheckId, Cause | number | Fault>>, level: string, says: RegExp[]}[]} */
const CASES = [
    { name: 'everything works', but: {}, level: 'good', says: [/^Everything works: .*UDP/] },
    { name: 'no relay is offered, and none is needed', but: relays('no-relay'), level: 'good', says: [/^Everything works/] },
    {
        name: 'only a way that is not needed fails',
        but: { 'turn-tcp': 'relay-unreachable' },
        level: 'good',
        says: [/^Calls work straight over UDP/, /only the relay \(TCP\),.* does not/, /nothing has to be done/],
    },
    {
        name: 'several ways that are not needed fail',
        but: { 'turn-tls': 'relay-unreachable', websocket: 'blocked' },
        level: 'good',
        says: [/the relay \(TLS\) and a WebSocket, .* do not/],
    },
    {
        name: 'the port of calls is blocked, other UDP is not',
        but: { udp: 'blocked' },
        level: 'limited',
        says: [/UDP to the port of calls is blocked/, /works over the relay \(UDP\)/, /port 8080 of voice\.example\.org/],
    },
    {
        name: 'UDP is blocked, the relay works by TCP',
        but: { udp: 'blocked', 'turn-udp': 'relay-unreachable' },
        level: 'limited',
        says: [/^UDP is blocked/, /works over the relay \(TCP\)/, /let UDP through to port 8080|another network/],
    },
    {
        name: 'UDP is blocked, the relay works by TLS alone',
        but: { udp: 'blocked', 'turn-udp': 'relay-unreachable', 'turn-tcp': 'relay-unreachable' },
        level: 'limited',
        says: [/^UDP is blocked/, /works over the relay \(TLS\)/],
    },
    {
        name: 'UDP is blocked and there is no relay',
        but: { udp: 'blocked', ...relays('no-relay') },
        level: 'limited',
        says: [/UDP is blocked .*, the server has no relay, and the call works over a WebSocket/, /serve --turn/],
    },
    {
        name: 'UDP and the relay are blocked',
        but: { udp: 'blocked', ...relays('relay-unreachable') },
        level: 'limited',
        says: [/UDP is blocked .*, so is the relay/, /WebSocket/, /another network/],
    },
    {
        name: 'the relay leads nowhere',
        but: { udp: 'blocked', 'turn-udp': 'relay-astray', 'turn-tcp': 'relay-unreachable', 'turn-tls': 'no-relay' },
        level: 'limited',
        says: [/the relay does not lead to the calls/, /report to the operator/],
    },
    {
        name: 'the relay refuses',
        but: { udp: 'blocked', ...relays('relay-refused') },
        level: 'limited',
        says: [/the relay refuses this browser/, /report to the operator/],
    },
    {
        name: 'UDP is blocked, and the server takes calls over TCP',
        but: { udp: 'blocked', tcp: 0, ...relays('no-relay') },
        level: 'limited',
        says: [/^UDP is blocked between/, /works over TCP, where lost packets delay/, /port 8080/],
    },
    {
        name: 'the port of calls is blocked for UDP alone',
        but: { udp: 'blocked', tcp: 0 },
        level: 'limited',
        says: [/^UDP to the port of calls is blocked/, /works over TCP/],
    },
    {
        name: 'calls over TCP, which are not needed, do not get through',
        but: { tcp: 'blocked' },
        level: 'good',
        says: [/^Calls work straight over UDP; only TCP, for networks without UDP, does not/],
    },
    {
        name: 'the server takes calls through its relay alone',
        but: { udp: 'relay-only', tcp: 'relay-only', 'turn-tls': 'no-relay' },
        level: 'good',
        says: [/^Everything works: calls go through the relay over UDP/],
    },
    {
        name: 'the server takes calls through its relay alone, which works by UDP alone',
        but: { udp: 'relay-only', tcp: 'relay-only', 'turn-tcp': 'relay-unreachable', 'turn-tls': 'no-relay' },
        level: 'good',
        says: [/^Calls work over the relay \(UDP\); only the relay \(TCP\)/, /nothing has to be done/],
    },
    {
        name: 'the server takes calls through its relay alone, which is reached by TCP',
        but: { udp: 'relay-only', tcp: 'relay-only', 'turn-udp': 'relay-unreachable' },
        level: 'limited',
        says: [/^UDP to the relay does not get through/, /works over the relay \(TCP\)/, /through to the relay or use another network/],
    },
    {
        name: 'the server takes calls through its relay alone, which has no UDP',
        but: { udp: 'relay-only', tcp: 'relay-only', 'turn-udp': 'no-relay', 'turn-tcp': 'no-relay' },
        level: 'limited',
        says: [/^The call works over the relay \(TLS\)/, /offers nothing better/],
    },
    {
        name: 'the relay, the only way, is blocked',
        but: { udp: 'relay-only', tcp: 'relay-only', ...relays('relay-unreachable') },
        level: 'limited',
        says: [/^The relay, the one other way to this server, does not answer, and the call works over a WebSocket/, /let UDP and TCP through to the relay/],
    },
    {
        name: 'neither the relay, the only way, nor a WebSocket gets through',
        but: { udp: 'relay-only', tcp: 'relay-only', ...relays('relay-unreachable'), websocket: 'blocked' },
        level: 'bad',
        says: [/^No WebSocket gets through on this network, and the relay, the one other way/, /operator of the server/],
    },
    {
        name: 'the browser has no WebRTC and WebSockets are blocked',
        but: { udp: 'no-webrtc', tcp: 'no-webrtc', ...relays('no-webrtc'), websocket: 'blocked' },
        level: 'bad',
        says: [/^This browser has no WebRTC, and WebSockets are blocked/, /use another browser/],
    },
    {
        name: 'the server has no UDP port',
        but: { udp: 'no-udp-port', ...relays('no-udp-port') },
        level: 'limited',
        says: [/^The server has no UDP port for calls, and the call works over a WebSocket/, /operator/, /server\.udp/],
    },
    {
        name: 'the browser has no WebRTC',
        but: { udp: 'no-webrtc', ...relays('no-webrtc') },
        level: 'limited',
        says: [/no WebRTC/, /use another browser/],
    },
    {
        name: 'UDP could not be tested',
        but: { udp: 'no-place', ...relays('no-relay') },
        level: 'limited',
        says: [/took no call when UDP was tested/, /test again in a minute/],
    },
    {
        name: 'the call over UDP broke off',
        but: { udp: 'broken' },
        level: 'limited',
        says: [/broke off/, /works over the relay \(UDP\)/, /test again/],
    },
    {
        name: 'nothing gets through',
        but: { udp: 'blocked', ...relays('relay-unreachable'), websocket: 'blocked' },
        level: 'bad',
        says: [/^The server answers, but neither UDP, nor the relay, nor a WebSocket/, /another network or mobile data/, /VPN/],
    },
    {
        name: 'nothing gets through and there is no relay',
        but: { udp: 'blocked', ...relays('no-relay'), websocket: 'mute' },
        level: 'bad',
        says: [/neither UDP nor a WebSocket/],
    },
    {
        name: 'nothing gets through and the relay leads nowhere',
        but: { udp: 'blocked', ...relays('relay-astray'), websocket: 'blocked' },
        level: 'bad',
        says: [/the relay leads nowhere/, /operator/],
    },
    {
        name: 'there is no UDP port and WebSockets are blocked',
        but: { udp: 'no-udp-port', ...relays('no-udp-port'), websocket: 'blocked' },
        level: 'bad',
        says: [/no UDP port for calls, and WebSockets are blocked/],
    },
    {
        name: 'the server is full',
        but: { udp: new Fault('no-place', 'It has reached its limit of calls (server.max_calls). Try again later.'), ...relays('no-place'), websocket: 'no-place' },
        level: 'bad',
        says: [/takes no call now \(It has reached its limit of calls \(server\.max_calls\)\), so/, /test again in a minute\.$/],
    },
    {
        name: 'the server does not answer',
        but: { server: 'server-unreachable', ...NOT_REACHED },
        level: 'bad',
        says: [/^The server at voice\.example\.org does not answer/, /online/, /firewall or VPN/],
    },
    {
        name: 'something else answers',
        but: { server: 'server-unknown', ...NOT_REACHED },
        level: 'bad',
        says: [/login page/],
    },
    {
        name: 'the microphone is blocked',
        but: { microphone: 'microphone-blocked' },
        level: 'limited',
        says: [/^Calls reach the server, but the microphone is blocked: allow it/],
    },
    { name: 'the microphone is silent', but: { microphone: 'microphone-silent' }, level: 'limited', says: [/nothing is heard/] },
    {
        name: 'the microphone broke off',
        but: { microphone: 'broken' },
        level: 'limited',
        says: [/the microphone does not work/],
    },
    {
        name: 'both the microphone and UDP are blocked',
        but: { microphone: 'microphone-blocked', udp: 'blocked', 'turn-udp': 'relay-unreachable' },
        level: 'limited',
        says: [/^UDP is blocked/, /; and the microphone is blocked/],
    },
    {
        name: 'the upload is too slow for WebRTC',
        but: { upload: new Fault('too-slow', '', 60) },
        level: 'limited',
        says: [/the upload is too slow \(a call needs 100 kbit\/s/],
    },
    {
        name: 'nothing was measured, so slow is it',
        but: { upload: 'too-slow', download: 'too-slow' },
        level: 'limited',
        says: [/the upload and the download are too slow/],
    },
    {
        name: 'the line is quick enough for WebRTC and not for the WebSocket',
        but: { udp: 'blocked', ...relays('no-relay'), upload: 200 },
        level: 'limited',
        says: [/WebSocket/, /the upload is too slow \(a call needs 400 kbit\/s/],
    },
    { name: 'the same line with UDP', but: { upload: 200 }, level: 'good', says: [/^Everything works/] },
    { name: 'the way is long', but: { 'round-trip': 600 }, level: 'limited', says: [/there and back takes 600 ms/] },
    { name: 'a measurement broke off', but: { download: 'broken' }, level: 'limited', says: [/broke off while it was measured/] },
    { name: 'a measurement was refused', but: { download: 'busy', upload: 'busy' }, level: 'good', says: [/^Everything works/] },
];

for (const { name, but, level, says } of CASES) {
    test(`the sentence when ${name}`, () => {
        const found = verdict(results(but), PLACE);
        assert.equal(found.level, level, found.sentence);
        for (const part of says) {
            assert.match(found.sentence, part);
        }
        assert.match(found.sentence, /^[A-Z][^\n]*[^.]\.$/, 'one sentence');
        assert.doesNotMatch(found.sentence, /undefined|null|NaN|\. [A-Z]/);
    });
}

test('every cause of every way leads to a sentence', () => {
    const causes = /** @type {Cause[]} */ (Object.keys(CAUSES));
    for (const udp of causes) {
        for (const relay of causes) {
            for (const websocket of [undefined, ...causes]) {
                const { sentence } = verdict(results({ udp, ...relays(relay), websocket }), { host: 'h', port: null });
                assert.match(sentence, /^[A-Z].*\.$/, `${udp} ${relay} ${websocket}`);
                assert.doesNotMatch(sentence, /undefined|null/, `${udp} ${relay} ${websocket}`);
            }
        }
    }
});

test('a skipped test has a reason and no time, a failed one both', () => {
    const skipped = faulty(12, new Fault('no-relay'));
    assert.deepEqual([skipped.state, skipped.ms, skipped.cause], ['skipped', null, 'no-relay']);
    const failed = faulty(5001, new Fault('blocked'));
    assert.deepEqual([failed.state, failed.ms], ['failed', 5001]);
    const [microphone, download] = ['microphone', 'download'].map((wanted) => {
        const found = CHECKS.find(({ id }) => id === wanted);
        assert.ok(found, wanted);
        return found;
    });
    assert.equal(explained(microphone, passed(1, { value: -31.4, detail: 'Headset' })), '−31 dB Headset');
    assert.equal(explained(download, passed(1, { value: 12345.6 })), '12\u202f346 kbit/s');
    assert.equal(explained(download, faulty(1, new Fault('too-slow', '', 60))), 'It is too slow for a call. 60 kbit/s');
});

test('the problems of calls are told as causes', () => {
    for (const [code, cause] of /** @type {const} */ ([
        ['microphone-blocked', 'microphone-blocked'], ['insecure-context', 'insecure-context'],
        ['server-unreachable', 'server-unreachable'], ['server-full', 'no-place'], ['address-full', 'no-place'],
        ['not-ready', 'no-place'], ['server-stopping', 'no-place'], ['refused', 'broken'],
    ])) {
        assert.equal(faultOf(new CallProblem(code, 'so it said')).why, cause, code);
    }
    assert.equal(faultOf(new CallProblem('server-full', 'so it said')).detail, 'so it said');
    assert.equal(faultOf(new TypeError('odd')).why, 'broken');
});

test('relays are sorted by the transport on which they are reached', () => {
    for (const [url, transport] of /** @type {const} */ ([
        ['turn:a.example', 'udp'], ['turn:a.example:3478?transport=udp', 'udp'], ['turn:[::1]:3478?transport=tcp', 'tcp'],
        ['turns:a.example', 'tls'], ['TURNS:a.example:443?transport=TCP', 'tls'], ['turns:a.example?transport=udp', null],
        ['stun:a.example', null], ['nonsense', null],
    ])) {
        assert.equal(transportOf(url), transport, url);
    }
    const own = { username: 'u', credential: 'c' };
    const found = relaysByTransport([
        { urls: 'stun:a.example' },
        { ...own, urls: ['turn:a.example:3478?transport=udp', 'turn:a.example:3478?transport=tcp', 'turn:a.example:443?transport=tcp'] },
    ]);
    assert.deepEqual(found, {
        udp: [{ ...own, urls: 'turn:a.example:3478?transport=udp' }],
        tcp: [{ ...own, urls: 'turn:a.example:3478?transport=tcp' }, { ...own, urls: 'turn:a.example:443?transport=tcp' }],
        tls: [],
    });
});

test('the port of HTTP is not told as part of the name by which UDP is to be let through', () => {
    const found = verdict(results({ udp: 'blocked' }), { host: 'voice.example.org:8443', port: 8080 });
    assert.match(found.sentence, /port 8080 of voice\.example\.org\.$/);
    assert.doesNotMatch(found.sentence, /8443/);
});

test('candidates of one transport do not pass for the other', () => {
    const udp = 'a=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host';
    const tcp = 'a=candidate:2 1 TCP 1518280447 192.0.2.1 8080 typ host tcptype passive';
    const both = `v=0\r\n${tcp}\r\n${udp}\r\na=mid:0\r\n${tcp}`;
    assert.equal(over('udp', both), `v=0\r\n${udp}\r\na=mid:0\r\n`);
    assert.equal(over('tcp', both), `v=0\r\n${tcp}\r\na=mid:0\r\n${tcp}`);
});

test('a rate is in kbit/s', () => {
    assert.equal(rate(64 << 10, 1000), 524.288);
    assert.ok(Number.isFinite(rate(1 << 20, 0)));
});

test('the report has a line for each test, and the sentence', () => {
    const found = results({ udp: 'blocked', 'turn-tls': 'no-relay' });
    const text = report(found, {
        time: '2026-01-02T03:04:05.000Z', server: 'https://voice.example.org/', client: '203.0.113.7',
        udp: 'port 8080, at 192.0.2.1:8080', browser: 'Browser/1', sentence: 'So it is.',
    });
    for (const part of ['203.0.113.7', 'https://voice.example.org/', '192.0.2.1:8080', 'Browser/1', '2026-01-02T03:04:05.000Z', '\nSo it is.\n']) {
        assert.ok(text.includes(part), part);
    }
    for (const { id, name } of CHECKS) {
        assert.ok(text.split('\n').some((line) => line.startsWith(found[id].state.padEnd(8)) && line.includes(` ${name} `)), `${name}: ${text}`);
    }
    assert.match(text, /^failed {3}UDP +1 ms {2}Nothing gets through\.$/m);
    assert.match(text, /^skipped {2}Relay over TLS +The server offers no relay by this transport\.$/m);
});
