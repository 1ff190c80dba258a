/**
 * From results to one sentence: what is wrong, and what to do about it. Pure.
 */
import { RELAYS } from './checks.js';

/**
 * @typedef {import('./checks.js').CheckId} CheckId
 * @typedef {import('./checks.js').Results} Results
 */

/**
 * Where the server is.
 *
 * @typedef {Object} Place
 * @property {string} host
 * @property {number | null} port - of calls, UDP; null: not known, or none
 */

/**
 * @typedef {Object} Verdict
 * @property {'good' | 'limited' | 'bad'} level - calls work, work with something lost, or do not work
 * @property {string} sentence
 */

/** kbit/s each way that a call needs: Opus and the face, or 16 kHz PCM over the WebSocket. */
export const NEEDED = { webrtc: 100, websocket: 400 };
/** A longer round trip is heard as a pause before each answer. */
const LONG_ROUND_TRIP_MS = 350;

/** @type {readonly CheckId[]} - the ways of a call, best first */
const WAYS = ['udp', 'tcp', 'turn-udp', 'turn-tcp', 'turn-tls', 'websocket'];
const NAMES = /** @type {Record<string, string>} */ ({
    tcp: 'TCP', 'turn-udp': 'the relay (UDP)', 'turn-tcp': 'the relay (TCP)', 'turn-tls': 'the relay (TLS)', websocket: 'a WebSocket',
});

/** What to say of a microphone that cannot be used, by the cause. */
const MICROPHONE = /** @type {Record<string, string>} */ ({
    'microphone-blocked': 'the microphone is blocked: allow it in the site settings beside the address',
    'microphone-missing': 'no microphone was found: connect one, or type in the call',
    'microphone-busy': 'the microphone cannot be opened: close other programs that use it',
    'microphone-silent': 'nothing is heard from the microphone: look for a switch on it, choose another one, or speak louder',
    'microphone-unanswered': 'the question for the microphone was not answered: test again and allow it',
    'insecure-context': 'this page gets no microphone without https: open it by https or on localhost',
});

/**
 * @param {Results} results - of tests that have ended
 * @param {Place} place
 * @returns {Verdict}
 */
export function verdict(results, place) {
    const way = WAYS.find((id) => results[id].state === 'ok') ?? null;
    const microphone = results.microphone.state === 'failed' ? MICROPHONE[results.microphone.cause ?? ''] ?? 'the microphone does not work' : '';
    const faults = [...(way === null ? [] : speed(results, way)), ...(microphone === '' ? [] : [microphone])];
    const clauses = [way === null ? nowhere(results, place) : network(results, way, place), ...faults];
    const said = clauses.filter((clause) => clause !== '');
    const isBest = way === 'udp' || (way === 'turn-udp' && isRelayedOnly(results));
    if (said.length === 0) {
        return { level: 'good', sentence: `Everything works: calls go ${way === 'udp' ? 'straight to the server over UDP, the best way there is' : 'through the relay over UDP, the best way to this server'}.` };
    }
    const level = way === null ? 'bad' : isBest && faults.length === 0 ? 'good' : 'limited';
    return { level, sentence: sentence(said, way !== null && clauses[0] === '') };
}

/**
 * @param {string[]} clauses
 * @param {boolean} reaches - nothing is wrong with the way of a call
 * @returns {string}
 */
function sentence(clauses, reaches) {
    const text = `${reaches ? 'calls reach the server, but ' : ''}${clauses.join('; and ')}.`;
    return text[0].toUpperCase() + text.slice(1);
}

/**
 * @param {Results} results
 * @returns {boolean} whether the server takes calls through its relay alone
 */
function isRelayedOnly({ udp }) {
    return udp.cause === 'relay-only';
}

/**
 * @param {Results} results
 * @param {Place} place
 * @returns {string} why no call connects
 */
