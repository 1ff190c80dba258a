/**
 * A program that asks `echo.js` what its argument says, an array of questions as JSON, and prints the answers in their order: the address
 * at which each was seen, or an empty one where nothing came back. All questions over UDP come from one socket.
 *
 * @typedef {Object} Question
 * @property {'udp' | 'tcp'} over
 * @property {string} host
 * @property {number} port
 * @property {string} [hex] - what is sent
 * @property {number} [afterMs] - a pause before it
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

const WAIT_MS = 1500;
const AGAIN_MS = 300;

/** @type {Question[]} */
const questions = JSON.parse(process.argv[2]);
const socket = dgram.createSocket('udp4');
socket.bind(0);
await once(socket, 'listening');
const answers = [];
for (const question of questions) {
    await new Promise((resolve) => setTimeout(resolve, question.afterMs ?? 0));
    answers.push(await (question.over === 'udp' ? askUdp(question) : askTcp(question)));
}
socket.close();
console.log(JSON.stringify(answers));

/**
 * @param {Question} question
 * @returns {Promise<string>}
 */
function askUdp({ host, port, hex = '2e' }) {
    return new Promise((resolve) => {
        const ask = () => socket.send(Buffer.from(hex, 'hex'), port, host, () => {});
        const again = setInterval(ask, AGAIN_MS);
        const done = (/** @type {string} */ answer) => {
            clearInterval(again);
            clearTimeout(timer);
            socket.removeAllListeners('message');
            resolve(answer);
        };
        const timer = setTimeout(() => done(''), WAIT_MS);
        // From any port of that host: a NAT may let it in or not.
        socket.on('message', (data, { address }) => address === host && done(data.toString()));
        ask();
    });
}

/**
 * @param {Question} question
 * @returns {Promise<string>}
 */
function askTcp({ host, port, hex = '2e' }) {
    return new Promise((resolve) => {
        const stream = net.connect(port, host, () => stream.write(Buffer.from(hex, 'hex')));
        const done = (/** @type {string} */ answer) => {
            clearTimeout(timer);
            stream.destroy();
            resolve(answer);
        };
        const timer = setTimeout(() => done(''), WAIT_MS);
        stream.on('data', (data) => done(data.toString()));
        stream.on('error', () => done(''));
    });
}
