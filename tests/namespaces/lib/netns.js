/**
 * Network namespaces by name: made, entered and removed with iproute2, as root.
 *
 * A name bears the process that made it, so that runs do not meet, and what a run that was killed has left is known as such.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where `ip netns exec` finds what a namespace has in the place of /etc. */
const ETC = '/etc/netns';
const OURS = /^visavis-(\d+)-[a-z]+$/;

/**
 * Runs a program to its end.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {string} [input]
 * @returns {string} its output
 * @throws {Error} with what it said
 */
export function run(program, args, input = '') {
    return execFileSync(program, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
}

/**
 * @param {string} place
 * @returns {string} the namespace's name in this process
 */
export function nameOf(place) {
    return `visavis-${process.pid}-${place}`;
}

/** @param {string} name */
export function add(name) {
    run('ip', ['netns', 'add', name]);
    inside(name, 'sh', ['-c', 'for of in all default; do echo 1 >/proc/sys/net/ipv6/conf/$of/disable_ipv6; done 2>/dev/null || true']);
    run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/** @returns {boolean} whether the kernel has IPv6 */
export function hasIpv6() {
    return fs.existsSync('/proc/sys/net/ipv6/conf');
}

/**
 * Gives a namespace IPv6, for the addresses that it gets from then on.
 *
 * @param {string} name
 */
export function allowIpv6(name) {
    inside(name, 'sh', ['-c', 'for of in all default; do echo 0 >/proc/sys/net/ipv6/conf/$of/disable_ipv6; done']);
}

/**
 * Runs a program to its end in a namespace.
 *
 * @param {string} name
 * @param {string} program
 * @param {string[]} args
 * @param {string} [input]
 */
export function inside(name, program, args, input) {
    return run('ip', ['netns', 'exec', name, program, ...args], input);
}

/**
 * Lets programs of a namespace see other files in /etc.
 *
 * @param {string} name
 * @param {Record<string, string>} files - their contents
 */
export function etc(name, files) {
    const folder = path.join(ETC, name);
    fs.mkdirSync(folder, { recursive: true });
    Object.entries(files).forEach(([file, text]) => fs.writeFileSync(path.join(folder, file), text));
}

/**
 * Ends whatever still runs in a namespace, and removes it and the folders of its name. Succeeds if it is not there.
 *
 * @param {string} name - one of ours
 */
export function remove(name) {
    try {
        const running = run('ip', ['netns', 'pids', name]).split(/\s+/).filter((id) => id !== '');
        running.forEach((id) => kill(Number(id)));
        run('ip', ['netns', 'del', name]);
    } catch {
        // it is gone
    }
    [ETC, os.tmpdir()].forEach((folder) => fs.rmSync(path.join(folder, name), { recursive: true, force: true }));
}

/**
 * @param {string} place
 * @returns {string} a new folder for files of this process, removed like the namespace of that place
 */
export function folder(place) {
    const made = path.join(os.tmpdir(), nameOf(place));
    fs.mkdirSync(made, { mode: 0o700 });
    return made;
}

/** @param {number} id */
function kill(id) {
    try {
        process.kill(id, 'SIGKILL');
    } catch {
        // it has ended
    }
}

/** @returns {string[]} the namespaces of all runs, and their folders */
export function ours() {
    const listed = run('ip', ['netns', 'list']).split('\n').map((line) => line.split(' ')[0]);
    const folders = [ETC, os.tmpdir()].filter(fs.existsSync).flatMap((folder) => fs.readdirSync(folder));
    return [...new Set([...listed, ...folders])].filter((name) => OURS.test(name));
}

/** Removes what runs that have ended left behind. */
export function sweep() {
    ours().filter((name) => !isAlive(Number(OURS.exec(name)?.[1]))).forEach(remove);
}

/**
 * @param {number} id
 * @returns {boolean} whether it is a run of tests: the kernel may have given the number to another program
 */
function isAlive(id) {
    try {
        return fs.readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('node');
    } catch {
        return false;
    }
}
