/**
 * A caller, a router, and two hosts behind it, each in a network namespace of its own:
 *
 * ```
 * client ── lan ─ router ─ calls ── server    (the page, calls and the server's own relay)
 *                        └ relay ── relay     (coturn)
 * ```
 *
 * By a {@link Plan} the server stands behind a 1:1 NAT of the router, or caller and server have IPv6 as well.
 *
 * Nothing leads out of them. The two hosts have addresses that count as public, so that servers and relays treat them as they treat those
 * of the internet.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';

import { RESULTS } from '../../browser/lib/env.js';
import { add, allowIpv6, etc, folder, inside, nameOf, remove, run, sweep } from './netns.js';
import { ALL_NETWORKS, NETWORKS, ruleset } from './networks.js';

/** @typedef {'client' | 'server' | 'relay'} Place */

/**
 * What is other than usual in a world.
 *
 * @typedef {Object} Plan
 * @property {boolean} [hidden] - the server is at an inner address; the router translates `ADDRESS.server` to it (1:1 NAT)
 * @property {boolean} [ipv6] - caller and server have IPv6 as well, and the caller knows the server by it alone
 */

/** Of the router: towards the server, where NAT shows the caller. */
export const ADDRESS = { client: '192.168.77.2', server: '11.77.1.2', relay: '11.77.2.2', router: '11.77.1.1' };
/** Where the caller is after a move, in the same network. */
export const ELSEWHERE = '192.168.77.3';
/** Of a hidden server, and of the router towards it. */
export const INNER = { server: '10.77.1.2', router: '10.77.1.1' };
/** Of caller and server, and of the router towards each. */
export const ADDRESS6 = { client: '2a00:77::2', server: '2a00:77:1::2' };
const GATEWAY6 = { client: '2a00:77::1', server: '2a00:77:1::1' };
/** Of the caller's router. */
const GATEWAY = '192.168.77.1';
/** The hosts' names, which the caller alone knows. */
export const HOST = { server: 'calls.test', relay: 'relay.test' };

/**
 * A wire to the router.
 *
 * @typedef {Object} Wire
 * @property {Place} place
 * @property {string} device - the router's end; the other one is `eth0`
 * @property {string} address - of the place
 * @property {string} gateway - the router's address there
 */

/**
 * @param {Plan} plan
 * @returns {Wire[]}
 */
function wires({ hidden }) {
    const [server, towards] = hidden ? [INNER.server, INNER.router] : [ADDRESS.server, ADDRESS.router];
    return [
        { place: 'client', device: 'lan', address: ADDRESS.client, gateway: GATEWAY },
        { place: 'server', device: 'calls', address: server, gateway: towards },
        { place: 'relay', device: 'relay', address: ADDRESS.relay, gateway: '11.77.2.1' },
    ];
}
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
    /**
     * Removes what an earlier run has left, and makes the namespaces. Whatever happens to this process, they go with it or with the next.
     *
     * @param {Plan} [plan]
     */
    constructor(plan = {}) {
        sweep();
        this.plan = plan;
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
        for (const { place, device: wire, address: own, gateway } of wires(this.plan)) {
            const name = nameOf(place);
            add(name);
            run('ip', ['link', 'add', wire, 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
            for (const [of, device, address] of [[router, wire, gateway], [name, 'eth0', own]]) {
                run('ip', ['-n', of, 'address', 'add', `${address}/24`, 'dev', device]);
                run('ip', ['-n', of, 'link', 'set', device, 'up']);
            }
            run('ip', ['-n', name, 'route', 'add', 'default', 'via', gateway]);
        }
        inside(router, 'sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward']);
        if (this.plan.ipv6) {
            this.addIpv6();
        }
        // With a dot behind as well: Chromium asks so for relays that it reaches over UDP, and a name server would know both.
        const at = { server: this.plan.ipv6 ? ADDRESS6.server : ADDRESS.server, relay: ADDRESS.relay };
        const known = /** @type {const} */ (['server', 'relay']).map((place) => `${at[place]} ${HOST[place]} ${HOST[place]}.`);
        // No name server: what is not in this file is not asked for.
        etc(nameOf('client'), { hosts: ['127.0.0.1 localhost', ...known, ''].join('\n'), 'resolv.conf': '' });
        this.become('routed');
    }

    /** Gives caller and server addresses of IPv6, and a way between them. */
    addIpv6() {
        const router = nameOf('router');
        allowIpv6(router);
        inside(router, 'sh', ['-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding']);
        for (const [place, wire] of /** @type {const} */ ([['client', 'lan'], ['server', 'calls']])) {
            const name = nameOf(place);
            allowIpv6(name);
            // Nobody else has them, and nobody waits until that is known.
            run('ip', ['-n', router, '-6', 'address', 'add', `${GATEWAY6[place]}/64`, 'dev', wire, 'nodad']);
            run('ip', ['-n', name, '-6', 'address', 'add', `${ADDRESS6[place]}/64`, 'dev', 'eth0', 'nodad']);
            run('ip', ['-n', name, '-6', 'route', 'add', 'default', 'via', GATEWAY6[place]]);
        }
    }

    /**
     * The network between the caller and the hosts is this one from now on, for connections that begin.
     *
     * @param {import('./networks.js').AnyNetwork} network
     */
    become(network) {
        inside(nameOf('router'), 'nft', ['-f', '-'], ruleset(ALL_NETWORKS[network]));
    }

    /**
     * The caller has another address from now on, as when Wi-Fi is left for a mobile network: the old one is gone, with all that goes from it.
     *
     * @param {string} address - of the caller's network
     */
    moveTo(address) {
        const ip = (/** @type {string[]} */ ...args) => run('ip', ['-n', nameOf('client'), ...args]);
        ip('link', 'set', 'eth0', 'down');
        ip('address', 'flush', 'dev', 'eth0');
        ip('address', 'add', `${address}/24`, 'dev', 'eth0');
        ip('link', 'set', 'eth0', 'up');
        ip('route', 'replace', 'default', 'via', GATEWAY);
    }

    /**
     * The router's NAT forgets the connections with both hosts, as one does that is restarted: the kernel forgets those of a device that goes
     * down. Behind symmetric NAT they get other ports.
     */
    forget() {
        for (const device of ['calls', 'relay']) {
            for (const state of ['down', 'up']) {
                run('ip', ['-n', nameOf('router'), 'link', 'set', device, state]);
            }
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
