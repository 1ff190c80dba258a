/**
 * A caller, a router, and two hosts behind it, each in a network namespace of its own:
 *
 * ```
 * client ── lan ─ router ─ calls ── server    (the page, calls and the server's own relay)
 *                        └ relay ── relay     (coturn)
 * ```
 *
 * Nothing leads out of them. The two hosts have addresses that count as public, so that servers and relays treat them as they treat those
 * of the internet.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

import { RESULTS } from '../../browser/lib/env.js';
import { add, etc, folder, inside, nameOf, remove, run, sweep } from './netns.js';
import { NETWORKS, ruleset } from './networks.js';

/** @typedef {'client' | 'server' | 'relay'} Place */

/** Of the router: towards the server, where NAT shows the caller. */
export const ADDRESS = { client: '192.168.77.2', server: '11.77.1.2', relay: '11.77.2.2', router: '11.77.1.1' };
/** The hosts' names, which the caller alone knows. */
export const HOST = { server: 'calls.test', relay: 'relay.test' };

/** Each place's end of its wire to the router, the router's own end, and its address there. */
const WIRES = /** @type {const} */ ([
    ['client', 'lan', '192.168.77.1'],
    ['server', 'calls', '11.77.1.1'],
    ['relay', 'relay', '11.77.2.1'],
]);
const GOODBYE_MS = 10000;

/** @returns {string} why this process may not make networks; empty: it may */
export function whyNot() {
    if (process.getuid?.() !== 0) {
        return 'SKIPPED: network namespaces are the superuser’s to make; run scripts/network-tests.sh as root';
    }
    for (const [program, version] of [['ip', '-V'], ['nft', '-v']]) {
        try {
            run(program, [version]);
        } catch {
            return `SKIPPED: ${program} is not installed (apt-get install iproute2 nftables); scripts/network-tests.sh installs it`;
        }
    }
    const probe = nameOf('probe');
    try {
        add(probe);
        run('ip', ['-n', probe, 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'other']);
        inside(probe, 'sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
        inside(probe, 'nft', ['-f', '-'], ruleset(NETWORKS.https));
        return '';
    } catch (error) {
        const said = error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error);
        return `SKIPPED: this host does not let the tests make network namespaces with NAT (in a container, --privileged does): ${said}`;
    } finally {
        remove(probe);
    }
}

export class World {
    /** Removes what an earlier run has left, and makes the namespaces. Whatever happens to this process, they go with it or with the next. */
    constructor() {
        sweep();
        /** Of the programs' files, removed with the world. */
        this.folder = folder('files');
        /** @type {import('node:child_process').ChildProcess[]} */
        this.programs = [];
        this.removeNow = this.removeNow.bind(this);
        this.leave = () => process.exit(1);
        process.on('exit', this.removeNow);
        process.on('SIGINT', this.leave);
        process.on('SIGTERM', this.leave);
        try {
            this.build();
        } catch (error) {
            this.removeNow();
            throw error;
        }
    }

    build() {
        const router = nameOf('router');
        add(router);
        for (const [place, wire, gateway] of WIRES) {
            const name = nameOf(place);
            add(name);
            run('ip', ['link', 'add', wire, 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
            for (const [of, device, address] of [[router, wire, gateway], [name, 'eth0', ADDRESS[place]]]) {
                run('ip', ['-n', of, 'address', 'add', `${address}/24`, 'dev', device]);
                run('ip', ['-n', of, 'link', 'set', device, 'up']);
            }
            run('ip', ['-n', name, 'route', 'add', 'default', 'via', gateway]);
        }
        inside(router, 'sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
        // With a dot behind as well: Chromium asks so for relays that it reaches over UDP, and a name server would know both.
        const known = /** @type {const} */ (['server', 'relay'])
            .map((place) => `${ADDRESS[place]} ${HOST[place]} ${HOST[place]}.`);
        // No name server: what is not in this file is not asked for.
        etc(nameOf('client'), { hosts: ['127.0.0.1 localhost', ...known, ''].join('\n'), 'resolv.conf': '' });
        this.become('routed');
    }

    /**
     * The network between the caller and the hosts is this one from now on, for connections that begin.
     *
     * @param {import('./networks.js').NetworkName} network
     */
    become(network) {
        inside(nameOf('router'), 'nft', ['-f', '-'], ruleset(NETWORKS[network]));
    }

    /**
     * The router's NAT forgets the connections with the server, as one does that is restarted: the kernel forgets those of a device that goes
     * down. Behind symmetric NAT they get other ports.
     */
    forget() {
        for (const state of ['down', 'up']) {
            run('ip', ['-n', nameOf('router'), 'link', 'set', 'calls', state]);
        }
    }

    /**
     * Starts a program, which ends with the world at the latest.
     *
     * @param {Place} place
     * @param {string} program
     * @param {string[]} args
     * @param {string} log - the name of a file in the results, to which it is written
     */
    start(place, program, args, log) {
        const file = fs.openSync(path.join(RESULTS, log), 'a');
        // `ip` becomes the program, so that signals reach it.
        const options = ['netns', 'exec', nameOf(place), program, ...args];
        // What a server keeps is this world's, not the user's.
        const env = { ...process.env, XDG_DATA_HOME: path.join(this.folder, 'data') };
        const started = spawn('ip', options, { cwd: this.folder, env, stdio: ['ignore', file, file] });
        fs.closeSync(file);
        this.programs.push(started);
        return started;
    }

    /**
     * A program that does in a namespace what another one does, with the same arguments and open files.
     *
     * @param {Place} place
     * @param {string} program
     * @returns {string} its file
     */
    wrap(place, program) {
        const file = path.join(this.folder, `${place}-${path.basename(program)}`);
        fs.writeFileSync(file, `#!/bin/sh\nexec ip netns exec ${nameOf(place)} ${program} "$@"\n`, { mode: 0o755 });
        return file;
    }

    /** Ends the programs and removes the namespaces. */
    async remove() {
        const running = this.programs.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
        const gone = Promise.all(running.map((program) => once(program, 'exit')));
        running.forEach((program) => program.kill('SIGTERM'));
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        let timer;
        await Promise.race([gone, new Promise((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)))]);
        clearTimeout(timer);
        this.removeNow();
        process.off('exit', this.removeNow);
        process.off('SIGINT', this.leave);
        process.off('SIGTERM', this.leave);
    }

    /** The same without waiting for a goodbye. */
    removeNow() {
        ['client', 'server', 'relay', 'router', 'files'].forEach((place) => remove(nameOf(place)));
    }
}
