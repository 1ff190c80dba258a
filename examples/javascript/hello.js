#!/usr/bin/env node
/**
 * Asks a Visavis server one typed question, and prints the response: node hello.js [QUESTION [ws://127.0.0.1:8080]]
 *
 * The shortest client; call.js beside it also speaks, and keeps the sound. Needs the package ws: `npm ci` in this folder.
 */
import WebSocket from 'ws';

const [question = 'What is the capital of France?', server = 'ws://127.0.0.1:8080'] = process.argv.slice(2);
const words = [];
let asked = false;

function fail(why) {
    console.error(`no response: ${why}`);
    process.exit(1);
}

const socket = new WebSocket(`${server}/ws`);
const send = (type, data) => socket.send(JSON.stringify({ label: 'rtvi-ai', type, id: type, data }));
setTimeout(() => fail('none within two minutes'), 120_000);
socket.on('error', (error) => fail(error.message || error.code));
socket.on('close', () => fail('the call ended without one'));
socket.on('open', () => {
    send('client-ready', { version: '2.1.0' });
    send('send-text', { content: question });
});
socket.on('message', (received, isBinary) => {
    const { type, data } = isBinary ? {} : JSON.parse(received); // binary: sound
    asked ||= type === 'user-llm-text'; // before that: a greeting
    if (type === 'bot-tts-text' && asked) {
        words.push(data.text.trim());
    } else if (type === 'server-message' && data.end === 'finished' && words.length > 0) {
        console.log(words.join(' '));
        process.exit();
    }
});
