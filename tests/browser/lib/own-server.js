/**
 * The test's own real server, which it may kill and restart on the same port.
 */
import { spawn } from 'node:child_process';
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
        const set = [`store.path=${this.store}`, ...settings].flatMap((setting) => ['--set', setting]);
        const options = ['serve', '--profile', 'tiny', '--listen', address, '--udp', udp, ...set, ...more];
        this.process = spawn(binary(), options, { stdio: ['ignore', log, log] });
        fs.closeSync(log);
    }

    async ready() {
        const deadline = Date.now() + READY_MS;
        while (!(await fetch(`${this.url}/ready`).then(({ ok }) => ok, () => false))) {
            if (this.process?.exitCode !== null || Date.now() > deadline) {
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
        if (process !== null && process.exitCode === null) {
            const gone = once(process, 'exit');
            process.kill(signal);
            await gone;
        }
    }
}

/**
 * A port on which nobody listens, below those that the kernel picks: one of those may be taken by any other socket before the server binds
 * it, or while it is killed.
 */
export async function freePort() {
    for (;;) {
        const port = 20000 + Math.floor(Math.random() * 12000);
        const probe = net.createServer().listen(port, '127.0.0.1');
        const free = await once(probe, 'listening').then(() => true, () => false);
        if (free) {
            probe.close();
            await once(probe, 'close');
            return port;
        }
    }
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
