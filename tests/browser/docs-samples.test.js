/**
 * The examples of the page /docs, and what it makes of a description: without a browser and a server.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { kindOf, matching, rowsOf, topicsOf } from '../../static/docs/operations.js';
import { literal, sample } from '../../static/docs/samples.js';

const SERVER = new URL('http://127.0.0.1:8080/');

const DESCRIPTION = {
    tags: [{ name: 'Speech', description: 'Texts as sound.' }, { name: 'Empty' }],
    paths: {
        '/speak': {
            post: {
                operationId: 'post-speak', tags: ['Speech'], summary: 'Speaks a text',
                requestBody: {
                    content: {
                        'application/json': {
                            schema: { type: 'object', required: ['text'], properties: { text: { type: 'string', description: 'The text' }, speed: { type: 'number', minimum: 0.25, maximum: 4 } } },
                            example: { text: "It's four o'clock.", fallback: null, loud: true, format: 'wav' },
                        },
                    },
                },
                responses: { 200: { description: 'The file', content: { 'audio/mpeg': { schema: { type: 'string', format: 'binary' } } } } },
            },
        },
        '/transcribe': {
            post: {
                tags: ['Speech'], summary: 'A recording as text',
                requestBody: {
                    content: {
                        'multipart/form-data': {
                            schema: { properties: { file: { type: 'array', items: { type: 'string', format: 'binary' } }, language: { type: 'string' } } },
                            example: { file: ['one.mp3', 'two.mp3'], language: 'en' },
                        },
                        'application/octet-stream': { schema: {} },
                    },
                },
                responses: { 200: { description: 'Text', content: { 'application/json': { schema: { $ref: '#/components/schemas/Text' } } } } },
            },
        },
        '/voices/{name}': {
            delete: {
                tags: ['Speech'], summary: 'Removes a voice', security: [{ adminKey: [] }],
                parameters: [
                    { name: 'name', in: 'path', required: true, schema: { type: 'string' }, example: 'ada b' },
                    { name: 'n', in: 'query', required: true, schema: { type: 'integer' }, example: 5 },
                ],
                responses: { 204: { description: 'Done' } },
            },
        },
        '/ws': { get: { tags: ['Speech'], summary: 'A call', responses: { 101: { description: 'It begins' } } } },
    },
    components: { schemas: { Text: { type: 'object', properties: { words: { type: 'array', items: { type: 'object', properties: { word: { enum: ['a', 'b'] } } } } } } } },
};

const [{ operations }] = topicsOf(DESCRIPTION);

/** @param {string} path */
function at(path) {
    const found = operations.find((one) => one.path === path);
    assert.ok(found, path);
    return found;
}

test('a topic without operations is left out, and words find operations by address, method and summary', () => {
    const topics = topicsOf(DESCRIPTION);
    assert.deepEqual(topics.map(({ name }) => name), ['Speech']);
    assert.equal(operations.length, 4);
    const found = (/** @type {string} */ words) => matching(topics, words).flatMap((topic) => topic.operations.map(({ path }) => path));
    assert.deepEqual(found('POST text'), ['/speak', '/transcribe']);
    assert.deepEqual(found('  REMOVES '), ['/voices/{name}']);
    assert.deepEqual(found('nothing such'), []);
    assert.equal(found('').length, 4);
});

test('fields are told with their types, references are followed, and what is in a list is shown below it', () => {
    const [text, speed] = rowsOf(at('/speak').bodies[0].schema, DESCRIPTION);
    assert.deepEqual([text.name, text.kind, text.needed, text.what], ['text', 'string', true, 'The text']);
    assert.deepEqual([speed.kind, speed.needed], ['number from 0.25 to 4', false]);
    const [words] = rowsOf(at('/transcribe').answers[0].bodies[0].schema, DESCRIPTION);
    assert.deepEqual([words.kind, words.rows.map(({ name, kind }) => [name, kind])], ['list of object', [['word', 'a, b']]]);
    assert.equal(kindOf({ anyOf: [{ type: 'string' }, { type: ['string', 'null'] }] }, {}), 'string or string or null');
    assert.equal(kindOf({}, {}), 'any');
    assert.equal(kindOf({ type: 'null' }, {}), 'null');
    assert.equal(kindOf({ type: ['string', 'null'], enum: ['mp3', 'wav', null] }, {}), 'mp3, wav or null');
    assert.equal(kindOf({ type: ['number', 'null'], minimum: 0, maximum: 2 }, {}), 'number from 0 to 2 or null');
    const list = { type: ['array', 'null'], items: { type: 'object', properties: { word: { type: 'string' } } } };
    const [row] = rowsOf({ properties: { list } }, {});
    assert.deepEqual([row.kind, row.rows.map(({ name }) => name)], ['list of object or null', ['word']]);
});

test('a shell gets the body of the example byte by byte, whatever quotes it has', () => {
    const text = sample('curl', at('/speak'), SERVER);
    const shown = text.replace(/^curl/, 'printf "%s\\n"');
    const { stdout } = spawnSync('sh', ['-c', shown], { encoding: 'utf8' });
    const words = stdout.trimEnd().split('\n');
    assert.deepEqual(words.slice(0, 4), [`${SERVER}speak`, '-H', 'Content-Type: application/json', '-d']);
    assert.deepEqual(JSON.parse(words[4]), at('/speak').bodies[0].example);
    assert.deepEqual(words.slice(5), ['-o', 'out.wav']);
});

test('forms, keys, parts of addresses and sockets have their form in each language', () => {
    const form = sample('curl', at('/transcribe'), SERVER);
    assert.deepEqual(form.match(/-F '[^']*'/g), ["-F 'file=@one.mp3'", "-F 'file=@two.mp3'", "-F 'language=en'"]);
    const removed = sample('curl', at('/voices/{name}'), SERVER);
    assert.ok(removed.startsWith(`curl -X DELETE '${SERVER}voices/ada%20b?n=5'`), removed);
    assert.match(removed, /Authorization: Bearer \$VISAVIS_ADMIN_KEY/);
    assert.match(sample('python', at('/transcribe'), SERVER), /files=\[\("file", open\("one\.mp3", "rb"\)\)/);
    assert.match(sample('javascript', at('/ws'), SERVER), /new WebSocket\("ws:\/\/127\.0\.0\.1:8080\/ws"\)/);
    assert.equal(literal({ a: [true, null, 'x"y'], b: 1.5 }), '{"a": [True, None, "x\\"y"], "b": 1.5}');
});

test('each example in Python and JavaScript can be read by its language', () => {
    for (const operation of operations) {
        const python = sample('python', operation, SERVER);
        const read = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: python, encoding: 'utf8' });
        assert.equal(read.status, 0, `${python}\n${read.stderr}`);
        const javascript = sample('javascript', operation, SERVER);
        const checked = spawnSync(process.execPath, ['--input-type=module', '--check'], { input: javascript, encoding: 'utf8' });
        assert.equal(checked.status, 0, `${javascript}\n${checked.stderr}`);
    }
});
