/**
 * The server and coturn, as they would stand in the internet: under names of their own, with certificates, at the ports that firewalls know.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { CHROMIUM, RESULTS, binary } from '../../browser/lib/env.js';
import { inside, nameOf, run } from './netns.js';
import { ADDRESS, HOST } from './world.js';

/** @typedef {import('./world.js').World} World */
/** @typedef {import('./world.js').Place} Place */

/**
 * How a server's callers are led past what stands in their way: its own relay, coturn, calls over TCP at the port of https, or the
 * WebSocket alone.
 *
 * @typedef {'own' | 'coturn' | 'ice-tcp' | 'none'} Help
 */

/** Where Debian installs it. */
export const COTURN = '/usr/bin/turnserver';
const SECRET = 'of-the-tests-of-whole-networks';
/** Models are loaded, on a small machine. */
const READY_MS = 120000;
const LOOK_EVERY_MS = 250;

const COTURN_URLS = [
    `turn:${HOST.relay}:3478?transport=udp`,
    `turn:${HOST.relay}:3478?transport=tcp`,
    `turns:${HOST.relay}:443?transport=tcp`,
];

/** The server's options for each. */
const OPTIONS = {
    own: ['--turn'],
    coturn: ['--set', `turn.secret=${SECRET}`, '--set', `turn.urls=${JSON.stringify(COTURN_URLS)}`],
    'ice-tcp': ['--set', 'webrtc.ice_tcp=true'],
    none: [],
};

/** A certificate for both names, which nobody vouches for. */
export class Certificate {
    /** @param {World} world */
    constructor(world) {
        this.cert = path.join(world.folder, 'cert.pem');
        this.key = path.join(world.folder, 'key.pem');
        const names = Object.values(HOST).map((name) => `DNS:${name}`).join(',');
        run('openssl', [
            'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7',
            '-subj', `/CN=${HOST.server}`, '-addext', `subjectAltName=${names}`, '-out', this.cert, '-keyout', this.key,
        ]);
    }

    /** @returns {string[]} options of a browser that trusts it, for pages and for relays */
    get flags() {
        const { publicKey } = new crypto.X509Certificate(fs.readFileSync(this.cert));
        const spki = publicKey.export({ type: 'spki', format: 'der' });
        const digest = crypto.createHash('sha256').update(spki).digest('base64');
        return ['--ignore-certificate-errors', `--ignore-certificate-errors-spki-list=${digest}`];
    }
}

/**
 * Starts the server at port 443, over TCP with its own TLS and over UDP, and waits until it takes calls.
 *
 * @param {World} world
 * @param {Certificate} certificate
 * @param {Help} help
 */
export async function startServer(world, certificate, help) {
    const { hidden, ipv6 } = world.plan;
    // Its store is on, as by default: a call may have to go on over a new connection.
    const settings = [
        ...(hidden ? [`server.public_addresses=["${ADDRESS.server}"]`] : []),
        `server.names=["${HOST.server}"]`,
        `server.tls_cert=${certificate.cert}`,
        `server.tls_key=${certificate.key}`,
    ];
    const set = settings.flatMap((setting) => ['--set', setting]);
    // Of both families, where there are both.
    const port = ipv6 ? '[::]:443' : '0.0.0.0:443';
    const options = ['serve', '--profile', 'tiny', '--listen', port, '--udp', port, ...OPTIONS[help], ...set];
    const log = `namespaces-${help}-server.log`;
    const server = world.start('server', path.resolve(binary()), options, log);
    await until(server, log, () => inside(nameOf('server'), 'curl', ['-skf', '-m', '5', 'https://127.0.0.1/ready']));
}

/**
 * Starts coturn as turn/turnserver.conf has it, with TLS at port 443, and waits until it listens.
 *
 * @param {World} world
 * @param {Certificate} certificate
 */
export async function startCoturn(world, { cert, key }) {
    const options = [
        '-c', fileURLToPath(new URL('../../../turn/turnserver.conf', import.meta.url)),
        `--static-auth-secret=${SECRET}`,
        `--listening-ip=${ADDRESS.relay}`,
        `--relay-ip=${ADDRESS.relay}`,
        '--tls-listening-port=443',
        `--cert=${cert}`,
        `--pkey=${key}`,
        '--no-dtls',
        `--pidfile=${path.join(world.folder, 'coturn.pid')}`,
        `--userdb=${path.join(world.folder, 'coturn.users')}`,
    ];
    const log = 'namespaces-coturn.log';
    const coturn = world.start('relay', COTURN, options, log);
    for (const port of [3478, 443]) {
        await until(coturn, log, () => inside(nameOf('relay'), 'bash', ['-c', `exec 3<>/dev/tcp/${ADDRESS.relay}/${port}`]));
    }
}

/**
 * @param {import('node:child_process').ChildProcess} program
 * @param {string} log
 * @param {() => void} look - throws while it is not ready
 */
async function until(program, log, look) {
    const deadline = Date.now() + READY_MS;
    for (;;) {
        try {
            look();
            return;
        } catch {
            if (program.exitCode !== null || program.signalCode !== null || Date.now() > deadline) {
                throw new Error(`${program.spawnargs[4]} did not start: see ${path.join(RESULTS, log)}`);
            }
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
}

/**
 * @param {World} world
 * @returns {string} the browser, where the caller sits
 */
export function browser(world) {
    return world.wrap('client', CHROMIUM);
}
