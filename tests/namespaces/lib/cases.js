/**
 * The tests of one kind of server in several networks: how the page connects there, how long that takes, and that the agent is heard.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { RESULTS } from '../../browser/lib/env.js';
import { call, testNetwork } from './calling.js';
import { hasIpv6 } from './netns.js';
import { ALL_NETWORKS } from './networks.js';
import { COTURN, Certificate, browser, startCoturn, startServer } from './programs.js';
import { ADDRESS, ADDRESS6, ELSEWHERE, HOST, INNER, World, whyNot } from './world.js';

/** @typedef {import('./calling.js').Way} Way */
/** @typedef {import('./calling.js').Outcome} Outcome */
/** @typedef {import('./calling.js').Caller} Caller */
/** @typedef {import('./programs.js').Help} Help */
/** @typedef {import('./world.js').Plan} Plan */

/**
 * @typedef {Object} Case
 * @property {import('./networks.js').AnyNetwork} network
 * @property {Way[]} ways - by one of these a call goes
 * @property {string[]} ticks - which tests of /call/network succeed, of those of ways
 * @property {boolean} [forgets] - a call also goes on when NAT gives the caller another port
 * @property {boolean} [moves] - and when the caller has another address, as of another network
 */

/** The tests of /call/network that are of ways. */
const CHECKS = ['udp', 'turn-udp', 'turn-tcp', 'turn-tls', 'websocket'];
/** ms until a call connects, direct or by a relay, and by the last that is tried. */
const TARGET_MS = { soon: 3000, last: 8000 };
/** Machines differ: slower than the target is reported, and this many times slower fails. */
const TOO_SLOW = 3;
/** The shortest answer is a word. */
const WORD_S = 0.2;
/** Of a test, with the start of the programs. */
const PATIENCE_MS = 420000;

/** Where each call is reported in a line. */
const REPORT = path.join(RESULTS, 'namespaces.txt');

/**
 * @param {string} server - in the names of tests
 * @param {Help} help
 * @param {Case[]} cases
 * @param {Plan} [plan] - of their world
 */
export function testNetworks(server, help, cases, plan = {}) {
    const skip = whyNotHere(help, plan) || false;
    if (skip) {
        console.error(skip);
    }
    describe(server, { skip }, () => {
        /** @type {World | null} */
        let world = null;
        /** @type {Promise<Caller> | null} Begun by the first test that is to run. */
        let preparing = null;
        const within = async (/** @type {Case['network']} */ network) => {
            world ??= new World(plan);
            preparing ??= prepare(world, help);
            const caller = await preparing;
            world.become(network);
            return caller;
        };
        after(async () => world?.remove());

        for (const { network, ways, ticks, forgets = false, moves = false } of cases) {
            const { says } = ALL_NETWORKS[network];
            test(`${server}, ${says}: a call goes by ${ways.join(' or ')}, and the agent is heard`, { timeout: PATIENCE_MS }, async () => {
                const outcome = await call(await within(network), ways);
                tell(`${help.padEnd(7)} ${network.padEnd(10)} ${described(outcome)}`);
                judge(outcome, ways, help);
            });

            if (forgets) {
                test(`${server}, ${says}: a call goes on when NAT gives it another port`, { timeout: PATIENCE_MS }, async () => {
                    const outcome = await call(await within(network), ways, () => world?.forget());
                    tell(`${help.padEnd(7)} ${network.padEnd(10)} another port: ${described(outcome)}`);
                    assert.ok(outcome.kept, 'another call has begun');
                    judge(outcome, ways, help);
                });
            }

            if (moves) {
                test(`${server}, ${says}: a call goes on when the caller has another address`, { timeout: PATIENCE_MS }, async () => {
                    const caller = await within(network);
                    try {
                        const outcome = await call(caller, ways, () => world?.moveTo(ELSEWHERE));
                        tell(`${help.padEnd(7)} ${network.padEnd(10)} another address: ${described(outcome)}`);
                        assert.ok(outcome.kept, 'another call has begun');
                        judge(outcome, ways, help);
                    } finally {
                        world?.moveTo(ADDRESS.client);
                    }
                });
            }

            test(`${server}, ${says}: the page /call/network says so`, { timeout: PATIENCE_MS }, async () => {
                const { states, report } = await testNetwork(await within(network));
                const found = CHECKS.map((id) => [id, states[id]]);
                assert.deepEqual(found, CHECKS.map((id) => [id, expected(id, ticks, help)]), report);
                const address = `Seen as: ${seenAs(network, plan)}\n`;
                assert.ok(report.includes(address), `not ${address}: ${report}`);
            });
        }
    });
}

