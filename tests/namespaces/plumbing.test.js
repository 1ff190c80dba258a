/**
 * The networks themselves, without a server and without a browser: what each lets through, and what it makes of addresses.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { nameOf, ours, sweep } from './lib/netns.js';
import { NETWORKS } from './lib/networks.js';
import { ADDRESS, ELSEWHERE, INNER, World, whyNot } from './lib/world.js';

/** @typedef {import('./lib/probe.js').Question} Question */

const PORTS = [443, 3478, 5000];
/** An Allocate request; the same with its length before it; the beginning of a client's hello of TLS. */
const STUN = '000300002112a442' + '07'.repeat(12);
const FRAMED = `0014${STUN}`;
const TLS = '16030102000100';

const SERVER = ADDRESS.server;
const skip = whyNot() || false;
if (skip) {
    console.error(skip);
}

/**
 * @param {string} name
 * @returns {string} of a file beside the tests
 */
function file(name) {
    return fileURLToPath(new URL(name, import.meta.url));
}

/**
 * @param {Question[]} questions - of the caller
 * @returns {Promise<string[]>} at which address each was seen; empty: nothing came back
 */
async function seen(questions) {
    const program = [process.execPath, file('lib/probe.js'), JSON.stringify(questions)];
    const { stdout } = await promisify(execFile)('ip', ['netns', 'exec', nameOf('client'), ...program]);
    return JSON.parse(stdout);
}

/**
 * @param {string} name
 * @param {Question['over']} over
 * @param {number} port
 * @param {string} [hex]
 */
function question(name, over, port, hex) {
    return { name, asked: { over, host: SERVER, port, hex } };
}

/**
 * Starts what answers at both hosts, and waits until these addresses do.
 *
 * @param {World} world
 * @param {string[]} [addresses]
 */
async function answering(world, addresses = [ADDRESS.server, ADDRESS.relay]) {
    for (const place of /** @type {const} */ (['server', 'relay'])) {
        world.start(place, process.execPath, [file('lib/echo.js'), ...PORTS.map(String)], 'echo.log');
    }
    const hosts = addresses.map((host) => ({ over: /** @type {const} */ ('udp'), host, port: PORTS[0] }));
    for (let tries = 0; (await seen(hosts)).includes(''); tries++) {
        assert.ok(tries < 20, 'the hosts do not answer: see echo.log in the results');
    }
}

const WAYS = [
    question('udp 443', 'udp', 443),
    question('udp 3478', 'udp', 3478),
    question('udp 5000', 'udp', 5000),
    question('tcp 443', 'tcp', 443, TLS),
    question('tcp 3478', 'tcp', 3478),
    question('tcp 5000', 'tcp', 5000),
    question('stun at tcp 443', 'tcp', 443, STUN),
    question('framed stun at tcp 443', 'tcp', 443, FRAMED),
];
const ALL = WAYS.map(({ name }) => name);
const AT_443 = ['tcp 443', 'stun at tcp 443', 'framed stun at tcp 443'];

/** What gets through each network. */
const THROUGH = {
    routed: ALL,
    masquerade: ALL,
    symmetric: ALL,
    relayPort: ['udp 3478', ...AT_443],
    tcp: [...AT_443, 'tcp 3478', 'tcp 5000'],
    port443: AT_443,
    https: ['tcp 443'],
};

describe('networks', { skip }, () => {
    /** @type {World} */
    let world;
    before(async () => {
        world = new World();
        await answering(world);
    });
    after(async () => world?.remove());

    for (const network of /** @type {import('./lib/networks.js').NetworkName[]} */ (Object.keys(NETWORKS))) {
        test(`${NETWORKS[network].says} what is to get through does, and nothing else`, async () => {
            world.become(network);
            const answers = await seen(WAYS.map(({ asked }) => asked));
            const through = ALL.filter((_, index) => answers[index] !== '');
            assert.deepEqual([...through].sort(), [...THROUGH[network]].sort());
        });
    }

    test('a router without NAT leaves addresses as they are', async () => {
        world.become('routed');
        const [address] = await seen([{ over: 'udp', host: SERVER, port: 5000 }]);
        assert.match(address, new RegExp(`^${ADDRESS.client}:`));
    });

    test('NAT shows two hosts one port, and symmetric NAT each another', async () => {
        const asked = /** @type {const} */ (['server', 'relay']).flatMap((place) =>
            PORTS.map((port) => ({ over: /** @type {const} */ ('udp'), host: ADDRESS[place], port })));
        for (const [network, ports] of /** @type {const} */ ([['masquerade', [1]], ['symmetric', [asked.length, asked.length - 1]]])) {
            world.become(network);
            const addresses = await seen(asked);
            assert.ok(addresses.every((address) => address.startsWith('11.77.')), `${network}: ${addresses}`);
            // Ports taken at random may meet once.
            const different = new Set(addresses.map((address) => address.split(':')[1])).size;
            assert.ok(ports.some((count) => count === different), `${network}: ${addresses}`);
        }
    });

    test('symmetric NAT that is made to forget shows another port', async () => {
        world.become('symmetric');
        const asked = { over: /** @type {const} */ ('udp'), host: SERVER, port: 5000 };
        const answers = seen([asked, { ...asked, afterMs: 15000 }]);
        await new Promise((resolve) => setTimeout(resolve, 7500));
        world.forget();
        const [first, then] = await answers;
        assert.ok(first.startsWith('11.77.') && then.startsWith('11.77.') && first !== then, `${first}, then ${then}`);
    });

    test('a caller that moves is seen at its new address, and can come back', async () => {
        world.become('routed');
        for (const address of [ELSEWHERE, ADDRESS.client]) {
            world.moveTo(address);
            const [found] = await seen([{ over: 'udp', host: SERVER, port: 5000 }]);
            assert.match(found, new RegExp(`^${address}:`));
        }
    });

    test('NAT lets in answers from the port that was asked alone', async () => {
        const other = { over: /** @type {const} */ ('udp'), host: SERVER, port: 5000, hex: Buffer.from('other').toString('hex') };
        for (const [network, isIn] of /** @type {const} */ ([['routed', true], ['masquerade', false], ['symmetric', false]])) {
            world.become(network);
            const [address] = await seen([other]);
            assert.equal(address !== '', isIn, network);
        }
    });
});

test('a 1:1 NAT leads from the outer address to the server, and the inner one is closed', { skip }, async () => {
    const world = new World({ hidden: true });
    try {
        // Without NAT the inner address can be reached.
        await answering(world, [INNER.server]);
        world.become('hidden');
        const asked = [ADDRESS.server, INNER.server].map((host) => ({ over: /** @type {const} */ ('udp'), host, port: 443 }));
        const [outer, inner] = await seen(asked);
        assert.match(outer, new RegExp(`^${INNER.router}:`));
        assert.equal(inner, '');
    } finally {
        await world.remove();
    }
});

test('what a killed run has left is removed by the next', { skip }, async () => {
    const world = JSON.stringify(new URL('lib/world.js', import.meta.url).href);
    const script = `import { World } from ${world}; new World(); console.log('made'); setInterval(() => {}, 1000);`;
    const run = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(/** @type {import('node:stream').Readable} */ (run.stdout), 'data');
    const left = () => ours().filter((name) => name.startsWith(`visavis-${run.pid}-`)).length;
    assert.equal(left(), 5, 'four namespaces and a folder');
    sweep();
    assert.equal(left(), 5, 'they are of a run that goes on');
    const gone = once(run, 'exit');
    run.kill('SIGKILL');
    await gone;
    sweep();
    assert.equal(left(), 0);
});
