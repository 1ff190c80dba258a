/**
 * Examples of a request that can be copied into a shell or a program. Pure.
 *
 * @typedef {import('./operations.js').Operation} Operation
 * @typedef {'curl' | 'python' | 'javascript'} Language
 */

const FORM = 'multipart/form-data';
const JSON_KIND = 'application/json';
/** What is written for a shell's variable with the key of whoever runs the server. */
const KEY = 'VISAVIS_ADMIN_KEY';

/**
 * What a sample is made of.
 *
 * @typedef {Object} Request
 * @property {string} method
 * @property {string} url
 * @property {boolean} key
 * @property {any} json - undefined: none
 * @property {Field[] | null} form
 * @property {string | null} body - the media type of a body that is a file
 * @property {string | null} file - where the response is to be written; null: it is text
 *
 * @typedef {Object} Field
 * @property {string} name
 * @property {string} value
 * @property {boolean} isFile
 */

/**
 * @param {Language} language
 * @param {Operation} operation
 * @param {URL} server - with a slash at its end
 * @returns {string}
 */
export function sample(language, operation, server) {
    if (operation.answers.some(({ status }) => status === '101')) {
        return socket(language, operation, server);
    }
    const request = requestOf(operation, server);
    switch (language) {
        case 'curl': return curl(request);
        case 'python': return python(request);
        case 'javascript': return javascript(request);
    }
}

/**
 * @param {Operation} operation
 * @param {URL} server
 * @returns {Request}
 */
function requestOf(operation, server) {
    const { method, key, bodies } = operation;
    const form = bodies.find(({ kind }) => kind === FORM);
    const json = bodies.find(({ kind }) => kind === JSON_KIND);
    const first = form === undefined && json === undefined ? bodies[0] : undefined;
    return {
        method,
        url: address(operation, server),
        key,
        json: json?.example,
        form: form === undefined ? null : fieldsOf(form),
        body: first?.kind ?? null,
        file: fileOf(operation),
    };
}

/**
 * @param {Operation} operation
 * @param {URL} server
 * @returns {string} the address with the examples of its parts and of what its query needs
 */
function address({ path, parameters }, server) {
    const url = new URL(path.slice(1).replace(/\{(\w+)\}/g, (whole, name) => {
        const example = parameters.find((one) => one.place === 'path' && one.name === name)?.example;
        return example === undefined ? whole : encodeURIComponent(example);
    }), server);
    for (const { name, place, needed, example } of parameters) {
        if (place === 'query' && needed && example !== undefined) {
            url.searchParams.set(name, String(example));
        }
    }
    return url.href;
}

/**
 * @param {import('./operations.js').Body} body
 * @returns {Field[]}
 */
function fieldsOf({ schema, example }) {
    return Object.entries(example ?? {}).flatMap(([name, value]) => {
        const field = schema.properties?.[name];
        const isFile = (field?.items ?? field)?.format === 'binary';
        return [value].flat().map((one) => ({ name, value: String(one), isFile }));
    });
}

/**
 * @param {Operation} operation
 * @returns {string | null}
 */
function fileOf({ answers, bodies }) {
    const kinds = answers.find(({ status }) => status === '200')?.bodies ?? [];
    if (kinds.length === 0 || !/^(audio|image|application\/octet-stream)/.test(kinds[0].kind)) {
        return null;
    }
    const example = bodies.find(({ kind }) => kind === JSON_KIND)?.example;
    const format = example?.response_format ?? example?.format;
    return format === undefined ? `out.${kinds[0].kind.split(/[/+]/)[1].replace('octet-stream', 'bin')}` : `out.${format}`;
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {Request} request */
function curl({ method, url, key, json, form, body, file }) {
    const hasBody = form !== null || json !== undefined || body !== null;
    const isPlain = method === (hasBody ? 'POST' : 'GET');
    const parts = [`curl ${isPlain ? '' : `-X ${method} `}${quoted(url)}`];
    if (key) {
        parts.push(`-H "Authorization: Bearer $${KEY}"`);
    }
    if (json !== undefined) {
        parts.push(`-H 'Content-Type: ${JSON_KIND}'`, `-d ${quoted(JSON.stringify(json))}`);
    }
    form?.forEach(({ name, value, isFile }) => parts.push(`-F ${quoted(`${name}=${isFile ? '@' : ''}${value}`)}`));
    if (body !== null) {
        parts.push(`-H 'Content-Type: ${body}'`, "--data-binary '@file.bin'");
    }
    if (file !== null) {
        parts.push(`-o ${quoted(file)}`);
    }
    return parts.join(' \\\n  ');
}

/**
 * @param {any} value - as JSON has it
 * @returns {string} as Python writes it
 */
export function literal(value) {
    if (value === null) {
        return 'None';
    }
    if (typeof value === 'boolean') {
        return value ? 'True' : 'False';
    }
    if (Array.isArray(value)) {
        return `[${value.map(literal).join(', ')}]`;
    }
    if (typeof value === 'object') {
        return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one)}`).join(', ')}}`;
    }
    return JSON.stringify(value);
}

