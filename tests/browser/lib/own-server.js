/**
 * The test's own real server, which it may kill and restart on the same port.
 */
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { RESULTS, binary } from './env.js';

const READY_MS = 120000;

/**
 * @typedef {Object} OwnOptions
 * @property {string} [udp] - address of the port of calls; by default the same as of HTTP
 * @property {string[]} [settings] - such as `server.max_calls=1`
 * @property {string[]} [more] - further options of the program
 */

export class OwnServer {
    /**
     * @param {number} port - TCP, and UDP unless the options name another
     * @param {OwnOptions} [options]
     */
    constructor(port, options = {}) {
        this.port = port;
        this.options = options;
        /** Of this server alone, and empty at first. */
        this.store = fs.mkdtempSync(path.join(RESULTS, 'own-store-'));
        this.url = `http://127.0.0.1:${port}`;
        /** @type {import('node:child_process').ChildProcess | null} */
        this.process = null;
    }

    start() {
        const log = fs.openSync(path.join(RESULTS, 'own-server.log'), 'a');
        const address = `127.0.0.1:${this.port}`;
        const { udp = address, settings = [], more = [] } = this.options;
        // Without a store, unless a test asks for one.
        const set = ['store.enabled=false', `store.path=${this.store}`, ...settings].flatMap((setting) => ['--set', setting]);
        const options = ['serve', '--profile', 'tiny', '--listen', address, '--udp', udp, ...set, ...more];
        // Speech, jobs and uploads are its own as well: not those of the user, nor of another server of these tests.
        const env = { ...process.env, XDG_DATA_HOME: this.store };
        this.process = spawn(binary(), options, { env, stdio: ['ignore', log, log] });
        fs.closeSync(log);
    }

    async ready() {
        const deadline = Date.now() + READY_MS;
        while (!(await fetch(`${this.url}/ready`).then(({ ok }) => ok, () => false))) {
            if (!isRunning(this.process) || Date.now() > deadline) {
                throw new Error('The server did not start: see own-server.log in the results.');
            }
            await new Promise((resolve) => setTimeout(resolve, 250));
        }
    }

    /** Neither receives nor answers anything until `thaw()`. */
    freeze() {
        this.process?.kill('SIGSTOP');
    }

    thaw() {
        this.process?.kill('SIGCONT');
    }

    /** @param {NodeJS.Signals} [signal] - by default at once, without a goodbye */
    async kill(signal = 'SIGKILL') {
        const { process } = this;
        this.process = null;
        if (process !== null && isRunning(process)) {
            const gone = once(process, 'exit');
            process.kill(signal);
            await gone;
        }
    }
}

/**
 * @param {import('node:child_process').ChildProcess | null} process
 * @returns {boolean} false also when a signal has ended it, of which there is no code
 */
function isRunning(process) {
    return process !== null && process.exitCode === null && process.signalCode === null;
}

/** @type {Set<number>} Ports that were given, of which a server may not have bound its own yet. */
const given = new Set();

/**
 * A port that nobody has, over TCP or UDP, below those that the kernel picks: one of those may be taken by any other socket before the
 * server binds it, or while it is killed. Each is given once.
 */
export async function freePort() {
    for (;;) {
        const port = 20000 + Math.floor(Math.random() * 12000);
        if (!given.has(port) && (await isFree(net.createServer().listen(port, '127.0.0.1'))) && (await isFree(udpSocket(port)))) {
            given.add(port);
            return port;
        }
    }
}

/** @param {number} port */
function udpSocket(port) {
    const socket = dgram.createSocket('udp4');
    socket.bind(port, '127.0.0.1');
    return socket;
}

/**
 * @param {net.Server | dgram.Socket} probe - which binds its port now
 * @returns {Promise<boolean>}
 */
async function isFree(probe) {
    const free = await once(probe, 'listening').then(() => true, () => false);
    if (free) {
        const closed = once(probe, 'close');
        probe.close();
        await closed;
    }
    return free;
}

/**
 * Runs `body` with a server that is ready, and always ends the server.
 *
 * @param {(server: OwnServer) => Promise<void>} body
 * @param {OwnOptions} [options]
 */
export async function withOwnServer(body, options = {}) {
    const server = new OwnServer(await freePort(), options);
    server.start();
    try {
        await server.ready();
        await body(server);
    } finally {
        server.thaw();
        await server.kill('SIGTERM');
        fs.rmSync(server.store, { recursive: true, force: true });
    }
}
