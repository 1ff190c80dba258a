/**
 * What an OpenAPI description says, as the page shows it. Pure.
 *
 * @typedef {Object} Body
 * @property {string} kind - its media type
 * @property {any} schema
 * @property {any} [example]
 *
 * @typedef {Object} Answer
 * @property {string} status - such as 200, or default
 * @property {string} what
 * @property {Body[]} bodies
 * @property {{name: string, what: string}[]} headers
 *
 * @typedef {Object} Parameter
 * @property {string} name
 * @property {'path' | 'query' | 'header'} place
 * @property {boolean} needed
 * @property {any} schema
 * @property {any} [example]
 *
 * @typedef {Object} Operation
 * @property {string} id
 * @property {string} method - such as POST
 * @property {string} path
 * @property {string} topic
 * @property {string} summary
 * @property {string} description
 * @property {boolean} key - it needs the key of whoever runs the server
 * @property {Parameter[]} parameters
 * @property {Body[]} bodies - of which a request has one
 * @property {Answer[]} answers
 *
 * @typedef {Object} Topic
 * @property {string} name
 * @property {string} description
 * @property {Operation[]} operations
 */

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/**
 * @param {any} description - of OpenAPI 3.1
 * @returns {Topic[]} those that have operations, in their order
 */
export function topicsOf(description) {
    const operations = Object.entries(description.paths ?? {}).flatMap(([path, item]) => (
        METHODS.filter((method) => item[method]).map((method) => operationOf(path, method, item[method]))
    ));
    const topics = (description.tags ?? []).map((/** @type {any} */ tag) => ({
        name: String(tag.name),
        description: String(tag.description ?? ''),
        operations: operations.filter(({ topic }) => topic === tag.name),
    }));
    return topics.filter((/** @type {Topic} */ { operations: some }) => some.length > 0);
}

/**
 * @param {string} path
 * @param {string} method
 * @param {any} told
 * @returns {Operation}
 */
function operationOf(path, method, told) {
    return {
        id: told.operationId ?? `${method}-${path}`,
        method: method.toUpperCase(),
        path,
        topic: told.tags?.[0] ?? '',
        summary: told.summary ?? '',
        description: told.description ?? '',
        key: (told.security ?? []).length > 0,
        parameters: (told.parameters ?? []).map((/** @type {any} */ one) => ({
            name: one.name, place: one.in, needed: one.required === true, schema: one.schema ?? {}, example: one.example,
        })),
        bodies: bodiesOf(told.requestBody),
        answers: Object.entries(told.responses ?? {}).map(([status, answer]) => ({
            status,
            what: answer.description ?? '',
            bodies: bodiesOf(answer),
            headers: Object.entries(answer.headers ?? {}).map(([name, header]) => ({ name, what: header.description ?? '' })),
        })),
    };
}

/**
 * @param {any} told
 * @returns {Body[]}
 */
function bodiesOf(told) {
    return Object.entries(told?.content ?? {}).map(([kind, { schema, example }]) => ({ kind, schema: schema ?? {}, example }));
}

/**
 * The operations that hold all words, in their topics.
 *
 * @param {Topic[]} topics
 * @param {string} words
 * @returns {Topic[]}
 */
export function matching(topics, words) {
    const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== '');
    const holds = (/** @type {Operation} */ { method, path, topic, summary, description }) => {
        const text = [method, path, topic, summary, description].join(' ').toLowerCase();
        return wanted.every((word) => text.includes(word));
    };
    const some = topics.map((topic) => ({ ...topic, operations: topic.operations.filter(holds) }));
    return some.filter(({ operations }) => operations.length > 0);
}

/**
 * @typedef {Object} Row - a field as the page shows it
 * @property {string} name
 * @property {string} kind - such as `string: mp3, wav`
 * @property {boolean} needed
 * @property {string} what
 * @property {Row[]} rows - of an object, or of a list's objects
 */

/**
 * @param {any} schema
 * @param {any} whole - the description, which has what schemas refer to
 * @param {number} [depth]
 * @returns {Row[]} the fields of an object; none of anything else
 */
export function rowsOf(schema, whole, depth = 0) {
    const object = referred(schema, whole);
    const needed = object.required ?? [];
    return depth > 3 ? [] : Object.entries(object.properties ?? {}).map(([name, told]) => {
        const field = referred(told, whole);
        const inner = [field.type].flat().includes('array') ? referred(field.items ?? {}, whole) : field;
        return { name, kind: kindOf(field, whole), needed: needed.includes(name), what: field.description ?? '', rows: rowsOf(inner, whole, depth + 1) };
    });
}

/**
 * @param {any} schema
 * @param {any} whole
 * @returns {any}
 */
function referred(schema, whole) {
    const name = schema?.$ref?.split('/').at(-1);
    return (name === undefined ? schema : whole.components?.schemas?.[name]) ?? {};
}

/**
 * @param {any} schema
 * @param {any} whole
 * @returns {string} its type in a few words
 */
export function kindOf(schema, whole) {
    const { type, format, enum: names, anyOf, items, minimum, maximum } = referred(schema, whole);
    if (anyOf) {
        return [...new Set(anyOf.map((/** @type {any} */ one) => kindOf(one, whole)))].join(' or ');
    }
    const orNull = Array.isArray(type) && type.includes('null') ? ' or null' : '';
    if (names) {
        return `${names.filter((/** @type {unknown} */ name) => name !== null).join(', ')}${orNull}`;
    }
    const kinds = [type].flat().filter((kind) => orNull === '' || kind !== 'null');
    if (kinds.includes('array')) {
        return `list of ${kindOf(items ?? {}, whole)}${orNull}`;
    }
    if (format === 'binary') {
        return 'file';
    }
    const range = minimum === undefined && maximum === undefined ? '' : ` from ${minimum} to ${maximum}`;
    return `${kinds.join(' or ') || 'any'}${range}${orNull}`;
}