function nowhere(results, { host }) {
    const { server, udp } = results;
    if (server.state !== 'ok') {
        return server.cause === 'server-unknown'
            ? `what answers at ${host} has no network tests, so nothing can be said: check the address, and that no login page of the network answers in its place`
            : `the server at ${host} does not answer, so no call can begin: check that you are online and that no firewall or VPN is in the way, or ask its operator whether it runs`;
    }
    const full = WAYS.map((id) => results[id]).find(({ cause }) => cause === 'no-place');
    if (full !== undefined) {
        return `the server answers but takes no call now${full.detail === '' ? '' : ` (${firstSentence(full.detail)})`}, so the ways to it could not be tested: test again in a minute`;
    }
    const relay = relayState(results);
    if (isRelayedOnly(results)) {
        return `no WebSocket gets through on this network, and ${RELAY[relay].alone}, so no call connects: use another network or mobile data, and if that does not help send the report to the operator of the server`;
    }
    if (relay === 'astray' || relay === 'refused') {
        return `neither UDP nor a WebSocket gets through on this network, and the relay ${relay === 'refused' ? 'refuses' : 'leads nowhere'}: use another network, and send the report to the operator of the server`;
    }
    if (udp.cause === 'no-webrtc') {
        return 'this browser has no WebRTC, and WebSockets are blocked on this network, so no call connects: use another browser, or another network';
    }
    const ways = udp.cause === 'no-udp-port' ? 'the server has no UDP port for calls, and WebSockets are blocked on this network'
        : `the server answers, but neither UDP${relay === 'blocked' ? ', nor the relay,' : ''} nor a WebSocket gets through on this network`;
    return `${ways}, so no call connects: use another network or mobile data, or switch off a VPN or proxy that may be in the way`;
}

/**
 * @param {string} text - of a server
 * @returns {string} its first sentence, without the full stop
 */
function firstSentence(text) {
    return text.split(/\.\s/)[0].replace(/\.$/, '');
}

/**
 * @param {Results} results
 * @param {CheckId} way - the best one that works
 * @param {Place} place
 * @returns {string} what is lost by it; empty: nothing
 */
function network(results, way, place) {
    if (way === 'udp' || (way === 'turn-udp' && isRelayedOnly(results))) {
        return fallbacks(results, way);
    }
    // The port of HTTP may be part of the host.
    const open = place.port === null ? 'let UDP through' : `let UDP through to port ${place.port} of ${place.host.replace(/:\d+$/, '')}`;
    if (way === 'websocket') {
        return `${lostWebRtc(results)}, and the call works over a WebSocket, where lost packets delay the sound: ${remedy(results, open)}`;
    }
    if (isRelayedOnly(results)) {
        return withoutUdpToTheRelay(results, way);
    }
    if (results.udp.cause !== 'blocked') {
        return `${lostUdp(results)}, and the call works over ${NAMES[way]}: test again in a minute`;
    }
    return way === 'turn-udp'
        ? `UDP to the port of calls is blocked between this network and the server, and the call works over the relay (UDP), hardly slower: nothing has to be done, but for the shortest way ${open}`
        : `${results['turn-udp'].state === 'ok' ? 'UDP to the port of calls' : 'UDP'} is blocked between this network and the server, and the call works over ${NAMES[way]}, where lost packets delay the sound: if it stutters, ${open} or use another network`;
}

/**
 * @param {Results} results
 * @param {CheckId} way - through the relay, but not over UDP
 * @returns {string} what is lost by it
 */
function withoutUdpToTheRelay(results, way) {
    const works = `the call works over ${NAMES[way]}, where lost packets delay the sound`;
    return results['turn-udp'].cause === 'no-relay'
        ? `${works}, as this server offers nothing better: if it stutters, tell its operator`
        : `UDP to the relay does not get through, and ${works}: if it stutters, let UDP through to the relay or use another network`;
}

/**
 * @param {Results} results
 * @param {CheckId} way - the best one there is, which works
 * @returns {string} which other ways do not
 */
function fallbacks(results, way) {
    const lost = WAYS.filter((id) => id !== way && results[id].state === 'failed').map((id) => NAMES[id]);
    if (lost.length === 0) {
        return '';
    }
    const list = lost.length === 1 ? lost[0] : `${lost.slice(0, -1).join(', ')} and ${lost[lost.length - 1]}`;
    return `calls work ${way === 'udp' ? 'straight over UDP' : 'over the relay (UDP)'}; only ${list}, for networks without UDP, ${lost.length === 1 ? 'does' : 'do'} not: nothing has to be done here`;
}

/**
 * @param {Results} results
 * @returns {string} why calls do not go straight over UDP
 */
