#!/usr/bin/env node
/**
 * Asks a Visavis server one question over its WebSocket (docs/protocol.md), prints the response and saves its sound.
 *
 *     node call.js "What is the capital of France?" [heard.wav [ws://127.0.0.1:8080]]
 *     node call.js question.wav [heard.wav [ws://127.0.0.1:8080]]
 *
 * Needs Node 18 or newer and the package ws: `npm ci` in this folder.
 */
import WebSocket from 'ws';
import { readWav, writeWav } from './wav.js';

const message = (type, data) => JSON.stringify({ label: 'rtvi-ai', type, id: type, data });

function fail(why) {
    console.error(why);
    process.exit(1);
}

function orFail(work) {
    try {
        return work();
    } catch (error) {
        return fail(error.message);
    }
}

/** Sends 20 ms of sound every 20 ms, then silence, as a microphone does. */
function speak(socket, { rate, samples }) {
    const [size, began] = [(rate / 50) * 2, performance.now()];
    let n = 0;
    setInterval(() => {
        for (; n * 20 <= performance.now() - began; n++) {
            const frame = Buffer.alloc(12 + size); // the response number is 0, like everything not written below
            frame.writeUInt8(1, 0); // version
            frame.writeUInt8(1, 1); // PCM16
            frame.writeUInt16LE(n % 2 ** 16, 2);
            frame.writeUInt32LE((n * 960) % 2 ** 32, 4); // 48 kHz clock
            frame.set(samples.subarray(n * size, (n + 1) * size), 12);
            socket.send(frame);
        }
    }, 20);
}

const [question, out = 'heard.wav', server = 'ws://127.0.0.1:8080', ...more] = process.argv.slice(2);
if (question === undefined || more.length > 0) {
    fail('usage: node call.js QUESTION|QUESTION.wav [HEARD.wav [ws://HOST:PORT]]');
}
const spoken = question.endsWith('.wav') ? orFail(() => readWav(question)) : null;
const heard = [];
let [asked, answered] = [false, false];
const socket = new WebSocket(`${server}/ws?rate=${spoken?.rate ?? 16000}`);
setTimeout(() => fail('no answer within two minutes'), 120_000);
socket.on('error', (error) => fail(`no answer: ${error.message || error.code}`));
socket.on('close', () => (answered ? process.exit() : fail('the call ended before the question was answered')));
socket.on('open', () => {
    socket.send(message('client-ready', { version: '2.1.0' }));
    if (spoken === null) {
        socket.send(message('send-text', { content: question }));
    } else {
        speak(socket, spoken);
    }
});
socket.on('message', (received, isBinary) => {
    if (isBinary) {
        heard.push(received.subarray(12));
        return;
    }
    const { type, data } = JSON.parse(received);
    if (type === 'user-llm-text' || (type === 'user-transcription' && data.final)) {
        asked = true;
        console.log('you:', data.text);
    } else if (type === 'bot-tts-text') {
        console.log('agent:', data.text.trim());
    } else if (type === 'error' || type === 'error-response') {
        fail(`the server says: ${data.error}`);
    } else if (type === 'server-message' && (data.type === 'notice' || data.type === 'call-ended')) {
        console.error(data.message);
    } else if (type === 'server-message' && data.type === 'turn' && data.end === 'finished' && asked) {
        answered = true;
        const seconds = orFail(() => writeWav(out, Buffer.concat(heard)));
        console.log(`${seconds.toFixed(1)} s of sound in ${out}`);
        socket.close(); // hangs up
    }
});