/** @param {Request} request */
function python({ method, url, key, json, form, body, file }) {
    const imports = key ? 'import os\n\nimport requests' : 'import requests';
    const given = [JSON.stringify(url)];
    if (key) {
        given.push(`headers={"Authorization": "Bearer " + os.environ["${KEY}"]}`);
    }
    if (json !== undefined) {
        given.push(`json=${literal(json)}`);
    }
    if (form !== null) {
        const list = (/** @type {Field[]} */ fields, /** @type {(field: Field) => string} */ write) => (
            `[${fields.map((field) => `(${JSON.stringify(field.name)}, ${write(field)})`).join(', ')}]`
        );
        const texts = form.filter(({ isFile }) => !isFile);
        given.push(`files=${list(form.filter(({ isFile }) => isFile), ({ value }) => `open(${JSON.stringify(value)}, "rb")`)}`);
        if (texts.length > 0) {
            given.push(`data=${list(texts, ({ value }) => JSON.stringify(value))}`);
        }
    }
    if (body !== null) {
        given.push(`headers={"Content-Type": "${body}"}`, 'data=open("file.bin", "rb")');
    }
    const end = file === null
        ? 'print(response.text)'
        : `with open(${JSON.stringify(file)}, "wb") as out:\n    out.write(response.content)`;
    return `${imports}\n\nresponse = requests.${method.toLowerCase()}(\n    ${given.join(',\n    ')},\n)\nresponse.raise_for_status()\n${end}`;
}

/** @param {Request} request */
function javascript({ method, url, key, json, form, body, file }) {
    const before = [];
    const options = method === 'GET' ? [] : [`method: '${method}'`];
    const headers = [];
    if (key) {
        headers.push(`Authorization: \`Bearer \${process.env.${KEY}}\``);
    }
    if (json !== undefined) {
        headers.push(`'Content-Type': '${JSON_KIND}'`);
    }
    if (body !== null) {
        headers.push(`'Content-Type': '${body}'`);
    }
    if (headers.length > 0) {
        options.push(`headers: { ${headers.join(', ')} }`);
    }
    if (form?.some(({ isFile }) => isFile) || body !== null) {
        before.push("import { openAsBlob } from 'node:fs';", '');
    }
    if (form !== null) {
        before.push('const form = new FormData();', ...form.map(({ name, value, isFile }) => {
            const [field, text] = [JSON.stringify(name), JSON.stringify(value)];
            return isFile ? `form.append(${field}, await openAsBlob(${text}), ${text});` : `form.append(${field}, ${text});`;
        }));
        options.push('body: form');
    }
    if (json !== undefined) {
        options.push(`body: JSON.stringify(${JSON.stringify(json)})`);
    }
    if (body !== null) {
        options.push("body: await openAsBlob('file.bin')");
    }
    const given = options.length === 0 ? '' : `, {\n    ${options.join(',\n    ')},\n}`;
    if (file !== null) {
        before.unshift("import { writeFile } from 'node:fs/promises';");
    }
    return [
        ...before,
        `const response = await fetch(${JSON.stringify(url)}${given});`,
        'if (!response.ok) {',
        '    throw new Error(await response.text());',
        '}',
        file === null ? 'console.log(await response.text());' : `await writeFile(${JSON.stringify(file)}, Buffer.from(await response.arrayBuffer()));`,
    ].join('\n');
}

/**
 * @param {Language} language
 * @param {Operation} operation
 * @param {URL} server
 */
function socket(language, operation, server) {
    const url = address(operation, server).replace(/^http/, 'ws');
    switch (language) {
        case 'curl': return `# curl speaks no WebSocket; a client of the shell is websocat:\nwebsocat ${quoted(url)}`;
        case 'python': return `import asyncio\n\nimport websockets\n\n\nasync def call():\n    async with websockets.connect(${JSON.stringify(url)}) as socket:\n        print(await socket.recv())\n\n\nasyncio.run(call())`;
        case 'javascript': return `const socket = new WebSocket(${JSON.stringify(url)});\nsocket.onmessage = ({ data }) => console.log(data);`;
    }
}