function lostUdp({ udp }) {
    switch (udp.cause) {
        case 'blocked':
            return 'UDP is blocked between this network and the server';
        case 'no-webrtc':
            return 'this browser has no WebRTC';
        case 'no-udp-port':
            return 'the server has no UDP port for calls';
        case 'relay-only':
            return 'the server takes calls through its relay alone';
        case 'no-place':
            return 'the server took no call when UDP was tested';
        default:
            return 'a call over UDP broke off';
    }
}

/**
 * What to say of relays that do not work, and what to do, where a call straight over UDP is blocked; and the same where the server takes
 * calls through its relay alone.
 */
const RELAY = {
    none: {
        state: 'the server has no relay', remedy: 'ask the operator for a relay (serve --turn)',
        alone: 'the server takes calls through a relay alone and names none', remedyAlone: 'send the report to the operator',
    },
    blocked: {
        ...faultyRelay('does not answer', 'use another network'),
        state: 'so is the relay', remedyAlone: 'let UDP and TCP through to the relay, or use another network',
    },
    refused: faultyRelay('refuses this browser', 'send the report to the operator'),
    astray: faultyRelay('does not lead to the calls', 'send the report to the operator'),
    untested: faultyRelay('could not be tested', 'test again in a minute'),
};

/**
 * @param {string} fault - what the relay does
 * @param {string} remedy
 */
function faultyRelay(fault, remedy) {
    return { state: `the relay ${fault}`, remedy, alone: `the relay, the one other way to this server, ${fault}`, remedyAlone: remedy };
}

/**
 * @param {Results} results
 * @returns {string} why calls do not go over WebRTC
 */
function lostWebRtc(results) {
    if (isRelayedOnly(results)) {
        return RELAY[relayState(results)].alone;
    }
    const udp = lostUdp(results);
    return results.udp.cause === 'blocked' ? `${udp}, ${RELAY[relayState(results)].state}` : udp;
}

/**
 * @param {Results} results - only the WebSocket works
 * @param {string} open - how to let UDP through
 * @returns {string}
 */
function remedy(results, open) {
    switch (results.udp.cause) {
        case 'blocked':
            return `${open} or ${RELAY[relayState(results)].remedy}`;
        case 'relay-only':
            return RELAY[relayState(results)].remedyAlone;
        case 'no-webrtc':
            return 'use another browser';
        case 'no-udp-port':
            return 'the operator of the server finds the reason in its log (server.udp)';
        default:
            return 'test again in a minute';
    }
}

/**
 * @param {Results} results
 * @returns {'none' | 'blocked' | 'refused' | 'astray' | 'untested'} of relays of which none works
 */
function relayState(results) {
    const causes = Object.values(RELAYS).map((id) => results[id].cause);
    if (causes.includes('relay-astray')) {
        return 'astray';
    }
    if (causes.includes('relay-refused')) {
        return 'refused';
    }
    if (causes.every((cause) => cause === 'no-relay' || cause === 'no-udp-port' || cause === 'no-webrtc')) {
        return 'none';
    }
    return causes.includes('no-place') ? 'untested' : 'blocked';
}

/**
 * @param {Results} results
 * @param {CheckId} way
 * @returns {string[]} what is too slow
 */
function speed(results, way) {
    const needed = way === 'websocket' ? NEEDED.websocket : NEEDED.webrtc;
    const clauses = [];
    const slow = /** @type {const} */ (['upload', 'download']).filter((id) => isSlow(results[id], needed));
    if (slow.length > 0) {
        clauses.push(`the ${slow.join(' and the ')} ${slow.length === 1 ? 'is' : 'are'} too slow (a call needs ${needed} kbit/s each way), so the sound breaks up: pause other transfers, or move closer to the Wi-Fi router`);
    } else if (results.upload.cause === 'broken' || results.download.cause === 'broken') {
        clauses.push('the connection broke off while it was measured, and may do so in a call: test again, or use another network');
    }
    const trip = results['round-trip'].value;
    if (trip !== null && trip > LONG_ROUND_TRIP_MS) {
        clauses.push(`each response comes late, since the way there and back takes ${Math.round(trip)} ms: a network nearer to the server, or without a VPN, is quicker`);
    }
    return clauses;
}

/**
 * @param {import('./checks.js').Result} result
 * @param {number} needed
 * @returns {boolean}
 */
function isSlow({ cause, value }, needed) {
    return cause === 'too-slow' || (value !== null && value < needed);
}