/**
 * Starts the programs.
 *
 * @param {World} world
 * @param {Help} help
 * @returns {Promise<Caller>}
 */
async function prepare(world, help) {
    const certificate = new Certificate(world);
    if (help === 'coturn') {
        await startCoturn(world, certificate);
    }
    await startServer(world, certificate, help);
    return { program: browser(world), flags: certificate.flags };
}

/**
 * @param {Help} help
 * @param {Plan} plan
 * @returns {string} why the tests are not possible here; empty: they are
 */
function whyNotHere(help, { ipv6 }) {
    if (ipv6 && !hasIpv6()) {
        return 'SKIPPED: this kernel has no IPv6';
    }
    if (help === 'coturn' && !fs.existsSync(COTURN)) {
        return `SKIPPED: ${COTURN} is not installed (apt-get install coturn); scripts/network-tests.sh installs it`;
    }
    return whyNot();
}

/**
 * @param {Outcome} outcome
 * @param {Way[]} ways
 * @param {Help} help
 */
function judge({ path: { way, from, to }, connected, answer, sound, notices }, ways, help) {
    assert.ok(ways.includes(way), `it went by ${way}: ${from} to ${to}`);
    if (way.startsWith('relay/')) {
        const relay = help === 'coturn' ? 'relay' : 'server';
        assert.ok(from.includes(HOST[relay]) || from.includes(ADDRESS[relay]), `not through the relay that was meant: ${from}`);
    }
    assert.equal(notices.includes('fallback'), way === 'websocket', `the page told the person of ${notices}`);
    assert.notEqual(answer.trim(), '', 'the answer has no words');
    assert.ok(sound >= WORD_S, `${sound} s of the answer were heard`);
    const target = targetOf(way);
    assert.ok(connected <= TOO_SLOW * target, `it took ${connected} ms to connect; ${target} are the target`);
}

/** @param {Way} way */
function targetOf(way) {
    return way === 'websocket' ? TARGET_MS.last : TARGET_MS.soon;
}

/**
 * @param {Outcome} outcome
 * @returns {string} for the report
 */
function described({ path: { way, from, to }, first, connected, ready, sound, answer }) {
    const target = targetOf(way);
    const slow = connected > target ? `, OVER THE TARGET of ${target}` : '';
    const changed = first.way === way ? '' : `, at first by ${first.way}`;
    return `${way.padEnd(10)} ${String(connected).padStart(6)} ms to connect${slow}, ${ready} to the hello${changed}; `
        + `${sound.toFixed(1)} s heard: "${answer.trim().slice(0, 60)}"; ${from} to ${to}`;
}

/** @param {string} line */
function tell(line) {
    console.log(line);
    fs.appendFileSync(REPORT, `${line}\n`);
}

/**
 * @param {string} id - of a test of the page
 * @param {string[]} ticks
 * @param {Help} help
 */
function expected(id, ticks, help) {
    if (ticks.includes(id)) {
        return 'ok';
    }
    const isOffered = help === 'own' || help === 'coturn';
    return id.startsWith('turn-') && !isOffered ? 'skipped' : 'failed';
}

/**
 * @param {import('./networks.js').AnyNetwork} network
 * @param {Plan} plan
 * @returns {string} the address at which the server sees the caller
 */
function seenAs(network, { hidden, ipv6 }) {
    if (ipv6) {
        return ADDRESS6.client;
    }
    if (ALL_NETWORKS[network].nat === 'none') {
        return ADDRESS.client;
    }
    return hidden ? INNER.router : ADDRESS.router;
}
